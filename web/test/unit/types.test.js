import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (/** @type {string} */ path) => readFileSync(new URL(path, import.meta.url), 'utf8');

test('the types that are shipped have every message and field of the protocol', () => {
  const types = read('../../static/sori.d.ts');
  const protocol = read('../../../docs/protocol.md');
  const [, server] = protocol.split('## What the server says');
  const [, configure] = protocol.split('### `session.configure`');
  const fields = (/** @type {string} */ text) => [...text.matchAll(/^\| `(\w+)` \| [^|]*(?:string|integer|number|boolean|object|list|\]\(#)[^|]*\|/gm)].map((m) => m[1]);
  const named = new Set([...fields(configure.split('\n### ')[0]), ...fields(server.split('## Codes')[0])]);
  assert.ok(named.size > 60, `${named.size} fields were found`);
  for (const field of named) assert.match(types, new RegExp(`\\b${field}\\??:`), `${field} of docs/protocol.md`);
  for (const [, type] of server.matchAll(/^### `([\w.]+)`$/gm)) {
    if (/^[at]to?ts?\./.test(type)) continue; // they are made of the stages' names
    assert.ok(types.includes(`'${type}'`), `${type} of docs/protocol.md`);
  }
});
