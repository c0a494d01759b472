package server_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/history"
	"sori/protocol"
	"sori/server"
	"sori/session"
	"sori/stage"
)

// script is what a fuzzer wrote: what clients do, byte by byte.
type script struct{ left []byte }

func (s *script) over() bool { return len(s.left) == 0 }

// byte gives the next byte, 0 after the last.
func (s *script) byte() int {
	if s.over() {
		return 0
	}
	b := s.left[0]
	s.left = s.left[1:]
	return int(b)
}

func (s *script) below(n int) int { return s.byte() % n }

// bytes gives as many of the next bytes as the next one says.
func (s *script) bytes() []byte {
	n := min(s.byte(), len(s.left))
	b := s.left[:n]
	s.left = s.left[n:]
	return b
}

// pause is a time from nothing to a few minutes.
func (s *script) pause() time.Duration {
	unit := []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 250 * time.Millisecond, time.Second}[s.below(5)]
	return unit * time.Duration(s.byte())
}

// maxDeeds bounds a script, so that each takes milliseconds.
const maxDeeds = 80

// fate is a seeded random source that the engines and the store of one script
// share.
type fate struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (f *fate) below(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(n)
}

// wait takes up to most, or in one of forty cases an hour.
func (f *fate) wait(ctx context.Context, most time.Duration) error {
	if f.below(40) == 0 {
		most = time.Hour
	}
	select {
	case <-time.After(time.Duration(f.below(int(most)))):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var errFate = errors.New("as fate would have it")

func (f *fate) strikes() error {
	if f.below(15) == 0 {
		return errFate
	}
	return nil
}

// fuzzWorld is a server with real sessions over engines, and a store, that do
// what fate says.
type fuzzWorld struct {
	*running
	*fate
	doors *doors
	store *fakeStore

	mu     sync.Mutex
	kept   map[string]int // how often a turn came to history, by its id
	faults []string       // what was logged as an error: bugs of sori's own
	log    []string       // what was logged
}

func newFuzzWorld(t *testing.T, seed uint64) *fuzzWorld {
	t.Helper()
	w := &fuzzWorld{fate: &fate{rng: rand.New(rand.NewPCG(seed, 9))}, doors: newDoors(), store: &fakeStore{}, kept: make(map[string]int)}
	if seed%4 == 3 { // lee comes with a token, and with a new one each time
		w.doors.lent = map[string]time.Duration{"lees": time.Duration(1+seed%200) * time.Second}
	}
	deps := session.Deps{
		ATOT: fateATOT{w}, TTOT: fateTTOT{w}, TTS: fateTTS{w}, History: w, Recordings: w,
		NewDetector: func() (session.VoiceDetector, error) { return anySound{}, w.strikes() },
	}
	w.running = start(t, server.Config{
		NewSession: func(o session.Options) server.Session { return session.New(o, deps) },
		Session:    session.Options{MaxUtterance: 5 * time.Second, MaxEvents: 512, HighWater: 500 * time.Millisecond},
		Store:      w.store, Auth: w.doors, Log: slog.New(w),
		MaxSessions: 100, MaxBadMessages: 20, ReplayBytes: 64 << 10, ResumeWait: time.Minute,
	})
	return w
}

// The world is what the sessions keep their turns and recordings in.

func (w *fuzzWorld) Keep(_ context.Context, t history.Turn) (delayed, err error) {
	w.mu.Lock()
	w.kept[t.ID]++
	w.mu.Unlock()
	time.Sleep(time.Duration(w.below(int(200 * time.Millisecond))))
	return w.strikes(), w.strikes()
}

func (w *fuzzWorld) Recent(context.Context, string, int) ([]history.Turn, error) {
	return nil, w.strikes()
}

func (w *fuzzWorld) Save(_ context.Context, _, _, _ string, wav io.Reader) (string, error) {
	_, err := io.Copy(io.Discard, wav)
	return "/x.wav", errors.Join(err, w.strikes())
}

// It is what the server logs to, too.

func (w *fuzzWorld) Enabled(context.Context, slog.Level) bool { return true }

func (w *fuzzWorld) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, r.Time.Format(time.TimeOnly+".000 ")+text)
	if r.Level >= slog.LevelError {
		w.faults = append(w.faults, text)
	}
	return nil
}

func (w *fuzzWorld) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *fuzzWorld) WithGroup(string) slog.Handler      { return w }

type fateATOT struct{ w *fuzzWorld }

func (fateATOT) Engine() string { return "atot" }

func (f fateATOT) Transcribe(ctx context.Context, _ stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) {
		for range f.w.below(3) {
			if !yield(stage.Transcript{Text: "so"}, nil) {
				return
			}
		}
		err := errors.Join(f.w.wait(ctx, time.Second), f.w.strikes())
		yield(stage.Transcript{Text: []string{"so it is", "mhm", "", "and then the", "a few words"}[f.w.below(5)], Final: true}, err)
	}
}

type fateTTOT struct{ w *fuzzWorld }

func (fateTTOT) Engine() string { return "ttot" }

func (f fateTTOT) Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for range f.w.below(20) {
			err := f.w.wait(ctx, 100*time.Millisecond)
			if err == nil && f.w.below(60) == 0 {
				err = errFate
			}
			if !yield("a few words. ", err) || err != nil {
				return
			}
		}
	}
}

type fateTTS struct{ w *fuzzWorld }

func (fateTTS) Engine() string { return "tts" }

