// The openai package of npm, as it is: its two WebSocket clients, and its HTTP calls.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

import { encode, recording, recordings, reference, wav, wordErrors } from './sound.mjs';
import { hear, KEY, KEY_TOOLS, say, sentence, soundsLike, speak, Trace, URL_LOCAL, URL_TOOLS } from './sori.mjs';

const client = new OpenAI({ apiKey: KEY, baseURL: `${URL_LOCAL}/v1`, maxRetries: 0 });
const open = [];
after(() => open.forEach((rt) => rt.close()));

/** Connects, and collects the events. on is the socket's way to wait for 'open'. */
async function connect(rt) {
  const trace = new Trace();
  open.push(rt);
  rt.on('event', (e) => trace.add(e));
  rt.on('error', (e) => trace.failed ??= e);
  await trace.next('session.created');
  return { rt, trace, append: (samples) => rt.send({ type: 'input_audio_buffer.append', audio: encode(samples) }) };
}

const clients = {
  'openai/realtime/ws': (c) => new OpenAIRealtimeWS({ model: 'gpt-realtime' }, c),
  // As in a browser: the key is a subprotocol.
  'openai/realtime/websocket': (c) => new OpenAIRealtimeWebSocket({ model: 'gpt-realtime', dangerouslyAllowBrowser: true }, c),
};

for (const [name, make] of Object.entries(clients)) {
  test(`${name}: voice in, voice out`, async () => {
    const question = await say('What is nine times eleven?');
    const { rt, trace, append } = await connect(make(client));
    rt.send({
      type: 'session.update',
      session: {
        type: 'realtime', model: 'gpt-realtime', output_modalities: ['audio'], instructions: 'Be brief.', tracing: 'auto',
        audio: {
          input: { format: { type: 'audio/pcm', rate: 24_000 }, transcription: { model: 'gpt-4o-mini-transcribe' }, turn_detection: { type: 'semantic_vad', eagerness: 'high' }, noise_reduction: { type: 'near_field' } },
          output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'marin', speed: 1 },
        },
      },
    });
    const { session } = await trace.next('session.updated');
    assert.equal(session.audio.input.turn_detection.type, 'semantic_vad');
    assert.equal(session.audio.input.noise_reduction.type, 'near_field');
    assert.equal(session.audio.output.voice, 'marin');
    await speak(append, question);
    const { response } = await trace.next('response.done');
    assert.equal(response.status, 'completed');
    const heard = await trace.next('conversation.item.input_audio_transcription.completed');
    assert.match(heard.transcript, /(nine|9) times (eleven|11)/i);
    assert.match(trace.transcript(), /(99|ninety[- ]nine)/i);
    trace.check();
    assert.equal(trace.failed, undefined);
    await soundsLike(trace.audio(), trace.transcript());

    // A second turn, typed and answered in writing.
    rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is two plus two?' }] } });
    rt.send({ type: 'response.create', response: { output_modalities: ['text'] } });
    const second = await trace.next('response.done', 2);
    assert.match(second.response.output[0].content[0].text, /four/i);
    assert.equal(trace.all('response.output_text.delta').map((e) => e.delta).join(''), second.response.output[0].content[0].text);
    trace.check();
    rt.close();
  });
}

test('openai/realtime/ws: an answer is interrupted', async () => {
  const story = await say('Tell me a story.');
  const stop = recordings ? recording('goforward.wav') : await say('Stop now, please. That is enough for today.');
  const { rt, trace, append } = await connect(new OpenAIRealtimeWS({ model: 'gpt-realtime' }, new OpenAI({ apiKey: KEY_TOOLS, baseURL: `${URL_TOOLS}/v1` })));
  await speak(append, story);
  await trace.next('response.output_audio.delta', 5);
  await speak(append, stop, { speed: 1 });
  const { response } = await trace.next('response.done');
  assert.deepEqual([response.status, response.status_details.reason], ['cancelled', 'turn_detected']);
  assert.equal(response.output[0].status, 'incomplete');
  rt.send({ type: 'conversation.item.truncate', item_id: response.output[0].id, content_index: 0, audio_end_ms: 500 });
  assert.equal((await trace.next('conversation.item.truncated')).audio_end_ms, 500);
  const second = await trace.next('response.done', 2);
  assert.equal(second.response.status, 'completed');
  trace.check();
  await soundsLike(trace.audio(second.response.id), trace.transcript(second.response.id));
  rt.close();
});

test('openai/realtime/ws: a function is called, and its result answered', async () => {
  const { rt, trace } = await connect(new OpenAIRealtimeWS({ model: 'gpt-realtime' }, new OpenAI({ apiKey: KEY_TOOLS, baseURL: `${URL_TOOLS}/v1` })));
  rt.send({
    type: 'session.update',
    session: {
      type: 'realtime', tool_choice: 'auto',
      tools: [{ type: 'function', name: 'get_weather', description: 'Tells the weather.', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }],
    },
  });
  rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'How is the weather in Paris?' }] } });
  rt.send({ type: 'response.create' });
  const call = await trace.next('response.function_call_arguments.done');
  assert.deepEqual([call.name, JSON.parse(call.arguments)], ['get_weather', { city: 'Paris' }]);
  const { response } = await trace.next('response.done');
  assert.deepEqual([response.status, response.output[0].type, response.output[0].call_id], ['completed', 'function_call', call.call_id]);
  rt.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output: 'sunny and warm' } });
  rt.send({ type: 'response.create' });
  const second = await trace.next('response.done', 2);
  assert.match(trace.transcript(second.response.id), /sunny and warm/);
  trace.check();
  await soundsLike(trace.audio(second.response.id), trace.transcript(second.response.id));
  rt.close();
});

