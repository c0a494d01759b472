// Speech put together for the browser's fake microphone.

import { writeFile } from 'node:fs/promises';

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
