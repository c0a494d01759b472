// A stateful polyphase resampler with a windowed-sinc kernel: no seams between
// chunks, and what the lower rate can't hold is filtered out before it folds.

const LOBES = 16; // of the sinc, on each side

/** @param {number} a @param {number} b @returns {number} */
const gcd = (a, b) => (b ? gcd(b, a % b) : a);

export class Resampler {
  /** @param {number} from Hz @param {number} to Hz */
  constructor(from, to) {
    const g = gcd(from, to);
    this.up = to / g;
    this.down = from / g;
    const cutoff = Math.min(1, to / from) * 0.94;
    this.half = Math.ceil(LOBES / cutoff);
    // One kernel for each place that an output can have between two inputs.
    this.kernels = Array.from({ length: this.up }, (_, phase) => {
      const kernel = Float32Array.from({ length: this.half * 2 }, (_, i) => {
        const x = i - this.half + 1 - phase / this.up;
        const angle = Math.PI * cutoff * x;
        const w = Math.PI * Math.min(1, Math.abs(x) / this.half);
        return (Math.sin(angle) / angle || 1) * (0.42 + 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w)); // Blackman's window
      });
      const sum = kernel.reduce((a, b) => a + b);
      return kernel.map((k) => k / sum); // a steady signal keeps its height
    });
    // The kernel's middle stands at the first sample: before it was silence.
    this.rest = new Float32Array(this.half - 1);
    this.at = 0; // where the next output stands, in 1/up of an input sample
  }

  /** Takes the next samples, gives those that can be made now. @param {Float32Array} input */
  push(input) {
    const { up, down, half, rest } = this;
    if (up === down) return input;
    const all = new Float32Array(rest.length + input.length);
    all.set(rest);
    all.set(input, rest.length);
    const out = [];
    let start = Math.floor(this.at / up);
    for (; start + half * 2 <= all.length; start = Math.floor(this.at / up)) {
      const kernel = this.kernels[this.at % up];
      let sum = 0;
      for (let i = 0; i < half * 2; i++) sum += all[start + i] * kernel[i];
      out.push(sum);
      this.at += down;
    }
    this.rest = all.slice(start);
    this.at -= (all.length - this.rest.length) * up;
    return Float32Array.from(out);
  }
}
