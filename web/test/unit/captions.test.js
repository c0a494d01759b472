import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Captions } from '../../static/page/captions.js';

test('nothing is shown before the voice begins', () => {
  const c = new Captions();
  assert.deepEqual(c.at(0), { heard: '', ahead: '', clause: -1 });
  c.add('Later.', 500);
  assert.deepEqual(c.at(499), { heard: '', ahead: '', clause: -1 });
});

test('words appear in time with the voice, whole words only', () => {
  const c = new Captions();
  c.add('One two three four.', 0);
  c.add('Five six.', 2000);
  assert.deepEqual(c.at(1), { heard: 'One', ahead: ' two three four.', clause: 0 });
  assert.deepEqual(c.at(1000), { heard: 'One two three', ahead: ' four.', clause: 0 });
  assert.deepEqual(c.at(1999), { heard: 'One two three four.', ahead: '', clause: 0 });
  assert.equal(c.at(2001).heard, 'One two three four. Five');
});

test('the last clause ends when the reply does, once that is known', () => {
  const c = new Captions();
  c.add('Five six seven eight.', 0);
  c.length = 10_000;
  assert.equal(c.at(4000).heard, 'Five six');
  assert.equal(c.at(10_000).heard, 'Five six seven eight.');
  assert.equal(c.text, 'Five six seven eight.');
});

test('what was shown stays when the voice turns out to be slower', () => {
  const c = new Captions();
  c.add('Five six seven eight.', 0);
  assert.equal(c.at(700).heard, 'Five six seven');
  c.length = 10_000;
  assert.equal(c.at(720).heard, 'Five six seven');
  assert.equal(c.at(10_000).heard, 'Five six seven eight.');
});

test('text without spaces comes as a whole', () => {
  const c = new Captions();
  c.add('안녕하세요', 0);
  assert.equal(c.at(1).heard, '안녕하세요');
});
