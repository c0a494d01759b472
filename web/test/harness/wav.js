// Speech put together for the browser's fake microphone.

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

export const RATE = 16_000;

/** @param {number} seconds */
export const silence = (seconds) => new Int16Array(Math.round(seconds * RATE));

/** @param {...Int16Array} parts */
export function join(...parts) {
  const all = new Int16Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {string} path @param {Int16Array} samples */
export async function writeWAV(path, samples) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // mono
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.byteLength, 40);
  await writeFile(path, Buffer.concat([head, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]));
}

const PEOPLE = new URL('../../../../shared/audio/', import.meta.url);

/**
 * Why there are no recordings of people here, or false. They are not part of this
 * tree, so that a checkout alone is tested without them.
 * @returns {string | false}
 */
export const nobody = () => (existsSync(PEOPLE) ? false : 'there are no recordings of people in ../shared/audio');

/** What somebody really said. @param {string} name @returns {Promise<{ samples: Int16Array, text: string }>} */
export async function recording(name) {
  const lines = (await readFile(new URL('refs.txt', PEOPLE), 'utf8')).split('\n');
  const text = lines.find((l) => l.startsWith(`${name}|`))?.split('|')[1];
  const wav = await readFile(new URL(`${name}.wav`, PEOPLE));
  if (!text || wav.readUInt32LE(24) !== RATE) throw new Error(`${name} has no words in refs.txt, or another rate`);
  return { samples: new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length)), text };
}

/** Somebody coughs twice. */
export function cough() {
  const once = Int16Array.from({ length: RATE * 0.35 }, (_, i) => {
    const t = i / RATE;
    const throat = 0.6 * (((i * 7919) % 1000) / 500 - 1) + 0.4 * Math.sin(2 * Math.PI * 160 * t);
    return 20_000 * throat * Math.exp(-t * 9) * (1 - Math.exp(-t * 400));
  });
  return join(once, silence(0.1), once);
}

/** The share of reference words that were not heard, or heard as others. @param {string} reference @param {string} heard */
export function wordErrors(reference, heard) {
  const words = (/** @type {string} */ s) => s.toLowerCase().replace(/[^\p{L}\p{N}\s']/gu, ' ').split(/\s+/).filter(Boolean);
  const a = words(reference);
  const b = words(heard);
  let row = b.map((_, i) => i + 1);
  row.unshift(0);
  a.forEach((word, i) => {
    const next = [i + 1];
    b.forEach((other, j) => next.push(Math.min(row[j] + (word === other ? 0 : 1), row[j + 1] + 1, next[j] + 1)));
    row = next;
  });
  return row[b.length] / Math.max(1, a.length);
}
