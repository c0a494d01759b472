package tts

import (
	"bytes"
	"testing"
	"testing/iotest"

	"sori/audio"
	"sori/stage"
)

func FuzzSpeech(f *testing.F) {
	f.Add(audio.AppendHeader(nil, 16_000, 1, 4), "audio/wav", false)
	f.Add(append(audio.AppendHeader(nil, 24_000, 2, audio.UnknownLength), 1, 2, 3, 4, 5), "", true)
	f.Add([]byte("data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}\n\ndata: {\"type\":\"speech.audio.done\"}\n\n"), "text/event-stream", true)
	f.Add([]byte("ID3\x04"), "audio/mpeg", false)
	f.Add([]byte{0xff, 0xfb, 0x90, 0}, "audio/pcm", false)
	f.Add([]byte{0xff, 0xf1, 0x50, 0x80, 0x01, 0x1f, 0xfc}, "audio/aac", false)
	f.Add([]byte(`{"error":"x"}`), "application/json", false)
	f.Fuzz(func(t *testing.T, body []byte, media string, dripping bool) {
		heard := 0
		rate := 0
		s, err := openSpeech(bytes.NewReader(body), media, defaultRate)
		if dripping {
			s, err = openSpeech(iotest.OneByteReader(bytes.NewReader(body)), media, defaultRate)
		}
		if err == nil {
			err = s.chunks(func(c stage.Chunk) bool {
				if len(c.PCM) == 0 || len(c.PCM)%2 != 0 || c.Rate <= 0 || rate != 0 && c.Rate != rate {
					t.Errorf("a chunk of %d bytes at %d Hz", len(c.PCM), c.Rate)
				}
				rate = c.Rate
				heard += len(c.PCM)
				return true
			})
		}
		if err == nil && heard == 0 {
			t.Error("no audio and no error")
		}
	})
}

// Speech is handed on as it comes, through memory that was borrowed.
func TestSpeechAllocsAreFew(t *testing.T) {
	body := audio.AppendHeader(nil, 24_000, 1, audio.UnknownLength)
	body = append(body, make([]byte, 10*48_000)...)
	heard := 0
	allocs := testing.AllocsPerRun(20, func() {
		s, err := openSpeech(bytes.NewReader(body), "audio/wav", defaultRate)
		if err != nil {
			t.Fatal(err)
		}
		heard = 0
		if err := s.chunks(func(c stage.Chunk) bool { heard += len(c.PCM); return true }); err != nil {
			t.Fatal(err)
		}
	})
	if heard != 10*48_000 {
		t.Errorf("heard %d bytes", heard)
	}
	if allocs > 20 { // those that open the stream
		t.Errorf("%.0f allocations for ten seconds of speech", allocs)
	}
}
