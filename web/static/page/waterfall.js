// Where a turn's time went, as a picture: one row for each step with how long it
// took, milliseconds from the end of speech along the top.

import { draw } from './dom.js';
import { duration, say } from './words.js';

/** @typedef {import('../sori.js').Timings} Timings */
/** @typedef {{ name: string, kind: string, from: number, to: number, first?: number }} Row */

const WIDTH = 320;
const LEFT = 76; // where time begins
const RIGHT = 58; // how long each step took
const ROW = 19;
const TOP = 22;

/**
 * The steps that happened.
 * @param {Partial<Timings>} t
 * @param {number} heard ms to the first sound as it was heard here, or 0
 * @param {number} outputMS length of the reply's audio
 * @returns {Row[]}
 */
export function rows(t, heard, outputMS) {
  /** @type {Row[]} */
  const all = [];
  /** @type {(key: string, kind: string, from?: number | null, to?: number | null, first?: number | null) => void} */
  const add = (key, kind, from, to, first) => {
    if (from == null || to == null) return;
    all.push({ name: say(key), kind, from: Math.max(0, from), to: Math.max(0, to), ...(first != null && { first: Math.max(0, first) }) });
  };
  if (t.decision_ms) add('rowDecision', 'decision', 0, t.decision_ms);
  add('rowAtot', 'atot', 0, t.atot_done_ms);
  add('rowTtot', 'ttot', t.atot_done_ms ?? 0, t.ttot_done_ms ?? t.clause_first_ms ?? t.ttot_first_ms, t.ttot_first_ms);
  add('rowTts', 'tts', t.clause_first_ms, t.tts_done_ms ?? t.tts_first_ms, t.tts_first_ms);
  const sound = heard || t.heard_first_ms || t.audio_first_ms;
  if (sound && outputMS) add('rowSound', 'sound', sound, sound + outputMS);
  return all;
}

/**
 * @param {Partial<Timings>} timings
 * @param {{ heard: number, outputMS: number }} more as in rows
 * @returns {SVGElement | null} nothing when nothing is known
 */
export function waterfall(timings, { heard, outputMS }) {
  const all = rows(timings, heard, outputMS);
  if (all.length === 0) return null;
  const sound = all.find((r) => r.kind === 'sound');
  // The sound itself goes on for long after everything that is of interest.
  const work = Math.max(...all.filter((r) => r !== sound).map((r) => r.to), sound?.from ?? 0, 50);
  const step = tick(work);
  const span = Math.ceil((work * 1.12) / step) * step;
  const x = (/** @type {number} */ ms) => LEFT + (Math.min(ms, span) / span) * (WIDTH - LEFT - RIGHT);
  const height = TOP + all.length * ROW + 6;
  const svg = draw('svg', { viewBox: `0 0 ${WIDTH} ${height}`, class: 'waterfall', role: 'img' });
  svg.append(draw('title', {}, say('timingPicture', { rows: all.map(inWords).join('; ') })));
  for (let ms = 0; ms <= span; ms += step) {
    svg.append(draw('line', { class: ms === 0 ? 'zero' : 'tick', x1: x(ms), x2: x(ms), y1: TOP - 5, y2: height - 4 }));
    svg.append(draw('text', { class: 'time', x: x(ms), y: 11 }, ms === 0 ? '0' : duration(ms)));
  }
  all.forEach((row, i) => {
    const y = TOP + i * ROW;
    svg.append(draw('text', { class: 'row', x: 0, y: y + 12 }, row.name));
    svg.append(draw('rect', { class: `bar ${row.kind}`, x: x(row.from), y: y + 4, width: Math.max(2, x(row.to) - x(row.from)), height: 9, rx: 2 }));
    if (row.first != null) svg.append(draw('circle', { class: `first ${row.kind}`, cx: x(row.first), cy: y + 8.5, r: 3.2 }));
    svg.append(draw('text', { class: 'took', x: WIDTH, y: y + 12 }, duration(row.to - row.from)));
  });
  if (sound) svg.append(draw('line', { class: 'heard', x1: x(sound.from), x2: x(sound.from), y1: TOP - 5, y2: height - 4 }));
  return svg;
}

/** @param {Row} row */
function inWords(row) {
  return say('timingRow', { name: row.name, from: duration(row.from), to: duration(row.to) });
}

/** A round distance between lines, for about four of them. @param {number} span ms */
function tick(span) {
  const rough = span / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
}
