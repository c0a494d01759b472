// @openai/agents-realtime in two versions, as they are.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';

import { recording, recordings } from './sound.mjs';
import { KEY, say, soundsLike, speak, Trace, until, URL_LOCAL, URL_TOOLS, wss } from './sori.mjs';

const open = [];
after(() => open.forEach((s) => s.close()));

const samplesOf = (buffers) => {
  const all = Buffer.concat(buffers.map((b) => Buffer.from(b)));
  return new Int16Array(all.buffer.slice(all.byteOffset, all.byteOffset + all.length));
};

for (const name of ['agents-realtime-0-17', 'agents-realtime-newest']) {
  const { RealtimeAgent, RealtimeSession, tool } = await import(name);
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8'));

  /** Connects an agent, and collects what its application would see. */
  const connect = async (url, tools = []) => {
    const session = new RealtimeSession(new RealtimeAgent({ name: 'sori', instructions: 'Be brief.', tools }), { transport: 'websocket', tracingDisabled: true });
    const seen = { session, trace: new Trace(), audio: [], interrupted: 0, errors: [] };
    open.push(session);
    session.transport.on('*', (e) => seen.trace.add(e));
    session.on('audio', (e) => seen.audio.push(e.data));
    session.on('audio_interrupted', () => seen.interrupted++);
    session.on('error', (e) => seen.errors.push(e));
    await session.connect({ apiKey: KEY, url: wss(url) });
    await seen.trace.next('session.updated');
    seen.append = (samples) => session.sendAudio(samples.buffer.slice(samples.byteOffset, samples.byteOffset + samples.byteLength));
    return seen;
  };

  /** What stands in the history, as "role: text". */
  const history = (session) => session.history.filter((i) => i.type === 'message')
    .map((i) => `${i.role}: ${i.content.map((c) => c.transcript ?? c.text ?? '').join('')}`);

  test(`agents ${version}: voice in, voice out, history`, async () => {
    const question = await say('What is nine times eleven?');
    const s = await connect(URL_LOCAL);
    assert.equal(s.trace.all('session.updated').at(-1).session.audio.input.turn_detection.interrupt_response, true);
    await speak(s.append, question, { pause: 3000 });
    const { response } = await s.trace.next('response.done');
    assert.equal(response.status, 'completed');
    s.trace.check();
    await until(() => /nine|9/i.test(history(s.session)[0] ?? ''), () => `the question in ${JSON.stringify(history(s.session))}`);
    const [asked, answered] = history(s.session);
    assert.match(asked, /^user: .*(nine|9) times (eleven|11)/i);
    assert.match(answered, /^assistant: .*(ninety[- ]nine|99)/i);
    await soundsLike(samplesOf(s.audio), s.trace.transcript());

    s.session.sendMessage('What is two plus four?');
    await s.trace.next('response.done', 2);
    await until(() => history(s.session).length === 4 && history(s.session)[3].length > 12, () => `four messages in ${JSON.stringify(history(s.session))}`);
    assert.match(history(s.session)[3], /^assistant: .*six/i);
    assert.deepEqual(s.errors, []);
    s.session.close();
  });

  test(`agents ${version}: an answer is interrupted`, async () => {
    const story = await say('Tell me a story.');
    const stop = recordings ? recording('goforward.wav') : await say('Stop now, please. That is enough for today.');
    const s = await connect(URL_TOOLS);
    await speak(s.append, story, { pause: 3000 });
    await until(() => s.audio.length > 5, 'the story');
    await speak(s.append, stop, { speed: 1, pause: 3000 });
    const { response } = await s.trace.next('response.done');
    assert.deepEqual([response.status, response.status_details.reason], ['cancelled', 'turn_detected']);
    assert.equal(s.interrupted, 1);
    await s.trace.next('conversation.item.truncated');
    const second = await s.trace.next('response.done', 2);
    assert.equal(second.response.status, 'completed');
    s.trace.check();
    await until(() => history(s.session).length === 4, () => `four messages in ${JSON.stringify(history(s.session))}`);
    assert.doesNotMatch(history(s.session)[1], /foot of the tower/, 'what nobody heard stays in the history');
    assert.deepEqual(s.errors, []);
    s.session.close();
  });

  test(`agents ${version}: a function is called`, async () => {
    const question = await say('How is the weather in Paris?');
    const asked = [];
    const weather = tool({
      name: 'get_weather', description: 'Tells the weather.', strict: false,
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: true },
      execute: async (input) => {
        asked.push(input);
        return 'sunny and warm';
      },
    });
    const s = await connect(URL_TOOLS, [weather]);
    await speak(s.append, question, { pause: 3000 });
    await s.trace.next('response.done', 2);
    assert.deepEqual(asked, [{ city: 'Paris' }]);
    const second = s.trace.all('response.done')[1].response;
    assert.match(s.trace.transcript(second.id), /sunny and warm/);
    s.trace.check();
    await soundsLike(samplesOf(s.audio), s.trace.transcript(second.id));
    const call = s.session.history.find((i) => i.type === 'function_call');
    assert.deepEqual([call.name, call.output, call.status], ['get_weather', 'sunny and warm', 'completed']);
    assert.deepEqual(s.errors, []);
    s.session.close();
  });
}
