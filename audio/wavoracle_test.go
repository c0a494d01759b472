package audio_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	goaudio "github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"sori/audio"
)

func TestGoAudioReadsWhatWeWrite(t *testing.T) {
	t.Parallel()
	pcm := noise(40001, 1)
	c := audio.ClipOf(pcm)
	defer c.Release()
	path := filepath.Join(t.TempDir(), "clip.wav")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, _ := c.WAV()
	defer r.Close()
	if _, err := io.Copy(file, r); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}

	d := wav.NewDecoder(file)
	if !d.IsValidFile() {
		t.Fatalf("go-audio says that the file is not valid: %v", d.Err())
	}
	buf, err := d.FullPCMBuffer()
	if err != nil {
		t.Fatal(err)
	}
	if d.SampleRate != audio.Rate || d.NumChans != 1 || d.BitDepth != 16 || d.AvgBytesPerSec != 32000 || d.WavAudioFormat != 1 {
		t.Errorf("go-audio sees %d Hz, %d channels, %d bits, %d bytes a second, format %d", d.SampleRate, d.NumChans, d.BitDepth, d.AvgBytesPerSec, d.WavAudioFormat)
	}
	want := samples(pcm)
	if len(buf.Data) != len(want) {
		t.Fatalf("go-audio sees %d samples, want %d", len(buf.Data), len(want))
	}
	for i, v := range buf.Data {
		if v != int(want[i]) {
			t.Fatalf("go-audio sees %d at sample %d, want %d", v, i, want[i])
		}
	}
}

// goAudioFile writes a file with go-audio's encoder.
func goAudioFile(t testing.TB, rate, bits, channels int, data []int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%d-%d-%d.wav", rate, bits, channels))
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	e := wav.NewEncoder(file, rate, bits, channels, 1)
	e.Metadata = &wav.Metadata{Artist: "nobody", Title: "a test"} // a LIST chunk behind the audio
	if err := e.Write(&goaudio.IntBuffer{Data: data, Format: &goaudio.Format{SampleRate: rate, NumChannels: channels}, SourceBitDepth: bits}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWeReadWhatGoAudioWrites(t *testing.T) {
	t.Parallel()
	source := samples(noise(9000, 4))
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		for _, channels := range []int{1, 2, 3} {
			for _, bits := range []int{8, 16, 24, 32} {
				data := make([]int, len(source))
				for i, v := range source {
					switch bits {
					case 8:
						data[i] = int(v>>8) + 128
					default:
						data[i] = int(v)<<(bits-16) + i%(1<<(bits-16))
					}
				}
				file, err := os.ReadFile(goAudioFile(t, rate, bits, channels, data))
				if err != nil {
					t.Fatal(err)
				}
				p, err := audio.ReadWAV(bytes.NewReader(file), roomy)
				name := fmt.Sprintf("%d Hz, %d channels, %d bits", rate, channels, bits)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				if p.Rate != rate || p.Truncated || len(p.Data) != 2*len(data)/channels {
					t.Errorf("%s: %d Hz, %d bytes, truncated %v", name, p.Rate, len(p.Data), p.Truncated)
					continue
				}
				for i, v := range samples(p.Data) {
					var want float64
					for c := range channels {
						if bits == 8 {
							want += float64(data[i*channels+c]-128) * 256
						} else {
							want += float64(data[i*channels+c]) / float64(int(1)<<(bits-16))
						}
					}
					want = math.Min(want/float64(channels), math.MaxInt16)
					if math.Abs(float64(v)-want) > 0.5 {
						t.Errorf("%s: sample %d is %d, want %.2f", name, i, v, want)
						break
					}
				}
			}
		}
	}
}
