// The line between the two who talk: the last seconds of sound, the user above
// it and sori below. Who prefers no motion sees two levels that stand.

const SECONDS = 10;
const SLOTS = 250; // one each 40 ms
const SLOT = (SECONDS * 1000) / SLOTS;
const MOVING = 30; // ms between two pictures: more are not seen, and warm a phone
const STILL = 250;
const NAMES = 40; // CSS pixels that the names of the lanes take
const LEAST = 3; // CSS pixels that a slot takes: a narrow strip shows less time

export class Strip {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.you = new Float32Array(SLOTS);
    this.sori = new Float32Array(SLOTS);
    this.slot = 0; // the number of the newest
    this.louder = { input: 0, output: 0 }; // of the slot that fills now
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    this.quietSince = 0;
    this.running = false;
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.repaint());
  }

  /** @param {'input' | 'output'} source @param {number} level 0 to 1 */
  hear(source, level) {
    this.louder[source] = Math.max(this.louder[source], level);
    if (!this.running) this.#run();
  }

  /** After the colours have changed. */
  repaint() {
    this.#colours();
    this.#paint(performance.now());
  }

  #run() {
    this.running = true;
    this.slot = Math.floor(performance.now() / SLOT);
    let last = 0;
    const frame = (/** @type {number} */ now) => {
      const silent = this.#advance(now);
      if (now - last > (this.still.matches ? STILL : MOVING)) {
        this.#paint(now);
        last = now;
      }
      if (silent) this.running = false;
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Moves on to the slot of now. @param {number} now @returns {boolean} nothing is left to see */
  #advance(now) {
    const slot = Math.floor(now / SLOT);
    for (; this.slot < slot; this.slot++) {
      this.you[this.slot % SLOTS] = this.louder.input;
      this.sori[this.slot % SLOTS] = this.louder.output;
      if (this.louder.input || this.louder.output) this.quietSince = now;
      this.louder.input = 0;
      this.louder.output = 0;
    }
    return now - this.quietSince > SECONDS * 1100;
  }

  #fit() {
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * scale);
    this.repaint();
  }

  #colours() {
    const style = getComputedStyle(this.canvas);
    this.ink = { you: style.getPropertyValue('--you'), sori: style.getPropertyValue('--sori'), line: style.getPropertyValue('--line') };
  }

  /** @param {number} now */
  #paint(now) {
    const { pen, canvas } = this;
    const { width, height } = canvas;
    if (!this.ink) this.#colours();
    const ink = this.ink ?? { you: '', sori: '', line: '' };
    const middle = Math.round(height / 2);
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = ink.line;
    pen.fillRect(0, middle, width, Math.max(1, height / 72));
    if (this.still.matches) {
      this.#bar(0, width * 0.96, ink.you, this.you[(this.slot + SLOTS - 1) % SLOTS], -1);
      this.#bar(0, width * 0.96, ink.sori, this.sori[(this.slot + SLOTS - 1) % SLOTS], 1);
      return;
    }
    const shown = Math.min(SLOTS, Math.floor(canvas.clientWidth / LEAST) || 1);
    const step = width / shown;
    const drift = ((now / SLOT) % 1) * step;
    const names = NAMES * (devicePixelRatio || 1);
    for (let i = 0; i < shown; i++) {
      const x = width - (i + 1) * step - drift;
      const at = (((this.slot - 1 - i) % SLOTS) + SLOTS) % SLOTS;
      pen.globalAlpha = Math.max(0, Math.min(1, ((x - names) / width) * 4)); // the past fades, before it comes under the names
      this.#bar(x, step * 0.62, ink.you, this.you[at], -1);
      this.#bar(x, step * 0.62, ink.sori, this.sori[at], 1);
    }
    pen.globalAlpha = 1;
  }

  /** @param {number} x @param {number} wide @param {string} colour @param {number} level @param {1 | -1} side */
  #bar(x, wide, colour, level, side) {
    if (level < 0.002) return;
    const share = Math.min(1, (level * 2) ** 0.6); // speech is soft in numbers, and a murmur is to be seen
    const middle = this.canvas.height / 2;
    const tall = share * (middle - 4);
    this.pen.fillStyle = colour;
    this.pen.fillRect(x, side < 0 ? middle - tall - 1 : middle + 2, wide, tall);
  }
}
