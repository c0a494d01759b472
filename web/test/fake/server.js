// A small server that speaks sori's protocol from a script: for tests of what a
// client does when a server does something that the real one does rarely, or at
// a time that can't be chosen.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

import { Session } from './session.js';

/**
 * @typedef {object} Script
 * @property {string} [reply] what is answered
 * @property {string} [heard] what was said, whatever was said
 * @property {'atot' | 'ttot' | 'tts'} [broken] the stage that fails
 * @property {boolean} [deaf] no ping is answered
 * @property {number} [slow] ms that each stage takes
 */

export class FakeServer {
  /** @param {Script} [script] */
  constructor(script = {}) {
    this.script = script;
    /** @type {any[]} Every message of every client. */
    this.said = [];
    this.frames = 0;
    /** @type {Set<Session>} */
    this.sessions = new Set();
    this.accept = true;
    this.connections = 0;
    this.http = createServer((_, answer) => answer.writeHead(404).end());
    this.ws = new WebSocketServer({ noServer: true });
    this.http.on('upgrade', (request, socket, head) => {
      this.connections++;
      if (!this.accept) return void socket.destroy();
      this.ws.handleUpgrade(request, socket, head, (ws) => this.#welcome(ws));
    });
  }

  /** @param {number} [port] @returns {Promise<string>} the address of its WebSocket */
  async listen(port = 0) {
    this.http.listen(port, '127.0.0.1');
    await once(this.http, 'listening');
    this.port = /** @type {import('node:net').AddressInfo} */ (this.http.address()).port;
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Ends every connection. @param {number} [code] none: the line is cut */
  hangUp(code) {
    for (const ws of this.ws.clients) {
      if (code) ws.close(code);
      else ws.terminate();
    }
  }

  async close() {
    this.hangUp();
    this.ws.close();
    this.http.close();
    this.http.closeAllConnections();
    await once(this.http, 'close');
  }

  /** @param {import('ws').WebSocket} ws */
  #welcome(ws) {
    const session = new Session(randomUUID(), this.script, ws);
    this.sessions.add(session);
    ws.on('message', (data, binary) => {
      if (binary) {
        this.frames++;
        session.hear(/** @type {Buffer} */ (data));
        return;
      }
      const message = JSON.parse(String(data));
      this.said.push(message);
      session.take(message);
    });
    ws.on('close', () => {
      session.end();
      this.sessions.delete(session);
    });
  }

  /** What clients said of one type. @param {string} type */
  of(type) {
    return this.said.filter((m) => m.type === type);
  }
}
