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
 * @property {boolean} [resumes] a session waits for its client
 * @property {string} [key] that clients need
 * @property {number} [forgets] how many of the client's latest frames are not there any more when it comes back
 * @property {number} [loses] how many of the server's own latest messages are not
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
    /** @type {any[]} The first message of each connection. */
    this.hellos = [];
    this.accept = true;
    this.connections = 0;
    /** @type {(string | undefined)[]} The subprotocols that each connection offered. */
    this.offered = [];
    this.http = createServer(({ url, headers }, answer) => {
      const known = headers.authorization === (script.key && `Bearer ${script.key}`); // who asks for no key knows none
      answer.writeHead(url !== '/whoami' ? 404 : known ? 200 : 401).end();
    });
    this.ws = new WebSocketServer({ noServer: true });
    this.http.on('upgrade', (request, socket, head) => {
      this.connections++;
      const offered = request.headers['sec-websocket-protocol'];
      this.offered.push(offered);
      if (this.script.key && !offered?.split(/, */).includes(`sori.key.${this.script.key}`)) return void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
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
    /** @type {Session | undefined} */
    let session;
    ws.on('message', (data, binary) => {
      const message = binary ? null : JSON.parse(String(data));
      if (message) this.said.push(message);
      if (!session) {
        this.hellos.push(message);
        session = this.#open(message, ws);
        return;
      }
      session.received++;
      if (binary) {
        this.frames++;
        session.hear(/** @type {Buffer} */ (data));
      } else session.take(message);
    });
    ws.on('close', (code) => {
      if (!session || session.ws !== ws || (this.script.resumes && code !== 1000)) return;
      session.end();
      this.sessions.delete(session);
    });
  }

  /** @param {any} hello @param {import('ws').WebSocket} ws @returns {Session | undefined} */
  #open(hello, ws) {
    if (hello.type === 'session.resume') {
      const known = [...this.sessions].find((s) => s.id === hello.session && s.key === hello.key);
      if (known) known.resume(hello.seen, ws);
      else ws.send(JSON.stringify({ type: 'error', seq: 0, turn: 0, ms: 0, code: 'session_unknown', message: 'It is over.' }));
      return known;
    }
    const session = new Session(randomUUID(), this.script, ws);
    this.sessions.add(session);
    session.take(hello);
    return session;
  }

  /** What clients said of one type. @param {string} type */
  of(type) {
    return this.said.filter((m) => m.type === type);
  }
}
