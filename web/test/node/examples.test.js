// docs/clients.md, run as it stands.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';

import { ADDRESS, blocks } from '../harness/docs.js';
import { Server, say } from '../harness/server.js';
import { writeWAV } from '../harness/wav.js';

/** @type {Server} */
let server;
/** @type {Int16Array} */
let question;

before(async () => {
  server = await Server.start();
  [question] = await say('What is seventeen plus five?');
});
after(() => server?.stop());

test('the script for Node', { timeout: 60_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sori-example-'));
  t.after(() => rm(folder, { recursive: true }));
  const web = fileURLToPath(new URL('../../', import.meta.url));
  for (const part of ['sori.js', 'sori']) await cp(join(web, 'static', part), join(folder, part), { recursive: true });
  await symlink(join(web, 'node_modules'), join(folder, 'node_modules'));
  await writeWAV(join(folder, 'question.wav'), question);
  const [script] = blocks('Node', 'js');
  await writeFile(join(folder, 'script.mjs'), script.replace(ADDRESS, `127.0.0.1:${server.port}`));
  const { stdout } = await promisify(execFile)(process.execPath, ['script.mjs'], { cwd: folder });
  assert.match(stdout, /^What is (17|seventeen) plus (5|five)\? → .*(22|twenty.two)/i);
  const reply = await readFile(join(folder, 'reply.pcm'));
  assert.ok(reply.length > 24_000, 'half a second of sound');
});

test('what a Swift or a Kotlin app sends and receives, byte for byte', { timeout: 60_000 }, async (t) => {
  const messages = blocks('Swift', 'json').map((m) => m.trim());
  const [configure, end, playback, resume] = messages;
  assert.deepEqual(messages.map((m) => JSON.parse(m).type), ['session.configure', 'utterance.end', 'playback', 'session.resume']);
  const [bytes] = blocks('Swift', '');
  const written = new DataView(new ArrayBuffer(10));
  for (const [i, sample] of [0, 1, -2, 32767, -32768].entries()) written.setInt16(2 * i, sample, true);
  assert.equal(Buffer.from(written.buffer).toString('hex'), bytes.replace(/\s/g, '').toLowerCase());

  const socket = new WebSocket(server.ws);
  t.after(() => socket.close());
  /** @type {any[]} */
  const events = [];
  let seq = 0; // of the last message that took a number
  let sound = 0;
  socket.on('message', (/** @type {Buffer} */ data, /** @type {boolean} */ binary) => {
    if (binary) {
      seq++;
      sound += data.length;
      return;
    }
    const event = JSON.parse(String(data));
    events.push(event);
    for (const field of ['type', 'seq', 'turn', 'ms']) assert.ok(field in event, `${field} of ${data}`);
    assert.equal(event.seq, ['ack', 'going_away'].includes(event.type) ? seq : ++seq, 'binary messages take a number, too');
  });
  /** @param {string} type */
  const comes = async (type) => {
    while (!events.some((e) => e.type === type)) await once(socket, 'message');
    return events.find((e) => e.type === type);
  };
  await once(socket, 'open');
  socket.send(configure.replace('server_vad', 'manual')); // the second way of the two, which the page does not take
  const ready = await comes('session.ready');
  const asked = JSON.parse(configure);
  assert.deepEqual([ready.input, ready.output, ready.user], [asked.input, asked.output, asked.user]);
  for (let i = 0; i < question.length; i += 320) socket.send(question.slice(i, i + 320)); // 640 bytes, 20 ms
  socket.send(end);
  const begin = await comes('audio.begin');
  assert.deepEqual([begin.encoding, begin.rate, begin.turn], [asked.output.encoding, asked.output.rate, JSON.parse(playback).turn]);
  await comes('turn.done');
  socket.send(playback);
  socket.send('{"type":"ping","id":"1"}');
  assert.equal((await comes('pong')).id, '1');
  assert.equal(sound, (await comes('audio.end')).bytes);
  const [received] = blocks('Swift', 'text');
  for (const [line] of received.matchAll(/^\{.*$/gm)) {
    const told = JSON.parse(line);
    const real = events.find((e) => e.type === told.type);
    assert.ok(real, `${told.type} comes`);
    assert.deepEqual(Object.keys(told), Object.keys(real), line);
    for (const field of Object.keys(told.record ?? {})) assert.ok(field in real.record, `${field} of ${line}`);
  }
  assert.deepEqual(events.filter((e) => ['error', 'warning'].includes(e.type)), []);

  socket.send('{"type":"text","text":"what can you do"}');
  while (events.filter((e) => e.type === 'audio.begin').length < 2) await once(socket, 'message');
  socket.send('{"type":"turn.cancel"}');
  assert.equal((await comes('turn.cancelled')).turn, 2);

  socket.terminate(); // as when a phone changes its network
  const again = new WebSocket(`${server.ws}?resume=${ready.session}`);
  t.after(() => again.close());
  await once(again, 'open');
  again.send(resume.replace('SESSION', ready.session).replace('KEY', ready.resume.key).replace('105', String(seq)));
  const [answer] = await once(again, 'message');
  const { type, session, lost } = JSON.parse(answer);
  assert.deepEqual([type, session, lost], ['session.resumed', ready.session, 0]);
});
