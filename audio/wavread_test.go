package audio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"sori/audio"
)

const roomy = 64 << 20

func readWAV(t testing.TB, file []byte) *audio.PCM {
	t.Helper()
	p, err := audio.ReadWAV(bytes.NewReader(file), roomy)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReadWAVOfEveryFormat(t *testing.T) {
	t.Parallel()
	left := samples(tone(440, 16000, 1601, 0.8))
	right := samples(tone(700, 16000, 1601, 0.3))
	for _, channels := range []int{1, 2, 6, 8} {
		rows := make([][]int16, channels)
		for i := range rows {
			rows[i] = left
			if i%2 == 1 {
				rows[i] = right
			}
		}
		row := interleave(rows...)
		for _, f := range []struct {
			bits  int
			float bool
		}{{8, false}, {16, false}, {24, false}, {32, false}, {32, true}, {64, true}} {
			for _, extensible := range []bool{false, true} {
				name := fmt.Sprintf("%d channels, %d bits, float %v, extensible %v", channels, f.bits, f.float, extensible)
				w := wavFile{channels: channels, bits: f.bits, extensible: extensible, rate: 44100, data: encodeAs(row, f.bits, f.float)}
				if f.float {
					w.tag = 3
				}
				p := readWAV(t, w.bytes())
				if p.Rate != 44100 || p.Truncated {
					t.Errorf("%s: %d Hz, truncated %v", name, p.Rate, p.Truncated)
				}
				if plain := channels == 1 && f.bits == 16; plain != (len(p.Notes) == 0) {
					t.Errorf("%s: the notes are %q", name, p.Notes)
				}
				got := samples(p.Data)
				if len(got) != len(left) {
					t.Errorf("%s: %d samples, want %d", name, len(got), len(left))
					continue
				}
				off := 1.0 // of rounding the mean
				if f.bits == 8 {
					off = 256
				}
				for i, v := range got {
					want := float64(left[i])
					if channels > 1 {
						want = (want + float64(right[i])) / 2
					}
					if math.Abs(float64(v)-want) > off {
						t.Errorf("%s: sample %d is %d, want %.1f", name, i, v, want)
						break
					}
				}
			}
		}
	}
}

func TestReadWAVOfWildFloats(t *testing.T) {
	t.Parallel()
	var data []byte
	values := []float32{0, 1, -1, 7, -7, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 0.5}
	for _, v := range values {
		b := math.Float32bits(v)
		data = append(data, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	p := readWAV(t, wavFile{tag: 3, bits: 32, data: data}.bytes())
	want := []int16{0, 32767, -32768, 32767, -32768, 32767, -32768, 0, 16384}
	for i, v := range samples(p.Data) {
		if v != want[i] {
			t.Errorf("%v became %d, want %d", values[i], v, want[i])
		}
	}
}

func TestReadWAVThatLies(t *testing.T) {
	t.Parallel()
	pcm := noise(1000, 1)
	list := chunk("LIST", []byte("INFOISFT\x05\x00\x00\x00Lavf\x00"))
	for _, c := range []struct {
		name      string
		file      wavFile
		want      []byte
		truncated bool
	}{
		{"honest", wavFile{data: pcm}, pcm, false},
		{"honest, with chunks around it", wavFile{before: chunk("JUNK", make([]byte, 27)), between: list, data: pcm, after: list}, pcm, false},
		{"RIFF size of a stream", wavFile{data: pcm, riffSize: 0xFFFFFFFF}, pcm, false},
		{"RIFF size of a stream, chunk behind", wavFile{data: pcm, riffSize: 0xFFFFFFFF, after: list}, pcm, false},
		{"RIFF size 0", wavFile{data: pcm, riffSize: -1}, pcm, false},
		{"data length 0", wavFile{data: pcm, dataSize: -1}, pcm, true},
		{"both lengths 0", wavFile{data: pcm, dataSize: -1, riffSize: -1}, pcm, true},
		{"data length 0xFFFFFFFF", wavFile{data: pcm, dataSize: 0xFFFFFFFF, riffSize: 0xFFFFFFFF}, pcm, true},
		{"data length 2 GB", wavFile{data: pcm, dataSize: 1 << 31}, pcm, true},
		{"data length 2 GB less one", wavFile{data: pcm, dataSize: math.MaxInt32}, pcm, true},
		{"data length 1.9 GB", wavFile{data: pcm, dataSize: 1_900_000_000}, pcm, true},
		{"longer than the file", wavFile{data: pcm, dataSize: 2002}, pcm, true},
		{"odd length", wavFile{data: append(bytes.Clone(pcm), 7)}, pcm, true},
		{"odd length, chunk behind", wavFile{data: append(bytes.Clone(pcm), 7), after: list}, pcm, true},
		{"an encoder that never closed", wavFile{data: pcm, dataSize: 42, riffSize: 42}, pcm, true},
		{"an empty data chunk before the real one", wavFile{between: chunk("data", nil), data: pcm}, pcm, false},
		{"RF64", wavFile{riff: "RF64", riffSize: 0xFFFFFFFF, before: chunk("ds64", make([]byte, 28)), data: pcm, dataSize: 0xFFFFFFFF}, pcm, true},
		{"one sample", wavFile{data: pcm[:2]}, pcm[:2], false},
	} {
		p, err := audio.ReadWAV(bytes.NewReader(c.file.bytes()), roomy)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !bytes.Equal(p.Data, c.want) {
			t.Errorf("%s: %d bytes of audio, want %d", c.name, len(p.Data), len(c.want))
		}
		if p.Truncated != c.truncated {
			t.Errorf("%s: Truncated is %v", c.name, p.Truncated)
		}
	}
}

func TestReadWAVCutAnywhere(t *testing.T) {
	t.Parallel()
	file := wavFile{channels: 2, bits: 24, data: make([]byte, 600), between: chunk("LIST", make([]byte, 9))}.bytes()
	for n := range len(file) {
		p, err := audio.ReadWAV(bytes.NewReader(file[:n]), roomy)
		if whole := (n - (len(file) - 600)) / 6; whole > 0 {
			if err != nil || len(p.Data) != 2*whole || !p.Truncated {
				t.Fatalf("cut at %d: %v", n, err)
			}
			continue
		}
		if _, ok := errors.AsType[*audio.WAVError](err); !ok {
			t.Fatalf("cut at %d: %v, %v", n, p, err)
		}
	}
}

func TestReadWAVRefuses(t *testing.T) {
	t.Parallel()
	pcm := noise(100, 1)
	for _, c := range []struct {
		name string
		file []byte
		code string
	}{
		{"no bytes", nil, audio.WAVEmpty},
		{"no samples", wavFile{}.bytes(), audio.WAVEmpty},
		{"no samples, chunk behind", wavFile{after: chunk("LIST", make([]byte, 40))}.bytes(), audio.WAVEmpty},
		{"half a sample", wavFile{data: pcm[:1]}.bytes(), audio.WAVEmpty},
		{"half a block", wavFile{channels: 2, data: pcm[:3]}.bytes(), audio.WAVEmpty},
		{"text", []byte("This is my shopping list, and no audio."), audio.WAVNotWAV},
		{"short text", []byte("hello"), audio.WAVNotWAV},
		{"HTML", []byte("<!doctype html><html><body>502 Bad Gateway</body></html>"), audio.WAVNotWAV},
		{"MP3", append([]byte("ID3\x04"), make([]byte, 100)...), audio.WAVNotWAV},
		{"RIFF of something else", wavFile{wave: "AVI ", data: pcm}.bytes(), audio.WAVNotWAV},
		{"big-endian", wavFile{riff: "RIFX", data: pcm}.bytes(), audio.WAVNotWAV},
		{"RIFF alone", []byte("RIFF"), audio.WAVCut},
		{"no fmt chunk", wavFile{noFmt: true, data: pcm}.bytes(), audio.WAVNoFormat},
		{"nothing but a header", []byte("RIFF\x04\x00\x00\x00WAVE"), audio.WAVNoFormat},
		{"no data chunk", wavFile{noData: true}.bytes(), audio.WAVNoData},
		{"fmt chunk too short", wavFile{fmtSize: 14, data: pcm}.bytes(), audio.WAVBadFormat},
		{"fmt chunk of 4 GB", wavFile{fmtSize: 0xFFFFFFFF, data: pcm}.bytes(), audio.WAVBadFormat},
		{"0 Hz", wavFile{rate: -1, data: pcm}.bytes(), audio.WAVBadRate},
		{"1 Hz", wavFile{rate: 1, data: pcm}.bytes(), audio.WAVBadRate},
		{"192,001 Hz", wavFile{rate: 192001, data: pcm}.bytes(), audio.WAVBadRate},
		{"0 channels", wavFile{channels: -1, align: 2, data: pcm}.bytes(), audio.WAVChannels},
		{"9 channels", wavFile{channels: 9, data: pcm}.bytes(), audio.WAVChannels},
		{"block of 0", wavFile{align: -1, data: pcm}.bytes(), audio.WAVBadFormat},
		{"block of 7", wavFile{align: 7, data: pcm}.bytes(), audio.WAVBadFormat},
		{"0 bits", wavFile{bits: -1, align: 2, data: pcm}.bytes(), audio.WAVUnsupported},
		{"12 bits", wavFile{bits: 12, align: 2, data: pcm}.bytes(), audio.WAVUnsupported},
		{"16-bit float", wavFile{tag: 3, data: pcm}.bytes(), audio.WAVUnsupported},
		{"mu-law", wavFile{tag: 7, bits: 8, data: pcm}.bytes(), audio.WAVUnsupported},
		{"a huge chunk before the audio", wavFile{between: append([]byte("LIST\xff\xff\xff\xff"), make([]byte, 100)...), data: pcm}.bytes(), audio.WAVNoData},
	} {
		p, err := audio.ReadWAV(bytes.NewReader(c.file), roomy)
		wavErr, ok := errors.AsType[*audio.WAVError](err)
		if !ok {
			t.Errorf("%s: %v, %v", c.name, p, err)
			continue
		}
		if wavErr.Code != c.code {
			t.Errorf("%s: the code is %s, want %s (%s)", c.name, wavErr.Code, c.code, wavErr.Message)
		}
		if !strings.HasSuffix(wavErr.Message, ".") && !strings.Contains(wavErr.Message, "ffmpeg") {
			t.Errorf("%s: %q is no sentence", c.name, wavErr.Message)
		}
	}
}

func TestReadWAVIsBounded(t *testing.T) {
	t.Parallel()
	file := wavFile{data: noise(5000, 1)}.bytes()
	if _, err := audio.ReadWAV(bytes.NewReader(file), int64(len(file))); err != nil {
		t.Errorf("a file of just the limit: %v", err)
	}
	for _, limit := range []int64{-1, 0, 11, 44, 1000, int64(len(file)) - 1} {
		r := &countingReader{r: io.MultiReader(bytes.NewReader(file), endless{})}
		_, err := audio.ReadWAV(r, limit)
		wavErr, ok := errors.AsType[*audio.WAVError](err)
		if !ok || wavErr.Code != audio.WAVTooLarge {
			t.Errorf("limit %d: %v", limit, err)
		}
		if r.n > max(0, limit)+1 {
			t.Errorf("limit %d: %d bytes were read", limit, r.n)
		}
	}
}

//nolint:paralleltest // it counts the bytes that the whole process allocates
func TestNoMemoryByAHeadersWord(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates, too")
	}
	for _, file := range [][]byte{
		wavFile{data: noise(10, 1), dataSize: 0x7FFFFFF0}.bytes(),
		wavFile{data: noise(10, 1), dataSize: 0xFFFFFFF0}.bytes(),
		wavFile{data: noise(10, 1), fmtSize: 0x7FFFFFF0}.bytes(),
		wavFile{data: noise(10, 1), before: []byte("LIST\xf0\xff\xff\x7f")}.bytes(),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = audio.ReadWAV(bytes.NewReader(file), 1<<32) // whether it is taken is another test's matter
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%d bytes were allocated for a file of %d", got, len(file))
		}
	}
}

func TestReadWAVNamesTheReadersError(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	file := wavFile{data: noise(5000, 1)}.bytes()
	for _, n := range []int{0, 3, 20, 40, 44, 5000} {
		r := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))
		if _, err := audio.ReadWAV(r, roomy); !errors.Is(err, broken) {
			t.Errorf("a reader that fails after %d bytes: %v", n, err)
		}
	}
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// endless gives zeros for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
