//go:build e2e

package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sori/audio"
	"sori/client"
	"sori/stage"
)

// stub is an engine whose behaviour a turn chooses by its user id, such as
// "tts-hang", so that one server meets every kind of trouble, and healthy
// sessions beside it.
func stub(t *testing.T, name stage.Name, healthy http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		trouble := ""
		if _, rest, ok := strings.Cut(string(body), string(name)+"-"); ok {
			trouble = rest
		}
		switch is := func(t string) bool { return strings.HasPrefix(trouble, t) }; {
		case is("500"):
			http.Error(w, "the engine is on fire", http.StatusInternalServerError)
		case is("hang"):
			<-r.Context().Done()
		case is("drip"):
			w.Header().Set("Content-Length", "100000")
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		case is("close"):
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case is("html"):
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html><body>404 nginx</body></html>")
		case is("empty"):
			fmt.Fprint(w, `{"user_id":"x","input_wav":null,"atot_text":"","ttot_text":""}`)
		default:
			healthy(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

// An engine that fails costs its own turn and no other: the client gets the
// event, the turn is recorded as far as it got, the session goes on.
func TestEnginesThatFail(t *testing.T) {
	t.Parallel()
	sp := ownSpeech(t)
	engines := map[stage.Name]http.HandlerFunc{
		stage.ATOT: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"user_id":"x","input_wav":"/a.wav","atot_text":"hello"}`)
		},
		stage.TTOT: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"user_id":"x","ttot_text":"Good day to you."}`)
		},
		stage.TTS: func(w http.ResponseWriter, _ *http.Request) {
			head := audio.WAVHeader(16000, 1, 32000)
			w.Header().Set("Content-Type", "audio/wav")
			_, _ = w.Write(append(head[:], make([]byte, 32000)...))
		},
	}
	args := []string{"--engine-timeout", "2s"}
	for name, healthy := range engines {
		args = append(args, "--"+string(name), stub(t, name, healthy).URL)
	}
	s := serve(t, args...)

	codes := map[string][]string{
		"500": {stage.CodeStatus}, "hang": {stage.CodeTimeout}, "drip": {stage.CodeTimeout},
		"close": {stage.CodeCutOff, stage.CodeBadReply}, "html": {stage.CodeBadReply},
		"empty": {stage.CodeNoSpeech, stage.CodeEmptyReply, stage.CodeBadReply},
	}
	for name := range engines {
		for trouble, want := range codes {
			user := string(name) + "-" + trouble
			t.Run(user, func(t *testing.T) {
				t.Parallel()
				c := format(16000)
				c.User = &user
				conn := dial(t, s, c)
				for range 2 { // the session goes on
					a := ask(t, conn, client.Turn{PCM: sp.pcm, Rate: 16000, Fast: true})
					if a.Done() || a.Record.Error == nil {
						t.Fatalf("the turn went well: %+v", a.Record)
					}
					e := a.Record.Error
					if e.Stage != string(name) || !slices.Contains(want, e.Code) {
						t.Errorf("failed at %s with %s (%s), want %v", e.Stage, e.Code, e.Message, want)
					}
					if sorry := a.Record.Apology != ""; sorry != (name != stage.TTS && e.Code != stage.CodeNoSpeech) || sorry != (len(a.Audio) > 0 && name != stage.TTS) {
						t.Errorf("the user is told %q, with %d bytes of sound", a.Record.Apology, len(a.Audio))
					}
					if len(e.Message) < 20 {
						t.Errorf("no sentence: %q", e.Message)
					}
					if name != stage.ATOT && a.Record.ATOTText != "hello" || name == stage.TTS && a.Record.TTOTText == "" {
						t.Errorf("the record does not hold how far it got: %+v", a.Record)
					}
				}
				if got := turnsOf(t, s, user, 2); len(got) != 2 {
					t.Errorf("%d turns are recorded, want 2", len(got))
				}
			})
		}
	}
	t.Run("a healthy session beside them", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, s, format(16000))
		for range 20 {
			a := ask(t, conn, client.Turn{PCM: sp.pcm, Rate: 16000, Fast: true})
			if !a.Done() {
				t.Fatalf("a healthy session failed: %+v", a.Record.Error)
			}
		}
	})
}

// As in the seed: the turn is saved though TTS is down.
func TestTTSDown(t *testing.T) {
	t.Parallel()
	s := serve(t, "--tts", "http://127.0.0.1:1")
	a := ask(t, dial(t, s, format(16000)), client.Turn{Text: "hello"})
	if a.Done() || a.Record.Error.Code != stage.CodeUnreachable || a.Record.TTOTText == "" || a.Record.OutputWAV != nil {
		t.Errorf("record %+v", a.Record)
	}
}

// An engine child that dies is started again; the turn after it goes well.
func TestTheEngineChildDies(t *testing.T) {
	t.Parallel()
	s := serve(t)
	conn := dial(t, s, format(16000))
	question := ask(t, conn, client.Turn{Text: "what can you do"})
	killProcess(t, onlyChild(t, s.cmd.Process.Pid))
	deadline := time.Now().Add(30 * time.Second)
	for {
		a := ask(t, conn, client.Turn{PCM: question.Audio, Rate: 16000, Fast: true})
		if a.Done() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("30 s after the child died turns still fail: %+v", a.Record.Error)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range children(t, s.cmd.Process.Pid) {
		t.Errorf("child %d outlives the server", pid)
	}
}
