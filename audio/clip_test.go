package audio_test

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"sori/audio"
)

func TestClipIsAWAVFile(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 16383, 16384, 16385, 100000} {
		pcm := noise(n, uint64(n))
		c := audio.ClipOf(pcm)
		if c.Samples() != n || c.Duration() != time.Duration(n)*time.Second/16000 {
			t.Errorf("%d samples: the clip says %d, %v", n, c.Samples(), c.Duration())
		}
		want := append(audio.AppendHeader(nil, audio.Rate, 1, len(pcm)), pcm...)
		r, size := c.WAV()
		if err := iotest.TestReader(r, want); err != nil {
			t.Errorf("%d samples: %v", n, err)
		}
		r.Close()
		if size != int64(len(want)) {
			t.Errorf("%d samples: the size is %d, want %d", n, size, len(want))
		}
		r, _ = c.WAV() // again, as a retry does, and by WriterTo
		var file bytes.Buffer
		if m, err := r.(io.WriterTo).WriteTo(&file); err != nil || m != size || !bytes.Equal(file.Bytes(), want) {
			t.Errorf("%d samples: WriteTo wrote %d bytes, %v", n, m, err)
		}
		r.Close()
		c.Release()
	}
}

func TestWriteToGoesOnWhereReadStopped(t *testing.T) {
	t.Parallel()
	pcm := noise(40000, 1)
	want := append(audio.AppendHeader(nil, audio.Rate, 1, len(pcm)), pcm...)
	for _, n := range []int{0, 7, 44, 45, 33000} {
		c := audio.ClipOf(pcm)
		r, _ := c.WAV()
		got := make([]byte, n)
		if _, err := io.ReadFull(r, got); err != nil {
			t.Fatal(err)
		}
		rest := bytes.NewBuffer(got)
		if _, err := r.(io.WriterTo).WriteTo(rest); err != nil || !bytes.Equal(rest.Bytes(), want) {
			t.Errorf("after %d bytes: %d bytes in all, %v", n, rest.Len(), err)
		}
		r.Close()
		c.Release()
	}
}

func TestWriteToReportsTheWriter(t *testing.T) {
	t.Parallel()
	c := audio.ClipOf(noise(40000, 1))
	defer c.Release()
	r, _ := c.WAV()
	defer r.Close()
	broken := errors.New("disk full")
	n, err := r.(io.WriterTo).WriteTo(&failingWriter{after: 20000, err: broken})
	if !errors.Is(err, broken) || n != 20000 {
		t.Fatalf("%d bytes, %v", n, err)
	}
}

type failingWriter struct {
	after int
	err   error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.after)
	w.after -= n
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestReadSamples(t *testing.T) {
	t.Parallel()
	pcm := noise(50000, 9)
	want := samples(pcm)
	c := audio.ClipOf(pcm)
	defer c.Release()
	for _, w := range []struct{ at, n, got int }{
		{0, 50000, 50000}, {0, 10, 10}, {16380, 10, 10}, {49995, 10, 5}, {50000, 10, 0}, {-1, 10, 0}, {1 << 40, 10, 0}, {3, 0, 0},
	} {
		dst := make([]int16, w.n)
		n := c.ReadSamples(dst, w.at)
		if n != w.got {
			t.Errorf("at %d: %d samples, want %d", w.at, n, w.got)
			continue
		}
		for i, v := range dst[:n] {
			if v != want[w.at+i] {
				t.Errorf("sample %d is %d, want %d", w.at+i, v, want[w.at+i])
				break
			}
		}
	}
}

func TestOddBytesOfClipOf(t *testing.T) {
	t.Parallel()
	c := audio.ClipOf([]byte{1, 2, 3})
	defer c.Release()
	if c.Samples() != 1 {
		t.Fatalf("3 bytes are %d samples, want 1", c.Samples())
	}
}

func TestUseAfterRelease(t *testing.T) {
	t.Parallel()
	c := audio.ClipOf(noise(1000, 1))
	c.Release()
	c.Release()
	if c.Samples() != 0 || c.Duration() != 0 || c.ReadSamples(make([]int16, 10), 0) != 0 {
		t.Error("a released clip still has audio")
	}
	r, size := c.WAV()
	if _, err := r.Read(make([]byte, 10)); !errors.Is(err, audio.ErrReleased) || size != 0 {
		t.Errorf("size %d, error %v", size, err)
	}
	if _, err := r.(io.WriterTo).WriteTo(io.Discard); !errors.Is(err, audio.ErrReleased) {
		t.Errorf("WriteTo: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestClosedReaderFails(t *testing.T) {
	t.Parallel()
	c := audio.ClipOf(noise(1000, 1))
	defer c.Release()
	r, _ := c.WAV()
	r.Close()
	r.Close() // twice: must not give up somebody else's hold
	if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if c.ReadSamples(make([]int16, 10), 0) != 10 {
		t.Error("closing a reader twice took the clip from its owner")
	}
}

func TestOpenReaderKeepsTheMemory(t *testing.T) {
	t.Parallel()
	// An HTTP transport may read the body of a cancelled request after the
	// session is gone. Were the memory lent again, others' speech would go out.
	pcm := noise(40000, 1)
	for range 50 {
		c := audio.ClipOf(pcm)
		r, _ := c.WAV()
		c.Release()
		other := audio.NewBuffer(time.Minute)
		other.Write(make([]byte, 200000))
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got[audio.HeaderBytes:], pcm) {
			t.Fatal("the memory under an open reader was lent again")
		}
		other.Reset()
		r.Close()
	}
}

func TestClipUnderManyHands(t *testing.T) {
	t.Parallel()
	// The race detector judges: readers, owner and closers all at once.
	pcm := noise(60000, 1)
	for range 30 {
		c := audio.ClipOf(pcm)
		var wg sync.WaitGroup
		for range 4 {
			r, size := c.WAV()
			wg.Go(func() {
				got, err := io.ReadAll(r)
				if err == nil && (int64(len(got)) != size || !bytes.Equal(got[audio.HeaderBytes:], pcm)) {
					t.Error("a reader saw something else")
				}
			})
			w, _ := c.WAV()
			wg.Go(func() {
				var file bytes.Buffer
				_, err := w.(io.WriterTo).WriteTo(&file)
				if err == nil && !bytes.Equal(file.Bytes()[audio.HeaderBytes:], pcm) {
					t.Error("a writer was given something else")
				}
			})
			wg.Go(func() { r.Close() })
			wg.Go(func() { w.Close() })
			wg.Go(func() {
				dst := make([]int16, 60000)
				if n := c.ReadSamples(dst, 0); n != 0 && n != 60000 {
					t.Errorf("%d samples", n)
				}
			})
		}
		wg.Go(c.Release)
		wg.Go(func() { // somebody else, who would write over memory lent too early
			b := audio.NewBuffer(time.Minute)
			b.Write(make([]byte, 500000))
			b.Reset()
		})
		wg.Wait()
	}
}
