// Captions that keep pace with the voice: which words of a reply have been heard
// at a moment. Where a clause begins the server says; within it, time is shared
// out by the length of the words.

/** Of speech that is not yet measured: characters a second. */
const PACE = 15;

export class Captions {
  constructor() {
    /** @type {{ text: string, at: number }[]} */
    this.clauses = [];
    this.length = 0; // ms of the whole reply, 0 while it is not known
    this.reach = { clause: -1, cut: 0 }; // what was shown stays, when a guess about the time was wrong
  }

  /** @param {string} text @param {number} at ms of the reply's audio at which it begins */
  add(text, at) {
    this.clauses.push({ text, at });
  }

  /** All of it. */
  get text() {
    return this.clauses.map((c) => c.text.trim()).join(' ');
  }

  /**
   * @param {number} ms of the reply's audio that were heard
   * @returns {{ heard: string, ahead: string, clause: number }} the words heard,
   *   the rest of the clause that sounds, and that clause's number, -1 before the first
   */
  at(ms) {
    let clause = -1;
    for (let i = 0; i < this.clauses.length && this.clauses[i].at <= ms; i++) clause = i;
    if (clause < 0) return { heard: '', ahead: '', clause };
    const before = this.clauses.slice(0, clause).map((c) => c.text.trim());
    const text = this.clauses[clause].text.trim();
    const begin = this.clauses[clause].at;
    const end = Math.max(this.#end(clause), begin + 1);
    const kept = this.reach.clause === clause ? this.reach.cut : 0;
    const cut = Math.max(kept, wordEnd(text, Math.min(1, (ms - begin) / (end - begin))));
    this.reach = { clause, cut };
    return { heard: [...before, text.slice(0, cut)].join(' '), ahead: text.slice(cut), clause };
  }

  /** @param {number} clause */
  #end(clause) {
    const next = this.clauses[clause + 1];
    if (next) return next.at;
    const { text, at } = this.clauses[clause];
    return this.length || at + (text.length / PACE) * 1000;
  }
}

/**
 * Where the word ends that is being said when this share of a text is over.
 * @param {string} text
 * @param {number} share 0 to 1
 */
function wordEnd(text, share) {
  const at = Math.round(text.length * share);
  if (at >= text.length) return text.length;
  const space = text.indexOf(' ', at);
  return space < 0 ? text.length : space;
}
