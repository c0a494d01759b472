import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const LIMIT = 12_000; // bytes

test('the library is small: every file of it, gzipped as it is served', () => {
  const root = new URL('../../static/', import.meta.url);
  const files = ['sori.js', ...readdirSync(new URL('sori/', root)).map((f) => `sori/${f}`)];
  const sizes = files.map((f) => gzipSync(readFileSync(new URL(f, root)), { level: 9 }).length);
  const sum = sizes.reduce((a, b) => a + b);
  assert.ok(sum < LIMIT, `${sum} bytes: ${files.map((f, i) => `${f} ${sizes[i]}`).join(', ')}`);
});

test('the font is the one of the package that is named for it', () => {
  const mine = readFileSync(new URL('../../static/fonts/newsreader.woff2', import.meta.url));
  const theirs = readFileSync(new URL('../../node_modules/@fontsource-variable/newsreader/files/newsreader-latin-wght-normal.woff2', import.meta.url));
  assert.ok(mine.equals(theirs));
});
