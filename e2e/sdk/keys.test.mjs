// Keys: whoever has none stays outside, a browser shows its own as a
// subprotocol, and no answer repeats it. run.sh sees that no log has it either.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import WebSocket from 'ws';

import { KEY, KEY_TOOLS, URL_TOOLS, wss } from './sori.mjs';

const client = new OpenAI({ apiKey: KEY_TOOLS, baseURL: `${URL_TOOLS}/v1`, maxRetries: 0 });
const secretFor = (seconds) => client.realtime.clientSecrets.create({
  expires_after: { anchor: 'created_at', seconds }, session: { type: 'realtime', instructions: 'Be brief.' },
});

/** Shakes hands, offering subprotocols, and gives the answer's status and headers, and the first event. */
function handshake(protocols, headers = {}) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(wss(URL_TOOLS), protocols, { headers });
    let answer;
    ws.on('upgrade', (r) => (answer = { status: r.statusCode, head: r.rawHeaders.join('\n') }));
    ws.on('unexpected-response', (_, r) => {
      const { socket } = r;
      let body = '';
      r.on('data', (d) => (body += d));
      r.on('end', () => {
        resolve({ status: r.statusCode, head: r.rawHeaders.join('\n') + body });
        socket.destroy();
      });
    });
    ws.on('message', (data) => {
      resolve({ ...answer, protocol: ws.protocol, event: JSON.parse(data) });
      ws.terminate();
    });
    ws.on('error', (e) => (answer ? resolve({ ...answer, failed: e }) : reject(e)));
  });
}

const lives = (secret) => secret.expires_at - Date.now() / 1000;

test('a secret lives for 10 to 7,200 s, and 600 s where nothing is said', async () => {
  const shortest = await secretFor(10);
  assert.ok(lives(shortest) > 5 && lives(shortest) <= 10, `it lives for ${lives(shortest)} s`);
  const longest = await secretFor(7200);
  assert.ok(lives(longest) > 7190 && lives(longest) <= 7200, `it lives for ${lives(longest)} s`);
  const plain = await client.realtime.clientSecrets.create({});
  assert.ok(lives(plain) > 590 && lives(plain) <= 600, `it lives for ${lives(plain)} s`);
  for (const seconds of [9, 7201]) await assert.rejects(secretFor(seconds), (e) => e.status === 400 && e.param === 'expires_after.seconds');
  const stranger = new OpenAI({ apiKey: KEY, baseURL: `${URL_TOOLS}/v1`, maxRetries: 0 });
  await assert.rejects(stranger.realtime.clientSecrets.create({}), (e) => e.status === 401);
});

test('a secret is a subprotocol, and the answer to it is only realtime', async () => {
  const { value } = await secretFor(60);
  const own = `openai-insecure-api-key.${value}`;
  for (const offered of [['realtime', own], [own, 'realtime'], ['realtime', own, 'openai-agents-sdk.0.20.0', 'openai-organization.me']]) {
    const { status, head, protocol, event } = await handshake(offered);
    assert.deepEqual([status, protocol, event.type, event.session.instructions], [101, 'realtime', 'session.created', 'Be brief.']);
    assert.ok(!head.includes(value) && !head.includes('insecure'), head);
  }
  const { head, failed } = await handshake([own]);
  assert.match(failed.message, /no subprotocol/, 'a client that does not offer realtime');
  assert.ok(!head.includes(value), head);
});

test('who has no key is refused, and no key is repeated', async () => {
  for (const key of ['sk-wrong', 'ek_wrong', `${KEY_TOOLS}x`]) {
    for (const [protocols, headers] of [[['realtime', `openai-insecure-api-key.${key}`], {}], [[], { Authorization: `Bearer ${key}` }]]) {
      const { status, head } = await handshake(protocols, headers);
      assert.equal(status, 401);
      assert.ok(!head.includes(key), head);
    }
  }
  assert.equal((await handshake(['realtime'])).status, 401);
});
