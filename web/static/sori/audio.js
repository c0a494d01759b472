// The microphone as frames of 16-bit PCM, and the loudspeaker, which says what
// was heard.

import { SoriError } from './events.js';

const PRE_ROLL = 10; // frames of 20 ms that are sent along when talk begins

/** Loads the audio thread's part; a second time it is there already. @param {AudioContext} context */
const load = (context) =>
  context.audioWorklet.addModule(new URL('./worklet.js', import.meta.url).href).catch((cause) => {
    throw new SoriError('audio_failed', 'The audio worklet could not be loaded.', cause);
  });

export class Microphone {
  /** Called with each frame, and how loud it is, 0 to 1. @type {(pcm: ArrayBuffer, level: number) => void} */
  onframe = () => {};
  /** Called when the microphone was unplugged or taken away. */
  onlost = () => {};

  /** @type {MediaStream | null} */
  stream = null;
  /** @type {AudioNode[]} */
  nodes = [];
  /** @type {ArrayBuffer[]} */
  recent = [];
  closed = false;

  /** @param {AudioContext} context @param {number} rate of the frames, Hz */
  constructor(context, rate) {
    this.context = context;
    this.rate = rate;
  }

  /** Asks for the microphone and starts to listen to it. @param {string} [deviceId] */
  async open(deviceId) {
    await load(this.context);
    this.stream = await ask(deviceId);
    if (this.closed) return this.close(); // while the user was asked
    const source = this.context.createMediaStreamSource(this.stream);
    const worklet = new AudioWorkletNode(this.context, 'sori-capture', {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: 'explicit',
      processorOptions: { rate: this.rate },
    });
    worklet.port.onmessage = ({ data }) => {
      if (this.recent.push(data.pcm) > PRE_ROLL) this.recent.shift();
      this.onframe(data.pcm, data.level);
    };
    source.connect(worklet);
    this.nodes = [source, worklet];
    this.stream.getAudioTracks()[0].onended = () => {
      this.close();
      this.onlost();
    };
  }

  /** The id of the device in use, or "". */
  get deviceId() {
    return this.stream?.getAudioTracks()[0]?.getSettings().deviceId ?? '';
  }

  /** The last 200 ms that were heard; they are given once. */
  takeRecent() {
    return this.recent.splice(0);
  }

  close() {
    this.closed = true;
    for (const node of this.nodes) node.disconnect();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.nodes = [];
    this.stream = null;
    this.recent = [];
  }
}

/** @param {string | undefined} deviceId @returns {Promise<MediaStream>} */
async function ask(deviceId) {
  if (!globalThis.navigator?.mediaDevices) {
    throw new SoriError('mic_insecure', 'Browsers give the microphone only to pages from https:// or localhost.');
  }
  const audio = {
    channelCount: 1,
    echoCancellation: true,
    noiseSuppression: false, // it eats the beginnings of words
    autoGainControl: true,
    ...(deviceId && { deviceId: { exact: deviceId } }),
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (cause) {
    const name = cause instanceof Error ? cause.name : '';
    if (deviceId && (name === 'OverconstrainedError' || name === 'NotFoundError')) return ask(undefined);
    const reason = /** @type {any} */ ({ NotAllowedError: 'refused', SecurityError: 'refused', NotFoundError: 'missing', NotReadableError: 'busy' })[name] ?? 'failed';
    throw new SoriError(`mic_${reason}`, `The microphone could not be opened: ${cause}`, cause);
  }
}

export class Speaker {
  /** @type {(played: Played) => void} */
  onplayed = () => {};

  /** @type {AudioWorkletNode | null} */
  node = null;
  turn = 0; // whose audio comes in
  cut = 0; // audio of this turn and those before it is thrown away

  /** @param {AudioContext} context */
  constructor(context) {
    this.context = context;
  }

  async open() {
    await load(this.context);
    this.node = new AudioWorkletNode(this.context, 'sori-playback', { numberOfInputs: 0, outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => this.onplayed(data);
    this.node.connect(this.context.destination);
  }

  /** How long after it was handed over sound is heard, ms. */
  get latency() {
    return ((this.context.outputLatency || 0) + (this.context.baseLatency || 0)) * 1000;
  }

  /** @param {number} turn @param {number} rate Hz */
  begin(turn, rate) {
    this.turn = turn;
    this.#order({ do: 'begin', turn, rate });
  }

  /** @param {ArrayBuffer} pcm is gone afterwards */
  push(pcm) {
    if (this.turn > this.cut) this.#order({ do: 'push', turn: this.turn, pcm }, [pcm]);
  }

  end() {
    if (this.turn > this.cut) this.#order({ do: 'end', turn: this.turn });
  }

  /** @param {boolean} on */
  pause(on) {
    this.#order({ do: 'pause', on });
  }

  /** Throws away what is not played of this turn and those before it. @param {number} turn */
  flush(turn) {
    this.cut = Math.max(this.cut, turn);
    this.#order({ do: 'flush', turn });
  }

  /** A new session counts its turns from 1 again. */
  reset() {
    this.flush(Infinity);
    this.cut = this.turn = 0;
  }

  close() {
    this.node?.disconnect();
    this.node = null;
  }

  /** @param {Partial<Order>} order @param {Transferable[]} [moved] */
  #order(order, moved = []) {
    this.node?.port.postMessage(order, moved);
  }
}
