// What the tests know of the sori that runs, and what they ask of any client.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { decode, level, RATE, recording, recordings, reference, silence, wav, wordErrors } from './sound.mjs';

export const URL_LOCAL = process.env.SORI_URL; // https, with the engines that come with sori
export const URL_TOOLS = process.env.SORI_TOOLS_URL; // https, with a language model that follows a script
export const KEY = 'sk-of-no-meaning'; // a sori without keys takes any
export const KEY_TOOLS = process.env.SORI_TOOLS_KEY; // the other one has this one

/** The Python that has the openai package, null where there is none. */
export const python = (() => {
  const file = new URL('.venv/bin/python3', import.meta.url).pathname;
  return existsSync(file) ? file : null;
})();

export const wss = (url) => `${url.replace(/^http/, 'ws')}/v1/realtime?model=gpt-realtime`;

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

/** A sentence of a person, where the recordings are, else of sori's own voice; and its words. */
export async function sentence() {
  if (recordings) return { samples: recording('goforward.wav'), text: reference('goforward.wav') };
  const text = 'go forward ten meters';
  return { samples: await say(text), text };
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

/** Sees that a reply sounds, and says what its transcript has. */
export async function soundsLike(samples, transcript) {
  assert.ok(samples.length > RATE / 2, `the reply has only ${samples.length} samples`);
  assert.ok(level(samples) > 0.01, `the reply has a level of ${level(samples)}`);
  const heard = await hear(samples);
  assert.ok(wordErrors(transcript, heard) <= 0.35, `the reply "${transcript}" sounds like "${heard}"`);
}

/** Hands speech to send in pieces of 40 ms, speed times as fast as it is spoken, and then a pause. */
export async function speak(send, samples, { speed = 8, pause = 1500 } = {}) {
  const piece = RATE / 25;
  const began = performance.now();
  const all = [samples, silence(pause)];
  let sent = 0;
  for (const part of all) {
    for (let at = 0; at < part.length; at += piece) {
      send(part.slice(at, at + piece));
      sent += 40 / speed;
      const early = sent - (performance.now() - began);
      if (early > 5) await sleep(early);
    }
  }
}

/** Waits until find gives something, and gives it. */
export async function until(find, what, ms = 20_000) {
  const end = performance.now() + ms;
  for (;;) {
    const found = find();
    if (found) return found;
    if (performance.now() > end) throw new Error(`${typeof what === 'function' ? what() : what} did not come within ${ms / 1000} s`);
    await sleep(10);
  }
}

/** The events of a session, and what is asked of them. */
export class Trace {
  events = [];

  add(event) {
    this.events.push(event);
  }

  all(type) {
    return this.events.filter((e) => e.type === type);
  }

  /** Waits for the nth event of a type, from 1. */
  next(type, n = 1, ms = 20_000) {
    return until(() => this.all(type)[n - 1], () => `${type} no. ${n}, after ${this.types().join(', ')},`, ms);
  }

  types() {
    const short = [];
    for (const { type } of this.events) if (short.at(-1) !== type) short.push(type);
    return short;
  }

  /** The audio of a response. */
  audio(id) {
    return decode(this.all('response.output_audio.delta').filter((e) => !id || e.response_id === id).map((e) => e.delta));
  }

  /** The text of a response, as it was streamed. */
  transcript(id) {
    return this.all('response.output_audio_transcript.delta').filter((e) => !id || e.response_id === id).map((e) => e.delta).join('');
  }

  /** Sees that the events come in the order in which the API has them. */
  check() {
    const ids = new Set();
    for (const e of this.events) {
      assert.equal(typeof e.event_id, 'string', `${e.type} has no event_id`);
      assert.ok(!ids.has(e.event_id), `the event_id of ${e.type} comes twice`);
      ids.add(e.event_id);
    }
    assert.equal(this.events[0]?.type, 'session.created');
    for (const e of this.all('response.created')) this.#checkResponse(e.response.id);
    for (const e of this.all('input_audio_buffer.committed')) this.#checkUser(e.item_id);
  }

  #at(match, what) {
    const found = this.events.flatMap((e, i) => (match(e) ? [i] : []));
    assert.equal(found.length, 1, `${what}: ${found.length} of them in ${this.types().join(', ')}`);
    return found[0];
  }

  #rising(steps, what) {
    let last = -1;
    for (const [name, at] of steps) {
      assert.ok(at > last, `${what}: ${name} comes too early in ${this.types().join(', ')}`);
      last = at;
    }
  }

  #checkResponse(id) {
    const of = (type, more = () => true) => this.#at((e) => e.type === type && (e.response?.id ?? e.response_id) === id && more(e), `${type} of ${id}`);
    const created = of('response.created');
    const done = of('response.done');
    const last = this.events.findLastIndex((e) => e.response_id === id);
    assert.ok(last < done, `${this.events[last]?.type} comes behind response.done`);
    for (const e of this.events.filter((x) => x.type === 'response.output_item.added' && x.response_id === id)) {
      const item = e.item.id;
      const itemAt = (type) => this.#at((x) => x.type === type && (x.item?.id ?? x.item_id) === item, `${type} of ${item}`);
      const steps = [['created', created], ['output_item.added', itemAt('response.output_item.added')], ['item.added', itemAt('conversation.item.added')]];
      const parts = this.events.filter((x) => x.type === 'response.content_part.added' && x.item_id === item);
      for (const part of parts) {
        steps.push(['content_part.added', this.events.indexOf(part)]);
        for (const kind of part.part.type === 'audio' ? ['output_audio', 'output_audio_transcript'] : ['output_text']) {
          const deltas = this.events.flatMap((x, i) => (x.type === `response.${kind}.delta` && x.item_id === item ? [i] : []));
          const closed = itemAt(`response.${kind}.done`);
          for (const at of deltas) assert.ok(at > this.events.indexOf(part) && at < closed, `${kind}.delta outside of its part`);
        }
        if (part.part.type === 'audio') {
          steps.push(['output_audio.done', itemAt('response.output_audio.done')], ['output_audio_transcript.done', itemAt('response.output_audio_transcript.done')]);
        } else {
          steps.push(['output_text.done', itemAt('response.output_text.done')]);
        }
        steps.push(['content_part.done', itemAt('response.content_part.done')]);
      }
      if (e.item.type === 'function_call') steps.push(['function_call_arguments.done', itemAt('response.function_call_arguments.done')]);
      steps.push(['item.done', itemAt('conversation.item.done')], ['output_item.done', itemAt('response.output_item.done')], ['response.done', done]);
      this.#rising(steps, `response ${id}`);
    }
  }

  #checkUser(item) {
    const first = (type) => this.events.findIndex((e) => e.type === type && (e.item?.id ?? e.item_id) === item);
    const steps = [];
    if (first('input_audio_buffer.speech_started') >= 0) {
      steps.push(['speech_started', first('input_audio_buffer.speech_started')], ['speech_stopped', first('input_audio_buffer.speech_stopped')]);
    }
    steps.push(['committed', first('input_audio_buffer.committed')], ['item.added', first('conversation.item.added')], ['item.done', first('conversation.item.done')]);
    this.#rising(steps, `the user's item ${item}`);
    const heard = first('conversation.item.input_audio_transcription.completed');
    if (heard >= 0) this.#rising([['committed', first('input_audio_buffer.committed')], ['transcription.completed', heard]], item);
  }
}
