// The library against a scripted server: what is hard to make a real one do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';

import { Sori, SoriError } from '../../static/sori.js';
import { pair } from './pair.js';

test('a written turn, from connect to its record', async (t) => {
  const { server, sori } = await pair(t, { reply: 'Two clauses, one reply.' }, { user: 'ann', language: 'ko' });
  const ready = await sori.connect();
  assert.equal(ready.type, 'session.ready');
  assert.deepEqual(server.of('session.configure')[0], {
    type: 'session.configure', user: 'ann', language: 'ko',
    input: { encoding: 'pcm_s16le', rate: 16_000 }, output: { encoding: 'pcm_s16le', rate: 24_000 },
  });
  /** @type {string[]} */
  const types = [];
  let bytes = 0;
  sori.on('event', (e) => types.push(e.type));
  sori.on('audio', ({ pcm, turn, rate }) => {
    assert.deepEqual([turn, rate], [1, 24_000]);
    bytes += pcm.byteLength;
  });
  sori.text('hello');
  const done = await sori.next('turn.done');
  assert.equal(done.record.atot_text, 'hello');
  assert.deepEqual(types, ['turn.started', 'ttot.started', 'ttot.partial', 'ttot.done', 'tts.started', 'audio.begin', 'tts.partial', 'tts.partial', 'tts.done', 'audio.end', 'turn.done']);
  assert.equal(bytes, 22 * 40 * 48, '22 letters of 40 ms each');
  assert.equal(sori.turn, 0);
});

test('audio frames take numbers, so the client knows the last thing it got', async (t) => {
  const { server, sori } = await pair(t);
  await sori.connect();
  sori.on('event', (e) => assert.equal(sori.lastSeq, e.seq));
  sori.text('hello');
  await sori.next('turn.done');
  const [session] = server.sessions;
  assert.equal(sori.lastSeq, session.seq);
});

test('audio of one’s own goes out as it is, and a commit ends it', async (t) => {
  const { server, sori } = await pair(t, { heard: 'what is this' });
  await sori.connect();
  for (let i = 0; i < 10; i++) sori.send(new Int16Array(320));
  sori.commit();
  const { text } = await sori.next('atot.done');
  assert.equal(text, 'what is this');
  assert.equal(server.frames, 10);
});

test('cancel stops the live turn', async (t) => {
  const { server, sori } = await pair(t);
  await sori.connect();
  sori.text('hello');
  await sori.next('audio');
  sori.cancel();
  const { reason } = await sori.next('turn.cancelled');
  assert.equal(reason, 'client');
  assert.deepEqual(server.of('turn.cancel'), [{ type: 'turn.cancel', turn: 1 }]);
  sori.cancel(); // with nothing to stop nothing is said
  assert.equal(server.of('turn.cancel').length, 1);
});

test('a line that breaks comes back with the same settings, and says so', async (t) => {
  const { server, sori } = await pair(t, {}, { user: 'ann' });
  const first = await sori.connect();
  sori.configure({ instructions: 'be brief' });
  sori.text('hello');
  await sori.next('audio');
  /** @type {string[]} */
  const states = [];
  sori.on('state', (s) => states.push(s.state));
  const restored = sori.next('restored');
  server.hangUp();
  const { session, previous, lostTurn } = await restored;
  assert.deepEqual(states, ['waiting', 'connecting', 'ready']);
  assert.notEqual(session, previous);
  assert.equal(previous, first.session);
  assert.equal(lostTurn, 1, 'the turn that was cut off');
  const again = server.of('session.configure').at(-1);
  assert.equal(again.user, 'ann');
  assert.equal(again.instructions, 'be brief');
  assert.equal(sori.lastSeq, 1, 'a new session counts anew');
  sori.text('hello again');
  await sori.next('turn.done');
});

test('nothing is said to be sent while the line is broken', async (t) => {
  const { server, sori } = await pair(t);
  await sori.connect();
  server.accept = false;
  const waiting = sori.next('state');
  server.hangUp();
  await waiting;
  const refused = (/** @type {unknown} */ e) => e instanceof SoriError && e.code === 'not_connected';
  assert.throws(() => sori.text('hello'), refused);
  assert.throws(() => sori.send(new Int16Array(320)), refused);
  assert.throws(() => sori.commit(), refused);
});

test('a code that says never again is obeyed', async (t) => {
  const { server, sori } = await pair(t);
  await sori.connect();
  const closed = sori.next('state');
  server.hangUp(4500);
  assert.deepEqual(await closed, { state: 'closed', code: 4500, reason: '' });
  assert.equal(server.connections, 1);
});

test('without reconnection a server that is not there is an error', async (t) => {
  const { server, sori } = await pair(t, {}, {}, { reconnect: false });
  server.accept = false;
  await assert.rejects(sori.connect(), (/** @type {SoriError} */ e) => e.code === 'closed');
});

test('connect while it waits tries at once', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  await sori.connect();
  const [session] = server.sessions;
  session.note('going_away', { delay_ms: 50_000, reason: 'The server restarts.' });
  await sori.next('going_away');
  server.hangUp(1012);
  assert.equal(/** @type {any} */ (await sori.next('state')).retryInMs, 50_000);
  const began = performance.now();
  await sori.connect();
  assert.ok(performance.now() - began < 25_000, 'it did not wait');
});

test('a client’s tool is run and its answer sent', async (t) => {
  const { server, sori } = await pair(t, {}, {}, {
    tools: {
      add: { description: 'adds', parameters: { type: 'object' }, run: ({ a, b }) => ({ sum: a + b }) },
      fail: { run: () => { throw new Error('no'); } },
    },
  });
  await sori.connect();
  assert.deepEqual(server.of('session.configure')[0].tools.map((/** @type {any} */ x) => x.name), ['add', 'fail']);
  const [session] = server.sessions;
  session.say('tool.call', { id: '1', name: 'add', arguments: { a: 2, b: 3 } });
  session.say('tool.call', { id: '2', name: 'fail', arguments: {} });
  while (server.of('tool.result').length < 2) await new Promise((r) => setTimeout(r, 5));
  assert.deepEqual(server.of('tool.result').sort((a, b) => a.id - b.id), [
    { type: 'tool.result', id: '1', output: '{"sum":5}' },
    { type: 'tool.result', id: '2', output: '', error: 'Error: no' },
  ]);
});

test('close ends it, and connect begins anew', async (t) => {
  const { sori } = await pair(t);
  const first = await sori.connect();
  await sori.close();
  assert.equal(sori.state.state, 'closed');
  const second = await sori.connect();
  assert.notEqual(first.session, second.session);
});

test('a runtime without a WebSocket is told what to do', () => {
  const own = globalThis.WebSocket;
  // @ts-expect-error It is what such a runtime has.
  delete globalThis.WebSocket;
  try {
    assert.throws(() => new Sori({}, { url: 'ws://127.0.0.1:1/ws' }), { code: 'no_websocket' });
  } finally {
    if (own) globalThis.WebSocket = own;
  }
  assert.throws(() => new Sori({}, { WebSocket }), { code: 'no_url' });
});
