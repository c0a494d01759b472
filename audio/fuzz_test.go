package audio_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"sori/audio"
)

func addWAVs(f *testing.F) {
	f.Helper()
	pcm := noise(40, 1)
	for _, w := range []wavFile{
		{data: pcm},
		{data: pcm, dataSize: -1, riffSize: -1},
		{data: pcm, dataSize: 0xFFFFFFFF, riffSize: 0xFFFFFFFF},
		{data: pcm, dataSize: 42, riffSize: 42, after: chunk("LIST", []byte("abc"))},
		{data: pcm[:72], bits: 24, channels: 3, extensible: true},
		{data: pcm, bits: 8, before: chunk("JUNK", []byte("abc"))},
		{data: pcm[:80], bits: 64, tag: 3, channels: 2},
		{data: pcm, rate: -1},
		{data: pcm, channels: -1},
		{between: chunk("data", nil), data: pcm},
		{fmtSize: 0xFFFFFFFF, data: pcm},
	} {
		f.Add(w.bytes())
	}
	f.Add([]byte("RIFF"))
	f.Add([]byte("a text"))
}

func FuzzReadWAV(f *testing.F) {
	addWAVs(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		const limit = 1 << 20
		p, err := audio.ReadWAV(bytes.NewReader(file), limit)
		if err != nil {
			if wavErr, ok := errors.AsType[*audio.WAVError](err); !ok || wavErr.Code == "" || wavErr.Message == "" {
				t.Fatalf("an error without code or message: %#v", err)
			}
			return
		}
		if len(p.Data) < 2 || len(p.Data)%2 != 0 || len(p.Data) > 2*len(file) {
			t.Fatalf("%d bytes of audio from a file of %d", len(p.Data), len(file))
		}
		if p.Rate < 1000 || p.Rate > 192000 {
			t.Fatalf("%d Hz", p.Rate)
		}
		// Whatever was understood must come back the same from our own file.
		h := audio.WAVHeader(p.Rate, 1, len(p.Data))
		again, err := audio.ReadWAV(io.MultiReader(bytes.NewReader(h[:]), bytes.NewReader(p.Data)), limit)
		if err != nil || again.Truncated || !bytes.Equal(again.Data, p.Data) {
			t.Fatalf("our own file of it is read as something else: %v", err)
		}
	})
}

func FuzzWAVStream(f *testing.F) {
	addWAVs(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		whole, wholeErr := audio.ReadWAV(bytes.NewReader(file), 1<<20)
		s, err := audio.NewWAVStream(&short{r: bytes.NewReader(file), n: 3})
		if err != nil {
			if wholeErr == nil {
				t.Fatalf("the file is taken whole, and as a stream it gives %v", err)
			}
			return
		}
		var got []byte
		buf := make([]byte, 34)
		for {
			n, err := s.Read(buf)
			if n%2 != 0 || n == 0 && err == nil {
				t.Fatalf("Read gave %d bytes and %v", n, err)
			}
			got = append(got, buf[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if wholeErr == nil && (!bytes.Equal(got, whole.Data) || s.Truncated() != whole.Truncated) {
			t.Fatalf("%d bytes as a stream, %d whole", len(got), len(whole.Data))
		}
	})
}

func FuzzInputPCM(f *testing.F) {
	f.Add(uint16(48000), []byte{4, 200, 7}, noise(400, 1))
	f.Add(uint16(8000), []byte{1}, noise(100, 2))
	f.Add(uint16(47999), []byte{255, 2}, noise(1000, 3))
	f.Add(uint16(16000), []byte{}, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, rate uint16, cuts, pcm []byte) {
		in, err := audio.NewInput(audio.EncodingPCM, int(rate))
		if rate < 8000 || rate > 48000 {
			if err == nil {
				t.Fatalf("%d Hz is taken", rate)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Decode(nil, append(pcm, 0)[:len(pcm)|1]); !errors.Is(err, audio.ErrOddFrame) {
			t.Fatalf("an odd frame gives %v", err)
		}
		pcm = pcm[:len(pcm)&^1]
		whole := in.Flush(decode(t, in, nil, pcm))
		if want := (len(pcm)/2*audio.Rate + int(rate) - 1) / int(rate); len(whole) != 2*want {
			t.Fatalf("%d samples at %d Hz became %d, want %d", len(pcm)/2, rate, len(whole)/2, want)
		}
		var got []byte
		for rest := pcm; len(rest) > 0; {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, 2*(1+int(cuts[0])))
				cuts = cuts[1:]
			}
			got = decode(t, in, got, rest[:n])
			rest = rest[n:]
		}
		if got = in.Flush(got); !bytes.Equal(got, whole) {
			t.Fatal("the cuts are heard")
		}
	})
}

func FuzzInputOpus(f *testing.F) {
	var sound [][]byte
	for _, name := range []string{"silk20", "silk60", "hybrid20", "celt20", "celt5", "stereosilk", "stereocelt"} {
		packets := readPackets(f, name)
		sound = append(sound, packets[8])
		f.Add(packets[8], packets[9])
		f.Add(packets[8][:1], packets[9][:len(packets[9])/2])
	}
	f.Add([]byte{}, []byte{0xff, 0x3f, 1, 2, 3})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		in := newInput(t, audio.EncodingOpus, 0)
		for _, packet := range [][]byte{first, second, first} {
			got, err := in.Decode(nil, packet)
			if err != nil && !errors.Is(err, audio.ErrBadOpus) {
				t.Fatalf("the error is %v", err)
			}
			if len(got)%2 != 0 || len(got) > in.DecodedBytes(len(packet)) || err != nil && len(got) > 0 {
				t.Fatalf("%d bytes and %v", len(got), err)
			}
		}
		// Whatever a stranger sent: who speaks next must be understood.
		for i, packet := range sound {
			if _, err := in.Decode(nil, packet); err != nil {
				t.Fatalf("sound packet %d after it: %v", i, err)
			}
		}
	})
}
