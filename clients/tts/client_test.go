package tts_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sori/audio"
	"sori/clients/endpoint"
	"sori/clients/enginetest"
	"sori/clients/tts"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	seedURL   = "http://127.0.0.1:8004"
	openAIURL = "openai+http://127.0.0.1:8004"
)

// inBubble runs a test with a client of an engine in memory, on a fake clock.
func inBubble(t *testing.T, spec string, h http.Handler, test func(t *testing.T, c *tts.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := enginetest.Serve(t, h)
		c, err := tts.New(spec, endpoint.Options{Dial: n.Dial})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		test(t, c)
	})
}

// spoken is what a client heard.
type spoken struct {
	pcm    []byte
	rate   int
	chunks int
}

func listen(t *testing.T, c *tts.Client, text string) (s spoken, err error) {
	t.Helper()
	last := 0
	for chunk, err := range c.Synthesize(t.Context(), stage.Speech{UserID: "10", SessionID: "s", Text: text}) {
		if err != nil {
			return s, err
		}
		if s.rate != 0 && chunk.Rate != s.rate {
			t.Errorf("the rate changed from %d to %d Hz", s.rate, chunk.Rate)
		}
		d := audio.Duration(len(chunk.PCM), chunk.Rate)
		if len(chunk.PCM)%2 != 0 || len(chunk.PCM) == 0 || d > 100*time.Millisecond || s.chunks > 0 && last < audio.Bytes(20*time.Millisecond, chunk.Rate) {
			t.Errorf("chunk %d has %d bytes, %v", s.chunks+1, len(chunk.PCM), d)
		}
		last = len(chunk.PCM)
		s.rate = chunk.Rate
		s.pcm = append(s.pcm, chunk.PCM...)
		s.chunks++
	}
	return s, nil
}

func wantCode(t *testing.T, err error, code string) (message string) {
	t.Helper()
	e, ok := errors.AsType[*stage.Error](err)
	if !ok {
		t.Fatalf("error %v is no *stage.Error", err)
	}
	if e.Code != code {
		t.Fatalf("code %q, want %q (%s; %v)", e.Code, code, e.Message, e.Err)
	}
	if e.Stage != stage.TTS || !strings.HasPrefix(e.Message, "The TTS engine at 127.0.0.1:8004 ") || !strings.HasSuffix(e.Message, ".") {
		t.Errorf("message %q of stage %q does not say which engine", e.Message, e.Stage)
	}
	if s := e.Message + e.Error(); strings.Contains(s, "SECRET") {
		t.Errorf("a secret is told: %s", s)
	}
	return e.Message
}

// tone is a second of a tone at rate Hz.
func tone(rate int) []byte {
	pcm := make([]byte, 0, 2*rate)
	for i := range rate {
		v := int16(8000 * math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(v))
	}
	return pcm
}

func wavOf(pcm []byte, rate, says int) []byte {
	return append(audio.AppendHeader(nil, rate, 1, says), pcm...)
}

func delta(pcm []byte) string {
	return `data: {"type":"speech.audio.delta","audio":"` + base64.StdEncoding.EncodeToString(pcm) + "\"}\n\n"
}

func answer(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	}
}

