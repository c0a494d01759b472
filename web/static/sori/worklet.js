// Runs in the audio thread: what the microphone hears goes out as frames of
// 16-bit PCM, and replies come in through a small jitter buffer that knows, to
// the sample, how much of each turn was played.

import { Resampler } from './resampler.js';

// The buffer starts at 60 ms. A gap in what arrives makes it 40 ms deeper, up to
// 400 ms; each reply without one makes it 10 ms shallower again.
const SHALLOW = 0.06;
const DEEP = 0.4;
const REPORT = 0.02; // seconds between reports
const RAMP = 1 / 256; // gain per sample: silence without a click

/** 20 ms of the microphone in each frame, at the rate that is sent. */
class Capture extends AudioWorkletProcessor {
  /** @param {{ processorOptions: { rate: number } }} options */
  constructor({ processorOptions: { rate } }) {
    super();
    this.resampler = new Resampler(sampleRate, rate);
    this.frame = new Int16Array(Math.round(rate / 50));
    this.filled = 0;
    this.energy = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const channel = inputs[0]?.[0];
    if (!channel) return true;
    for (const sample of this.resampler.push(channel)) {
      const x = Math.max(-1, Math.min(1, sample));
      this.frame[this.filled++] = Math.round(x * 32767);
      this.energy += x * x;
      if (this.filled === this.frame.length) this.#send();
    }
    return true;
  }

  #send() {
    const pcm = this.frame.buffer;
    const level = Math.sqrt(this.energy / this.filled);
    this.frame = new Int16Array(this.filled);
    this.filled = 0;
    this.energy = 0;
    this.port.postMessage({ pcm, level }, [pcm]);
  }
}

registerProcessor('sori-capture', Capture);

class Playback extends AudioWorkletProcessor {
  /** @type {Piece[]} */
  queue = [];
  queued = 0; // samples
  turn = 0;
  played = 0; // samples of this turn
  depth = SHALLOW;
  starting = true; // gathers before it plays
  paused = false;
  gain = 0;
  gaps = 0;
  energy = 0;
  measured = 0;
  wasLoud = false;
  resampler = new Resampler(1, 1);

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#take(data);
  }

  /** @param {Order} order */
  #take(order) {
    switch (order.do) {
      case 'begin':
        this.resampler = new Resampler(order.rate, sampleRate);
        break;
      case 'push':
        this.#push(order.turn, Float32Array.from(new Int16Array(order.pcm, 0, order.pcm.byteLength >> 1), (s) => s / 32768), false);
        break;
      case 'end': // what the resampler still holds comes out after as much silence
        this.#push(order.turn, new Float32Array(this.resampler.half + 1), true);
        break;
      case 'pause':
        this.paused = order.on;
        break;
      default: // flush: the turns up to this one are forgotten
        this.queue = this.queue.filter((p) => p.turn > order.turn);
        this.queued = this.queue.reduce((sum, p) => sum + p.samples.length - p.at, 0);
        this.paused = false;
        this.starting = !this.queue.length;
    }
  }

  /** @param {number} turn @param {Float32Array} sound at the turn's rate @param {boolean} end */
  #push(turn, sound, end) {
    const samples = this.resampler.push(sound);
    this.queue.push({ turn, samples, at: 0, end });
    this.queued += samples.length;
    if (end || this.queued >= this.depth * sampleRate) this.starting = false;
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const out = outputs[0]?.[0];
    if (!out) return true;
    let at = 0;
    while (at < out.length) {
      // A pause and a gap fade out over the last samples instead of cutting them.
      const want = this.paused || this.starting ? 0 : 1;
      if (want === 0 && this.gain === 0) break;
      const sample = this.#next();
      if (sample === null) {
        this.gain = 0;
        break;
      }
      this.gain = Math.max(0, Math.min(1, this.gain + (want ? RAMP : -RAMP)));
      const x = sample * this.gain;
      out[at++] = x;
      this.energy += x * x;
    }
    this.measured += out.length;
    if (this.measured >= REPORT * sampleRate) this.#report('at');
    return true;
  }

  /** The next sample; null: there is none now. @returns {number | null} */
  #next() {
    for (;;) {
      const piece = this.queue[0];
      if (!piece) {
        if (!this.starting && this.turn) {
          this.starting = true;
          this.gaps++;
          this.depth = Math.min(DEEP, this.depth + 0.04);
        }
        return null;
      }
      if (piece.turn !== this.turn) {
        this.turn = piece.turn;
        this.played = 0;
      }
      if (piece.at < piece.samples.length) {
        this.queued--;
        this.played++;
        return piece.samples[piece.at++];
      }
      this.queue.shift();
      if (piece.end) {
        this.#report('ended');
        this.depth = Math.max(SHALLOW, this.depth - 0.01);
        this.turn = 0;
        this.starting = !this.queue.length;
      }
    }
  }

  /** @param {'at' | 'ended'} what */
  #report(what) {
    const { turn, gaps } = this;
    const ms = (this.played / sampleRate) * 1000;
    const level = this.measured ? Math.sqrt(this.energy / this.measured) : 0;
    const quiet = what === 'at' && level === 0 && !this.wasLoud;
    this.wasLoud = level > 0;
    this.energy = 0;
    this.measured = 0;
    if (!quiet) this.port.postMessage({ what, turn, ms, level, gaps, buffered: (this.queued / sampleRate) * 1000 });
  }
}

registerProcessor('sori-playback', Playback);
