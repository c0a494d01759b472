import assert from 'node:assert/strict';
import { test } from 'node:test';

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
