// What every version of @openai/agents-realtime has to do with sori, as it is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';

import { recording, recordings } from './sound.mjs';
import { KEY, KEY_TOOLS, say, soundsLike, speak, Trace, until, URL_LOCAL, URL_TOOLS, wss } from './sori.mjs';

/** The names of the package's folder and what it exports. */
export function conforms(folder, { RealtimeAgent, RealtimeSession, tool }) {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${folder}/package.json`, import.meta.url), 'utf8'));
  const open = [];
  after(() => open.forEach((s) => s.close()));

  /** Connects an agent, and collects what its application would see. */
  const connect = async (url, tools = []) => {
    const session = new RealtimeSession(new RealtimeAgent({ name: 'sori', instructions: 'Be brief.', tools }), { transport: 'websocket', tracingDisabled: true });
    const seen = { session, trace: new Trace(), audio: [], interrupted: 0, errors: [] };
    open.push(session);
    session.transport.on('*', (e) => seen.trace.add(e));
    session.on('audio', (e) => seen.audio.push(e.data));
    session.on('audio_interrupted', () => seen.interrupted++);
    session.on('error', (e) => seen.errors.push(e));
    await session.connect({ apiKey: url === URL_TOOLS ? KEY_TOOLS : KEY, url: wss(url) });
    await seen.trace.next('session.updated');
    seen.append = (samples) => session.sendAudio(samples.buffer.slice(samples.byteOffset, samples.byteOffset + samples.byteLength));
    /** What stands in the history, as "role: text". */
    seen.history = () => session.history.filter((i) => i.type === 'message')
      .map((i) => `${i.role}: ${i.content.map((c) => c.transcript ?? c.text ?? '').join('')}`);
    /** Waits for so many messages of which none is empty, and gives them. */
    seen.messages = async (n) => {
      const whole = () => (seen.history().length === n && seen.history().every((m) => /: ./.test(m)) ? seen.history() : null);
      return until(whole, () => `the message no. ${n} in ${JSON.stringify(seen.history())}`);
    };
    return seen;
  };

  test(`agents ${version}: voice in, voice out, history`, async () => {
    const question = await say('What is nine times eleven?');
    const s = await connect(URL_LOCAL);
    assert.equal(s.trace.all('session.updated').at(-1).session.audio.input.turn_detection.interrupt_response, true);
    await speak(s.append, question);
    const { response } = await s.trace.next('response.done');
    assert.equal(response.status, 'completed');
    const [asked, answered] = await s.messages(2);
    assert.match(asked, /^user: .*(nine|9) times (eleven|11)/i);
    assert.match(answered, /^assistant: .*(ninety[- ]nine|99)/i);
    await soundsLike(samplesOf(s.audio), s.trace.transcript());

    s.session.sendMessage('What is two plus four?');
    await s.trace.next('response.done', 2);
    assert.match((await s.messages(4))[3], /^assistant: .*six/i);
    s.trace.check();
    assert.deepEqual(s.errors, []);
    s.session.close();
  });

  test(`agents ${version}: an answer is interrupted`, async () => {
    const story = await say('Tell me a story.');
    const stop = recordings ? recording('goforward.wav') : await say('Stop now, please. That is enough for today.');
    const s = await connect(URL_TOOLS);
    await speak(s.append, story);
    await until(() => s.audio.length > 5, 'the story');
    await speak(s.append, stop, { speed: 1 });
    const { response } = await s.trace.next('response.done');
    assert.deepEqual([response.status, response.status_details.reason], ['cancelled', 'turn_detected']);
    assert.equal(s.interrupted, 1, 'how often the application is told to stop its player');
    await s.trace.next('conversation.item.truncated');
    const second = await s.trace.next('response.done', 2);
    assert.equal(second.response.status, 'completed');
    await soundsLike(samplesOf(s.audio.slice(-s.trace.all('response.output_audio.delta').filter((e) => e.response_id === second.response.id).length)), s.trace.transcript(second.response.id));

    await keepsOnlyWhatWasHeard(s, response.id, 4);
    s.trace.check();
    assert.deepEqual(s.errors, []);
    s.session.close();
  });

  test(`agents ${version}: the application stops an answer`, async () => {
    const s = await connect(URL_TOOLS);
    s.session.sendMessage('Tell me a story.');
    await until(() => s.audio.length > 30, 'the story');
    s.session.interrupt();
    const { response } = await s.trace.next('response.done');
    assert.deepEqual([response.status, response.status_details.reason], ['cancelled', 'client_cancelled']);
    await s.trace.next('conversation.item.truncated');
    await keepsOnlyWhatWasHeard(s, response.id, 2);
    s.trace.check();
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
    await speak(s.append, question);
    const { response } = await s.trace.next('response.done', 2);
    assert.deepEqual(asked, [{ city: 'Paris' }]);
    assert.match(s.trace.transcript(response.id), /sunny and warm/);
    s.trace.check();
    await soundsLike(samplesOf(s.audio), s.trace.transcript(response.id));
    const call = s.session.history.find((i) => i.type === 'function_call');
    assert.deepEqual([call.name, call.output, call.status], ['get_weather', 'sunny and warm', 'completed']);
    assert.deepEqual(s.errors, []);
    s.session.close();
  });
}

/**
 * Sees that what was heard of the first reply stands in the history of n messages,
 * and what nobody heard does not: for the application, and for the model, which
 * repeats what it thinks it said.
 */
async function keepsOnlyWhatWasHeard(s, id, n) {
  await s.messages(n);
  // The application asks for the item that was cut, and learns it from the answer.
  const now = () => s.history()[1].replace('assistant: ', '');
  const heard = await until(() => (now() && s.trace.transcript(id).startsWith(now()) && now().split(' ').length < 40 ? now() : null), () => `what was heard, for the history has "${now()}",`);
  const before = s.trace.all('response.done').length;
  s.session.sendMessage('Repeat that.');
  await s.trace.next('response.done', before + 1);
  assert.equal((await s.messages(n + 2))[n + 1], `assistant: ${heard}`);
}

function samplesOf(buffers) {
  const all = Buffer.concat(buffers.map((b) => Buffer.from(b)));
  return new Int16Array(all.buffer.slice(all.byteOffset, all.byteOffset + all.length));
}
