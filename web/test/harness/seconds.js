// A reporter for node --test: how long each file took, the longest first.

import { relative } from 'node:path';

/** @param {AsyncIterable<any>} source */
export default async function* seconds(source) {
  /** @type {Map<string, number>} */
  const took = new Map();
  for await (const { type, data } of source) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting > 0 || !data.file) continue;
    took.set(data.file, (took.get(data.file) ?? 0) + data.details.duration_ms); // what is made before them counts towards the first
  }
  for (const [file, ms] of [...took].sort(([, a], [, b]) => b - a)) yield `${(ms / 1000).toFixed(1).padStart(7)} s  ${relative('', file)}\n`;
}
