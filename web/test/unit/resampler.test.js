import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Resampler } from '../../static/sori/resampler.js';

/** @param {number} n @param {number} hz @param {number} rate */
const sine = (n, hz, rate) => Float32Array.from({ length: n }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate));

/** @param {Resampler} r @param {Float32Array} input @param {number} chunk */
function run(r, input, chunk) {
  /** @type {number[]} */
  const out = [];
  for (let i = 0; i < input.length; i += chunk) out.push(...r.push(input.subarray(i, i + chunk)));
  return Float32Array.from(out);
}

/** How much of a signal is a sine of hz, in dB above everything else. @param {Float32Array} signal @param {number} hz @param {number} rate */
function purity(signal, hz, rate) {
  const body = signal.subarray(500, signal.length - 500);
  let sin = 0;
  let cos = 0;
  body.forEach((x, i) => {
    sin += x * Math.sin((2 * Math.PI * hz * i) / rate);
    cos += x * Math.cos((2 * Math.PI * hz * i) / rate);
  });
  const a = (2 * sin) / body.length;
  const b = (2 * cos) / body.length;
  let rest = 0;
  body.forEach((x, i) => {
    rest += (x - a * Math.sin((2 * Math.PI * hz * i) / rate) - b * Math.cos((2 * Math.PI * hz * i) / rate)) ** 2;
  });
  return { db: 10 * Math.log10(((a * a + b * b) / 2) / (rest / body.length)), level: Math.hypot(a, b) };
}

for (const [from, to] of [[48_000, 16_000], [44_100, 16_000], [24_000, 48_000], [24_000, 44_100], [16_000, 8_000]]) {
  test(`${from} Hz to ${to} Hz keeps a voice as it is`, () => {
    for (const hz of [200, 1000, 3000]) {
      const { db, level } = purity(run(new Resampler(from, to), sine(from, hz, from), 128), hz, to);
      assert.ok(db > 60, `${hz} Hz comes out ${db.toFixed(1)} dB above its noise`);
      assert.ok(Math.abs(level - 0.5) < 0.01, `${hz} Hz keeps its height: ${level}`);
    }
  });

  test(`${from} Hz to ${to} Hz gives as much as it takes, whatever the chunks`, () => {
    const input = sine(from, 440, from);
    const whole = run(new Resampler(from, to), input, input.length);
    for (const chunk of [1, 37, 128, 4096]) {
      assert.deepEqual(run(new Resampler(from, to), input, chunk), whole, `chunks of ${chunk}`);
    }
    assert.ok(Math.abs(whole.length - to) < 100, `${whole.length} samples of a second`);
  });
}

test('what the lower rate can’t hold does not fold back', () => {
  const out = run(new Resampler(48_000, 16_000), sine(48_000, 11_000, 48_000), 128).subarray(200);
  const loudest = Math.max(...out.map(Math.abs));
  assert.ok(loudest < 0.5 / 1000, `an 11 kHz tone leaves ${(20 * Math.log10(loudest / 0.5)).toFixed(0)} dB`);
});
