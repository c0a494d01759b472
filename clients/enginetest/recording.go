package enginetest

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync/atomic"
	"time"

	"sori/audio"
)

// Recording is a [stage.Recording] that counts its readers.
type Recording struct {
	wav    []byte
	opened atomic.Int32
	closed atomic.Int32
}

// NewRecording makes a recording of n samples that rise from 0.
func NewRecording(n int) *Recording {
	wav := audio.AppendHeader(nil, audio.Rate, 1, n*audio.BytesPerSample)
	for i := range n {
		wav = binary.LittleEndian.AppendUint16(wav, uint16(i))
	}
	return &Recording{wav: wav}
}

// Bytes is the whole WAV file.
func (r *Recording) Bytes() []byte { return r.wav }

// WAV gives a reader that has to be closed once.
func (r *Recording) WAV() (io.ReadCloser, int64) {
	r.opened.Add(1)
	return &recordingReader{Reader: bytes.NewReader(r.wav), of: r}, int64(len(r.wav))
}

// Samples is the number of samples.
func (r *Recording) Samples() int { return (len(r.wav) - audio.HeaderBytes) / audio.BytesPerSample }

// Duration is how long the recording is.
func (r *Recording) Duration() time.Duration {
	return audio.Duration(len(r.wav)-audio.HeaderBytes, audio.Rate)
}

// ReadSamples copies samples into dst.
func (r *Recording) ReadSamples(dst []int16, at int) int {
	n := max(0, min(len(dst), r.Samples()-at))
	for i := range n {
		dst[i] = int16(binary.LittleEndian.Uint16(r.wav[audio.HeaderBytes+(at+i)*audio.BytesPerSample:]))
	}
	return n
}

// Open is how many readers are not closed yet.
func (r *Recording) Open() int { return int(r.opened.Load() - r.closed.Load()) }

type recordingReader struct {
	*bytes.Reader
	of     *Recording
	closed atomic.Bool
}

func (r *recordingReader) Close() error {
	if r.closed.CompareAndSwap(false, true) {
		r.of.closed.Add(1)
	}
	return nil
}
