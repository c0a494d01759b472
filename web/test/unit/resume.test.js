// A connection that breaks, and a session that does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SoriError } from '../../static/sori.js';
import { pair } from './pair.js';

/** @param {number} mark @param {number} [samples] */
const frame = (mark, samples = 320) => new Int16Array(samples).fill(mark);

/** The states that follow, until it is ready again. @param {import('../../static/sori.js').Sori} sori */
function ready(sori) {
  return new Promise((/** @type {(states: any[]) => void} */ resolve) => {
    /** @type {any[]} */
    const states = [];
    const off = sori.on('state', (s) => {
      states.push(s);
      if (s.state === 'ready') resolve((off(), states));
    });
  });
}

test('a reply that was under way comes whole, over two connections', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  const first = await sori.connect();
  /** @type {number[]} */
  const numbers = [];
  let bytes = 0;
  sori.on('event', (e) => e.type !== 'session.resumed' && numbers.push(e.seq));
  sori.on('audio', ({ pcm, turn, rate }) => {
    assert.deepEqual([turn, rate], [1, 24_000]);
    numbers.push(sori.lastSeq);
    bytes += pcm.byteLength;
  });
  sori.on('restored', () => assert.fail('it is the same session'));
  sori.text('hello');
  await sori.next('audio');
  server.hangUp();
  const resumed = sori.next('session.resumed');
  const states = await ready(sori);
  assert.deepEqual(states.map((s) => s.state), ['waiting', 'connecting', 'ready']);
  assert.equal((await resumed).turn, 1);
  assert.equal(sori.turn, 1);
  const { record } = await sori.next('turn.done');
  assert.equal(record.status, 'done');
  assert.equal(bytes, 49 * 40 * 48, 'every letter of the reply');
  assert.deepEqual(numbers, numbers.map((_, i) => i + 2), 'no number is missing, none comes twice');
  assert.equal(sori.session?.session, first.session);
  const [configure, resume] = server.hellos;
  assert.equal(configure.type, 'session.configure');
  const { session, key, seen, ...knows } = resume;
  assert.deepEqual(knows, { type: 'session.resume', forgotten: 0, turn: 1, live: `${session}-1` }, 'for a server that knows less');
  assert.equal(server.hellos.length, 2);
});

test('a server that knows less hears what was forgotten here, and which turns there were', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  await sori.connect();
  const [one] = server.sessions;
  const knows = async () => {
    const back = ready(sori);
    server.hangUp();
    await back;
    const { forgotten, turn, live } = server.hellos.at(-1);
    return { forgotten, turn, live };
  };
  sori.send(frame(1));
  assert.deepEqual(await knows(), { forgotten: 0, turn: undefined, live: '' });
  sori.text('hello');
  await sori.next('turn.done');
  one.note('ack', { received: 2 });
  await sori.next('ack');
  assert.deepEqual(await knows(), { forgotten: 2, turn: 1, live: '' });
});

test('what was said while nobody listened is said again, in order, once', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  await sori.connect();
  const [session] = server.sessions;
  /** @type {number[]} */
  const heard = [];
  session.hear = (/** @type {Buffer} */ audio) => void heard.push(audio.readInt16LE(0));
  for (let i = 1; i <= 5; i++) sori.send(frame(i));
  while (heard.length < 5) await new Promise((r) => setTimeout(r, 5));
  const back = ready(sori);
  server.hangUp();
  await sori.next('state');
  const own = frame(6);
  sori.send(own);
  own.fill(99); // who gave it may go on to use it
  for (let i = 7; i <= 10; i++) sori.send(frame(i));
  sori.commit();
  assert.throws(() => sori.text('hello'), (/** @type {SoriError} */ e) => e.code === 'not_connected', 'writing waits for a connection');
  await back;
  await sori.next('turn.done');
  assert.deepEqual(heard, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(session.received, 11, 'ten frames and the commit');
});

test('a server that has forgotten the latest gets it again; what it has settled is forgotten here', async (t) => {
  const { server, sori } = await pair(t, { resumes: true, forgets: 3 });
  await sori.connect();
  const [session] = server.sessions;
  /** @type {number[]} */
  const heard = [];
  session.hear = (/** @type {Buffer} */ audio) => void heard.push(audio.readInt16LE(0));
  for (let i = 1; i <= 6; i++) sori.send(frame(i));
  while (heard.length < 6) await new Promise((r) => setTimeout(r, 5));
  session.note('ack', { received: 4 });
  await sori.next('ack');
  server.hangUp();
  await ready(sori);
  sori.send(frame(7));
  while (!heard.includes(7)) await new Promise((r) => setTimeout(r, 5));
  // The server wants 4 on again, but said before that it would not need 4: it is gone.
  assert.deepEqual(heard, [1, 2, 3, 4, 5, 6, 5, 6, 7]);
});

test('what is kept is bounded: the oldest goes first', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  await sori.connect();
  const [session] = server.sessions;
  /** @type {number[]} */
  const heard = [];
  session.hear = (/** @type {Buffer} */ audio) => void heard.push(audio.readInt16LE(0));
  const back = ready(sori);
  server.hangUp();
  await sori.next('state');
  for (let i = 1; i <= 40; i++) sori.send(frame(i, 32_000)); // 64,000 bytes each
  await back;
  while (!heard.includes(40)) await new Promise((r) => setTimeout(r, 5));
  assert.deepEqual(heard, Array.from({ length: 32 }, (_, i) => i + 9), '2 MiB');
  sori.text('hello');
  await sori.next('turn.done');
});

