package audio

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The rates that a Resampler converts between, in Hz.
const (
	MinResampleRate = 1000
	MaxResampleRate = 192000
)

// Resampler converts mono signed 16-bit little-endian audio from one rate to
// another: a polyphase sinc filter under a Kaiser window, flat to 0.88 of the
// lower Nyquist frequency (-3 dB at 0.93), which lets nothing fold back from
// above it (80 dB).
//
// It keeps the tail of what it got, so that audio converted in pieces of any
// size equals the same audio converted at once, and its output is aligned in
// time with its input: n samples in are ceil(n*to/from) samples out, once Flush
// was called. One goroutine owns it. After NewResampler nothing allocates where
// dst has room.
type Resampler struct {
	kernel // static

	from, to int

	window  []float32 // the input that is still needed, and what came since
	have    int       // samples in window
	at      int       // where in window the next output's taps begin
	phase   int       // the next output's place behind a sample, in 1/up of a sample
	in, out int64     // samples since the last Flush
}

// block is how many new samples the window takes before it is worked off.
const block = 1024

// NewResampler gives a resampler between two rates of 1,000 to 192,000 Hz. Its
// memory is bounded for every ratio, 300 KB or less.
func NewResampler(from, to int) (*Resampler, error) {
	for _, rate := range []int{from, to} {
		if rate < MinResampleRate || rate > MaxResampleRate {
			return nil, fmt.Errorf("audio: can't resample from %d Hz to %d Hz: choose rates of %d to %d Hz", from, to, MinResampleRate, MaxResampleRate)
		}
	}
	r := &Resampler{from: from, to: to}
	if from != to {
		r.kernel = newKernel(from, to)
		r.window = make([]float32, r.taps+block)
	}
	r.Reset()
	return r, nil
}

// From is the rate of the input in Hz.
func (r *Resampler) From() int { return r.from }

// To is the rate of the output in Hz.
func (r *Resampler) To() int { return r.to }

// Append converts pcm, whole samples, and appends to dst what is ready. Half a
// sample at the end of pcm is left out.
func (r *Resampler) Append(dst, pcm []byte) []byte {
	pcm = pcm[:len(pcm)&^1]
	if r.from == r.to {
		return append(dst, pcm...)
	}
	r.in += int64(len(pcm) / BytesPerSample)
	for len(pcm) > 0 {
		room := r.window[r.have:]
		n := min(len(room), len(pcm)/BytesPerSample)
		for i := range room[:n] {
			room[i] = float32(int16(binary.LittleEndian.Uint16(pcm[2*i:])))
		}
		r.have += n
		pcm = pcm[n*BytesPerSample:]
		dst = r.run(dst, math.MaxInt64)
	}
	return dst
}

// Flush appends the tail, as if silence followed, and makes the resampler ready
// for audio that has nothing to do with what it got before.
func (r *Resampler) Flush(dst []byte) []byte {
	if r.from == r.to {
		return dst
	}
	want := (r.in*int64(r.up) + int64(r.down) - 1) / int64(r.down)
	for r.out < want {
		clear(r.window[r.have:])
		r.have = len(r.window)
		dst = r.run(dst, want)
	}
	r.Reset()
	return dst
}

// Reset forgets what came before: ahead of the first sample is silence.
func (r *Resampler) Reset() {
	r.in, r.out, r.at, r.phase = 0, 0, 0, 0
	r.have = max(0, r.taps/2-1) // the first output lies on the first sample
	clear(r.window[:r.have])
}

// OutputBytes is an upper bound of what Append or Flush gives for n bytes.
func (r *Resampler) OutputBytes(n int) int {
	if r.from == r.to {
		return n
	}
	samples := int64(n/BytesPerSample+r.taps)*int64(r.up)/int64(r.down) + 1
	return int(samples) * BytesPerSample
}

// run appends the output samples that the window is long enough for, up to the
// limit of samples in all, and drops what no later output needs.
func (r *Resampler) run(dst []byte, limit int64) []byte {
	for r.at+r.taps <= r.have && r.out < limit {
		v := r.sample(r.window[r.at : r.at+r.taps])
		dst = binary.LittleEndian.AppendUint16(dst, uint16(round16(v)))
		r.out++
		r.phase += r.down
		r.at += r.phase / r.up
		r.phase %= r.up
	}
	drop := min(r.at, r.have)
	r.have = copy(r.window, r.window[drop:r.have])
	r.at -= drop
	return dst
}

// sample is the output at the present phase.
func (r *Resampler) sample(x []float32) float32 {
	if r.exact {
		return dot(r.row(r.phase), x)
	}
	where := float64(r.phase) * float64(r.rows) / float64(r.up)
	i := int(where)
	part := float32(where - float64(i))
	a, b := dot(r.row(i), x), dot(r.row(i+1), x)
	return a + part*(b-a)
}

// round16 rounds to the nearest sample and clips.
func round16(v float32) int16 {
	switch {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}