func TestSpeechOfEveryShape(t *testing.T) {
	t.Parallel()
	pcm16, pcm24 := tone(16_000), tone(24_000)
	events := func(pcm []byte) string {
		return delta(pcm[:1001]) + ": ping\n\n" + delta(nil) + delta(pcm[1001:]) + "data: {\"type\":\"speech.audio.done\"}\n\n"
	}
	mp3 := append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...) // 128 kbit/s at 44.1 kHz: 417 bytes
	loud := append([]byte{0xff, 0xfb, 0x90, 0x00}, tone(24_000)...)
	stereo := append(audio.AppendHeader(nil, 16_000, 2, 8), 1, 0, 3, 0, 2, 0, 4, 0)
	for _, tc := range []struct {
		name, contentType string
		body              []byte
		rate              int
		pcm               []byte
		code              string // "" when it is no error
		says              string // a part of the message
	}{
		{name: "wav", contentType: "audio/wav", body: wavOf(pcm16, 16_000, len(pcm16)), rate: 16_000, pcm: pcm16},
		{name: "wav that says it is pcm", contentType: "audio/pcm", body: wavOf(pcm16, 16_000, len(pcm16)), rate: 16_000, pcm: pcm16},
		{name: "wav without a length", contentType: "audio/wav", body: wavOf(pcm24, 24_000, audio.UnknownLength), rate: 24_000, pcm: pcm24},
		{name: "wav of length 0", contentType: "audio/wav", body: wavOf(pcm24, 22_050, 0), rate: 22_050, pcm: pcm24},
		{name: "wav cut short", contentType: "audio/wav", body: wavOf(pcm16[:30_000], 16_000, len(pcm16)), rate: 16_000, pcm: pcm16[:30_000], code: stage.CodeCutOff},
		{name: "wav cut in its header", contentType: "audio/wav", body: wavOf(nil, 16_000, 0)[:30], code: stage.CodeCutOff},
		{name: "wav without audio", contentType: "audio/wav", body: wavOf(nil, 16_000, 0), code: stage.CodeBadReply, says: "without any audio"},
		{name: "wav of 0 Hz", contentType: "audio/wav", body: wavOf(pcm16, 0, len(pcm16)), code: stage.CodeBadReply, says: "WAV"},
		{name: "stereo wav", contentType: "audio/wav", body: stereo, rate: 16_000, pcm: []byte{2, 0, 3, 0}},
		{name: "pcm", contentType: "audio/pcm", body: pcm24, rate: 24_000, pcm: pcm24},
		{name: "pcm that says nothing", contentType: "", body: pcm24, rate: 24_000, pcm: pcm24},
		{name: "pcm that says it is text", contentType: "text/plain", body: pcm24, rate: 24_000, pcm: pcm24},
		{name: "pcm with a rate", contentType: "audio/pcm;rate=16000", body: pcm16, rate: 16_000, pcm: pcm16},
		{name: "L16", contentType: "audio/L16; rate=44100; channels=1", body: pcm16, rate: 44_100, pcm: pcm16},
		{name: "pcm with an odd byte", contentType: "audio/pcm", body: append(pcm24[:999:999], 7, 7)[:1001], rate: 24_000, pcm: append(pcm24[:999:999], 7)},
		{name: "pcm that begins as MP3 does", contentType: "audio/pcm", body: loud, rate: 24_000, pcm: loud},
		{name: "a little pcm", contentType: "audio/pcm", body: []byte{1, 0}, rate: 24_000, pcm: []byte{1, 0}},
		{name: "half a sample", contentType: "audio/pcm", body: []byte{1}, code: stage.CodeBadReply},
		{name: "events", contentType: "text/event-stream", body: []byte(events(pcm24)), rate: 24_000, pcm: pcm24},
		{name: "events of wav", contentType: "audio/wav", body: []byte(events(wavOf(pcm16, 16_000, len(pcm16)))), rate: 16_000, pcm: pcm16},
		{name: "events cut short", contentType: "text/event-stream", body: []byte(delta(pcm24)), rate: 24_000, pcm: pcm24, code: stage.CodeCutOff},
		{name: "events with an error", contentType: "text/event-stream", body: []byte(delta(pcm24) + "data: {\"error\":{\"message\":\"boom\"}}\n\n"), rate: 24_000, pcm: pcm24, code: stage.CodeStatus},
		{name: "events without base64", contentType: "text/event-stream", body: []byte("data: {\"audio\":\"!!!\"}\n\n"), code: stage.CodeBadReply},
		{name: "events without audio", contentType: "text/event-stream", body: []byte("data: {\"type\":\"speech.audio.done\"}\n\n"), code: stage.CodeBadReply},
		{name: "mp3 with tags", contentType: "audio/mpeg", body: append([]byte("ID3\x04\x00"), make([]byte, 600)...), code: stage.CodeBadReply, says: "MP3"},
		{name: "mp3", contentType: "audio/pcm", body: bytes.Repeat(mp3, 4), code: stage.CodeBadReply, says: "MP3"},
		{name: "a short mp3", contentType: "audio/mpeg", body: mp3, code: stage.CodeBadReply, says: "MP3"},
		{name: "ogg", contentType: "audio/wav", body: append([]byte("OggS\x00\x02"), make([]byte, 600)...), code: stage.CodeBadReply, says: "Ogg"},
		{name: "flac", contentType: "audio/wav", body: append([]byte("fLaC\x00"), make([]byte, 600)...), code: stage.CodeBadReply, says: "FLAC"},
		{name: "webm", contentType: "audio/webm", body: append([]byte("\x1aE\xdf\xa3"), make([]byte, 600)...), code: stage.CodeBadReply, says: "WebM"},
		{name: "aac", contentType: "audio/aac", body: bytes.Repeat([]byte{0xff, 0xf1, 0x50, 0x80, 0x01, 0x1f, 0xfc, 0x00}, 90), code: stage.CodeBadReply, says: "AAC"},
		{name: "json", contentType: "application/json", body: []byte(`{"audio_url":"/static/x.wav"}`), code: stage.CodeBadReply, says: "text"},
		{name: "json that says it is audio", contentType: "audio/wav", body: []byte(`{"audio_url":"/static/x.wav"}`), code: stage.CodeBadReply, says: "text"},
		{name: "json with an error", contentType: "application/json", body: []byte(`{"error":{"message":"no voice","code":400}}`), code: stage.CodeRejected, says: "no voice"},
		{name: "html", contentType: "audio/wav", body: []byte("<!doctype html><p>안녕"), code: stage.CodeBadReply, says: "web page"},
		{name: "text", contentType: "text/plain", body: []byte("Internal Server Error"), code: stage.CodeBadReply, says: "text"},
		{name: "nothing", contentType: "audio/wav", body: nil, code: stage.CodeBadReply, says: "without any audio"},
	} {
		for _, spec := range []string{seedURL, openAIURL} {
			t.Run(tc.name+" "+spec, func(t *testing.T) {
				t.Parallel()
				inBubble(t, spec, answer(tc.contentType, tc.body), func(t *testing.T, c *tts.Client) {
					s, err := listen(t, c, "Hello.")
					if tc.code != "" {
						if m := wantCode(t, err, tc.code); !strings.Contains(m, tc.says) {
							t.Errorf("message %q does not say %q", m, tc.says)
						}
					} else if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(s.pcm, tc.pcm) || s.rate != tc.rate {
						t.Errorf("heard %d bytes at %d Hz, want %d at %d", len(s.pcm), s.rate, len(tc.pcm), tc.rate)
					}
				})
			})
		}
	}
}

