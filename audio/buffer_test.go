package audio_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"sori/audio"
)

// content is what a clip holds, without its header. It leaves the clip alone.
func content(t testing.TB, c *audio.Clip) []byte {
	t.Helper()
	r, size := c.WAV()
	defer r.Close()
	file, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(file)) != size {
		t.Fatalf("the WAV has %d bytes, and WAV said %d", len(file), size)
	}
	return file[audio.HeaderBytes:]
}

func TestBufferGivesBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	b := audio.NewBuffer(time.Minute)
	for range 4 {
		pcm := noise(16000*5+rng.IntN(40000), rng.Uint64())
		for rest := pcm; len(rest) > 0; {
			n := min(len(rest), 2*(1+rng.IntN(30000)))
			if took := b.Write(rest[:n]); took != n {
				t.Fatalf("Write took %d of %d bytes", took, n)
			}
			rest = rest[n:]
		}
		if b.Len() != len(pcm) {
			t.Fatalf("Len is %d, want %d", b.Len(), len(pcm))
		}
		if want := time.Duration(len(pcm)/2) * time.Second / 16000; b.Duration() != want {
			t.Fatalf("Duration is %v, want %v", b.Duration(), want)
		}
		c := b.Take()
		if b.Len() != 0 {
			t.Fatal("Take left audio behind")
		}
		if !bytes.Equal(content(t, c), pcm) {
			t.Fatal("the clip holds something else")
		}
		c.Release()
	}
}

func TestBufferStopsAtItsLimit(t *testing.T) {
	t.Parallel()
	b := audio.NewBuffer(1500 * time.Millisecond)
	pcm := noise(32000, 1)
	if n := b.Write(pcm); n != 48000 {
		t.Fatalf("a buffer of 1.5 s took %d bytes, want 48,000", n)
	}
	if !b.Full() || b.Write(pcm) != 0 {
		t.Fatal("the buffer takes more than its limit")
	}
	c := b.Take()
	defer c.Release()
	if b.Full() || !bytes.Equal(content(t, c), pcm[:48000]) {
		t.Fatal("the buffer lost audio at its limit")
	}
	for _, limit := range []time.Duration{0, -1, time.Microsecond} {
		if none := audio.NewBuffer(limit); none.Write(pcm) != 0 || !none.Full() {
			t.Errorf("a buffer of %v takes audio", limit)
		}
	}
}

func TestBufferTakesWholeSamples(t *testing.T) {
	t.Parallel()
	b := audio.NewBuffer(time.Second)
	if n := b.Write([]byte{1, 2, 3}); n != 2 {
		t.Fatalf("Write took %d of 3 bytes, want 2", n)
	}
	if n := b.Write([]byte{3, 4}); n != 2 {
		t.Fatalf("Write took %d of 2 bytes", n)
	}
	c := b.Take()
	defer c.Release()
	if got := content(t, c); !bytes.Equal(got, []byte{1, 2, 3, 4}) {
		t.Fatalf("the clip holds %v", got)
	}
}

func TestKeepLastIsThePreRoll(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	b := audio.NewBuffer(time.Minute)
	var model []byte // what the buffer must hold
	for i := range 800 {
		pcm := noise(rng.IntN(3000), uint64(i))
		if b.Write(pcm) != len(pcm) {
			t.Fatal("the buffer is full")
		}
		model = append(model, pcm...)
		if rng.IntN(3) == 0 {
			keep := time.Duration(rng.IntN(3000)) * time.Millisecond
			b.KeepLast(keep)
			model = model[max(0, len(model)-2*int(keep.Milliseconds())*16):]
		}
		if b.Len() != len(model) {
			t.Fatalf("step %d: the buffer holds %d bytes, want %d", i, b.Len(), len(model))
		}
		if rng.IntN(50) == 0 {
			c := b.Take()
			if !bytes.Equal(content(t, c), model) {
				t.Fatalf("step %d: the clip holds something else", i)
			}
			if n := len(model) / 4; n > 0 { // from the middle, across slabs
				got := make([]int16, n)
				if c.ReadSamples(got, n/2) != n || got[0] != samples(model)[n/2] || got[n-1] != samples(model)[n/2+n-1] {
					t.Fatalf("step %d: ReadSamples gives something else", i)
				}
			}
			c.Release()
			model = nil
		}
	}
}

func TestResetEmpties(t *testing.T) {
	t.Parallel()
	b := audio.NewBuffer(time.Minute)
	b.Write(noise(70000, 1))
	b.Reset()
	if b.Len() != 0 || b.Duration() != 0 {
		t.Fatal("the buffer still holds audio")
	}
	pcm := noise(100, 2)
	b.Write(pcm)
	c := b.Take()
	defer c.Release()
	if !bytes.Equal(content(t, c), pcm) {
		t.Fatal("audio of before is heard after Reset")
	}
}

func TestWritingAFrameDoesNotAllocate(t *testing.T) {
	b := audio.NewBuffer(time.Minute)
	frame := noise(320, 1)
	fill := func() {
		for !b.Full() {
			b.Write(frame)
		}
	}
	fill()
	b.Reset()
	// 3,000 frames a run; the slabs come out of the pool, give or take what
	// the garbage collector took from it.
	if allocs := allocsPerRun(20, func() { fill(); b.Reset() }); allocs > 3 {
		t.Errorf("%.1f allocations for a minute in 3,000 frames, want 0", allocs)
	}
	preRoll := func() { b.Write(frame); b.KeepLast(300 * time.Millisecond) }
	if allocs := allocsPerRun(3000, preRoll); allocs != 0 {
		t.Errorf("%.2f allocations a frame of pre-roll, want 0", allocs)
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process
func TestAnUtteranceGivesItsMemoryBack(t *testing.T) {
	b := audio.NewBuffer(time.Minute)
	pcm := noise(160000, 1)
	utterance := func() {
		b.Write(pcm)
		c := b.Take()
		r, _ := c.WAV()
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		c.Release()
		r.Close()
	}
	utterance()
	// The clip, its reader, and the list of slabs as it grows: never a slab.
	if allocs := allocsPerRun(100, utterance); allocs > 10 {
		t.Errorf("%.1f allocations for an utterance of 10 s, want 10 small ones", allocs)
	}
}
