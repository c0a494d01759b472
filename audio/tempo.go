package audio

import (
	"encoding/binary"
	"math"
)

// MinTempo and MaxTempo bound how much faster or slower speech can be made.
const (
	MinTempo = 0.25
	MaxTempo = 4.0
)

// How speech is cut: windows that overlap by half, each found where it continues
// the one before best. A window holds two periods of a low voice, and the search
// reaches over one of them.
const (
	tempoWindow = 0.030 // s
	tempoSearch = 0.010 // s, to both sides
)

// Tempo makes speech faster or slower without changing its pitch: windows of it
// are taken nearer to or farther from each other than they were, where they fit
// together best (waveform similarity overlap-add). One goroutine owns it.
type Tempo struct {
	speed  float64
	half   int // samples: half a window, which is the step of the output
	search int // samples
	coarse int // samples: how finely windows are compared, and first looked for
	window []float32

	in      []float32
	at      int // position of in[0] in all input
	total   int // samples taken
	windows int // how many were put out
	natural int // where the window put out last would go on, in all input
	tail    []float32
	given   int // samples put out
}

// NewTempo gives a Tempo for audio of rate (Hz): mono, signed 16-bit
// little-endian. speed 2 makes it twice as fast; it is held to the bounds.
func NewTempo(rate int, speed float64) *Tempo {
	half := max(int(tempoWindow/2*float64(rate)), 8)
	t := &Tempo{
		speed: min(max(speed, MinTempo), MaxTempo), half: half, search: int(tempoSearch * float64(rate)), coarse: max(rate/8000, 1),
		window: make([]float32, 2*half), tail: make([]float32, half),
	}
	for i := range t.window {
		t.window[i] = float32(0.5 - 0.5*math.Cos(math.Pi*float64(i)/float64(half)))
	}
	return t
}

// Append takes pcm, whole samples, and appends what is ready to dst.
func (t *Tempo) Append(dst, pcm []byte) []byte {
	t.take(pcm)
	for t.ready() {
		dst = t.step(dst, math.MaxInt)
	}
	return dst
}

// Flush appends the rest: all together is as long as what came, divided by the
// speed.
func (t *Tempo) Flush(dst []byte) []byte {
	want := int(math.Round(float64(t.total) / t.speed))
	for t.given < want {
		if !t.ready() {
			t.in = append(t.in, make([]float32, 2*t.half+2*t.search)...)
		}
		dst = t.step(dst, want-t.given)
	}
	return dst
}

func (t *Tempo) take(pcm []byte) {
	for i := 0; i+1 < len(pcm); i += BytesPerSample {
		t.in = append(t.in, float32(int16(binary.LittleEndian.Uint16(pcm[i:])))) //nolint:gosec // the bits of a sample
	}
	t.total += len(pcm) / BytesPerSample
}

// nominal is where the next window is taken if nothing fits better.
func (t *Tempo) nominal() int { return int(float64(t.windows*t.half) * t.speed) }

// ready says whether all is there that the next window may be taken from.
func (t *Tempo) ready() bool {
	return max(t.nominal()+t.search, t.natural)+2*t.half <= t.at+len(t.in)
}

// step puts out half a window, at most limit samples.
func (t *Tempo) step(dst []byte, limit int) []byte {
	from := t.best()
	w := t.in[from-t.at : from-t.at+2*t.half]
	n := min(t.half, limit)
	for i := range n {
		v := w[i]
		if t.windows > 0 { // nothing comes before the first one
			v = t.tail[i] + w[i]*t.window[i]
		}
		dst = binary.LittleEndian.AppendUint16(dst, uint16(round16(v))) //nolint:gosec // the bits of a sample
	}
	for i := range t.half {
		t.tail[i] = w[t.half+i] * t.window[t.half+i]
	}
	t.windows++
	t.given += n
	t.natural = from + t.half
	t.forget()
	return dst
}

// best is where the next window goes on best from the one before.
func (t *Tempo) best() int {
	nominal := t.nominal()
	if t.windows == 0 {
		return nominal
	}
	low, high := max(nominal-t.search, t.at), nominal+t.search
	rough := t.fittest(low, high, t.coarse, nominal)
	return t.fittest(max(low, rough-t.coarse+1), min(high, rough+t.coarse-1), 1, rough)
}

// fittest gives the place from low to high, in steps, at which a window is most
// like what followed the one before.
func (t *Tempo) fittest(low, high, step, otherwise int) int {
	like := t.in[t.natural-t.at : t.natural-t.at+2*t.half]
	best, found := float32(-math.MaxFloat32), otherwise
	for from := low; from <= high; from += step {
		w := t.in[from-t.at : from-t.at+2*t.half]
		var same, power float32 = 0, 1
		for i := 0; i < len(w) && i < len(like); i += t.coarse {
			same += w[i] * like[i]
			power += w[i] * w[i]
		}
		if fit := same / float32(math.Sqrt(float64(power))); fit > best {
			best, found = fit, from
		}
	}
	return found
}

// forget drops input that no window is taken from any more.
func (t *Tempo) forget() {
	if old := min(t.nominal()-t.search, t.natural) - t.at; old > 4*t.half {
		t.in = t.in[:copy(t.in, t.in[old:])]
		t.at += old
	}
}
