package whisper

import (
	"encoding/binary"
	"math"
)

// How Whisper sees sound: 80 bands of the mel scale, 100 times a second.
const (
	rate   = 16_000
	window = 400 // samples: 25 ms
	hop    = 160 // samples: 10 ms
	bands  = 80
	bins   = window/2 + 1
)

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
}

// fourier gives the weights of a convolution that makes of a window the real
// and imaginary parts of its spectrum: 2*bins filters of window samples.
func fourier() []byte {
	b := make([]byte, 0, 4*2*bins*window)
	for _, wave := range []func(float64) float64{math.Cos, math.Sin} {
		for k := range bins {
			for n := range window {
				hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(n)/window)
				b = appendFloat(b, hann*wave(2*math.Pi*float64(k*n%window)/window))
			}
		}
	}
	return b
}

// melFilters gives a matrix of bands rows that sums the squares of fourier's
// outputs up to bands.
func melFilters() []byte {
	edges := make([]float64, bands+2) // Hz
	top := mel(rate / 2)
	for i := range edges {
		edges[i] = hertz(top * float64(i) / float64(bands+1))
	}
	b := make([]byte, 0, 4*bands*2*bins)
	for m := range bands {
		lo, mid, hi := edges[m], edges[m+1], edges[m+2]
		for k := range 2 * bins {
			f := float64(k%bins) * rate / window
			weight := max(0, min((f-lo)/(mid-lo), (hi-f)/(hi-mid)))
			b = appendFloat(b, weight*2/(hi-lo))
		}
	}
	return b
}

// The mel scale as Slaney has it: even up to 1,000 Hz, then logarithmic.
const (
	melBreak = 1000.0    // Hz
	melSlope = 200.0 / 3 // Hz for one mel below
	melAt    = melBreak / melSlope
)

func melStep() float64 { return math.Log(6.4) / 27 }

func mel(hz float64) float64 {
	if hz < melBreak {
		return hz / melSlope
	}
	return melAt + math.Log(hz/melBreak)/melStep()
}

func hertz(mels float64) float64 {
	if mels < melAt {
		return mels * melSlope
	}
	return melBreak * math.Exp((mels-melAt)*melStep())
}

// frame lays the samples out for the graph: mirrored at the beginning, and with
// silence behind them up to a number of steps of hop samples.
func frame(samples []float32, steps int) []float32 {
	const edge = window / 2
	out := make([]float32, edge+steps*hop+edge-1)
	for i := range edge {
		if j := edge - i; j < len(samples) {
			out[i] = samples[j]
		}
	}
	copy(out[edge:edge+steps*hop], samples)
	return out
}
