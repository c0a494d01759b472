package audio_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	goaudio "github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"sori/audio"
)

func BenchmarkBufferWrite(b *testing.B) {
	buffer := audio.NewBuffer(10 * time.Second)
	frame := noise(320, 1)
	b.ReportAllocs()
	for b.Loop() {
		if buffer.Write(frame) == 0 {
			buffer.Reset()
		}
	}
}

// Each iteration is 20 ms of audio.
func BenchmarkInputDecode(b *testing.B) {
	for _, rate := range []int{8000, 11025, 16000, 24000, 44100, 47999, 48000} {
		b.Run(fmt.Sprintf("pcm_%d", rate), func(b *testing.B) {
			in := newInput(b, audio.EncodingPCM, rate)
			benchmarkDecode(b, in, [][]byte{noise(rate/50, 1)}, 0.02)
		})
	}
	for name, seconds := range map[string]float64{"silk20": 0.02, "hybrid20": 0.02, "celt20": 0.02, "celt5": 0.005} {
		b.Run("opus_"+name, func(b *testing.B) {
			benchmarkDecode(b, newInput(b, audio.EncodingOpus, 0), readPackets(b, name)[8:], seconds)
		})
	}
}

func benchmarkDecode(b *testing.B, in *audio.Input, frames [][]byte, seconds float64) {
	b.Helper()
	dst := make([]byte, 0, in.DecodedBytes(len(frames[0])))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		dst = decode(b, in, dst[:0], frames[i%len(frames)])
		i++
	}
	b.ReportMetric(seconds*float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
}

func BenchmarkResampler(b *testing.B) {
	for _, pair := range [][2]int{{24000, 16000}, {22050, 16000}, {16000, 24000}, {22050, 24000}, {24000, 48000}} {
		b.Run(fmt.Sprintf("%d_to_%d", pair[0], pair[1]), func(b *testing.B) {
			r := newResampler(b, pair[0], pair[1])
			frame := noise(pair[0]/50, 1)
			dst := make([]byte, 0, r.OutputBytes(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				dst = r.Append(dst[:0], frame)
			}
			b.ReportMetric(0.02*float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
		})
	}
}

func BenchmarkNewResampler(b *testing.B) {
	for _, rate := range []int{8000, 44100, 47999, 48000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				newResampler(b, rate, audio.Rate)
			}
		})
	}
}

// A WAV file of 10 s of speech: ours, and with go-audio's encoder.
func BenchmarkWAVOf10s(b *testing.B) {
	pcm := noise(10*audio.Rate, 1)
	clip := audio.ClipOf(pcm)
	defer clip.Release()

	b.Run("sori", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, _ := clip.WAV()
			if _, err := io.Copy(io.Discard, r); err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
	})
	b.Run("sori_to_file", func(b *testing.B) {
		file := benchFile(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				b.Fatal(err)
			}
			r, _ := clip.WAV()
			if _, err := io.Copy(file, r); err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
	})
	b.Run("go-audio_to_file", func(b *testing.B) {
		file := benchFile(b)
		data := make([]int, 0, 10*audio.Rate)
		for _, v := range samples(pcm) {
			data = append(data, int(v))
		}
		buf := &goaudio.IntBuffer{Data: data, Format: &goaudio.Format{SampleRate: audio.Rate, NumChannels: 1}, SourceBitDepth: 16}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				b.Fatal(err)
			}
			e := wav.NewEncoder(unsynced{file}, audio.Rate, 16, 1, 1)
			if err := e.Write(buf); err != nil {
				b.Fatal(err)
			}
			if err := e.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// unsynced hides the file from go-audio, which would wait for the disk.
type unsynced struct{ io.WriteSeeker }

func benchFile(b *testing.B) *os.File {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "bench.wav"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := file.Close(); err != nil {
			b.Error(err)
		}
	})
	return file
}

func BenchmarkReadWAVOf10s(b *testing.B) {
	row := samples(noise(10*audio.Rate, 1))
	for _, f := range []struct {
		name string
		file wavFile
	}{
		{"mono_16", wavFile{data: encodeAs(row, 16, false)}},
		{"stereo_16", wavFile{channels: 2, data: encodeAs(interleave(row, row), 16, false)}},
		{"mono_float32", wavFile{bits: 32, tag: 3, data: encodeAs(row, 32, true)}},
	} {
		file := f.file.bytes()
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				readWAV(b, file)
			}
		})
	}
}

func BenchmarkLevel20ms(b *testing.B) {
	frame := noise(320, 1)
	for b.Loop() {
		audio.Level(frame)
	}
}
