package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"sori/audio"
	"sori/history"
	"sori/protocol"
	"sori/stage"
)

// fakeServer answers like a sori whose engines take no time.
type fakeServer struct {
	t    *testing.T
	url  string
	fail bool // turns fail at TTS
	deaf bool // refuses utterances
	mute bool // never ends a turn

	mu         sync.Mutex
	configured []protocol.Configure
	heard      []int // bytes of each utterance
	texts      []string
}

func newFakeServer(t *testing.T, set func(*fakeServer)) *fakeServer {
	t.Helper()
	f := &fakeServer{t: t}
	if set != nil {
		set(f)
	}
	srv := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(srv.Close)
	f.url = "ws" + strings.TrimPrefix(srv.URL, "http") + "/ws"
	return f
}

func (f *fakeServer) serve(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		f.t.Errorf("accept: %v", err)
		return
	}
	defer ws.CloseNow()
	seq, turn, heard := uint64(0), 0, 0
	out := protocol.Format{Encoding: protocol.EncodingPCM, Rate: 16_000}
	send := func(turn int, e protocol.Event) {
		seq++
		text, err := protocol.AppendEvent(nil, protocol.Head{Seq: seq, Turn: turn, MS: int64(seq)}, e)
		if err != nil {
			f.t.Errorf("encode: %v", err)
		}
		_ = ws.Write(f.t.Context(), websocket.MessageText, text)
	}
	answer := func(source protocol.Source, said string) {
		turn++
		record := history.Turn{ID: "t" + string(rune('0'+turn)), Number: turn, ATOTText: said, TTOTText: "Yes.", Status: history.Done}
		ms := 12.0
		record.Timings.ATOTDone = &ms
		send(turn, protocol.TurnStarted{ID: record.ID, Source: source, InputMS: int64(heard) / 32})
		if f.mute {
			return
		}
		send(turn, protocol.StageDone{Stage: stage.ATOT, Text: said, TookMS: 12})
		if f.fail {
			send(turn, protocol.TurnFailed{Stage: stage.TTS, Code: stage.CodeTimeout, Message: "It was too slow.", Record: record})
			return
		}
		send(turn, protocol.AudioBegin{Format: out})
		for range 5 {
			seq++
			_ = ws.Write(f.t.Context(), websocket.MessageBinary, bytes.Repeat([]byte{1, 2}, out.Rate/50))
		}
		send(turn, protocol.AudioEnd{MS: 100})
		send(turn, protocol.TurnDone{Record: record})
	}
	for {
		kind, data, err := ws.Read(f.t.Context())
		if err != nil {
			return
		}
		if kind == websocket.MessageBinary {
			heard += len(data)
			continue
		}
		m, err := protocol.DecodeClient(data)
		if err != nil {
			f.t.Errorf("decode: %v", err)
		}
		switch m := m.(type) {
		case protocol.Configure:
			f.note(func() { f.configured = append(f.configured, m) })
			if m.Output != nil {
				out = *m.Output
			}
			send(0, protocol.Ready{Session: "s", User: "10", Language: "en", Output: out, Engines: history.Engines{ATOT: "a", TTOT: "b", TTS: "c"}})
		case protocol.Commit:
			f.note(func() { f.heard = append(f.heard, heard) })
			if f.deaf {
				send(0, protocol.Problem{Code: protocol.ErrNothingSaid, Message: "There is nothing in it."})
			} else {
				answer(protocol.FromSpeech, "hello there")
			}
			heard = 0
		case protocol.Text:
			f.note(func() { f.texts = append(f.texts, m.Text) })
			answer(protocol.FromText, m.Text)
		case protocol.Ping:
			send(0, protocol.Pong(m))
		default:
			f.t.Errorf("unexpected %T", m)
		}
	}
}

