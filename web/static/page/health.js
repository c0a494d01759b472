// How the parts of the server are, as it says at /readyz: told before the user
// finds out.

import { has, say } from './words.js';

const GRACE = 10_000; // ms that a part may be away without a word about it
const SOON = 1000; // ms between two looks
const LATER = 5000; // ms, once it was told

export class Health {
  /**
   * @param {object} told
   * @param {(on: boolean) => void} told.starting the engines load
   * @param {(parts: string) => void} told.sick these do not work
   * @param {(parts: string) => void} told.well those that were said not to work do
   */
  constructor(told) {
    this.told = told;
    this.watching = false;
  }

  /** Looks again and again, until all parts work. */
  async watch() {
    if (this.watching) return;
    this.watching = true;
    let since = performance.now();
    let told = '';
    for (;;) {
      const { starting, sick } = await look();
      this.told.starting(starting);
      if (!sick) break;
      if (starting) since = performance.now(); // a server that has just begun is not sick
      const late = performance.now() - since >= GRACE;
      if (late && sick !== told) this.told.sick((told = sick));
      await new Promise((resolve) => setTimeout(resolve, late ? LATER : SOON));
    }
    if (told) this.told.well(told);
    this.watching = false;
  }
}

/** @returns {Promise<{ starting: boolean, sick: string }>} the parts that do not work, by name */
async function look() {
  try {
    const { starting, parts } = await (await fetch('/readyz')).json();
    const sick = parts.filter((/** @type {{ ok: boolean }} */ { ok }) => !ok).map((/** @type {{ name: string }} */ { name }) => (has(`part_${name}`) ? say(`part_${name}`) : name));
    return { starting, sick: sick.join(', ') };
  } catch {
    return { starting: false, sick: '' }; // the server does not say; the conversation will
  }
}
