import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Timing } from '../../static/page/timing.js';
import { rows } from '../../static/page/waterfall.js';

const timings = {
  decision_ms: 320, atot_done_ms: 250, ttot_first_ms: 330, clause_first_ms: 340, tts_first_ms: 400, audio_first_ms: 410,
  heard_first_ms: null, ttot_done_ms: 360, tts_done_ms: 700, end_ms: 2500,
};

test('each step that happened is a row', () => {
  assert.deepEqual(rows(timings, 470, 1800).map(({ kind, from, to }) => [kind, from, to]), [
    ['decision', 0, 320], ['atot', 0, 250], ['ttot', 250, 360], ['tts', 340, 700], ['sound', 470, 2270],
  ]);
});

test('what did not happen is not drawn', () => {
  assert.deepEqual(rows({ ttot_first_ms: 10, ttot_done_ms: 20 }, 0, 0).map((r) => r.kind), ['ttot']);
  assert.deepEqual(rows({}, 0, 0), []);
});

test('work that was done ahead of time begins at zero', () => {
  const [atot] = rows({ atot_done_ms: -40 }, 0, 0);
  assert.deepEqual([atot.from, atot.to], [0, 0]);
});

test('while a turn goes on, what has not ended reaches to now', () => {
  const t = new Timing(5000, 100);
  const drawn = (/** @type {number} */ now) => {
    const { timings, heard, outputMS } = t.until(now);
    return rows(timings, heard, outputMS).map(({ kind, from, to, first }) => [kind, from, to, ...(first === undefined ? [] : [first])]);
  };
  assert.deepEqual(drawn(100), []);
  t.take({ type: 'atot.started', ms: 5000 });
  assert.deepEqual(drawn(150), [['atot', 0, 50]]);
  t.take({ type: 'atot.done', ms: 5060 });
  t.take({ type: 'ttot.started', ms: 5060 });
  assert.deepEqual(drawn(200), [['atot', 0, 60], ['ttot', 60, 100]]);
  t.take({ type: 'ttot.partial', ms: 5110 });
  t.take({ type: 'ttot.partial', ms: 5120 });
  t.take({ type: 'tts.started', ms: 5130 });
  assert.deepEqual(drawn(250), [['atot', 0, 60], ['ttot', 60, 150, 110], ['tts', 130, 150]]);
  t.take({ type: 'ttot.done', ms: 5160 });
  t.take({ type: 'audio.begin', ms: 5170 });
  t.sounds(300);
  t.sounds(320);
  assert.deepEqual(drawn(400), [['atot', 0, 60], ['ttot', 60, 160, 110], ['tts', 130, 300, 170], ['sound', 200, 300]]);
});