func (f *fakeServer) note(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// wavFile writes ms of sound at a rate.
func wavFile(t *testing.T, ms, rate int) string {
	t.Helper()
	pcm := bytes.Repeat([]byte{0, 1, 0, 2}, ms*rate/2000)
	name := filepath.Join(t.TempDir(), "say.wav")
	if err := os.WriteFile(name, append(audio.AppendHeader(nil, rate, 1, len(pcm)), pcm...), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTalk(t *testing.T) {
	t.Parallel()
	f := newFakeServer(t, nil)
	reply := filepath.Join(t.TempDir(), "reply.wav")
	r := sori(t, nil, "talk", wavFile(t, 100, 16_000), "--url", f.url, "--out", reply, "--user", "7", "--voice", "rms", "--language", "en", "--instructions", "be brief", "--rate", "24000")
	r.expect(t, exitDone, "session.ready", "> speaking", "> end", "turn 1, 0.1 s of speech", `"hello there" in 12 ms`, "audio.end       0.1 s in 5 frames",
		"turn.done", "end of speech to first reply audio: ", " ms\n", "the reply, 0.1 s, is in "+reply, "transcript 12 ms")
	if r.err != "" {
		t.Errorf("stderr: %s", r.err)
	}
	m := f.configured[0]
	if *m.User != "7" || *m.Voice != "rms" || *m.Language != "en" || *m.Instructions != "be brief" || m.Input.Rate != 16_000 || m.Output.Rate != 24_000 || m.PaceMS != nil {
		t.Errorf("configured with %+v", m)
	}
	if f.heard[0] != 3_200 {
		t.Errorf("the server heard %d bytes", f.heard[0])
	}
	file, err := os.Open(reply)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if pcm, err := audio.ReadWAV(file, 1<<20); err != nil || pcm.Rate != 24_000 || len(pcm.Data) != 4_800 {
		t.Errorf("the reply is %+v, %v", pcm, err)
	}
}

func TestTalkJSON(t *testing.T) {
	t.Parallel()
	f := newFakeServer(t, nil)
	r := sori(t, nil, "talk", wavFile(t, 40, 8_000), "--text", "and this", "--url", f.url, "--json", "--fast")
	r.expect(t, exitDone, "end of speech to first reply audio")
	var last struct {
		Type   string
		Record *history.Turn
	}
	for line := range strings.Lines(r.out) {
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if last.Type == "pong" {
			t.Error("pongs of the client's own pings are shown")
		}
	}
	if last.Type != "turn.done" || last.Record == nil || last.Record.ATOTText != "and this" {
		t.Errorf("the last line is %+v", last)
	}
	if m := f.configured[0]; m.PaceMS == nil || *m.PaceMS != 0 {
		t.Errorf("--fast did not ask for a fast reply: %+v", m)
	}
}

func TestTalkSeveralFiles(t *testing.T) {
	t.Parallel()
	f := newFakeServer(t, nil)
	reply := filepath.Join(t.TempDir(), "r.wav")
	sori(t, nil, "talk", wavFile(t, 40, 8_000), wavFile(t, 40, 8_000), wavFile(t, 60, 96_000), "--url", f.url, "--fast", "--out", reply).expect(t, exitDone, "turn 3")
	for _, name := range []string{reply, strings.TrimSuffix(reply, ".wav") + "-2.wav", strings.TrimSuffix(reply, ".wav") + "-3.wav"} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	if len(f.configured) != 2 || f.configured[0].Input.Rate != 8_000 || f.configured[1].Input.Rate != 16_000 {
		t.Errorf("configured %+v", f.configured)
	}
	if f.heard[2] != 60*32 {
		t.Errorf("96,000 Hz became %d bytes", f.heard[2])
	}
}

func TestTalkFromStandardInput(t *testing.T) {
	t.Parallel()
	f := newFakeServer(t, nil)
	file, err := os.Open(wavFile(t, 40, 8_000))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	soriIn(t.Context(), file, []string{"SORI_URL=" + f.url}, "talk", "-", "--fast").expect(t, exitDone, "turn.done")
}

func TestTalkThatDoesNotGoWell(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  func(*fakeServer)
		args []string
		says string
	}{
		{"failed", func(f *fakeServer) { f.fail = true }, nil, "the turn failed at tts (engine_timeout): It was too slow."},
		{"refused", func(f *fakeServer) { f.deaf = true }, nil, "did not take the turn (utterance_empty)"},
		{"too late", func(f *fakeServer) { f.mute = true }, []string{"--timeout", "100ms"}, "the server did not finish within 100ms"},
		{"not saved", nil, []string{"--out", "/none/such/reply.wav"}, "the reply can't be saved"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeServer(t, tt.set)
			args := append([]string{"talk", wavFile(t, 40, 8_000), "--url", f.url, "--fast"}, tt.args...)
			sori(t, nil, args...).expect(t, exitFailed, tt.says)
			if tt.name == "failed" {
				r := sori(t, nil, append(args, "--json")...)
				r.expect(t, exitFailed)
				lines := strings.Split(strings.TrimSpace(r.out), "\n")
				if !strings.HasPrefix(lines[len(lines)-1], `{"type":"turn.failed"`) {
					t.Errorf("the last line is %s", lines[len(lines)-1])
				}
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		sori(t, nil, "talk", "--text", "hi", "--url", "ws://127.0.0.1:1/ws").expect(t, exitFailed, "Is `sori serve` running there?")
	})
}

func TestTalkWithWrongInput(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text.wav")
	if err := os.WriteFile(text, []byte("this is no sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		says string
	}{
		{"no such file", []string{"none.wav"}, "can't be read"},
		{"no WAV", []string{text}, "can't be spoken"},
		{"empty text", []string{"--text", " "}, "--text has no text in it"},
		{"rate", []string{"--text", "hi", "--rate", "4000"}, "--rate 4000 is out of range"},
		{"timeout", []string{"--text", "hi", "--timeout", "0s"}, "--timeout has to be more than 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sori(t, nil, append([]string{"talk"}, tt.args...)...).expect(t, exitUsage, tt.says)
		})
	}
}
