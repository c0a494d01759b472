// The openai package of Python, in openai_test.py.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { python } from './sori.mjs';

test('openai of Python', { skip: python ? false : 'the openai package of Python is not installed' }, async () => {
  const { stderr } = await promisify(execFile)(python, [new URL('openai_test.py', import.meta.url).pathname])
    .catch((e) => assert.fail(e.stderr));
  assert.match(stderr, /\nRan [1-9]\d* tests .*\n\nOK\n$/s);
});
