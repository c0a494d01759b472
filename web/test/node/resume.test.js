// A session of a real sori that outlives its connection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';

import { Sori } from '../../static/sori.js';
import { line } from '../harness/line.js';
import { Server, say } from '../harness/server.js';
import { RATE, wordErrors } from '../harness/wav.js';

const QUESTION = 'What is seventeen plus five?';

/** @type {Server} */
let server;
/** @type {Int16Array} */
let question;

before(async () => {
  server = await Server.start();
  [question] = await say(QUESTION);
});
after(() => server?.stop());

/** @param {import('node:test').TestContext} t */
async function client(t) {
  const { port, cut } = await line(t, server.port);
  const sori = new Sori({ user: 'resume', output: { encoding: 'pcm_s16le', rate: RATE }, pace_ms: 0 }, { url: `ws://127.0.0.1:${port}/ws`, WebSocket });
  t.after(() => sori.close());
  /** @type {number[]} */
  const numbers = [];
  let samples = 0;
  sori.on('event', ({ type, seq }) => ['session.resumed', 'ack', 'going_away'].includes(type) || numbers.push(seq));
  sori.on('audio', ({ pcm }) => {
    numbers.push(sori.lastSeq);
    samples += pcm.byteLength / 2;
  });
  await sori.connect();
  return { sori, numbers, samples: () => samples, cut };
}

test('a line that is cut in the middle of speech and again in the reply costs nothing', { timeout: 60_000 }, async (t) => {
  const { sori, numbers, samples, cut } = await client(t);
  sori.on('restored', () => assert.fail('it is the same session'));
  let resumed = 0;
  sori.on('session.resumed', ({ lost }) => {
    assert.equal(lost, 0);
    resumed++;
  });
  const done = sori.next('turn.done');
  for (let i = 0; i < question.length; i += 320) {
    if (i === 320 * 40) cut(); // what was sent last may be on its way
    if (i === 320 * 60) await sori.next('state'); // the next ones are kept
    sori.send(question.slice(i, i + 320));
  }
  sori.commit();
  await sori.next('audio.begin');
  cut();
  const { record } = await done;
  assert.equal(resumed, 2);
  assert.ok(wordErrors(QUESTION, record.atot_text) <= 0.2, record.atot_text);
  assert.equal(record.input_ms, Math.round(question.length / (RATE / 1000)), 'every frame, each once');
  assert.ok(Math.abs(samples() / (RATE / 1000) - record.output_ms) <= 1, `${samples()} samples of ${record.output_ms} ms came`);
  assert.deepEqual(numbers, numbers.map((_, i) => i + 1), 'no message is missing, none came twice');
});

test('over a restart of the server a new session of the same user goes on, with what was not answered', { timeout: 90_000 }, async (t) => {
  const { sori } = await client(t);
  const before = sori.session?.session;
  const restored = sori.next('restored');
  for (let i = 0; i < question.length; i += 320) sori.send(question.slice(i, i + 320));
  const started = sori.next('turn.started');
  sori.commit();
  await started;
  await server.down('SIGKILL');
  const done = sori.next('turn.done');
  await server.up();
  const { session, previous, lostTurn, again } = await restored;
  assert.equal(previous, before);
  assert.notEqual(session, before);
  assert.deepEqual([lostTurn, again], [1, true]);
  const { record } = await done;
  assert.equal(record.input_ms, Math.round(question.length / (RATE / 1000)), 'every frame, each once');
  assert.match(record.ttot_text, /22|twenty.two/i);
});
