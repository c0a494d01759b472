// The scripted engines of sori bench, called as sori calls them: the seed's
// dialect, over connections that are kept. It is written for speed, so that
// what is measured is the framework.
import http from 'node:http';

const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, noDelay: true });
const answerWithin = 30_000; // ms, for each answer to begin and between its pieces
const boundary = 'sori-bench-peer';

/** Rate of all audio here, in samples a second; it is mono, signed 16-bit. */
export const rate = 16_000;

/** Bytes of the head of a WAV file as the engines write it. */
const headBytes = 44;

export class Engines {
  #base;

  /** @param {string} base URL of the engines, without a path */
  constructor(base) {
    this.#base = new URL(base);
  }

  /**
   * Transcribes what a user said.
   * @param {string} user
   * @param {Buffer[]} pcm frames
   * @returns {Promise<string>}
   */
  async transcribe(user, pcm) {
    const audio = Buffer.concat(pcm);
    const body = Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="user_id"\r\n\r\n${user}\r\n` +
          `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="input.wav"\r\n` +
          'Content-Type: audio/wav\r\n\r\n',
      ),
      wavHead(audio.length),
      audio,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const answer = await this.#post('/run-model', `multipart/form-data; boundary=${boundary}`, body);
    const parts = [];
    for await (const part of answer) parts.push(part);
    return JSON.parse(Buffer.concat(parts).toString()).atot_text;
  }

  /**
   * Answers a text, piece by piece.
   * @param {string} user
   * @param {string} text
   * @param {{role: string, text: string}[]} history
   * @returns {AsyncGenerator<string>}
   */
  async *reply(user, text, history) {
    const body = Buffer.from(JSON.stringify({ user_id: user, text, history }));
    const answer = await this.#post('/generate', 'application/json', body, 'text/event-stream');
    answer.setEncoding('utf8');
    let rest = '';
    for await (const part of answer) {
      rest += part;
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        if (!line.startsWith('data: ')) continue;
        const { delta } = JSON.parse(line.slice('data: '.length));
        if (delta) yield delta;
      }
    }
  }

  /**
   * Speaks a text. It is asked for at once; pieces come as the engine sends them,
   * whole samples each.
   * @param {string} user
   * @param {string} text
   * @returns {AsyncGenerator<Buffer>}
   */
  speak(user, text) {
    const asked = this.#post('/tts', 'application/json', Buffer.from(JSON.stringify({ user_id: user, text })));
    asked.catch(() => {}); // whoever reads it is told
    return pieces(asked);
  }

  /** @returns {Promise<http.IncomingMessage>} */
  #post(path, type, body, accept) {
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': type, 'Content-Length': body.length };
      if (accept) headers.Accept = accept;
      const ask = http.request(
        { agent, host: this.#base.hostname, port: this.#base.port, path, method: 'POST', headers, timeout: answerWithin },
        (answer) => {
          if (answer.statusCode === 200) {
            resolve(answer);
            return;
          }
          answer.resume();
          reject(new Error(`the engine answers ${path} with HTTP ${answer.statusCode}`));
        },
      );
      ask.on('timeout', () => ask.destroy(new Error(`the engine is silent at ${path} for ${answerWithin} ms`)));
      ask.on('error', reject);
      ask.end(body);
    });
  }
}

/** The samples of a WAV file that comes in pieces. */
async function* pieces(asked) {
  let skip = headBytes;
  let odd = Buffer.alloc(0);
  for await (const part of await asked) {
    let pcm = odd.length > 0 ? Buffer.concat([odd, part]) : part;
    const head = Math.min(skip, pcm.length);
    skip -= head;
    pcm = pcm.subarray(head);
    const whole = pcm.length & ~1;
    odd = pcm.subarray(whole);
    if (whole > 0) yield pcm.subarray(0, whole);
  }
}

function wavHead(bytes) {
  const head = Buffer.alloc(headBytes);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(headBytes - 8 + bytes, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(bytes, 40);
  return head;
}
