// A conversation: the session on the wire, the microphone and the loudspeaker.
// What each public member does stands in ../sori.d.ts.

import { Microphone, Speaker } from './audio.js';
import { Connection } from './connection.js';
import { Emitter, SoriError } from './events.js';

const PCM = 'pcm_s16le';
const REPORT_EVERY = 250; // ms of audio between two playback reports
const UPLINK_LIMIT = 512 << 10; // bytes that may wait for a slow network: 16 s
const KEPT_LIMIT = 2 << 20; // bytes that are kept for a server that wants them again: 60 s
const KEY_REFUSED = 4502; // a close code
const LEAST_UTTERANCE = 100; // ms; the server takes no less

/** @import { ConnectionState, Options, Ready, Resumed, ServerEvent, Settings, SoriEvents, ToolCall } from '../sori.js' */

/** @extends {Emitter<SoriEvents>} */
export class Sori extends Emitter {
  /** @type {Ready | null} */
  session = null;
  /** @type {ConnectionState} */
  state = { state: 'closed', code: 1000, reason: '' };
  lastSeq = 0;
  turn = 0;
  playing = 0;
  talking = false;

  /** @type {Settings} */
  #settings;
  /** @type {Options} */
  #options;
  /** @type {Connection} */
  #line;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {Microphone | null} */
  #microphone = null;
  /** @type {Speaker | null} */
  #speaker = null;
  /** What is known of the reply that comes in. */
  #reply = newReply();
  #utteranceBytes = 0;
  #uplinkSlow = false;
  /** What was said and may be wanted again: the last of it has the number #said. @type {Said[]} */
  #kept = [];
  #keptBytes = 0;
  #said = 0;
  /** What turn.started said. @type {any} */
  #newest = {};

