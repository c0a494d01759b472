// A real sori for one test: its own port, its own data.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';

import { Sori } from '../../static/sori.js';
import { RATE } from './wav.js';

const run = promisify(execFile);
const START_WITHIN = 60_000; // ms; the engines load their models
const BINARY = process.env.SORI_BIN ?? fileURLToPath(new URL('../../../bin/sori', import.meta.url));

export class Server {
  /** @param {string[]} flags */
  constructor(flags) {
    this.flags = flags;
    this.port = 0;
    this.data = '';
    this.log = '';
    /** @type {import('node:child_process').ChildProcess | null} */
    this.process = null;
  }

  /** @param {...string} flags of `sori serve` */
  static async start(...flags) {
    const server = await Server.#made(flags);
    await server.up();
    return server;
  }

  /** One whose voice costs little, for what is not about how it sounds. @param {...string} flags of `sori serve` */
  static brisk(...flags) {
    return Server.start('--tts', 'local:flite', ...flags);
  }

  /** One that lets nobody in without a key. @param {string} user whom the key is for */
  static async locked(user) {
    const server = await Server.#made(['--tts', 'local:flite']);
    const made = await run(BINARY, ['keys', 'make', `of ${user}`, '--user', user, '--data', server.data]);
    await server.up();
    return { server, key: made.stdout.trim() };
  }

  /** @param {string[]} flags */
  static async #made(flags) {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: make build`);
    const server = new Server(flags);
    server.data = await mkdtemp(join(tmpdir(), 'sori-web-'));
    server.port = await freePort();
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  get ws() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Starts it, again if it was down. */
  async up() {
    const child = spawn(BINARY, ['serve', '--addr', `127.0.0.1:${this.port}`, '--data', this.data, '--recordings', 'folder', ...this.flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = child;
    const keep = (/** @type {Buffer} */ text) => (this.log += text);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const until = Date.now() + START_WITHIN;
    while (!(await this.#healthy())) {
      if (child.exitCode !== null || Date.now() > until) throw new Error(`sori did not start:\n${this.log}`);
      await new Promise((r) => setTimeout(r, 50));
    }
  }

  async #healthy() {
    if (!this.log.includes('is ready')) return false;
    const answer = await fetch(`${this.url}healthz`).catch(() => null);
    return answer?.ok ?? false;
  }

  /** Ends it. @param {NodeJS.Signals} [signal] */
  async down(signal = 'SIGTERM') {
    const child = this.process;
    this.process = null;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    this.log = '';
  }

  async stop() {
    await this.down();
    await rm(this.data, { recursive: true, force: true });
  }

  /** A client of it, with settings. @param {import('../../static/sori.js').Settings} [settings] */
  async client(settings = {}) {
    const sori = new Sori(settings, { url: this.ws, WebSocket });
    await sori.connect();
    return sori;
  }

  /** What it hears in 16 kHz PCM. @param {Int16Array} samples @returns {Promise<string>} */
  async transcribe(samples) {
    const sori = await this.client({ user: 'listener' });
    try {
      for (let i = 0; i < samples.length; i += 3200) sori.send(samples.slice(i, i + 3200));
      const end = new Promise((/** @type {(text: string) => void} */ resolve, reject) => {
        sori.on('atot.done', ({ text }) => resolve(text));
        sori.on('turn.failed', ({ message }) => reject(new Error(message)));
        sori.on('error', ({ message }) => reject(new Error(message)));
      });
      sori.commit();
      return await end;
    } finally {
      await sori.close();
    }
  }
}

/** @returns {Promise<number>} */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * Runs one engine by itself, until it is ended.
 * @param {string} address
 * @param {...string} what stage and flags
 */
export async function engine(address, ...what) {
  const child = spawn(BINARY, ['engine', ...what, '--addr', address], { stdio: 'ignore' });
  const until = Date.now() + START_WITHIN;
  while (!(await fetch(`http://${address}/health`).catch(() => null))?.ok) {
    if (child.exitCode !== null || Date.now() > until) throw new Error(`sori engine ${what[0]} did not start`);
    await new Promise((r) => setTimeout(r, 50));
  }
  return child;
}

/**
 * Sori's own voice, by itself: it says what the browser's microphone is to hear.
 * It is the one that says the same each time.
 * @param {string[]} texts
 * @returns {Promise<Int16Array[]>} at 16 kHz
 */
export async function say(...texts) {
  const address = `127.0.0.1:${await freePort()}`;
  const voice = await engine(address, 'tts', '--voice', 'flite');
  try {
    return await Promise.all(texts.map(async (input) => {
      const answer = await fetch(`http://${address}/v1/audio/speech`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ model: 'flite', input, response_format: 'wav', sample_rate: RATE }),
      });
      const wav = await answer.arrayBuffer();
      if (!answer.ok || new DataView(wav).getUint32(24, true) !== RATE) throw new Error(`sori engine tts answered ${answer.status}`);
      return new Int16Array(wav.slice(44));
    }));
  } finally {
    voice.kill();
  }
}
