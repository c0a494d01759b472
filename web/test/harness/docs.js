// The examples of docs/clients.md, as they stand there.

import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../../../docs/clients.md', import.meta.url), 'utf8');

/** The address that the examples name. */
export const ADDRESS = '127.0.0.1:5000';

/**
 * The blocks of code under a heading.
 * @param {string} heading
 * @param {string} language of the block, "" for none
 */
export function blocks(heading, language) {
  const section = text.split(/^## /m).find((s) => s.startsWith(heading)) ?? '';
  const found = [...section.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].filter((m) => m[1] === language).map((m) => m[2]);
  if (!found.length) throw new Error(`docs/clients.md has no ${language} under "${heading}"`);
  return found;
}