  /** @param {Settings} [settings] @param {Options} [options] */
  constructor(settings = {}, options = {}) {
    super();
    this.#options = options;
    const tools = Object.entries(options.tools ?? {}).map(([name, tool]) => ({ ...tool, name, run: undefined }));
    this.#settings = {
      input: { encoding: PCM, rate: 16_000 },
      output: { encoding: PCM, rate: 24_000 },
      ...(tools.length > 0 && { tools }),
      ...settings,
    };
    const WebSocketClass = options.WebSocket ?? globalThis.WebSocket;
    if (!WebSocketClass) throw new SoriError('no_websocket', 'This runtime has no WebSocket: hand one over, new Sori(settings, { WebSocket }).');
    const url = options.url ?? homeURL();
    const dial = async (/** @type {number} */ attempt) => {
      const key = await (typeof options.key === 'function' ? options.key() : options.key);
      // Browsers don't say why it failed: ask.
      const home = new URL('whoami', url.replace('ws', 'http'));
      const answer = attempt > 1 && (await fetch(home, { headers: key ? { Authorization: `Bearer ${key}` } : {} }).catch(() => null));
      if (answer && answer.status === 401) throw { code: KEY_REFUSED, message: 'the key is not accepted' };
      return new WebSocketClass(url + (this.session ? '?resume=' + this.session.session : ''), key ? ['sori', `sori.key.${key}`] : []);
    };
    this.#line = new Connection(options.reconnect ?? true, {
      dial,
      opened: () => this.#hello(),
      came: (data) => (typeof data === 'string' ? this.#take(data) : this.#hear(data)),
      ping: (id) => this.#send('ping', { id }),
      state: (state) => this.#moved(state),
    });
  }

  async connect() {
    this.#line.open();
    for (; this.state.state !== 'ready'; await this.next('state')) {
      const { state, code, reason } = /** @type {any} */ (this.state);
      if (state === 'closed') throw new SoriError('closed', `The connection was closed (${code}${reason && `: ${reason}`}).`);
    }
    return /** @type {Ready} */ (this.session);
  }

  async close() {
    this.closeMicrophone();
    this.#line.close();
    this.session = null;
    this.#speaker?.close();
    this.#speaker = null;
    await this.#context?.close();
    this.#context = null;
  }

  /** @param {Settings} settings */
  configure(settings) {
    this.#settings = { ...this.#settings, ...settings };
    this.#send('session.configure', settings);
  }

  /** @param {string} text */
  text(text) {
    this.#need(this.state.state === 'ready' && this.#send('text', { text }));
  }

  /** @param {ArrayBuffer | ArrayBufferView} audio */
  send(audio) {
    // A copy: who gave it may go on to use it.
    this.#need(this.#push(new Uint8Array(/** @type {any} */ (audio).buffer ?? audio, /** @type {any} */ (audio).byteOffset, audio.byteLength).slice()));
  }

  commit() {
    this.#utteranceBytes = 0;
    this.#need(this.#send('utterance.end'));
  }

  clear() {
    this.#utteranceBytes = 0;
    this.#need(this.#send('utterance.clear'));
  }

  cancel() {
    const turn = this.turn || this.playing;
    if (!turn) return;
    this.#report(true);
    this.#speaker?.flush(turn);
    this.#silence();
    if (this.turn) this.#send('turn.cancel', { turn });
  }

  /** @param {string} id @param {string} output @param {string} [error] */
  answerTool(id, output, error) {
    this.#send('tool.result', { id, output, ...(error && { error }) });
  }

  async openSpeaker() {
    const context = await this.#audio();
    if (this.#speaker) return;
    const speaker = new Speaker(context);
    this.#speaker = speaker;
    speaker.onplayed = (played) => this.#played(played);
    await speaker.open();
  }

  /** @param {{ deviceId?: string }} [options] */
  async openMicrophone({ deviceId } = {}) {
    await this.openSpeaker();
    this.#microphone?.close();
    const microphone = new Microphone(await this.#audio(), this.#settings.input?.rate ?? 16_000);
    this.#microphone = microphone;
    microphone.onframe = (pcm, level) => {
      this.emit('level', { source: 'input', level });
      if (this.talking) this.#push(pcm);
    };
    microphone.onlost = () => {
      this.talking = false;
      this.emit('microphone.lost', {});
    };
    await microphone.open(deviceId);
  }

  get microphone() {
    return this.#microphone?.deviceId ?? '';
  }

  closeMicrophone() {
    this.talking = false;
    this.#microphone?.close();
    this.#microphone = null;
  }

  talk() {
    if (!this.#microphone?.stream) throw new SoriError('mic_closed', 'Open the microphone first.');
    if (this.#manual) this.cancel(); // who presses the button has the floor
    this.talking = true;
    for (const pcm of this.#microphone.takeRecent()) this.#push(pcm);
  }

  /** @returns {boolean} a turn follows */
  hush() {
    if (!this.talking) return false;
    this.talking = false;
    if (!this.#manual) return false;
    const turn = this.#utteranceBytes >= ((this.#settings.input?.rate ?? 16_000) * LEAST_UTTERANCE) / 500;
    this.#utteranceBytes = 0;
    return this.#send(turn ? 'utterance.end' : 'utterance.clear') && turn;
  }

  get #manual() {
    return (this.#settings.turn_detection?.mode ?? 'manual') === 'manual';
  }

  async #audio() {
    this.#context ??= new AudioContext({ latencyHint: 'interactive' });
    if (this.#context.state === 'suspended') await this.#context.resume();
    return this.#context;
  }

  /** The first message of a connection: it has no number. @param {boolean} [anew] */
  #hello(anew) {
    const { session, resume } = this.session ?? {};
    this.#line.send(JSON.stringify(resume?.key && !anew
      ? { type: 'session.resume', session, key: resume.key, seen: this.lastSeq, forgotten: this.#said - this.#kept.length, turn: this.#newest.turn, live: this.turn ? this.#newest.id : '' }
      : { type: 'session.configure', ...this.#settings }));
  }

  /** @param {string} type @param {object} [fields] */
  #send(type, fields) {
    return this.#say(JSON.stringify({ type, ...fields }));
  }

  /** Sends it now, or keeps it until the session is resumed. @param {Said} data @returns {boolean} it did */
  #say(data) {
    const ready = this.state.state === 'ready';
    if (this.session?.resume?.key) {
      this.#kept.push(data);
      this.#keptBytes += size(data);
    } else if (!ready) return false;
    this.#said++;
    while (this.#keptBytes > KEPT_LIMIT) this.#forget(this.#said - this.#kept.length + 1);
    if (ready) this.#line.send(data);
    return true;
  }

  /** What was said up to a number the server has. @param {number} n */
  #forget(n) {
    const data = this.#kept.splice(0, Math.max(0, n - this.#said + this.#kept.length));
    for (const one of data) this.#keptBytes -= size(one);
  }

  /** @param {boolean} sent */
  #need(sent) {
    if (!sent) throw new SoriError('not_connected', 'There is no connection right now.');
  }

  /** @param {Uint8Array | ArrayBuffer} pcm */
  #push(pcm) {
    const slow = this.#line.waiting > UPLINK_LIMIT;
    if (slow && !this.#uplinkSlow) this.emit('uplink.slow', {});
    this.#uplinkSlow = slow;
    if (slow || !this.#say(pcm)) return false;
    this.#utteranceBytes += pcm.byteLength;
    return true;
  }

  /** @param {ConnectionState} state */
  #moved(state) {
    this.state = state;
    this.emit('state', state);
  }

  /** @param {string} text */
  #take(text) {
    /** @type {ServerEvent} */
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      return; // not ours: a proxy's word, perhaps
    }
    if (event.type === 'error' && event.code === 'session_unknown') return this.#hello(true);
    this.lastSeq = event.seq;
    this.#follow(event);
    this.emit(event.type, /** @type {any} */ (event));
    this.emit('event', event);
  }

  /** @param {ServerEvent} event */
  #follow(event) {
    switch (event.type) {
      case 'session.ready':
        this.#begin(event);
        break;
      case 'session.resumed':
        this.#resume(event);
        break;
      case 'ack':
        this.#forget(event.received);
        break;
      case 'going_away':
        this.#line.away = event.delay_ms;
        break;
      case 'pong':
        this.#line.ponged(event.id);
        break;
      case 'turn.started':
        this.#newest = event;
        this.turn = event.turn;
        break;
      case 'audio.begin':
        this.#answer(event.turn, event.rate);
        break;
      case 'audio.end':
        this.#reply.ms = event.audio_ms;
        this.#speaker?.end();
        break;
      case 'reply.paused':
        this.#report(true);
        this.#speaker?.pause(true);
        break;
      case 'reply.resumed':
        this.#speaker?.pause(false);
        break;
      case 'reply.corrected':
      case 'turn.cancelled':
        this.#speaker?.flush(event.turn);
        this.#silence();
        break;
      case 'tool.call':
        this.#runTool(event);
        break;
      default:
    }
    if (/^turn\.(done|cancelled|failed)$/.test(event.type) && event.turn === this.turn) this.turn = 0;
  }

  /** @param {Ready} ready */
  #begin(ready) {
    const { session: old, turn: lostTurn } = this;
    this.session = ready;
    if (ready.session === old?.session) return;
    const again = old ? unanswered(this.#kept) : [];
    this.#forget(this.#said);
    this.turn = this.#said = 0;
    this.#newest = {};
    if (!old) this.#utteranceBytes = 0;
    this.#speaker?.reset();
    this.#silence();
    this.#reply = newReply();
    for (const data of again) this.#say(data);
    this.#settled();
    if (old) this.emit('restored', { session: ready.session, previous: old.session, lostTurn, again: again.length > 0 });
  }

  /** @param {Resumed} resumed */
  #resume({ received, lost, turn }) {
    this.#forget(received);
    this.#said = received + this.#kept.length; // also where more was dropped than the server has
    if (lost) {
      this.turn = turn;
      this.#speaker?.flush(turn - 1);
      this.#answer(turn, this.session?.output.rate ?? 0);
    }
    this.#settled();
  }

  #settled() {
    for (const data of this.#kept) this.#line.send(data);
    this.#line.settled();
    this.#moved({ state: 'ready' });
  }

  /** A reply begins. @param {number} turn @param {number} rate */
  #answer(turn, rate) {
    this.#reply = newReply(turn, rate);
    this.#speaker?.begin(turn, rate);
  }

  /** @param {ArrayBuffer} pcm */
  #hear(pcm) {
    this.lastSeq++;
    this.emit('audio', { turn: this.#reply.turn, rate: this.#reply.rate, pcm });
    this.#speaker?.push(pcm.slice(0)); // listeners may keep theirs
  }

  /** @param {Played} played */
  #played({ what, turn, ms, level, gaps, buffered }) {
    this.emit('level', { source: 'output', level });
    const reply = this.#reply;
    if (!turn || turn !== reply.turn || turn <= (this.#speaker?.cut ?? 0)) return; // or it was cut meanwhile
    const ended = what === 'ended';
    const latency = this.#speaker?.latency ?? 0;
    reply.heard = Math.max(reply.heard, Math.min(ended ? ms : ms - latency, reply.ms), 0);
    if (ms > 0) this.playing = turn;
    this.emit('playback', { turn, ms: reply.heard, buffered, gaps });
    this.#report(ended);
    if (!ended) return;
    setTimeout(() => this.playing === turn && this.#silence(reply), latency);
  }

  #silence({ turn, heard } = this.#reply) {
    if (!this.playing) return;
    this.playing = 0;
    this.emit('playback.ended', { turn, ms: heard });
  }

  /** Tells the server what was heard. @param {boolean} now */
  #report(now) {
    const reply = this.#reply;
    const ms = Math.round(reply.heard);
    if (!this.#speaker || !reply.turn || ms <= reply.reported || (!now && ms - reply.reported < REPORT_EVERY)) return;
    reply.reported = ms;
    this.#send('playback', { turn: reply.turn, ms });
  }

  /** @param {ToolCall} call */
  async #runTool({ id, name, arguments: args }) {
    const tool = this.#options.tools?.[name];
    if (!tool) return;
    try {
      const output = await tool.run(args);
      this.answerTool(id, typeof output === 'string' ? output : JSON.stringify(output) ?? '');
    } catch (cause) {
      this.answerTool(id, '', String(cause).slice(0, 500) || 'failed');
    }
  }
}

const newReply = (turn = 0, rate = 0) => ({ turn, rate, ms: Infinity, heard: 0, reported: 0 });

/** What a new session has to hear: who stopped a reply does not want it anew. @param {Said[]} kept */
function unanswered(kept) {
  const types = kept.map((data) => (typeof data === 'string' ? JSON.parse(data).type : 'sound'));
  const from = types.lastIndexOf('turn.cancel');
  return kept.filter((_, i) => i > from && /^(sound|text|utterance)/.test(types[i]));
}

/** @param {any} data of type Said */
const size = (data) => data.length ?? data.byteLength;

/** The server that this library came from. */
function homeURL() {
  const url = new URL('/ws', import.meta.url);
  if (!url.protocol.startsWith('http')) throw new SoriError('no_url', 'Say where the server is: new Sori(settings, { url }).');
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}