func TestRateOfTheURLIsBelieved(t *testing.T) {
	t.Parallel()
	pcm := tone(44_100)
	inBubble(t, openAIURL+"?rate=44100", answer("audio/pcm;rate=24000", pcm), func(t *testing.T, c *tts.Client) {
		if s, err := listen(t, c, "Hello."); err != nil || s.rate != 44_100 {
			t.Errorf("%d Hz, %v", s.rate, err)
		}
	})
	inBubble(t, openAIURL+"?rate=44100", answer("audio/wav", wavOf(pcm, 16_000, len(pcm))), func(t *testing.T, c *tts.Client) {
		if s, err := listen(t, c, "Hello."); err != nil || s.rate != 16_000 {
			t.Errorf("a WAV knows better: %d Hz, %v", s.rate, err)
		}
	})
}

func TestFaultsAreExplained(t *testing.T) {
	t.Parallel()
	for _, f := range enginetest.Faults("\x01\x00\x02\x00\x03") {
		for _, spec := range []string{seedURL, openAIURL} {
			t.Run(f.Name+" "+spec, func(t *testing.T) {
				t.Parallel()
				inBubble(t, spec, f.Handler, func(t *testing.T, c *tts.Client) {
					began := time.Now()
					s, err := listen(t, c, "Hello.")
					wantCode(t, err, f.Code)
					// What came of an answer that breaks is given, after the time limit too.
					if took := time.Since(began); took > 30*time.Second || len(s.pcm) > 60 {
						t.Errorf("took %v, heard %d bytes", took, len(s.pcm))
					}
				})
			})
		}
	}
}

func TestSpeechThatBreaksOffIsGivenUpToThere(t *testing.T) {
	t.Parallel()
	pcm := tone(24_000)
	for _, tc := range []struct {
		name  string
		h     http.HandlerFunc
		code  string
		takes time.Duration
	}{
		{"closes", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", strconv.Itoa(2*len(pcm)))
			_, _ = w.Write(pcm)
		}, stage.CodeCutOff, 0},
		{"hangs", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write(pcm)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, stage.CodeTimeout, 15 * time.Second},
		{"drips", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write(pcm)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte{1})
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		}, stage.CodeTimeout, 15 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, seedURL, tc.h, func(t *testing.T, c *tts.Client) {
				began := time.Now()
				s, err := listen(t, c, "Hello.")
				wantCode(t, err, tc.code)
				if took := time.Since(began); took != tc.takes || !bytes.HasPrefix(s.pcm, pcm) {
					t.Errorf("took %v, want %v; heard %d bytes of %d", took, tc.takes, len(s.pcm), len(pcm))
				}
			})
		})
	}
}

func TestChunksComeAsTheyAreMade(t *testing.T) {
	t.Parallel()
	pcm := tone(24_000)
	inBubble(t, openAIURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := range 10 {
			_, _ = w.Write(pcm[i*4800 : (i+1)*4800])
			_ = http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	}), func(t *testing.T, c *tts.Client) {
		began := time.Now()
		heard := 0
		for chunk, err := range c.Synthesize(t.Context(), stage.Speech{Text: "Hello."}) {
			if err != nil {
				t.Fatal(err)
			}
			heard += len(chunk.PCM)
			// Never more than one chunk behind what the engine has made.
			if made := (int(time.Since(began)/(100*time.Millisecond)) + 1) * 4800; heard < made-1920-4800 {
				t.Errorf("heard %d bytes of %d after %v", heard, made, time.Since(began))
			}
		}
		if heard != len(pcm) {
			t.Errorf("heard %d bytes of %d", heard, len(pcm))
		}
	})
}

func TestSpeechWithoutEndIsEnded(t *testing.T) {
	t.Parallel()
	piece := make([]byte, 1<<20)
	inBubble(t, openAIURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}), func(t *testing.T, c *tts.Client) {
		heard := 0
		var end error
		for chunk, err := range c.Synthesize(t.Context(), stage.Speech{Text: "Hello."}) {
			heard += len(chunk.PCM)
			end = err
		}
		wantCode(t, end, stage.CodeBadReply)
		if heard > 50<<20 || heard < 49<<20 {
			t.Errorf("heard %d bytes", heard)
		}
	})
}

func TestBreakingOutReachesTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		n := enginetest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write(make([]byte, 4800))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(gone)
		}))
		c, err := tts.New(openAIURL, endpoint.Options{Dial: n.Dial})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		for _, err := range c.Synthesize(t.Context(), stage.Speech{Text: "Hello."}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		select {
		case <-gone:
		case <-time.After(time.Second):
			t.Error("the engine still speaks")
		}
	})
}
