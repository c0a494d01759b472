package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sori/protocol"
	"sori/server"
	"sori/session"
	"sori/session/resume"
)

// faults are what was logged as an error.
type faults struct {
	mu sync.Mutex
	b  strings.Builder
}

func (f *faults) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.b.Write(p)
}

func (f *faults) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.b.String()
}

// FuzzInheritance takes over a session of which another process left whatever the
// bytes say: its state, and the last of what it said. It goes on, or it is not
// there; nothing breaks, and it ends.
func FuzzInheritance(f *testing.F) {
	whole, err := json.Marshal(session.State{Seq: 5, Settled: 41, MS: 7, Samples: 320, Turn: 2, Live: &session.LiveTurn{Number: 2, ID: "00000000-0000-0000-0000-000000000001"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, []byte(`{"type":"pong","seq":6}`), uint64(6), uint64(5))
	for _, state := range []string{
		`{}`, `null`, `[]`, `{"seq":18446744073709551615,"settled":18446744073709551615}`, `{"turn":-1,"samples":-1,"ms":-9223372036854775808}`,
		`{"ms":9223372036854775807,"samples":9223372036854775807}`, `{"live":{"turn":0,"id":""}}`, `{"typed":[1,1,0],"turn":9223372036854775807}`,
		`{"settings":{"User":"","Input":{"Encoding":"","Rate":0},"Output":{"Rate":-1},"PaceMS":-5}}`,
		`{"settings":{"user":null,"input":null,"turn_detection":{"mode":"psychic"}}}`,
	} {
		f.Add([]byte(state), []byte(`{"type":"turn.started","seq":3,"turn":-4}`), uint64(3), uint64(1)<<63)
	}
	f.Fuzz(func(t *testing.T, state, said []byte, last, seen uint64) {
		synctest.Test(t, func(t *testing.T) {
			var broken faults
			r := start(t, genuine(server.Config{
				Directory: directory{take: func(c resume.Claim) (resume.Inheritance, error) {
					return resume.Inheritance{
						Session: resume.Session{ID: c.ID, User: "10"}, State: state, LastSeq: last,
						Log: []resume.Message{{Seq: last - 1, Binary: true, Data: said}, {Seq: last, Data: said}},
					}, nil
				}, released: new(atomic.Int64)},
				ResumeWait: time.Minute, Log: slog.New(slog.NewTextHandler(&broken, &slog.HandlerOptions{Level: slog.LevelError})),
			}))
			c := r.connect(t)
			c.text(resuming(protocol.Ready{Session: "there", Resume: protocol.Resumption{Key: "key"}}, seen>>1))
			for _, says := range []string{`{"type":"ping","id":"on"}`, `{"type":"session.configure"}`, `{"type":"text","text":"hello"}`} {
				_ = c.ws.Write(t.Context(), 1, []byte(says)) // it may be closed already
			}
			time.Sleep(time.Second)
			_ = c.ws.CloseNow()
			time.Sleep(20 * time.Minute)
			synctest.Wait()
			if n := r.Sessions(); n != 0 {
				t.Errorf("%q: %d sessions are left", state, n)
			}
			if said := broken.String(); said != "" {
				t.Errorf("%q: an error was logged: %s", state, said)
			}
		})
	})
}

// FuzzRequests sends bodies of all kinds to all routes that take one: none of them
// breaks the server, and each is answered with a status that says whose fault it is.
func FuzzRequests(f *testing.F) {
	const asJSON = "application/json"
	for i, body := range []string{
		`{"user":"kim","ttl_s":60}`, `{"expires_after":{"anchor":"created_at","seconds":60},"session":{"type":"realtime","audio":{"output":{"speed":1.5}}}}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true,"stop":["a"]}`,
		`{"input":"hello","voice":{"id":"x"},"response_format":"pcm","speed":0.5}`,
		`{"text":"hi","user_id":10,"rate":"8000","settings":{"language":"ko"}}`, `{"user_id":"10"}`, `[`, `null`, ``,
	} {
		f.Add(uint8(i), asJSON, []byte(body))
	}
	f.Add(uint8(4), "audio/wav", wavOf(16_000, 1, 20))
	f.Add(uint8(6), "multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--x--\r\n"))
	paths := []string{"/tokens", "/v1/realtime/client_secrets", "/v1/chat/completions", "/v1/audio/speech", "/run-full-pipeline", "/process-audio", "/v1/audio/transcriptions"}
	fakes := &engineFakes{}
	fakes.store = &fakeStore{}
	s, err := server.New(genuine(server.Config{Store: fakes.store, Steps: fakes.steps(), Engines: fakes.engines(), Auth: newDoors()}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, where uint8, kind string, body []byte) {
		path := paths[int(where)%len(paths)]
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(string(body)))
		req.Header.Set("Authorization", "Bearer backends")
		req.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if w.Code == http.StatusInternalServerError || w.Code < 200 || w.Code >= 400 && !strings.Contains(w.Body.String(), `"code"`) {
			t.Errorf("POST %s with %q %q: %d %s", path, kind, body, w.Code, w.Body)
		}
	})
}
