// Speech for the tests: recordings of people, and what sori itself says.
import { existsSync, readFileSync } from 'node:fs';

export const RATE = 24_000; // Hz, of everything below

/** The folder with recordings of people, null where it is not there. */
export const recordings = (() => {
  const dir = new URL('../../../shared/audio/', import.meta.url);
  return existsSync(dir) ? dir : null;
})();

/** A recording of a person at 24 kHz, as Int16Array. */
export function recording(name) {
  const file = readFileSync(new URL(name, recordings));
  const at = file.indexOf('data') + 8;
  const samples = new Int16Array(file.buffer.slice(file.byteOffset + at, file.byteOffset + file.length - ((file.length - at) % 2)));
  return resample(samples, file.readUInt32LE(24), RATE);
}

/** What is said in a recording, in lower case and without punctuation. */
export function reference(name) {
  const lines = readFileSync(new URL('refs.txt', recordings), 'utf8').split('\n');
  return lines.find((l) => l.startsWith(`${name.replace('.wav', '')}`)).split('|')[1];
}

function resample(samples, from, to) {
  const out = new Int16Array(Math.floor((samples.length * to) / from));
  for (let i = 0; i < out.length; i++) {
    const at = (i * from) / to;
    const n = Math.floor(at);
    const next = samples[Math.min(n + 1, samples.length - 1)];
    out[i] = Math.round(samples[n] + (at - n) * (next - samples[n]));
  }
  return out;
}

export const silence = (ms) => new Int16Array(Math.floor((RATE * ms) / 1000));

export function join(...parts) {
  const all = new Int16Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

/** Int16Array of base64 deltas. */
export function decode(deltas) {
  const bytes = Buffer.concat(deltas.map((d) => Buffer.from(d, 'base64')));
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export const encode = (samples) => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString('base64');

/** How loud it is, as a part of full scale. */
export const level = (samples) => Math.sqrt(samples.reduce((sum, v) => sum + v * v, 0) / Math.max(samples.length, 1)) / 32_768;

/** A WAV file. */
export function wav(samples) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(2 * RATE, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([head, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}' ]+/gu, ' ').split(/\s+/).filter(Boolean);

/** How many of the words of want are not in got, in order, as a part of them. */
export function wordErrors(want, got) {
  const a = plain(want);
  const b = plain(got);
  let row = b.map((_, i) => i + 1);
  row.unshift(0);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] / Math.max(a.length, 1);
}
