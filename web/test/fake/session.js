// One session of the fake server.

const RATE = 24_000;
const FRAME = RATE / 25; // samples of 40 ms

export class Session {
  /**
   * @param {string} id
   * @param {import('./server.js').Script} script
   * @param {import('ws').WebSocket} ws
   */
  constructor(id, script, ws) {
    this.id = id;
    this.script = script;
    this.ws = ws;
    this.key = script.resumes ? `key of ${id}` : '';
    this.received = 0; // frames of the client, the first message of a connection not counted
    /** @type {(string | Buffer)[]} Everything that took a number. */
    this.log = [];
    this.turn = 0;
    this.live = false;
    this.bytes = 0;
    this.began = Date.now();
    this.settings = { input: { encoding: 'pcm_s16le', rate: 16_000 }, output: { encoding: 'pcm_s16le', rate: RATE }, language: 'en' };
    /** @type {Set<NodeJS.Timeout>} */
    this.timers = new Set();
  }

  end() {
    for (const t of this.timers) clearTimeout(t);
  }

  get seq() {
    return this.log.length;
  }

  /** @param {string} type @param {object} [fields] */
  say(type, fields = {}) {
    this.#out(JSON.stringify({ ...this.head(type, this.seq + 1), ...fields }));
  }

  /** What is about the connection takes no number. @param {string} type @param {object} [fields] */
  note(type, fields = {}) {
    this.ws.send(JSON.stringify({ ...this.head(type, this.seq), ...fields }));
  }

  /** @param {string} type @param {number} seq */
  head(type, seq) {
    return { type, seq, turn: this.live ? this.turn : 0, ms: Date.now() - this.began };
  }

  /** @param {Int16Array} samples */
  sound(samples) {
    this.#out(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
  }

  /** @param {string | Buffer} data */
  #out(data) {
    this.log.push(data);
    if (this.ws.readyState === 1) this.ws.send(data);
  }

  /** Goes on over another connection. @param {number} seen @param {import('ws').WebSocket} ws */
  resume(seen, ws) {
    this.ws = ws;
    this.received -= this.script.forgets ?? 0;
    const lost = this.script.loses ?? 0;
    ws.send(JSON.stringify({ ...this.head('session.resumed', seen + lost), session: this.id, received: this.received, lost }));
    for (const data of this.log.slice(seen + lost)) ws.send(data);
  }

  /** @param {Buffer} audio */
  hear(audio) {
    this.bytes += audio.length;
  }

  /** @param {any} message */
  take(message) {
    switch (message.type) {
      case 'session.configure':
        Object.assign(this.settings, message);
        this.say('session.ready', {
          ...this.settings, type: 'session.ready', session: this.id, tools: [],
          engines: { atot: 'fake', ttot: 'fake', tts: 'fake' },
          limits: { frame_bytes: 65536, text_bytes: 65536, utterance_ms: 60000 }, resume: { key: this.key, wait_ms: 1000 },
        });
        break;
      case 'ping':
        if (!this.script.deaf) this.say('pong', { id: message.id });
        break;
      case 'utterance.end':
        this.answer('speech', this.script.heard ?? 'hello');
        break;
      case 'utterance.clear':
        this.say('utterance.cleared', { input_ms: this.bytes / 32 });
        this.bytes = 0;
        break;
      case 'text':
        this.answer('text', message.text);
        break;
      case 'turn.cancel':
        if (this.live) this.finish('turn.cancelled', { reason: 'client' });
        break;
      default:
    }
  }

  /** @param {'speech' | 'text'} source @param {string} heard */
  async answer(source, heard) {
    if (this.live) this.finish('turn.cancelled', { reason: 'superseded' });
    const turn = ++this.turn;
    this.live = true;
    this.heard = heard;
    const { broken, slow = 5 } = this.script;
    const reply = this.script.reply ?? 'This is the first clause, and here is another one.';
    this.say('turn.started', { id: `${this.id}-${turn}`, source, input_ms: this.bytes / 32 });
    this.bytes = 0;
    for (const stage of source === 'text' ? ['ttot', 'tts'] : ['atot', 'ttot', 'tts']) {
      this.say(`${stage}.started`, { engine: 'fake' });
      await this.wait(slow);
      if (!this.live || this.turn !== turn) return;
      if (stage === broken) {
        this.say(`${stage}.failed`, { code: 'engine_unreachable', message: 'Nobody is there.' });
        this.finish('turn.failed', { stage, code: 'engine_unreachable', message: 'Nobody is there.' });
        return;
      }
      if (stage === 'tts') break;
      this.say(`${stage}.partial`, { text: stage === 'atot' ? heard : reply });
      this.say(`${stage}.done`, { text: stage === 'atot' ? heard : reply, took_ms: slow });
    }
    await this.speak(reply, turn);
  }

  /** @param {string} reply @param {number} turn */
  async speak(reply, turn) {
    this.say('audio.begin', { encoding: 'pcm_s16le', rate: RATE });
    let ms = 0;
    for (const clause of reply.split(/(?<=[,.])\s/)) {
      this.say('tts.partial', { text: clause, audio_ms: ms });
      for (let n = 0; n < clause.length; n++) {
        this.sound(tone(FRAME, ms));
        ms += 40;
        await this.wait(30);
        if (!this.live || this.turn !== turn) return;
      }
    }
    this.say('tts.done', { text: reply, took_ms: 20, audio_ms: ms });
    this.say('audio.end', { bytes: ms * 48, audio_ms: ms });
    this.finish('turn.done', {});
  }

  /** @param {string} type @param {object} fields */
  finish(type, fields) {
    const none = { decision_ms: null, atot_done_ms: 5, ttot_first_ms: 8, clause_first_ms: 9, tts_first_ms: 12, audio_first_ms: 13, heard_first_ms: null, ttot_done_ms: 10, tts_done_ms: 20, end_ms: 30 };
    this.say(type, {
      ...fields,
      record: {
        id: `${this.id}-${this.turn}`, user_id: 'x', session_id: this.id, turn: this.turn, status: type.slice(5),
        started_at: new Date().toISOString(), ended_at: new Date().toISOString(), language: 'en',
        input_wav: null, atot_text: this.heard, ttot_text: 'x', output_wav: null, input_ms: 0, output_ms: 0, heard_ms: null,
        engines: { atot: 'fake', ttot: 'fake', tts: 'fake' }, error: null, timings: none,
      },
    });
    this.live = false;
  }

  /** @param {number} ms */
  wait(ms) {
    return new Promise((resolve) => {
      const t = setTimeout(() => (this.timers.delete(t), resolve(undefined)), ms);
      this.timers.add(t);
    });
  }
}

/** @param {number} samples @param {number} ms where it begins */
function tone(samples, ms) {
  const from = (ms * RATE) / 1000;
  return Int16Array.from({ length: samples }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * (from + i)) / RATE));
}
