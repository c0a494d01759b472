// One session: LiveKit's AgentSession with its audio on a WebSocket instead of a
// room, and its three nodes at the scripted engines. Turns are ended by the
// client; there is no voice detection, no WebRTC and no end-of-turn delay. That
// is the least that the framework can be asked to do.
import { ReadableStream } from 'node:stream/web';
import { llm, stt, tts, voice } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { rate } from './engines.js';

/** What the client says, as the framework reads it. */
class Ear extends voice.AudioInput {
  #to;
  pushed = 0; // frames so far

  constructor() {
    super();
    this.multiStream.addInputStream(
      new ReadableStream({
        start: (to) => {
          this.#to = to;
        },
      }),
    );
  }

  /** @param {Buffer} pcm a frame; it is not copied */
  push(pcm) {
    this.pushed++;
    this.#to.enqueue(frame(pcm));
  }

  end() {
    this.#to.close();
  }
}

/** What the client hears. It is sent at once, and is over when it has sounded. */
class Mouth extends voice.AudioOutput {
  #send;
  #over;
  #began = 0; // ms since the epoch; 0: nothing sounds
  #length = 0; // ms
  #timer;

  constructor(send, over) {
    super(rate);
    this.#send = send;
    this.#over = over;
  }

  async captureFrame(f) {
    await super.captureFrame(f);
    if (this.#began === 0) {
      this.#began = Date.now();
      this.onPlaybackStarted(this.#began);
    }
    this.#length += (f.samplesPerChannel * 1000) / f.sampleRate;
    this.#send(Buffer.from(f.data.buffer, f.data.byteOffset, f.data.byteLength));
  }

  flush() {
    super.flush();
    if (this.#began === 0) return;
    const left = this.#began + this.#length - Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#finish(false), Math.max(0, left));
  }

  clearBuffer() {
    clearTimeout(this.#timer);
    if (this.#began !== 0) this.#finish(true);
  }

  end() {
    clearTimeout(this.#timer);
  }

  #finish(interrupted) {
    const heard = Math.min(this.#length, Date.now() - this.#began);
    this.#began = 0;
    this.#length = 0;
    this.onPlaybackFinished({ playbackPosition: heard / 1000, interrupted });
    this.#over(interrupted ? 'turn.cancelled' : 'turn.done');
  }
}

// The framework wants a model for each node, and asks only the nodes.
class NoSTT extends stt.STT {
  label = 'scripted.STT';
  constructor() {
    super({ streaming: true, interimResults: false });
  }
  async _recognize() {
    throw new Error('the node transcribes');
  }
  stream() {
    throw new Error('the node transcribes');
  }
}

class NoLLM extends llm.LLM {
  label() {
    return 'scripted.LLM';
  }
  chat() {
    throw new Error('the node answers');
  }
}

class NoTTS extends tts.TTS {
  label = 'scripted.TTS';
  constructor() {
    super(rate, 1, { streaming: true });
  }
  synthesize() {
    throw new Error('the node speaks');
  }
  stream() {
    throw new Error('the node speaks');
  }
}

const endOfSentence = /[.!?]\s/;

class Scripted extends voice.Agent {
  #engines;
  #talk;

  constructor(engines, talk) {
    super({ instructions: '' });
    this.#engines = engines;
    this.#talk = talk;
  }

  async sttNode(audio) {
    const engines = this.#engines;
    const talk = this.#talk;
    let said = [];
    let taken = 0;
    return new ReadableStream({
      start(events) {
        const atEnd = async () => {
          if (taken === 0 || taken !== talk.endsAt) return;
          const pcm = said;
          said = [];
          const text = await engines.transcribe(talk.user, pcm);
          events.enqueue({
            type: stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives: [{ text, language: 'en', startTime: 0, endTime: 0, confidence: 1 }],
          });
        };
        talk.whenEnded = () => atEnd().catch((err) => events.error(err));
        (async () => {
          for await (const { data } of audio) {
            said.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
            taken++;
            if (taken === talk.endsAt) await atEnd();
          }
          events.close();
        })().catch((err) => events.error(err));
      },
    });
  }

  async llmNode(chat) {
    const said = chat.items.filter((item) => item.type === 'message' && item.role !== 'system' && item.textContent);
    const last = said.at(-1)?.textContent ?? '';
    const history = said.slice(-21, -1).map((m) => ({ role: m.role, text: m.textContent }));
    return ReadableStream.from(this.#engines.reply(this.#talk.user, last, history));
  }

  async ttsNode(text) {
    const engines = this.#engines;
    const user = this.#talk.user;
    // Sentences are spoken as they come, the next asked for while one sounds.
    const asked = [];
    let wake = () => {};
    let failed;
    let ended = false;
    const reading = (async () => {
      let rest = '';
      for await (const piece of text) {
        rest += piece;
        for (let at = rest.search(endOfSentence); at >= 0; at = rest.search(endOfSentence)) {
          asked.push(engines.speak(user, rest.slice(0, at + 1)));
          rest = rest.slice(at + 2);
          wake();
        }
      }
      if (rest.trim()) asked.push(engines.speak(user, rest));
    })()
      .catch((err) => {
        failed = err;
      })
      .finally(() => {
        ended = true;
        wake();
      });
    async function* frames() {
      for (let n = 0; ; n++) {
        while (n === asked.length && !ended) {
          await new Promise((resolve) => {
            wake = resolve;
          });
        }
        if (failed) throw failed;
        if (n === asked.length) break;
        for await (const pcm of asked[n]) yield frame(pcm);
      }
      await reading;
    }
    return ReadableStream.from(frames());
  }
}

/** @param {Buffer} pcm bytes; they are copied only where they are not aligned */
function frame(pcm) {
  const at = pcm.byteOffset % 2 === 0 ? pcm : Uint8Array.prototype.slice.call(pcm);
  return new AudioFrame(new Int16Array(at.buffer, at.byteOffset, at.byteLength >> 1), rate, 1, at.byteLength >> 1);
}

/** Conversation is a client's session. */
export class Conversation {
  /** The number of the frame behind which the client ended its utterance. */
  endsAt = 0;
  /** Called when it has ended one. */
  whenEnded = () => {};
  #ear = new Ear();
  #mouth;
  #session;

  /**
   * @param {string} user
   * @param {import('./engines.js').Engines} engines
   * @param {(message: string | Buffer) => void} send
   */
  constructor(user, engines, send) {
    this.user = user;
    this.engines = engines;
    this.#mouth = new Mouth(send, (type) => send(JSON.stringify({ type })));
    this.#session = new voice.AgentSession({
      stt: new NoSTT(),
      llm: new NoLLM(),
      tts: new NoTTS(),
      vad: null,
      userAwayTimeout: null,
      aecWarmupDuration: null,
      ttsTextTransforms: null,
      turnHandling: { turnDetection: 'manual', endpointing: { minDelay: 0, maxDelay: 0 } },
    });
    this.#session.input.audio = this.#ear;
    this.#session.output.audio = this.#mouth;
    this.#session.on(voice.AgentSessionEventTypes.UserInputTranscribed, (said) => {
      // The framework takes the transcript in behind this event.
      if (said.isFinal) setImmediate(() => this.#session.commitUserTurn());
    });
    this.#session.on(voice.AgentSessionEventTypes.Error, (event) => {
      process.stderr.write(`${user}: ${event.error?.message ?? event.error}\n`);
      send(JSON.stringify({ type: 'turn.failed' }));
    });
  }

  async start() {
    await this.#session.start({ agent: new Scripted(this.engines, this), record: false });
  }

  /** @param {Buffer} pcm a frame of speech */
  hear(pcm) {
    this.#ear.push(pcm);
  }

  endUtterance() {
    this.endsAt = this.#ear.pushed;
    this.whenEnded();
  }

  cancel() {
    this.#session.interrupt();
  }

  async close() {
    this.#ear.end();
    this.#mouth.end();
    await this.#session.close();
  }
}
