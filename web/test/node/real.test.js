// The library in Node, against a real sori with its real engines.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server, say } from '../harness/server.js';
import { RATE, join, silence, wordErrors } from '../harness/wav.js';

/** @type {Server} */
let server;

before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

test('a spoken turn: sound goes in, its words come back, and a spoken answer', { timeout: 60_000 }, async () => {
  const [question] = await say('What is seventeen plus five?');
  const sori = await server.client({ user: 'node', output: { encoding: 'pcm_s16le', rate: RATE }, pace_ms: 0 });
  try {
    /** @type {Int16Array[]} */
    const reply = [];
    sori.on('audio', ({ pcm }) => reply.push(new Int16Array(pcm)));
    for (let i = 0; i < question.length; i += 320) sori.send(question.slice(i, i + 320));
    const done = sori.next('turn.done');
    sori.commit();
    const { record } = await done;
    assert.ok(wordErrors('What is seventeen plus five?', record.atot_text) <= 0.2, record.atot_text);
    assert.match(record.ttot_text, /22|twenty.two/i);
    assert.match(await server.transcribe(join(silence(0.3), ...reply, silence(0.3))), /twenty|22/i);
    const wav = await fetch(new URL(record.input_wav ?? '', server.url));
    assert.equal(wav.status, 200);
  } finally {
    await sori.close();
  }
});

test('hands-free: the server finds the end of the turn', { timeout: 60_000 }, async () => {
  const [question] = await say('What is two plus two?');
  const sori = await server.client({ user: 'node', turn_detection: { mode: 'server_vad' } });
  try {
    const stopped = sori.next('speech.stopped');
    const done = sori.next('turn.done');
    const sound = join(silence(0.5), question, silence(2));
    for (let i = 0; i < sound.length; i += 320) {
      sori.send(sound.slice(i, i + 320));
      if (i % 1600 === 0) await new Promise((r) => setTimeout(r, 95)); // as fast as it is spoken
    }
    assert.equal((await stopped).discarded, undefined);
    assert.equal((await done).record.status, 'done');
  } finally {
    await sori.close();
  }
});

test('a server that goes away and comes back is found again', { timeout: 90_000 }, async () => {
  const sori = await server.client({ user: 'node' });
  try {
    const restored = sori.next('restored');
    const code = new Promise((resolve) => sori.on('state', (s) => s.state === 'waiting' && resolve(s.code)));
    await server.down();
    assert.ok([1001, 1012].includes(Number(await code)), `the server said goodbye with ${await code}`);
    await server.up();
    const { session, previous } = await restored;
    assert.notEqual(session, previous);
    sori.text('hello');
    await sori.next('turn.done');
  } finally {
    await sori.close();
  }
});
