// One WebSocket after the other: a line that breaks and comes back, after a
// pause that grows and is never the same twice.

const FIRST_PAUSE = 500; // ms
const LONGEST_PAUSE = 15_000;
const OPEN_TIMEOUT = 10_000; // until the session has to be there
const PING_EVERY = 15_000;
const PONG_WITHIN = 10_000;
const NEVER_AGAIN = 4500; // close codes from here on mean: don't come back

export class Connection {
  /** How long to stay away after the next break, as the server asked, ms. @type {number | undefined} */
  away;
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  #wanted = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #pings = 0;

  /** @param {boolean} reconnect @param {Handlers} handlers */
  constructor(reconnect, handlers) {
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

  /** @param {string} [id] */
  ponged(id) {
    if (id === String(this.#pings)) this.#watch();
  }

  /** @param {any} data */
  send(data) {
    if (this.#socket?.readyState === 1) this.#socket.send(data);
  }

  /** Bytes that wait to be sent. */
  get waiting() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  close() {
    if (this.#wanted) this.#end(1000, '');
  }

  async #dial() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#broken(4001, 'nothing came back'), OPEN_TIMEOUT);
    this.handlers.state({ state: 'connecting', attempt: ++this.#attempt });
    const socket = await this.handlers.dial(this.#attempt).catch(({ code, message }) => this.#broken(code ?? 4001, message));
    if (!socket) return;
    if (this.#socket || !this.#wanted) return socket.close(); // of another attempt
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    const on = (/** @type {string} */ type, /** @type {(event: any) => void} */ handle) =>
      socket.addEventListener(type, (event) => socket === this.#socket && handle(event));
    on('open', () => this.handlers.opened());
    on('close', ({ code, reason }) => this.#broken(code, reason));
    on('error', () => {}); // a close follows, and says more
    on('message', ({ data }) => this.handlers.came(data));
  }

  // A line can be dead without a sign: ask, and hang up when nobody answers.
  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.handlers.ping(String(++this.#pings));
      this.#timer = setTimeout(() => this.#broken(4001, 'no answer to a ping'), PONG_WITHIN);
    }, PING_EVERY);
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
    if (!this.#wanted) return; // it was closed meanwhile
    if (!this.reconnect || code >= NEVER_AGAIN) return this.#end(code, reason);
    this.#drop(4001);
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.#attempt && this.#attempt - 1));
    const retryInMs = this.away ?? Math.round(longest * (0.5 + Math.random() / 2));
    this.away = undefined;
    this.#timer = setTimeout(() => this.#dial(), retryInMs);
    this.handlers.state({ state: 'waiting', attempt: this.#attempt, retryInMs, code, reason });
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    this.#wanted = false;
    globalThis.removeEventListener?.('online', this.online);
    this.#drop(1000);
    this.handlers.state({ state: 'closed', code, reason });
  }
}
