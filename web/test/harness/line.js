// A way to a server that can be cut, or is slow to open its WebSocket.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * @param {import('node:test').TestContext} t
 * @param {number} port of the server
 * @param {number} [hold] ms that a WebSocket waits before it goes on
 */
export async function line(t, port, hold = 0) {
  /** @type {Set<import('node:net').Socket>} */
  const ends = new Set();
  const proxy = createServer(async (near) => {
    track(near);
    const [first] = await once(near, 'data').catch(() => []);
    if (!first) return; // it was cut
    near.pause();
    if (hold && String(first).startsWith('GET /ws')) await new Promise((r) => setTimeout(r, hold));
    const far = connect(port, '127.0.0.1');
    track(far);
    for (const [end, other] of [[near, far], [far, near]]) end.on('close', () => other.destroy());
    far.write(first);
    far.pipe(near).pipe(far);
  }).listen(0, '127.0.0.1');
  /** @param {import('node:net').Socket} end */
  function track(end) {
    ends.add(end);
    end.on('error', () => {}); // it was cut
    end.on('close', () => ends.delete(end));
  }
  await once(proxy, 'listening');
  const cut = () => {
    for (const end of ends) end.destroy();
  };
  t.after(() => (proxy.close(), cut()));
  const address = /** @type {import('node:net').AddressInfo} */ (proxy.address());
  return { port: address.port, cut };
}
