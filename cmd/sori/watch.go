package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"strings"
	"time"

	"sori/stage"
	"sori/telemetry"
)

// watching says who may look into the server while it runs.
type watching struct {
	Metrics   bool   `default:"true" negatable:"" setting:"" help:"Answer GET /metrics for Prometheus. It tells nothing of users, and no text."`
	DebugAddr string `placeholder:"HOST:PORT" setting:"" help:"Listen on this loopback address, too, for /metrics and /debug/pprof; a POST to /debug/free-memory collects garbage and gives free memory back. Default: nowhere."`
}

// check says what is wrong with the settings.
func (w *watching) check() error {
	if w.DebugAddr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(w.DebugAddr)
	if err != nil {
		return fmt.Errorf("--debug-addr %q is no HOST:PORT, such as 127.0.0.1:6060", w.DebugAddr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--debug-addr %q is not on the loopback interface: profiles tell a lot, so it takes 127.0.0.1, [::1] or localhost only", w.DebugAddr)
	}
	return nil
}

// eyes is what is told of the engines' calls; nil fields tell nobody.
type eyes struct {
	trace    func(ctx context.Context, header http.Header)
	fellBack func(name stage.Name)
}

// openTelemetry makes the metrics, and the tracer where the environment asks
// for one.
func (p *parts) openTelemetry(ctx context.Context) error {
	var err error
	if p.tracer, err = telemetry.TracerFromEnv(ctx, p.getenv, version, p.log); err != nil {
		return err
	}
	p.metrics = telemetry.New(version, p.tracer)
	return nil
}

// eyes lets the engines' calls be seen.
func (p *parts) eyes() eyes {
	e := eyes{fellBack: p.metrics.FellBack}
	if p.tracer != nil {
		e.trace = p.tracer.Inject
	}
	return e
}

// watchHistory lets the turns that wait for their store be seen.
func (p *parts) watchHistory() {
	status := func(f func(onDisk, inMemory, quarantined int, bytes int64, oldest time.Time) float64) func() float64 {
		return func() float64 {
			s := p.keeper.Status()
			return f(s.OnDisk, s.InMemory, s.Quarantined, s.Bytes, s.Oldest)
		}
	}
	p.metrics.Gauge("sori_history_waiting_disk", "Turns on the disk that wait for their store.",
		status(func(n, _, _ int, _ int64, _ time.Time) float64 { return float64(n) }))
	p.metrics.Gauge("sori_history_waiting_memory", "Turns that wait in memory alone, because neither the store nor the disk takes them.",
		status(func(_, n, _ int, _ int64, _ time.Time) float64 { return float64(n) }))
	p.metrics.Gauge("sori_history_quarantined", "Turns in the spool that no store takes.",
		status(func(_, _, n int, _ int64, _ time.Time) float64 { return float64(n) }))
	p.metrics.Gauge("sori_history_waiting_bytes", "Size of the turns that wait for their store.",
		status(func(_, _, _ int, n int64, _ time.Time) float64 { return float64(n) }))
	p.metrics.Gauge("sori_history_oldest_seconds", "How long the oldest turn has waited for its store; 0 when none waits.",
		status(func(_, _, _ int, _ int64, t time.Time) float64 {
			if t.IsZero() {
				return 0
			}
			return max(0, time.Since(t).Seconds())
		}))
}

// debug serves metrics and profiles on the loopback interface until the
// function that it gives is called. There may be none.
func (p *parts) debug(ctx context.Context) (stop func(), err error) {
	if p.DebugAddr == "" {
		return func() {}, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.DebugAddr)
	if err != nil {
		return nil, fmt.Errorf("sori can't listen on %s for --debug-addr: %w", p.DebugAddr, err)
	}
	web := &http.Server{
		Handler: debugHandler(p.metrics), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(ln) }()
	p.log.InfoContext(ctx, "debug server", "addr", ln.Addr().String())
	return func() {
		_ = web.Close() // nothing there is worth waiting for
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			p.log.WarnContext(context.WithoutCancel(ctx), "debug server ended", "error", err)
		}
	}, nil
}

// profiles answers GET /debug/pprof/.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// debugHandler answers only requests that name the loopback interface, so that
// no web page can reach it through a name of its own.
func debugHandler(m *telemetry.Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.HandleFunc("POST /debug/free-memory", func(http.ResponseWriter, *http.Request) { debug.FreeOSMemory() })
	mux.Handle("GET /debug/pprof/", profiles())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this address is for this machine only", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
