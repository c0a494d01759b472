// A client and the scripted server that it talks with, for one test.

import { WebSocket } from 'ws';

import { Sori } from '../../static/sori.js';
import { FakeServer } from '../fake/server.js';

/**
 * @param {import('node:test').TestContext} t
 * @param {import('../fake/server.js').Script} [script]
 * @param {import('../../static/sori.js').Settings} [settings]
 * @param {import('../../static/sori.js').Options} [options]
 */
export async function pair(t, script, settings = {}, options = {}) {
  const server = new FakeServer(script);
  const url = await server.listen();
  const sori = new Sori(settings, { url, WebSocket, ...options });
  t.after(async () => {
    await sori.close();
    await server.close();
  });
  return { server, sori, url };
}
