// What the tests know of the sori that runs, and what they ask of any client.
import assert from 'node:assert/strict';

import { wav } from './sound.mjs';

export const URL_LOCAL = process.env.SORI_URL; // https, with the engines that come with sori
export const URL_TOOLS = process.env.SORI_TOOLS_URL; // https, with a language model that follows a script
export const KEY = 'sk-of-no-meaning'; // a sori without keys takes any

/** What sori's own voice says, at 24 kHz. */
export async function say(text) {
  const r = await fetch(`${URL_LOCAL}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'tts-1', voice: 'alloy', input: text, response_format: 'pcm' }),
  });
  assert.equal(r.status, 200, await (r.ok ? '' : r.text()));
  return new Int16Array(await r.arrayBuffer());
}

/** What sori's own ears hear. */
export async function hear(samples) {
  const form = new FormData();
  form.set('file', new Blob([wav(samples)]), 'reply.wav');
  form.set('model', 'whisper-1');
  const r = await fetch(`${URL_LOCAL}/v1/audio/transcriptions`, { method: 'POST', body: form });
  assert.equal(r.status, 200, await (r.ok ? '' : r.text()));
  return (await r.json()).text;
}