test('openai/realtime/ws: a transcription session', async () => {
  const said = await sentence();
  const { rt, trace, append } = await connect(new OpenAIRealtimeWS({ intent: 'transcription' }, client));
  rt.send({ type: 'session.update', session: { type: 'transcription', audio: { input: { transcription: { model: 'gpt-4o-transcribe', language: 'en' }, turn_detection: { type: 'server_vad' } } } } });
  await trace.next('session.updated');
  await speak(append, said.samples);
  const { transcript, usage } = await trace.next('conversation.item.input_audio_transcription.completed');
  assert.ok(wordErrors(said.text, transcript) <= 0.3, transcript);
  assert.ok(usage.type === 'duration' && usage.seconds > 0.5);
  assert.equal(trace.all('response.created').length, 0);
  trace.check();
  rt.close();
});

test('a client secret opens a session with its configuration, more than once', async () => {
  const secret = await client.realtime.clientSecrets.create({
    expires_after: { anchor: 'created_at', seconds: 60 },
    session: { type: 'realtime', instructions: 'Speak like a pirate.', audio: { input: { turn_detection: null } } },
  });
  assert.match(secret.value, /^ek_/);
  assert.ok(secret.expires_at * 1000 - Date.now() > 50_000 && secret.expires_at * 1000 - Date.now() < 62_000);
  assert.equal(secret.session.instructions, 'Speak like a pirate.');
  const holder = new OpenAI({ apiKey: secret.value, baseURL: `${URL_LOCAL}/v1` });
  for (const make of Object.values(clients)) {
    const { rt, trace } = await connect(make(holder));
    const { session } = trace.all('session.created')[0];
    assert.deepEqual([session.instructions, session.audio.input.turn_detection], ['Speak like a pirate.', null]);
    rt.close();
  }
});

test('the HTTP calls', async () => {
  const models = await client.models.list();
  assert.ok(models.data.some((m) => m.id === 'sori'));
  assert.equal((await client.models.retrieve('sori')).object, 'model');
  await assert.rejects(client.models.retrieve('nobody'), (e) => e.status === 404 && e.code === 'model_not_found');

  const speech = await client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'The train leaves at noon.', response_format: 'wav', speed: 1.25 });
  const file = Buffer.from(await speech.arrayBuffer());
  assert.equal(file.toString('latin1', 0, 4), 'RIFF');
  const heard = await client.audio.transcriptions.create({ model: 'whisper-1', file: await toFile(file, 'speech.wav') });
  assert.match(heard.text, /train leaves at noon/i);
  await assert.rejects(client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'x', response_format: 'mp3' }), (e) => e.status === 400 && e.param === 'response_format');

  const samples = recordings ? recording('jfk.wav') : await say('Nobody can do this. It has to be done all the same.');
  const verbose = await client.audio.transcriptions.create({ model: 'whisper-1', file: await toFile(wav(samples), 'speech.wav'), response_format: 'verbose_json', timestamp_granularities: ['segment'] });
  assert.ok(verbose.segments.length > 0 && verbose.segments.every((s, i) => s.end > s.start && (i === 0 || s.start >= verbose.segments[i - 1].end)));
  const stream = await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file: await toFile(wav(samples), 'speech.wav'), stream: true });
  const parts = [];
  for await (const e of stream) parts.push(e);
  assert.equal(parts.at(-1).type, 'transcript.text.done');
  assert.equal(parts.slice(0, -1).map((e) => e.delta).join(''), parts.at(-1).text);
  if (recordings) assert.ok(wordErrors(reference('jfk.wav'), parts.at(-1).text) <= 0.25, parts.at(-1).text);

  const whole = await client.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'What is fifteen percent of eighty?' }] });
  assert.match(whole.choices[0].message.content, /twelve/i);
  const chat = await client.chat.completions.create({ model: 'gpt-4o', stream: true, stream_options: { include_usage: true }, messages: [{ role: 'user', content: 'What is fifteen percent of eighty?' }] });
  let text = '';
  let usage;
  for await (const chunk of chat) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(usage, whole.usage);
  await assert.rejects(client.chat.completions.create({ model: 'x', messages: [] }), (e) => e.status === 400 && e.param === 'messages');
  assert.equal(await hear(new Int16Array(24_000)), '', 'silence is no speech');
});

test('a tool through chat completions', async () => {
  const scripted = new OpenAI({ apiKey: KEY_TOOLS, baseURL: `${URL_TOOLS}/v1` });
  const runner = scripted.chat.completions.runTools({
    model: 'x', stream: true, messages: [{ role: 'user', content: 'How is the weather in Paris?' }],
    tools: [{ type: 'function', function: { name: 'get_weather', description: 'Tells the weather.', parameters: { type: 'object', properties: { city: { type: 'string' } } }, parse: JSON.parse, function: ({ city }) => `mild in ${city}` } }],
  });
  assert.equal(await runner.finalContent(), 'The answer is mild in Paris.');
});
