package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sori/audio"
)

// encoderDelay is how far the packets are behind the speech, in samples at Rate.
const encoderDelay = 104

func readPackets(t testing.TB, name string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "opus", name+".packets"))
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for len(data) > 0 {
		n := 2 + int(binary.LittleEndian.Uint16(data))
		packets = append(packets, data[2:n])
		data = data[n:]
	}
	return packets
}

func speech(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "speech.wav"))
	if err != nil {
		t.Fatal(err)
	}
	return file[audio.HeaderBytes:]
}

func TestOpusIsTheSpeech(t *testing.T) {
	t.Parallel()
	original := samples(speech(t))
	for _, c := range []struct {
		name string
		want float64 // correlation: lossy, more so at a low bit rate
	}{
		{"silk20", 0.97},
		{"silk60", 0.97},
		{"hybrid20", 0.98},
		{"celt20", 0.98},
		{"celt5", 0.98},
		{"stereosilk", 0.97},
		{"stereocelt", 0.98},
	} {
		in := newInput(t, audio.EncodingOpus, 48000)
		var got []byte
		for _, packet := range readPackets(t, c.name) {
			got = decode(t, in, got, packet)
		}
		got = in.Flush(got)
		heard := samples(got)
		if extra := len(heard) - len(original); extra < 0 || extra > audio.Rate/10 {
			t.Errorf("%s: %d samples of speech became %d", c.name, len(original), len(heard))
			continue
		}
		best, lag := correlation(original, heard, 150)
		t.Logf("%s: correlation %.4f at a lag of %d samples", c.name, best, lag)
		if best < c.want {
			t.Errorf("%s: the correlation with the speech is %.3f, want %.2f", c.name, best, c.want)
		}
		if lag < encoderDelay-8 || lag > encoderDelay+8 {
			t.Errorf("%s: the speech is %d samples late, want %d", c.name, lag, encoderDelay)
		}
	}
}

func TestBrokenPacketIsNamedAndForgotten(t *testing.T) {
	t.Parallel()
	packets := readPackets(t, "silk20")
	for name, broken := range map[string][]byte{
		"empty":            {},
		"no frames":        {0x03, 0x00},
		"no count":         {0x03},
		"too long":         append([]byte{0x80}, make([]byte, 1300)...),
		"too many":         {0xff, 0x3f, 1, 2, 3},
		"odd halves":       {0x01, 1, 2, 3},
		"first overruns":   {0x02, 200, 1, 2},
		"padding overruns": {0x03, 0x41, 255, 255},
	} {
		in := newInput(t, audio.EncodingOpus, 0)
		before := decode(t, in, nil, packets[0])
		after, err := in.Decode(before, broken)
		if !errors.Is(err, audio.ErrBadOpus) {
			t.Errorf("%s: the error is %v", name, err)
			continue
		}
		if !bytes.Equal(after, before) {
			t.Errorf("%s: it left samples", name)
		}
		for i, packet := range packets {
			if _, err := in.Decode(nil, packet); err != nil {
				t.Fatalf("%s: packet %d after it: %v", name, i, err)
			}
		}
	}
}

func TestHostilePacketsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	var sound [][]byte
	for _, name := range []string{"silk20", "silk60", "hybrid20", "celt20", "stereosilk", "stereocelt"} {
		sound = append(sound, readPackets(t, name)[5:15]...)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	in := newInput(t, audio.EncodingOpus, 0)
	var bad int
	for i := range 2000 {
		packet := bytes.Clone(sound[i%len(sound)])
		switch rng.IntN(4) {
		case 0: // a bit on the way
			packet[rng.IntN(len(packet))] ^= 1 << rng.IntN(8)
		case 1: // cut off
			packet = packet[:rng.IntN(len(packet))]
		case 2: // another kind of packet
			packet[0] = byte(rng.Uint32())
		case 3: // nothing but chance
			for j := range packet {
				packet[j] = byte(rng.Uint32())
			}
		}
		got, err := in.Decode(nil, packet)
		switch {
		case errors.Is(err, audio.ErrBadOpus) && len(got) == 0:
			bad++
		case err != nil || len(got) == 0 || len(got) > 2*audio.Rate*120/1000:
			t.Fatalf("packet %d, %x: %d bytes, %v", i, packet, len(got), err)
		}
	}
	if bad == 0 {
		t.Error("not one of 2,000 broken packets is an error")
	}
	original := samples(speech(t))
	var got []byte
	for _, packet := range readPackets(t, "celt20") {
		got = decode(t, in, got, packet)
	}
	if best, _ := correlation(original, samples(got), 150); best < 0.97 {
		t.Errorf("after them, the correlation with the speech is %.3f", best)
	}
}

func TestOpusOfSilentPackets(t *testing.T) {
	t.Parallel()
	// An encoder that saves its bits in silence (DTX) sends packets with
	// nothing behind the first byte. They last as long as any other.
	in := newInput(t, audio.EncodingOpus, 0)
	packets := readPackets(t, "silk20")
	for _, packet := range packets[10:20] {
		decode(t, in, nil, packet)
	}
	got := decode(t, in, nil, packets[20][:1])
	if len(got) != 2*320 {
		t.Fatalf("a packet of 20 ms without content gave %d samples, want 320", len(got)/2)
	}
}
