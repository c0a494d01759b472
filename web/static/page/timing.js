// How far a turn has come, while it goes on: the same times that its record has
// at the end, with now in place of what has not ended.

/** @typedef {import('../sori.js').Timings} Timings */

export class Timing {
  /** @param {number} ms of the server's clock, at which the turn began @param {number} now of this one's, at the same moment */
  constructor(ms, now) {
    this.zero = ms;
    this.began = now;
    /** @type {Partial<Record<string, number>>} When each thing happened first, ms from the turn's beginning. */
    this.at = {};
    this.soundAt = 0; // when sound was heard first, 0: not yet
  }

  /** @param {{ type: string, ms: number }} event of this turn */
  take({ type, ms }) {
    this.at[type] ??= ms - this.zero;
  }

  /** The first sound of the reply is heard. @param {number} now */
  sounds(now) {
    this.soundAt ||= now - this.began;
  }

  /**
   * The times as they stand, for a picture of them.
   * @param {number} now
   * @returns {{ timings: Partial<Timings>, heard: number, outputMS: number }}
   */
  until(now) {
    const passed = now - this.began;
    const { at } = this;
    /** @param {string} stage */
    const end = (stage) => at[`${stage}.done`] ?? at[`${stage}.failed`] ?? (at[`${stage}.started`] === undefined ? null : passed);
    return {
      timings: {
        atot_done_ms: end('atot'),
        ttot_first_ms: at['ttot.partial'] ?? null,
        ttot_done_ms: end('ttot'),
        clause_first_ms: at['tts.started'] ?? null,
        tts_first_ms: at['audio.begin'] ?? null,
        tts_done_ms: end('tts'),
      },
      heard: this.soundAt,
      outputMS: this.soundAt && passed - this.soundAt,
    };
  }
}
