//go:build e2e

package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// soakSamples is how often a soak measures.
const soakSamples = 60

// soakSample is one look at a process, after it gave free memory back, but for
// busy.
type soakSample struct {
	at         time.Duration
	busy       float64 // MB resident before that
	resident   float64 // MB
	heap       float64 // MB in use
	goroutines float64
	files      float64
	sessions   float64
}

// measured are the columns of a soak's table that have to be flat: half of a
// column's samples may be higher than those before by so much of it, and by as
// much as noise is.
type measured struct {
	name  string
	of    func(soakSample) float64
	noise float64
}

func soakColumns() []measured {
	return []measured{
		{"resident MB", func(s soakSample) float64 { return s.resident }, 4},
		{"heap MB", func(s soakSample) float64 { return s.heap }, 2},
		{"goroutines", func(s soakSample) float64 { return s.goroutines }, 15},
		{"open files", func(s soakSample) float64 { return s.files }, 8},
	}
}

const soakRatio = 1.05

// A server that everything happens to for SORI_SOAK, such as 30m, by clients that
// talk, interrupt, vanish and come back, ask over REST, speak the OpenAI Realtime
// API, and send what is none of these, needs no more at the end than in the
// middle: of what it is measured by, the median of the last quarter is at most 5 %
// (and a little noise) over that of the quarter before, and when everybody has
// left, goroutines and open files are what they were at the start.
func TestSoak(t *testing.T) { //nolint:paralleltest // it measures, and nothing else may run beside it
	lasts, err := time.ParseDuration(os.Getenv("SORI_SOAK"))
	if err != nil {
		t.Skip("SORI_SOAK, such as 30m, says how long: see `make soak`")
	}
	speech := ownSpeech(t).pcm
	debug := freePort(t)
	s := serve(t, append(scriptedArgs(scripted(t)), "--debug-addr", debug, "--resume-wait", "5s", "--log-level", "info")...)
	k := &soak{t: t, s: s, debug: debug, speech: speech, deeds: make(map[string]int)}
	k.once(t.Context(), "warm-up", 0, k.talk)
	start := k.settled(soakSample{})

	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var wg sync.WaitGroup
	for who, kind := range slices.Sorted(maps.Keys(k.kinds())) {
		for twin := range 2 {
			wg.Go(func() { k.repeat(ctx, kind, 10*who+twin) })
		}
	}
	var samples []soakSample
	began := time.Now()
	tick := time.NewTicker(lasts / soakSamples)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			at := k.look()
			at.at = time.Since(began)
			samples = append(samples, at)
		case <-ctx.Done():
		}
	}
	wg.Wait()
	end := k.settled(start)
	t.Log(k.table(start, samples, end))
	k.judge(start, samples, end)
}

// freePort gives an address of this machine that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// soak is one run.
type soak struct {
	t      *testing.T
	s      *sori
	debug  string
	speech []byte

	mu    sync.Mutex
	deeds map[string]int // how often what was done
}

// repeat does one kind of deed over and over.
func (k *soak) repeat(ctx context.Context, kind string, who int) {
	for n := 0; ctx.Err() == nil; n++ {
		k.once(ctx, kind, who, k.kinds()[kind])
		pause(ctx, time.Second)
	}
}

// once does a deed, to its end.
func (k *soak) once(ctx context.Context, kind string, who int, do func(context.Context, int) error) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := do(limited, who); err != nil {
		k.t.Errorf("%s: %v", kind, err)
		kind += " (failed)"
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.deeds[kind]++
}

// look measures the process.
func (k *soak) look() soakSample {
	k.t.Helper()
	busy := k.metrics()
	k.request(http.MethodPost, "/debug/free-memory", nil)
	m := k.metrics()
	const mb = 1 << 20
	return soakSample{
		busy: busy["process_resident_memory_bytes"] / mb, resident: m["process_resident_memory_bytes"] / mb, heap: m["go_memstats_heap_alloc_bytes"] / mb,
		goroutines: m["go_goroutines"], files: m["process_open_fds"], sessions: m["sori_sessions"],
	}
}

// settled measures when nobody is there any more, and where there is a start, as
// soon as it is like that again: connections to engines that nobody uses are kept
// for a minute and a half.
func (k *soak) settled(start soakSample) soakSample {
	k.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		now := k.look()
		if now.sessions == 0 && (start.goroutines == 0 || now.like(start)) || time.Now().After(deadline) {
			return now
		}
		time.Sleep(time.Second) // polled
	}
}

// like says whether there is as little of it as at the start.
func (s soakSample) like(start soakSample) bool {
	return s.sessions == 0 && s.goroutines <= start.goroutines+10 && s.files <= start.files+6
}

// metrics are the process's, those without labels.
func (k *soak) metrics() map[string]float64 {
	k.t.Helper()
	all := make(map[string]float64)
	k.request(http.MethodGet, "/metrics", func(line string) {
		if name, value, ok := strings.Cut(line, " "); ok && !strings.Contains(name, "{") {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				all[name] = v
			}
		}
	})
	return all
}

func (k *soak) request(method, path string, see func(line string)) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+k.debug+path, http.NoBody)
	if err != nil {
		k.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		k.t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); see != nil && lines.Scan(); {
		see(lines.Text())
	}
}

// table prints ten of the samples, and what was done meanwhile.
func (k *soak) table(start soakSample, samples []soakSample, end soakSample) string {
	var b strings.Builder
	row := func(name string, s soakSample) {
		fmt.Fprintf(&b, "| %s | %.0f | %.1f | %.1f | %.0f | %.0f | %.0f |\n", name, s.busy, s.resident, s.heap, s.goroutines, s.files, s.sessions)
	}
	b.WriteString("\n| | RSS, busy (MB) | RSS (MB) | heap (MB) | goroutines | files | sessions |\n|---|---|---|---|---|---|---|\n")
	row("start", start)
	for i := 0; i < len(samples); i += max(1, len(samples)/10) {
		row(samples[i].at.Round(time.Second).String(), samples[i])
	}
	row("end", end)
	for _, kind := range slices.Sorted(maps.Keys(k.deeds)) {
		fmt.Fprintf(&b, "%s: %d times\n", kind, k.deeds[kind])
	}
	return b.String()
}

// judge fails the test where something grows.
func (k *soak) judge(start soakSample, samples []soakSample, end soakSample) {
	k.t.Helper()
	if len(samples) < 8 {
		k.t.Fatalf("only %d samples: that says nothing", len(samples))
	}
	quarter := len(samples) / 4
	for _, c := range soakColumns() {
		third := median(samples[len(samples)-2*quarter:len(samples)-quarter], c.of)
		last := median(samples[len(samples)-quarter:], c.of)
		k.t.Logf("%s: median of the third quarter %.1f, of the last %.1f", c.name, third, last)
		if last > third*soakRatio+c.noise {
			k.t.Errorf("%s grow: the median of the third quarter is %.1f, of the last %.1f", c.name, third, last)
		}
	}
	if !end.like(start) {
		k.t.Errorf("when everybody has left, %+v is there; at the start it was %+v", end, start)
	}
}

func median(samples []soakSample, of func(soakSample) float64) float64 {
	var all []float64
	for _, s := range samples {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
