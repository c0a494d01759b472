package audio_test

import (
	"testing"

	"sori/audio"
)

func allocsPerRun(runs int, f func()) float64 {
	if underRace {
		f()
		return 0
	}
	return testing.AllocsPerRun(runs, f)
}

func TestFrameHasTheLengthAskedFor(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 640, 1024, 1025, 4096, 16384, 65536, 65537, 1 << 20} {
		for range 3 {
			f := audio.NewFrame(n)
			if len(f.Data) != n {
				t.Fatalf("a frame of %d bytes has %d", n, len(f.Data))
			}
			f.Data = f.Data[:n/2]
			f.Free()
		}
	}
}

func TestFramesDoNotShareMemory(t *testing.T) {
	t.Parallel()
	var held []*audio.Frame
	for i := range 200 {
		f := audio.NewFrame(640)
		for j := range f.Data {
			f.Data[j] = byte(i)
		}
		held = append(held, f)
		if i%3 == 0 { // freeing twice must not lend the memory twice
			f.Free()
			f.Free()
			held = held[:len(held)-1]
		}
	}
	for _, f := range held {
		for _, b := range f.Data {
			if b != f.Data[0] {
				t.Fatal("two owners wrote to one frame")
			}
		}
		f.Free()
	}
	(*audio.Frame)(nil).Free()
}

func TestFrameDoesNotAllocate(t *testing.T) {
	for _, n := range []int{640, 1920, 9600, 65536} {
		if allocs := allocsPerRun(500, func() { audio.NewFrame(n).Free() }); allocs != 0 {
			t.Errorf("%d bytes: %.2f allocations a frame, want 0", n, allocs)
		}
	}
}

func TestKeptFrameIsACopy(t *testing.T) {
	t.Parallel()
	data := []byte("what was said")
	f := audio.KeptFrame(data)
	data[0] = 'X'
	if string(f.Data) != "what was said" || cap(f.Data) > 16 {
		t.Errorf("%q in %d bytes", f.Data, cap(f.Data))
	}
	f.Free()
	if f.Data != nil {
		t.Error("it is there after Free")
	}
}
