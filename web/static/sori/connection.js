// One WebSocket after the other: whoever holds a Connection sees a line that
// breaks and comes back, with a pause that grows and is never the same twice.

import { SoriError } from './events.js';

const FIRST_PAUSE = 500; // ms
const LONGEST_PAUSE = 15_000;
const OPEN_TIMEOUT = 10_000; // until the first message has to be there
const PING_EVERY = 15_000;
const PONG_WITHIN = 10_000;
const NEVER_AGAIN = 4500; // close codes from here on mean: don't come back

/**
 * @typedef {object} Handlers
 * @property {() => void} opened the line is there: say hello
 * @property {(text: string) => void} text
 * @property {(audio: ArrayBuffer) => void} audio
 * @property {(state: import('../sori.js').ConnectionState) => void} state
 */

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  #wanted = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #pings = 0;

  /**
   * @param {string} url
   * @param {typeof WebSocket} WebSocketClass
   * @param {boolean} reconnect
   * @param {Handlers} handlers
   */
  constructor(url, WebSocketClass, reconnect, handlers) {
    this.url = url;
    this.WebSocket = WebSocketClass;
    this.reconnect = reconnect;
    this.handlers = handlers;
    this.online = () => this.#wanted && !this.#socket && this.#dial();
  }

  open() {
    if (this.#wanted) return void this.online(); // while it waits: at once
    this.#wanted = true;
    this.#attempt = 0;
    globalThis.addEventListener?.('online', this.online);
    this.#dial();
  }

  /** The other side has accepted us: the next break is a first one. */
  settled() {
    this.#attempt = 0;
    this.#watch();
  }

  /** @param {string} id */
  ponged(id) {
    if (id === String(this.#pings)) this.#watch();
  }

  /** @param {string | ArrayBufferView | ArrayBuffer} data @returns {boolean} it was sent */
  send(data) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(/** @type {string} */ (data));
    return true;
  }

  /** Bytes that wait to be sent. */
  get waiting() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  close() {
    if (!this.#wanted) return;
    this.#wanted = false;
    globalThis.removeEventListener?.('online', this.online);
    this.#drop(1000);
    this.handlers.state({ state: 'closed', code: 1000, reason: '' });
  }

  #dial() {
    clearTimeout(this.#timer);
    this.#attempt++;
    this.handlers.state({ state: 'connecting', attempt: this.#attempt });
    const socket = new this.WebSocket(this.url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    const mine = (/** @type {(event: any) => void} */ handle) => (/** @type {any} */ event) => {
      if (socket === this.#socket) handle(event);
    };
    socket.addEventListener('open', mine(() => this.handlers.opened()));
    socket.addEventListener('close', mine((event) => this.#broken(event.code, event.reason)));
    socket.addEventListener('error', () => {}); // a close follows, and says more
    socket.addEventListener('message', mine(({ data }) => {
      if (typeof data === 'string') this.handlers.text(data);
      else this.handlers.audio(data);
    }));
    this.#timer = setTimeout(mine(() => this.#hungUp('nothing came back')), OPEN_TIMEOUT);
  }

  // A line can be dead without a sign: ask, and hang up when nobody answers.
  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.send(JSON.stringify({ type: 'ping', id: String(++this.#pings) }));
      this.#timer = setTimeout(() => this.#hungUp('no answer to a ping'), PONG_WITHIN);
    }, PING_EVERY);
  }

  /** @param {string} reason */
  #hungUp(reason) {
    this.#drop(4001);
    this.#broken(4001, reason);
  }

  /** @param {number} code */
  #drop(code) {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(code);
  }

  /** @param {number} code @param {string} reason */
  #broken(code, reason) {
    clearTimeout(this.#timer);
    this.#socket = null;
    if (!this.reconnect || code >= NEVER_AGAIN) {
      this.#wanted = false;
      globalThis.removeEventListener?.('online', this.online);
      this.handlers.state({ state: 'closed', code, reason });
      return;
    }
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.max(0, this.#attempt - 1));
    const retryInMs = Math.round(longest * (0.5 + Math.random() / 2));
    this.#timer = setTimeout(() => this.#dial(), retryInMs);
    this.handlers.state({ state: 'waiting', attempt: this.#attempt, retryInMs, code, reason });
  }

  /** What stands for a failed connection that will not be tried again. @param {number} code @param {string} reason */
  static failure(code, reason) {
    return new SoriError('closed', `The connection was closed (${code}${reason && `: ${reason}`}).`);
  }
}
