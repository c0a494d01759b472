package audio_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"sori/audio"
)

// rates are the pairs that sessions and engines really have, and two that no
// table of exact phases fits.
func rates() [][2]int {
	pairs := [][2]int{{47999, 16000}, {16000, 47999}}
	for _, from := range []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 192000} {
		pairs = append(pairs, [2]int{from, 16000})
	}
	for _, to := range []int{8000, 11025, 22050, 24000, 44100, 48000} {
		pairs = append(pairs, [2]int{16000, to}, [2]int{24000, to})
	}
	return pairs
}

func newResampler(t testing.TB, from, to int) *audio.Resampler {
	t.Helper()
	r, err := audio.NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func convert(t testing.TB, from, to int, pcm []byte) []byte {
	t.Helper()
	r := newResampler(t, from, to)
	return r.Flush(r.Append(nil, pcm))
}

func TestResampledToneIsTheTone(t *testing.T) {
	t.Parallel()
	for _, pair := range rates() {
		from, to := pair[0], pair[1]
		t.Run(fmt.Sprintf("%d to %d", from, to), func(t *testing.T) {
			t.Parallel()
			// In phase: a delay of a hundredth of a sample would show.
			got := convert(t, from, to, tone(1000, from, from/4, 0.9))
			if snr := toneSNR(t, got, 1000, to, to/20, 0.9); snr < 85 {
				t.Errorf("a tone of 1 kHz has an SNR of %.1f dB, want 85", snr)
			} else {
				t.Logf("SNR at 1 kHz: %.1f dB", snr)
			}
		})
	}
}

func TestPassbandIsFlat(t *testing.T) {
	t.Parallel()
	for _, pair := range rates() {
		from, to := pair[0], pair[1]
		edge := 0.88 * float64(min(from, to)) / 2
		got := samples(convert(t, from, to, tone(edge, from, from/4, 0.9)))
		inner := got[to/20 : len(got)-to/20]
		want := 0.5 * 0.9 * 0.9 * 32767 * 32767
		if db := decibels(power(inner) / want); db < -0.05 || db > 0.05 {
			t.Errorf("%d to %d Hz: the gain at %.0f Hz is %.3f dB, want 0", from, to, edge, db)
		}
	}
}

func TestNothingFoldsBack(t *testing.T) {
	t.Parallel()
	for _, pair := range rates() {
		from, to := pair[0], pair[1]
		if to >= from {
			continue
		}
		r := newResampler(t, from, to)
		worst := 200.0
		nyquist := float64(to) / 2
		for _, above := range []float64{1.001, 1.01, 1.05, 1.1, 1.2, 1.31, 1.5, 1.77, 2.1, 2.9} {
			freq := nyquist * above
			if freq > 0.99*float64(from)/2 {
				break
			}
			in := tone(freq, from, from/16, 0.9)
			out := samples(r.Flush(r.Append(nil, in)))
			left := power(out[to/80:len(out)-to/80]) + 1e-9
			worst = min(worst, decibels(power(samples(in))/left))
		}
		if worst < 80 {
			t.Errorf("%d to %d Hz: a tone from above Nyquist is left at -%.1f dB, want -80", from, to, worst)
		}
	}
}

func TestNoImagesAbove(t *testing.T) {
	t.Parallel()
	// Of a tone just below the old Nyquist frequency, the new rate must hold
	// the tone and not its mirror image.
	const from, to, freq = 8000, 16000, 3500
	got := convert(t, from, to, tone(freq, from, from, 0.9))
	if snr := toneSNR(t, got, freq, to, to/10, 0.9); snr < 80 {
		t.Errorf("3.5 kHz from 8 to 16 kHz has an SNR of %.1f dB, want 80", snr)
	}
}

func TestResamplingLeavesNoSeams(t *testing.T) {
	t.Parallel()
	for _, pair := range rates() {
		from, to := pair[0], pair[1]
		rng := rand.New(rand.NewPCG(uint64(from), uint64(to)))
		pcm := noise(from/50+2000, 7)
		whole := convert(t, from, to, pcm)
		r := newResampler(t, from, to)
		for round := range 2 { // twice: Flush leaves nothing of the first behind
			var got []byte
			for rest := pcm; len(rest) > 0; {
				n := min(len(rest), 2*(1+rng.IntN([]int{1, 3, 320, 5000}[rng.IntN(4)])))
				got = r.Append(got, rest[:n])
				rest = rest[n:]
			}
			got = r.Flush(got)
			if !bytes.Equal(got, whole) {
				t.Fatalf("%d to %d Hz, round %d: %d bytes in pieces differ from %d bytes at once", from, to, round, len(got), len(whole))
			}
		}
	}
}

func TestResampledLength(t *testing.T) {
	t.Parallel()
	for _, pair := range rates() {
		from, to := pair[0], pair[1]
		r := newResampler(t, from, to)
		for _, n := range []int{0, 1, 2, 3, 10, 319, 320, 321, 4411} {
			bound := r.OutputBytes(2*n) + r.OutputBytes(0)
			got := r.Flush(r.Append(nil, noise(n, 1)))
			want := (n*to + from - 1) / from
			if len(got) != 2*want {
				t.Errorf("%d to %d Hz: %d samples gave %d, want %d", from, to, n, len(got)/2, want)
			}
			if len(got) > bound {
				t.Errorf("%d to %d Hz: %d samples gave %d bytes, OutputBytes says %d", from, to, n, len(got), bound)
			}
		}
	}
}

func TestFullScaleDoesNotWrap(t *testing.T) {
	t.Parallel()
	// A square wave rings beyond full scale: that must clip, not change sign.
	in := make([]byte, 0, 96000)
	for i := range 48000 {
		v := int16(32767)
		if i/480%2 == 1 {
			v = -32768
		}
		in = append(in, byte(v), byte(v>>8))
	}
	for i, v := range samples(convert(t, 48000, 16000, in)) {
		if at := i % 160; at < 10 || at > 150 {
			continue
		}
		if high := i/160%2 == 0; high != (v > 0) {
			t.Fatalf("sample %d is %d", i, v)
		}
	}
}

func TestSameRateIsACopy(t *testing.T) {
	t.Parallel()
	in := noise(1000, 3)
	got := convert(t, 16000, 16000, in)
	if !bytes.Equal(got, in) {
		t.Fatal("the samples changed")
	}
	in[0]++
	if got[0] == in[0] {
		t.Fatal("the output shares memory with the input")
	}
}

func TestResetForgets(t *testing.T) {
	t.Parallel()
	r := newResampler(t, 48000, 16000)
	r.Append(nil, noise(777, 1))
	r.Reset()
	in := noise(4800, 2)
	if got := r.Flush(r.Append(nil, in)); !bytes.Equal(got, convert(t, 48000, 16000, in)) {
		t.Fatal("what came before Reset is heard after it")
	}
}

func TestRatesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]int{{0, 16000}, {16000, 0}, {-1, 16000}, {999, 16000}, {16000, 192001}} {
		if _, err := audio.NewResampler(pair[0], pair[1]); err == nil {
			t.Errorf("%d to %d Hz is taken", pair[0], pair[1])
		}
	}
}
