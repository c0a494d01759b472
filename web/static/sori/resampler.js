// A stateful polyphase resampler with a windowed-sinc kernel: no seams between
// chunks, and what the lower rate can't hold is filtered out before it folds.

const LOBES = 16; // of the sinc, on each side

/** @param {number} a @param {number} b @returns {number} */
const gcd = (a, b) => (b ? gcd(b, a % b) : a);

export class Resampler {
  /**
   * @param {number} from Hz
   * @param {number} to Hz
   */
  constructor(from, to) {
    const g = gcd(from, to);
    this.up = to / g;
    this.down = from / g;
    const cutoff = Math.min(1, to / from) * (from === to ? 1 : 0.94);
    this.half = Math.ceil(LOBES / cutoff);
    this.kernels = kernels(this.up, this.half, cutoff);
    // The kernel's middle stands at the first sample: before it was silence.
    this.history = new Float32Array(this.half * 2 + 4096);
    this.held = this.half - 1;
    this.at = 0; // where the next output stands, in 1/up of an input sample
    this.out = new Float32Array(4096);
  }

  /**
   * Takes the next samples, gives those that can be made now. The result is
   * good until the next call.
   * @param {Float32Array} input
   * @returns {Float32Array}
   */
  push(input) {
    if (this.up === this.down) return input;
    this.#append(input);
    const { up, down, half, history } = this;
    const width = half * 2;
    const most = Math.ceil((input.length * up) / down) + 1;
    if (this.out.length < most) this.out = new Float32Array(most);
    let n = 0;
    let start = Math.floor(this.at / up);
    while (start + width <= this.held) {
      const kernel = this.kernels[this.at % up];
      let sum = 0;
      for (let i = 0; i < width; i++) sum += history[start + i] * kernel[i];
      this.out[n++] = sum;
      this.at += down;
      start = Math.floor(this.at / up);
    }
    const used = Math.min(start, this.held);
    history.copyWithin(0, used, this.held);
    this.held -= used;
    this.at -= used * up;
    return this.out.subarray(0, n);
  }

  /** @param {Float32Array} input */
  #append(input) {
    if (this.held + input.length > this.history.length) {
      const larger = new Float32Array((this.held + input.length) * 2);
      larger.set(this.history.subarray(0, this.held));
      this.history = larger;
    }
    this.history.set(input, this.held);
    this.held += input.length;
  }
}

/**
 * One kernel for each place that an output can have between two inputs.
 * @param {number} up
 * @param {number} half
 * @param {number} cutoff
 */
function kernels(up, half, cutoff) {
  return Array.from({ length: up }, (_, phase) => {
    const kernel = new Float32Array(half * 2);
    let sum = 0;
    for (let i = 0; i < kernel.length; i++) {
      const x = i - half + 1 - phase / up;
      const angle = Math.PI * cutoff * x;
      const sinc = x === 0 ? 1 : Math.sin(angle) / angle;
      const w = Math.PI * (x / half);
      const blackman = Math.abs(x) >= half ? 0 : 0.42 + 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w);
      kernel[i] = sinc * blackman;
      sum += kernel[i];
    }
    return kernel.map((k) => k / sum); // a steady signal keeps its height
  });
}