test('messages that are lost for good are said to be, and the live turn goes on', async (t) => {
  const { server, sori } = await pair(t, { resumes: true, loses: 4 });
  await sori.connect();
  sori.text('hello');
  await sori.next('audio');
  server.hangUp();
  const { lost, seq } = await sori.next('session.resumed');
  assert.equal(lost, 4);
  assert.equal(sori.turn, 1);
  assert.ok(sori.lastSeq >= seq);
  sori.on('event', (e) => assert.equal(sori.lastSeq, e.seq));
  await sori.next('turn.done');
  assert.equal(sori.turn, 0);
});

test('a session that is over is replaced, over the same connection', async (t) => {
  const { server, sori } = await pair(t, { resumes: true }, { user: 'ann' });
  const first = await sori.connect();
  sori.configure({ instructions: 'be brief' });
  sori.text('hello');
  await sori.next('audio');
  sori.on('error', () => assert.fail('nobody needs to know'));
  server.sessions.clear();
  server.hangUp();
  const { session, previous, lostTurn } = await sori.next('restored');
  assert.notEqual(session, previous);
  assert.equal(previous, first.session);
  assert.equal(lostTurn, 1);
  assert.equal(server.connections, 2);
  const [, resume, configure] = server.hellos.concat(server.said.slice(-1)).filter((m, i, all) => all.indexOf(m) === i);
  assert.equal(resume.type, 'session.resume');
  assert.deepEqual([configure.type, configure.user, configure.instructions], ['session.configure', 'ann', 'be brief']);
  sori.text('hello again');
  await sori.next('turn.done');
});

test('what a session that is over did not answer is said to the new one, each once', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  await sori.connect();
  sori.send(frame(1));
  sori.commit();
  const { turn } = await sori.next('turn.done');
  const [old] = server.sessions;
  old.note('ack', { received: old.received });
  await sori.next('ack');

  sori.configure({ instructions: 'be brief' });
  for (let i = 2; i <= 4; i++) sori.send(frame(i));
  sori.commit();
  await sori.next('audio');
  const own = server.said.length;
  server.sessions.clear();
  server.hangUp();
  const restored = sori.next('restored');
  await sori.next('state');
  sori.send(frame(5)); // what comes next is kept in its place behind it
  const { lostTurn, again } = await restored;
  assert.deepEqual([lostTurn, again], [turn + 1, true]);
  const [session] = server.sessions;
  await sori.next('turn.done');
  assert.equal(session.turn, 1, 'one question, one answer');
  assert.equal(session.received, 5, 'three frames, the commit, and the next frame');
  assert.deepEqual(server.said.slice(own).map((m) => m.type), ['session.resume', 'session.configure', 'utterance.end']);
  assert.equal(server.said.at(-2).instructions, 'be brief');
  session.note('ack', { received: 5 });
  await sori.next('ack');

  // Nothing is left for a third one.
  server.sessions.clear();
  server.hangUp();
  assert.equal((await sori.next('restored')).again, false);
  assert.equal([...server.sessions][0].received, 0);
});

test('an answer that was stopped is not asked for again', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  await sori.connect();
  sori.text('hello');
  await sori.next('audio');
  sori.cancel();
  await sori.next('turn.cancelled');
  sori.send(frame(1));
  server.sessions.clear();
  server.hangUp();
  const { lostTurn, again } = await sori.next('restored');
  assert.deepEqual([lostTurn, again], [0, true]);
  const [session] = server.sessions;
  while (!session.received) await new Promise((r) => setTimeout(r, 5));
  assert.equal(session.received, 1, 'only the sound since then');
  assert.equal(server.of('text').length, 1);
});

test('who is asked to come back later does', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  await sori.connect();
  const [session] = server.sessions;
  session.note('going_away', { delay_ms: 1234, reason: 'The server restarts.' });
  const { delay_ms } = await sori.next('going_away');
  assert.equal(delay_ms, 1234);
  const began = performance.now();
  server.hangUp(1012);
  const [waiting] = await ready(sori);
  assert.deepEqual([waiting.state, waiting.code, waiting.retryInMs], ['waiting', 1012, 1234]);
  assert.ok(performance.now() - began > 1200);
  server.hangUp(1012);
  const [next] = await ready(sori);
  assert.ok(next.retryInMs <= 500, 'the delay counts once');
});

test('a session that was taken over is not taken back', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  await sori.connect();
  const closed = sori.next('state');
  server.hangUp(4501);
  assert.deepEqual(await closed, { state: 'closed', code: 4501, reason: '' });
});

test('close is a goodbye: the next connection has a new session', async (t) => {
  const { server, sori } = await pair(t, { resumes: true });
  const first = await sori.connect();
  await sori.close();
  sori.on('restored', () => assert.fail('nothing broke'));
  const second = await sori.connect();
  assert.notEqual(first.session, second.session);
  assert.deepEqual(server.hellos.map((m) => m.type), ['session.configure', 'session.configure']);
});
