package audio_test

import (
	"bytes"
	"errors"
	"testing"

	"sori/audio"
)

func newInput(t testing.TB, encoding string, rate int) *audio.Input {
	t.Helper()
	in, err := audio.NewInput(encoding, rate)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func decode(t testing.TB, in *audio.Input, dst, frame []byte) []byte {
	t.Helper()
	dst, err := in.Decode(dst, frame)
	if err != nil {
		t.Fatal(err)
	}
	return dst
}

func TestInputTakesEveryRate(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8000, 8001, 11025, 12000, 16000, 22050, 24000, 32000, 37123, 44100, 48000} {
		in := newInput(t, audio.EncodingPCM, rate)
		pcm := tone(440, rate, rate/4, 0.5)
		var got []byte
		for frame := rate / 50 * 2; len(pcm) > 0; pcm = pcm[min(frame, len(pcm)):] {
			got = decode(t, in, got, pcm[:min(frame, len(pcm))])
		}
		got = in.Flush(got)
		if want := (rate/4*audio.Rate + rate - 1) / rate; len(got) != 2*want {
			t.Errorf("%d samples at %d Hz became %d, want %d", rate/4, rate, len(got)/2, want)
		}
		if snr := toneSNR(t, got, 440, audio.Rate, 500, 0.5); snr < 80 {
			t.Errorf("at %d Hz the tone has an SNR of %.1f dB, want 80", rate, snr)
		}
	}
}

func TestInputRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		encoding string
		rate     int
	}{{audio.EncodingPCM, 7999}, {audio.EncodingPCM, 48001}, {audio.EncodingPCM, 0}, {audio.EncodingPCM, -16000}, {"mp3", 16000}, {"", 16000}} {
		if _, err := audio.NewInput(c.encoding, c.rate); err == nil {
			t.Errorf("%q at %d Hz is taken", c.encoding, c.rate)
		}
	}
}

func TestOddFrameIsDroppedWhole(t *testing.T) {
	t.Parallel()
	in := newInput(t, audio.EncodingPCM, 24000)
	first, second := noise(480, 1), noise(480, 2)
	got := decode(t, in, nil, first)
	same, err := in.Decode(got, make([]byte, 641))
	if !errors.Is(err, audio.ErrOddFrame) {
		t.Fatalf("the error is %v", err)
	}
	if !bytes.Equal(same, got) {
		t.Fatal("the odd frame left samples")
	}
	got = in.Flush(decode(t, in, same, second))
	want := convert(t, 24000, audio.Rate, append(bytes.Clone(first), second...))
	if !bytes.Equal(got, want) {
		t.Fatal("the odd frame left a trace in the resampler")
	}
}

func TestInputResetDropsTheTail(t *testing.T) {
	t.Parallel()
	in := newInput(t, audio.EncodingPCM, 48000)
	decode(t, in, nil, noise(960, 1))
	in.Reset()
	if got := in.Flush(nil); len(got) != 0 {
		t.Fatalf("%d bytes of a dropped utterance came out", len(got))
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	packets := readPackets(t, "silk20")
	for _, c := range []struct {
		name  string
		in    *audio.Input
		frame []byte
	}{
		{"48 kHz", newInput(t, audio.EncodingPCM, 48000), noise(960, 1)},
		{"44.1 kHz", newInput(t, audio.EncodingPCM, 44100), noise(882, 1)},
		{"16 kHz", newInput(t, audio.EncodingPCM, 16000), noise(320, 1)},
		{"opus", newInput(t, audio.EncodingOpus, 0), packets[20]},
	} {
		dst := make([]byte, 0, c.in.DecodedBytes(len(c.frame)))
		room := cap(dst)
		allocs := allocsPerRun(200, func() { dst = decode(t, c.in, dst[:0], c.frame) })
		if allocs != 0 {
			t.Errorf("%s: %.1f allocations a frame, want 0", c.name, allocs)
		}
		if cap(dst) != room {
			t.Errorf("%s: DecodedBytes is too little: %d bytes came", c.name, len(dst))
		}
	}
}
