package audio_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"sori/audio"
)

func TestWAVStreamInPieces(t *testing.T) {
	t.Parallel()
	row := samples(noise(6000, 1))
	for _, f := range []wavFile{
		{data: encodeAs(row, 16, false)},
		{data: encodeAs(row, 16, false), dataSize: 0xFFFFFFFF, riffSize: 0xFFFFFFFF, rate: 24000},
		{data: encodeAs(row, 16, false), dataSize: -1, riffSize: -1},
		{data: encodeAs(row, 24, false), bits: 24, channels: 3},
		{data: encodeAs(row, 64, true), bits: 64, tag: 3, channels: 2, between: chunk("LIST", make([]byte, 5000))},
		{data: encodeAs(row, 8, false), bits: 8},
	} {
		file := f.bytes()
		want := readWAV(t, file)
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"at once":        func(r io.Reader) io.Reader { return r },
			"byte by byte":   iotest.OneByteReader,
			"by halves":      iotest.HalfReader,
			"EOF with data":  iotest.DataErrReader,
			"with pauses":    func(r io.Reader) io.Reader { return &stutter{r: r} },
			"odd, 1001 long": func(r io.Reader) io.Reader { return &short{r: r, n: 1001} },
		} {
			for _, room := range []int{2, 3, 640, 100000} {
				s, err := audio.NewWAVStream(wrap(bytes.NewReader(file)))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if s.Rate() != want.Rate {
					t.Errorf("%s: %d Hz, want %d", name, s.Rate(), want.Rate)
				}
				var got []byte
				buf := make([]byte, room)
				for {
					n, err := s.Read(buf)
					if n%2 != 0 || n > room || err == nil && n == 0 {
						t.Fatalf("%s: Read gave %d bytes and %v", name, n, err)
					}
					got = append(got, buf[:n]...)
					if err != nil {
						if !errors.Is(err, io.EOF) {
							t.Fatalf("%s: %v", name, err)
						}
						break
					}
				}
				if !bytes.Equal(got, want.Data) || s.Truncated() != want.Truncated {
					t.Errorf("%s, %d bytes a read: %d bytes, want %d; truncated %v, want %v", name, room, len(got), len(want.Data), s.Truncated(), want.Truncated)
				}
			}
		}
	}
}

func TestWAVStreamGivesWhatIsThere(t *testing.T) {
	t.Parallel()
	// An engine that still speaks: the first samples must not wait for more.
	reader, writer := io.Pipe()
	defer reader.Close()
	go func() {
		header := audio.WAVHeader(24000, 1, audio.UnknownLength)
		_, _ = writer.Write(header[:]) // the reader's end fails the test if it does not come
		_, _ = writer.Write([]byte{1, 2, 3, 4, 5})
	}()
	s, err := audio.NewWAVStream(reader)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Open() {
		t.Error("a stream of unknown length is not open")
	}
	buf := make([]byte, 4096)
	got := make(chan []byte, 1)
	go func() {
		n, _ := s.Read(buf)
		got <- buf[:n]
	}()
	select {
	case b := <-got:
		if !bytes.Equal(b, []byte{1, 2, 3, 4}) {
			t.Errorf("the first samples are %v", b)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Read waits for audio that is not spoken yet")
	}
}

func TestWAVStreamStopsAtItsEnd(t *testing.T) {
	t.Parallel()
	// Behind the audio the stream is somebody else's: a connection that stays.
	pcm := noise(100, 1)
	r := io.MultiReader(bytes.NewReader(wavFile{data: pcm}.bytes()), endless{})
	s, err := audio.NewWAVStream(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, pcm) || s.Truncated() || s.Open() {
		t.Fatalf("%d bytes, %v, truncated %v", len(got), err, s.Truncated())
	}
}

func TestWAVStreamPassesTheErrorOn(t *testing.T) {
	t.Parallel()
	pcm := noise(1000, 1)
	file := wavFile{data: pcm}.bytes()
	r := io.MultiReader(bytes.NewReader(file[:len(file)-1]), iotest.ErrReader(io.ErrUnexpectedEOF))
	s, err := audio.NewWAVStream(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(s)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(got, pcm[:1998]) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if n, err := s.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.ErrShortBuffer) {
		t.Fatalf("a read of half a sample: %d, %v", n, err)
	}
}

// stutter gives nothing at every second read.
type stutter struct {
	r     io.Reader
	pause bool
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.pause = !s.pause; s.pause {
		return 0, nil
	}
	return s.r.Read(p)
}

// short gives at most n bytes a read.
type short struct {
	r io.Reader
	n int
}

func (s *short) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }
