package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sori/audio"
	"sori/clients/atot"
	"sori/clients/endpoint"
	"sori/clients/enginetest"
	"sori/clients/fallback"
	"sori/clients/ttot"
	"sori/clients/tts"
	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
	"sori/telemetry"
)

// fault is one way in which an engine fails. Exactly one of serve and dial is
// set.
type fault struct {
	name   string
	scheme string                                                // of its URL; "" is http
	serve  func(w http.ResponseWriter, r *http.Request, s *play) // its request was read
	dial   func(ctx context.Context) (net.Conn, error)
}

// play is how a stage's engine answers.
type play struct {
	name   stage.Name
	header string
	begin  string // of an answer
	rest   string
	heap   string // without end, far too much of an answer, after begin
}

func plays() []*play {
	wav := func(n int) string { return string(audio.AppendHeader(nil, audio.Rate, 1, n)) }
	const second = 2 * audio.Rate
	return []*play{
		{
			name: stage.ATOT, header: "application/json",
			begin: `{"user_id":"10","input_wav":null,"atot_text":"hello`, rest: `"}`, heap: strings.Repeat("hello ", 10_000),
		},
		{
			name: stage.TTOT, header: "text/event-stream",
			begin: "data: {\"delta\":\"Good day to you. \"}\n\n", rest: "data: {\"ttot_text\":\"Good day to you.\"}\n\n",
			heap: "data: {\"delta\":\"" + strings.Repeat("Good day to you ", 1000) + "\"}\n\n",
		},
		{
			name: stage.TTS, header: "audio/wav",
			begin: wav(audio.UnknownLength) + strings.Repeat("\x00\x01", second/4), rest: strings.Repeat("\x00\x01", second/4), heap: strings.Repeat("\x00\x01", second),
		},
	}
}

func (p *play) well(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.header)
	_, _ = io.WriteString(w, p.begin+p.rest)
}

func status(code int, body string) func(http.ResponseWriter, *http.Request, *play) {
	return func(w http.ResponseWriter, _ *http.Request, _ *play) {
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "7")
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// faults are all of them, in the order of the table in docs/security.md.
func faults(t *testing.T) []fault {
	t.Helper()
	cut := func(w http.ResponseWriter, p *play, n int) {
		w.Header().Set("Content-Type", p.header)
		_, _ = io.WriteString(w, p.begin[:n])
		_ = http.NewResponseController(w).Flush()
	}
	unknown := stranger(t)
	return []fault{
		{name: "nobody listens", dial: func(ctx context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}},
		{name: "its name is not known (DNS)", dial: func(ctx context.Context) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "faulty", IsNotFound: true}
		}},
		{name: "it speaks no TLS", scheme: "https", serve: func(w http.ResponseWriter, _ *http.Request, p *play) { p.well(w) }},
		{name: "its TLS certificate is not trusted", scheme: "https", dial: func(ctx context.Context) (net.Conn, error) {
			// Between them is a relay that takes what either says at once, as a
			// network does.
			here, left := net.Pipe()
			right, there := net.Pipe()
			go func() {
				_ = tls.Server(there, &tls.Config{Certificates: []tls.Certificate{unknown}, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx) // it is refused
				_ = there.Close()
			}()
			for _, way := range [][2]net.Conn{{left, right}, {right, left}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_ = way[0].Close()
				}()
			}
			return here, nil
		}},
		{name: "it hangs before it answers", serve: func(_ http.ResponseWriter, r *http.Request, _ *play) { <-r.Context().Done() }},
		{name: "it hangs in the middle", serve: func(w http.ResponseWriter, r *http.Request, p *play) {
			cut(w, p, len(p.begin))
			<-r.Context().Done()
		}},
		{name: "too slow: a byte a second", serve: func(w http.ResponseWriter, r *http.Request, p *play) {
			for i := 0; r.Context().Err() == nil; i++ {
				_, _ = io.WriteString(w, p.begin[i%len(p.begin):][:1])
				_ = http.NewResponseController(w).Flush()
				select {
				case <-time.After(time.Second):
				case <-r.Context().Done():
				}
			}
		}},
		{name: "HTTP 500", serve: status(http.StatusInternalServerError, "Traceback")},
		{name: "HTTP 429 with Retry-After", serve: status(http.StatusTooManyRequests, "")},
		{name: "HTTP 401", serve: status(http.StatusUnauthorized, "")},
		{name: "HTTP 400", serve: status(http.StatusBadRequest, "bad input")},
		{name: "garbage: a web page", serve: func(w http.ResponseWriter, _ *http.Request, _ *play) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><title>Welcome</title></html>")
		}},
		{name: "cut off before anything of use", serve: func(w http.ResponseWriter, _ *http.Request, p *play) {
			w.Header().Set("Content-Length", "100000")
			cut(w, p, 20)
			panic(http.ErrAbortHandler)
		}},
		{name: "cut off in the middle", serve: func(w http.ResponseWriter, _ *http.Request, p *play) {
			w.Header().Set("Content-Length", "100000")
			cut(w, p, len(p.begin))
			panic(http.ErrAbortHandler)
		}},
		{name: "too large: an answer without end", serve: func(w http.ResponseWriter, r *http.Request, p *play) {
			cut(w, p, len(p.begin))
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, p.heap); err != nil {
					return
				}
			}
		}},
	}
}

// stranger gives a certificate that nobody trusts.
func stranger(t *testing.T) tls.Certificate {
	t.Helper()
	certFile, keyFile, err := selfSigned(t.TempDir(), []string{"faulty"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// takesAll is a history that takes everything.
type takesAll struct{}

func (takesAll) Keep(context.Context, history.Turn) (delayed, err error)     { return nil, nil }
func (takesAll) Recent(context.Context, string, int) ([]history.Turn, error) { return nil, nil }

// troubled is one session over engines one of which is in trouble.
type troubled struct {
	t       *testing.T
	metrics *telemetry.Metrics
	load    func() fallback.Load // of the stage in trouble
	session *session.Session
	events  []string // since ask
	failed  protocol.TurnFailed
	took    time.Duration // until the stage had failed
	warned  []string
	rested  bool // the engine in trouble was passed over
}

// meet opens a session; at is the stage in trouble, and second says whether it has
// another engine. All of it is in a bubble.
func meet(t *testing.T, tr *fault, at stage.Name, second bool) *troubled {
	t.Helper()
	m := &troubled{t: t, metrics: telemetry.New("test", nil)}
	spec := map[stage.Name]string{}
	dial := map[string]func(context.Context) (net.Conn, error){}
	for _, p := range plays() {
		host := string(p.name) + ".well"
		network := enginetest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			p.well(w)
		}))
		spec[p.name], dial[host+":80"] = "http://"+host, func(ctx context.Context) (net.Conn, error) { return network.Dial(ctx, "", "") }
		if p.name != at {
			continue
		}
		scheme := tr.scheme
		if scheme == "" {
			scheme = "http"
		}
		faulty := tr.dial
		if tr.dial == nil {
			bad := enginetest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				tr.serve(w, r, p)
			}))
			faulty = func(ctx context.Context) (net.Conn, error) { return bad.Dial(ctx, "", "") }
		}
		dial["faulty:80"], dial["faulty:443"] = faulty, faulty
		if spec[at] = scheme + "://faulty"; second {
			spec[at] += ",http://" + host
		}
	}
	fell := m.metrics.FellBack
	o := endpoint.Options{
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) { return dial[address](ctx) },
		OnFallback: func(ctx context.Context, name stage.Name, from, to string, err error) {
			fell(name)
			stage.NoteServed(ctx, stage.Served{Stage: name, Engine: to, Failed: from, Err: err})
		},
	}
	ears, err := atot.New(spec[stage.ATOT], o)
	if err != nil {
		t.Fatal(err)
	}
	mind, err := ttot.New(spec[stage.TTOT], o)
	if err != nil {
		t.Fatal(err)
	}
	mouth, err := tts.New(spec[stage.TTS], o)
	if err != nil {
		t.Fatal(err)
	}
	m.load = map[stage.Name]func() fallback.Load{stage.ATOT: ears.Load, stage.TTOT: mind.Load, stage.TTS: mouth.Load}[at]
	m.session = session.New(session.Options{Apology: session.Sorry, MaxReply: 10 * time.Second}, session.Deps{
		ATOT: ears, TTOT: mind, TTS: mouth, History: takesAll{}, Observer: m.metrics,
	})
	ctx, end := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- m.session.Run(ctx) }()
	t.Cleanup(func() {
		end()
		for range m.session.Events() { // what is left of it
		}
		if err := <-over; err != nil {
			t.Error(err)
		}
		ears.Close()
		mind.Close()
		mouth.Close()
	})
	m.push(session.Input{Message: protocol.Configure{}})
	return m
}

func (m *troubled) push(in session.Input) {
	m.t.Helper()
	if err := m.session.Push(m.t.Context(), in); err != nil {
		m.t.Fatal(err)
	}
}

// ask has one spoken turn answered, and gives the type of its last event.
func (m *troubled) ask() string {
	m.t.Helper()
	m.events, m.warned = nil, nil
	for range 25 {
		f := audio.NewFrame(1280)
		clear(f.Data)
		m.push(session.Input{Audio: f})
	}
	began := time.Now()
	m.push(session.Input{Message: protocol.Commit{}})
	for out := range m.session.Events() {
		m.rested = m.rested || len(m.load().Resting) > 0
		if out.Audio != nil {
			out.Audio.Free()
			m.events = append(m.events, "audio")
			continue
		}
		m.events = append(m.events, out.Event.Type())
		switch e := out.Event.(type) {
		case protocol.StageFailed:
			m.took = time.Since(began)
		case protocol.Warning:
			m.warned = append(m.warned, e.Code)
		case protocol.TurnFailed:
			m.failed = e
			return e.Type()
		case protocol.TurnDone:
			return e.Type()
		}
	}
	m.t.Fatal("the session ended")
	return ""
}

// story is the events of the turn that tell how it went.
func (m *troubled) story() []string {
	all := slices.DeleteFunc(slices.Clone(m.events), func(e string) bool {
		return strings.HasSuffix(e, ".partial") || e == "session.ready" || e == "ttot.done"
	})
	return slices.Compact(all)
}

// counted gives a counter's values by their labels.
func (m *troubled) counted(name string) map[string]float64 {
	m.t.Helper()
	families, err := m.metrics.Gatherer().Gather()
	if err != nil {
		m.t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, one := range f.GetMetric() {
			var labels []string
			for _, l := range one.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			values[strings.Join(labels, " ")] = one.GetCounter().GetValue()
		}
	}
	return values
}

// One engine alone: the turn fails with the code in the documented order, the
// metric counts it, the session goes on. With a second engine: it serves, where
// nothing was given yet, and the first is passed over after two failures. The
// table in docs/security.md is what came of it.
func TestEveryFaultOfEveryEngine(t *testing.T) {
	t.Parallel()
	apology := []string{"reply.apology", "audio.begin", "audio", "audio.end", "turn.failed"}
	before := map[stage.Name][]string{
		stage.ATOT: {"turn.started", "atot.started", "atot.failed"},
		stage.TTOT: {"turn.started", "atot.started", "atot.done", "ttot.started", "ttot.failed"},
		stage.TTS:  {"turn.started", "atot.started", "atot.done", "ttot.started", "tts.started", "tts.failed"},
	}
	table := []string{"| the engine | ATOT | TTOT | TTS |", "| --- | --- | --- | --- |"}
	for _, tr := range faults(t) {
		row := "| " + tr.name
		for _, p := range plays() {
			var cell []string
			synctest.Test(t, func(t *testing.T) {
				m := meet(t, &tr, p.name, false)
				if m.ask() == "turn.done" {
					cell = append(cell, "`turn.done`, `"+strings.Join(m.warned, "`, `")+"`")
					return
				}
				cell = append(cell, "`"+m.failed.Code+"`")
				if m.took >= time.Second {
					cell[0] += fmt.Sprintf(" after %v", m.took.Round(time.Second))
				}
				if want := map[string]float64{m.failed.Code + " " + string(p.name): 1}; !maps.Equal(m.counted("sori_engine_errors_total"), want) {
					t.Errorf("%s, %s: counted %v, want %v", tr.name, p.name, m.counted("sori_engine_errors_total"), want)
				}
				if m.failed.Stage != p.name || len(m.failed.Message) < 30 || m.failed.Record.Status != history.Failed {
					t.Errorf("%s, %s: %+v", tr.name, p.name, m.failed)
				}
				given := slices.Contains(m.events, string(p.name)+".partial")
				want := slices.Concat(before[p.name], apology)
				if p.name == stage.TTS {
					want = append(slices.Clone(before[p.name]), "turn.failed")
				}
				if !given && !slices.Equal(m.story(), want) {
					t.Errorf("%s, %s: %v, want %v", tr.name, p.name, m.story(), want)
				}
				if m.ask() != "turn.failed" {
					t.Errorf("%s, %s: the second turn went well", tr.name, p.name)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				m := meet(t, &tr, p.name, true)
				served := m.ask() == "turn.done" && slices.Contains(m.warned, protocol.WarnEngineFallback)
				if fell := m.counted("sori_engine_fallbacks_total")[string(p.name)]; served != (fell == 1) {
					t.Errorf("%s, %s: the second engine served: %v, counted %v", tr.name, p.name, served, fell)
				}
				m.ask()
				if served {
					cell = append(cell, "next")
				}
				if m.rested {
					cell = append(cell, "rests")
				}
			})
			row += " | " + strings.Join(cell, ", ")
		}
		table = append(table, row+" |")
	}
	doc, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(table, "\n") + "\n"; !strings.Contains(string(doc), want) {
		t.Errorf("docs/security.md does not hold this table:\n%s", want)
	}
}
