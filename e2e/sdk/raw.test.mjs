// The wire itself, by a plain WebSocket client.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import WebSocket from 'ws';

import { encode, wordErrors } from './sound.mjs';
import { KEY, say, sentence, soundsLike, speak, Trace, URL_LOCAL, wss } from './sori.mjs';

const open = [];
after(() => open.forEach((ws) => ws.terminate()));

async function connect(query = '') {
  const trace = new Trace();
  const ws = new WebSocket(wss(URL_LOCAL) + query, { headers: { Authorization: `Bearer ${KEY}` } });
  open.push(ws);
  ws.on('message', (data, binary) => trace.add(binary ? { type: 'binary' } : JSON.parse(data)));
  await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject));
  await trace.next('session.created');
  const send = (event) => ws.send(JSON.stringify(event));
  return { ws, trace, send, append: (samples) => send({ type: 'input_audio_buffer.append', audio: encode(samples) }) };
}

test('a spoken question is answered in the order of events that the API has', async () => {
  const question = await say('What is fifteen percent of eighty?');
  const { trace, send, append, ws } = await connect();
  send({ type: 'session.update', event_id: 'e1', session: { type: 'realtime', instructions: 'Be brief.', audio: { input: { turn_detection: { type: 'server_vad' } } } } });
  const { session } = await trace.next('session.updated');
  assert.deepEqual(session.audio.input.turn_detection, {
    type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500, create_response: true, interrupt_response: true,
    idle_timeout_ms: null,
  });
  assert.deepEqual([session.type, session.object, session.instructions], ['realtime', 'realtime.session', 'Be brief.']);
  assert.deepEqual(session.audio.output.format, { type: 'audio/pcm', rate: 24_000 });
  await speak(append, question);
  const { response } = await trace.next('response.done');
  await trace.next('rate_limits.updated');
  trace.check();
  const order = [
    'session.created', 'session.updated', 'input_audio_buffer.speech_started', 'input_audio_buffer.speech_stopped', 'input_audio_buffer.committed',
    'conversation.item.added', 'conversation.item.done', 'response.created', 'response.output_item.added', 'response.content_part.added',
    'response.output_audio.delta', 'response.output_audio.done', 'response.output_audio_transcript.done', 'response.content_part.done',
    'response.output_item.done', 'response.done', 'rate_limits.updated',
  ];
  const places = order.map((type) => trace.events.findIndex((e) => e.type === type));
  assert.deepEqual(places, places.toSorted((a, b) => a - b), trace.types().join(', '));
  const heard = await trace.next('conversation.item.input_audio_transcription.completed');
  assert.match(heard.transcript, /(fifteen|15) ?(percent|%) of (eighty|80)/i);
  assert.equal(response.status, 'completed');
  assert.equal(response.output[0].content[0].transcript, trace.transcript());
  assert.match(trace.transcript(), /twelve/i);
  assert.ok(response.usage.total_tokens > 0 && response.usage.total_tokens === response.usage.input_tokens + response.usage.output_tokens);
  await soundsLike(trace.audio(), trace.transcript());
  ws.close();
});

test('a person is heard', async () => {
  const said = await sentence();
  const { trace, append, send, ws } = await connect();
  send({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } });
  await speak(append, said.samples, { speed: 50, pause: 0 });
  send({ type: 'input_audio_buffer.commit' });
  const { transcript } = await trace.next('conversation.item.input_audio_transcription.completed');
  assert.ok(wordErrors(said.text, transcript) <= 0.3, transcript);
  assert.equal(trace.all('response.created').length, 0, 'nobody asked for a response');
  send({ type: 'response.create' });
  assert.equal((await trace.next('response.done')).response.status, 'completed');
  trace.check();
  await soundsLike(trace.audio(), trace.transcript());
  ws.close();
});

test('what is wrong is told, and the session lives on', async () => {
  const { trace, ws, send, append } = await connect();
  const wrong = async (event, code) => {
    const n = trace.all('error').length;
    if (typeof event === 'string') ws.send(event);
    else send({ event_id: `bad_${n}`, ...event });
    const { error } = await trace.next('error', n + 1);
    if (code) assert.equal(error.code, code, JSON.stringify(error));
    assert.equal(typeof error.message, 'string');
    if (typeof event !== 'string') assert.equal(error.event_id, `bad_${n}`);
  };
  await wrong('{');
  await wrong({ type: 'no.such.event' });
  await wrong({ type: 'input_audio_buffer.append', audio: '*' });
  await wrong({ type: 'input_audio_buffer.commit' }, 'input_audio_buffer_commit_empty');
  append(new Int16Array(1200));
  await wrong({ type: 'input_audio_buffer.commit' }, 'input_audio_buffer_commit_empty');
  await wrong({ type: 'response.cancel' }, 'response_cancel_not_active');
  await wrong({ type: 'conversation.item.retrieve', item_id: 'item_of_nobody' });
  await wrong({ type: 'conversation.item.delete', item_id: 'item_of_nobody' });
  send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is two plus three?' }] } });
  await trace.next('conversation.item.done');
  send({ type: 'response.create' });
  await wrong({ type: 'response.create' }, 'conversation_already_has_active_response');
  const { response } = await trace.next('response.done');
  assert.equal(response.status, 'completed');
  assert.match(trace.transcript(), /five/i);
  await wrong({ type: 'conversation.item.truncate', item_id: response.output[0].id, content_index: 0, audio_end_ms: 1e9 });
  trace.check();
  ws.close();
});
