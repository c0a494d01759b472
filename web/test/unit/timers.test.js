// What the library does after a time: with a clock that the test turns. It has a
// process of its own, so that no other test's timers are on that clock.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pair } from './pair.js';

test('pauses between attempts grow, and differ', async (t) => {
  t.mock.method(globalThis, 'fetch', async () => ({ status: 200 })); // its own timers are not the test's
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { server, sori } = await pair(t);
  server.accept = false;
  /** @type {number[]} */
  const pauses = [];
  const enough = new Promise((resolve) => {
    sori.on('state', (s) => {
      if (s.state !== 'waiting') return;
      pauses.push(s.retryInMs);
      if (pauses.length === 8) resolve(undefined);
      else setImmediate(() => t.mock.timers.tick(15_000));
    });
  });
  sori.connect().catch(() => {});
  await enough;
  for (const [i, pause] of pauses.entries()) {
    const longest = Math.min(15_000, 500 * 2 ** i);
    assert.ok(pause >= longest / 2 && pause <= longest, `pause ${i} is ${pause} ms`);
  }
});

test('a line that is dead without a sign is found out', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { server, sori } = await pair(t, { deaf: true });
  await sori.connect();
  const broken = sori.next('state');
  t.mock.timers.tick(15_000); // the ping
  t.mock.timers.tick(10_000); // no pong
  const state = await broken;
  assert.equal(state.state, 'waiting');
  assert.match('reason' in state ? state.reason : '', /ping/);
  assert.equal(server.connections, 1);
});
