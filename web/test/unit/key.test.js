// A server that asks for a key.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pair } from './pair.js';

test('a key goes along as a subprotocol, and nothing does without one', async (t) => {
  const { server, sori } = await pair(t, { key: 'ek_1' }, {}, { key: 'ek_1' });
  await sori.connect();
  assert.deepEqual(server.offered, ['sori,sori.key.ek_1']);
  const open = await pair(t);
  await open.sori.connect();
  assert.deepEqual(open.server.offered, [undefined]);
});

test('each connection gets a fresh key from who makes them', async (t) => {
  let made = 0;
  const { server, sori } = await pair(t, { key: 'ek_1', resumes: true }, {}, { key: async () => `ek_${++made}` });
  await sori.connect();
  server.script.key = 'ek_2';
  server.hangUp();
  await sori.next('session.resumed');
  assert.equal(made, 2);
});

test('a key that is not accepted ends it: to try again is of no use', async (t) => {
  const { server, sori } = await pair(t, { key: 'right' }, {}, { key: 'wrong' });
  await assert.rejects(sori.connect(), { code: 'closed', message: /4502.*key/ });
  assert.deepEqual(sori.state, { state: 'closed', code: 4502, reason: 'the key is not accepted' });
  assert.equal(server.connections, 1);
});

test('who makes keys may fail for a while', async (t) => {
  let made = 0;
  const { sori } = await pair(t, { key: 'right' }, {}, { key: () => {
    if (++made < 2) throw new Error('not now');
    return 'right';
  } });
  const reason = new Promise((resolve) => sori.on('state', (s) => s.state === 'waiting' && resolve(s.reason)));
  await sori.connect();
  assert.equal(await reason, 'not now');
});

test('a close in the middle of it stays one', async (t) => {
  const { server, sori } = await pair(t, {}, {}, { key: () => new Promise((_, fail) => setTimeout(() => fail(new Error('late')), 50)) });
  const connected = assert.rejects(sori.connect(), { code: 'closed' });
  await sori.close();
  await connected;
  await new Promise((r) => setTimeout(r, 100));
  assert.equal(sori.state.state, 'closed');
  assert.equal(server.connections, 0);
});

test('who has no key shows none: a server that came back would refuse it', async (t) => {
  const { server, sori } = await pair(t, {}, {}, { key: '' });
  server.accept = false;
  const connected = sori.connect();
  while (server.connections < 2) await sori.next('state'); // from the second attempt on it asks why
  server.accept = true;
  await connected;
  assert.equal(sori.state.state, 'ready');
});
