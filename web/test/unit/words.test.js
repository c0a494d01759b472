import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { english } from '../../static/page/english.js';
import { korean } from '../../static/page/korean.js';

const page = new URL('../../static/', import.meta.url);

test('both languages say the same things, with the same values in them', () => {
  assert.deepEqual(Object.keys(korean), Object.keys(english));
  for (const [key, text] of Object.entries(english)) {
    const values = (/** @type {string} */ s) => [...s.matchAll(/\{\w+\}/g)].map(String).sort();
    assert.deepEqual(values(korean[key]), values(text), key);
    assert.ok(korean[key], key);
  }
});

test('every text that the page asks for is there, and every one is asked for', () => {
  const html = readFileSync(new URL('index.html', page), 'utf8');
  const scripts = readdirSync(new URL('page/', page))
    .filter((f) => !['english.js', 'korean.js'].includes(f))
    .map((f) => readFileSync(new URL(`page/${f}`, page), 'utf8')).join('\n');
  for (const [, key] of html.matchAll(/data-t(?:-label|-placeholder)?="(\w+)"/g)) assert.ok(key in english, `${key} in index.html`);
  for (const [, key] of scripts.matchAll(/\bsay\('(\w+)'/g)) assert.ok(key in english, `say('${key}')`);
  const made = /^(failed_|part_|mic_|told_|hint(FreeOff|Push)(Touch)?$|audio_failed|not_connected)/; // from codes and stages
  for (const key of Object.keys(english)) {
    assert.ok(made.test(key) || html.includes(`"${key}"`) || scripts.includes(`'${key}'`), `nobody says ${key}`);
  }
});

test('every warning of the server has words in the page’s languages', () => {
  const [, table] = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8').split('### Warnings');
  const codes = [...table.split('\n### ')[0].matchAll(/^\| `(\w+)`/gm)].map((m) => m[1]);
  assert.ok(codes.length > 5);
  for (const code of codes) assert.ok(`told_${code}` in english, code);
});