func (f fateTTS) Synthesize(ctx context.Context, _ stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		for range f.w.below(12) {
			err := f.w.wait(ctx, 50*time.Millisecond)
			if err == nil && f.w.below(80) == 0 {
				err = errFate
			}
			if !yield(stage.Chunk{PCM: make([]byte, 2*(1+f.w.below(4000))), Rate: 16000}, err) || err != nil {
				return
			}
		}
	}
}

// anySound takes every sound for speech.
type anySound struct{}

func (anySound) Detect(window []int16) (float32, error) {
	for _, s := range window {
		if s != 0 {
			return 1, nil
		}
	}
	return 0, nil
}
func (anySound) Reset() {}
func (anySound) Close() {}

// sound gives PCM, loud or silent, of as many bytes.
func sound(n int, loud bool) []byte {
	pcm := make([]byte, n)
	if loud {
		for i := 1; i < n; i += 2 {
			pcm[i] = 8
		}
	}
	return pcm
}

// line is one connection of a script's client. What comes is given to hear, on
// the line's own goroutine, which reads until the connection is closed.
type line struct {
	ws     *websocket.Conn
	raw    net.Conn // under ws
	caller string

	// Guarded by the script's lock.
	rude  bool // it did something after which any end is right: it cut the line, or broke WebSocket's rules, or did not read
	code  int  // with which it was closed, -1: it was cut
	stall time.Duration
	over  chan struct{} // closed with the connection; then code stands
}

// inTurn is a connection to which one goroutine at a time writes. Those who wait for
// the mutex of a pipe would hold up a bubble's time.
type inTurn struct {
	net.Conn
	pen chan struct{} // of capacity 1
}

func (c *inTurn) Write(p []byte) (int, error) {
	c.pen <- struct{}{} // a write ends with its deadline, or the connection
	defer func() { <-c.pen }()
	return c.Conn.Write(p)
}

// rudeness of a line, under lock.
func (l *line) misbehaves(lock *sync.Mutex) {
	lock.Lock()
	defer lock.Unlock()
	l.rude = true
}

// dialLine connects as a caller. It gives nil and the status where that is refused.
func (w *fuzzWorld) dialLine(t *testing.T, path, caller string) (*line, int) {
	t.Helper()
	l := &line{caller: caller, over: make(chan struct{})}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := w.memory.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		l.raw = &inTurn{conn, make(chan struct{}, 1)}
		return l.raw, nil
	}}
	ws, resp, err := websocket.Dial(t.Context(), "ws://sori.test"+path, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: bearer(caller)})
	if err != nil {
		if resp == nil {
			t.Fatalf("%s as %s: %v", path, caller, err)
		}
		return nil, resp.StatusCode
	}
	ws.SetReadLimit(16 << 20)
	l.ws = ws
	return l, resp.StatusCode
}

// listen reads until the connection is closed.
func (l *line) listen(ctx context.Context, lock *sync.Mutex, hear func(kind websocket.MessageType, data []byte)) {
	defer close(l.over)
	for {
		lock.Lock()
		stall := l.stall
		l.stall = 0
		lock.Unlock()
		time.Sleep(stall)
		kind, data, err := l.ws.Read(ctx)
		lock.Lock()
		if err != nil {
			l.code = int(websocket.CloseStatus(err))
			lock.Unlock()
			_ = l.ws.CloseNow()
			return
		}
		hear(kind, data)
		lock.Unlock()
	}
}

// say sends a message. A server takes every message in time, whatever else goes on.
func (l *line) say(t *testing.T, kind websocket.MessageType, data []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := l.ws.Write(ctx, kind, data); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a message of %d bytes was not taken within five minutes", len(data))
	}
}

// closesOf are the codes with which a server may close a connection: those that
// the protocol names but for the one that stands for a bug, and the two with which
// WebSocket answers to what is none.
func closesOf() map[int]bool {
	return map[int]bool{
		int(protocol.CloseNormal): true, int(protocol.CloseGoingAway): true, int(protocol.CloseTooBig): true,
		int(protocol.CloseRestart): true, int(protocol.CloseTryLater): true, int(protocol.CloseSlowReader): true,
		int(protocol.CloseIdle): true, int(protocol.CloseQuota): true, int(protocol.CloseBadProtocol): true,
		int(protocol.CloseTaken): true, int(protocol.CloseRevoked): true, int(protocol.CloseExpired): true,
		int(websocket.StatusProtocolError): true, int(websocket.StatusInvalidFramePayloadData): true,
	}
}

// finish stops the server, and holds what is true of every world then.
func (w *fuzzWorld) finish(t *testing.T, lines []*line) {
	t.Helper()
	w.stop(nil)
	if err := <-w.ended; err != nil {
		t.Errorf("the server did not end in order: %v", err)
	}
	codes := closesOf()
	for i, l := range lines {
		_ = l.raw.Close() // a line that is not read would never end
		<-l.over
		if !codes[l.code] && !l.rude || l.code == int(protocol.CloseInternal) {
			t.Errorf("line %d was closed with %d", i, l.code)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults {
		t.Errorf("an error was logged: %s", f)
	}
	for id, n := range w.kept {
		if n != 1 {
			t.Errorf("turn %s was kept %d times", id, n)
		}
	}
	if n := w.Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if t.Failed() {
		t.Log("what was logged:\n" + strings.Join(w.log, "\n"))
	}
}

// someScript is what a random source writes, the same every time.
func someScript(seed int) []byte {
	rng := rand.New(rand.NewPCG(uint64(seed), 10))
	text := make([]byte, 20+rng.IntN(400))
	for i := range text {
		text[i] = byte(rng.Uint32())
	}
	return text
}
