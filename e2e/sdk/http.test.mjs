// The openai package of npm, as it is: its HTTP calls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { toFile } from 'openai';

import { recording, recordings, reference, wav, wordErrors } from './sound.mjs';
import { hear, KEY, say, URL_LOCAL, URL_TOOLS } from './sori.mjs';

const client = new OpenAI({ apiKey: KEY, baseURL: `${URL_LOCAL}/v1`, maxRetries: 0 });

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
  const scripted = new OpenAI({ apiKey: KEY, baseURL: `${URL_TOOLS}/v1` });
  const runner = scripted.chat.completions.runTools({
    model: 'x', stream: true, messages: [{ role: 'user', content: 'How is the weather in Paris?' }],
    tools: [{ type: 'function', function: { name: 'get_weather', description: 'Tells the weather.', parameters: { type: 'object', properties: { city: { type: 'string' } } }, parse: JSON.parse, function: ({ city }) => `mild in ${city}` } }],
  });
  assert.equal(await runner.finalContent(), 'The answer is mild in Paris.');
});
