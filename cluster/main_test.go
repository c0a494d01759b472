package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sori/cluster"
	"sori/history/redisstore/redistest"
	"sori/redisconn"
	"sori/session/resume"
)

// patience is far more than anything here takes.
const patience = 15 * time.Second

func TestMain(m *testing.M) {
	redisconn.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// process is one sori as the directory sees it.
type process struct {
	*cluster.Directory
	conn *redisconn.Conn
	kill func() // it renews and writes nothing any more
}

func start(t *testing.T, url string, o cluster.Options) *process {
	t.Helper()
	conn, err := redisconn.Open(url, redisconn.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if o.LeaseTime == 0 {
		o.LeaseTime = 10 * time.Second // longer than any test: nobody loses it by accident
	}
	if o.FlushEvery == 0 {
		o.FlushEvery = time.Millisecond
	}
	d, err := cluster.New(conn, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	p := &process{Directory: d, conn: conn, kill: func() { cancel(); running.Wait() }}
	t.Cleanup(func() {
		p.kill()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func session(id string) resume.Session {
	return resume.Session{ID: id, User: "user of " + id, Owner: "key-1", KeyHash: "hash of " + id}
}

func claim(id string, seen uint64) resume.Claim {
	return resume.Claim{ID: id, KeyHash: "hash of " + id, Owner: "key-1", Seen: seen}
}

func mustOpen(t *testing.T, p *process, id string) resume.Lease {
	t.Helper()
	l, err := p.Open(t.Context(), session(id))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustTake(t *testing.T, p *process, id string, seen uint64) (resume.Lease, resume.Inheritance) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l, in, err := p.Take(ctx, claim(id, seen))
	if err != nil {
		t.Fatal(err)
	}
	return l, in
}

func release(t *testing.T, l resume.Lease, ended bool) {
	t.Helper()
	if err := l.Release(t.Context(), ended); err != nil {
		t.Error(err)
	}
}

// say appends messages with the numbers from first to last.
func say(l resume.Lease, first, last int) {
	for n := first; n <= last; n++ {
		l.Append(resume.Message{Seq: uint64(n), Binary: n%3 == 0, Data: fmt.Appendf(nil, "message %d", n)})
	}
}

func wantLog(t *testing.T, in resume.Inheritance, first, last int) {
	t.Helper()
	if len(in.Log) != last-first+1 || in.LastSeq < uint64(last) {
		t.Fatalf("%d messages up to %d, want %d to %d", len(in.Log), in.LastSeq, first, last)
	}
	for i, m := range in.Log {
		n := first + i
		if m.Seq != uint64(n) || string(m.Data) != fmt.Sprint("message ", n) || m.Binary != (n%3 == 0) {
			t.Fatalf("at %d is %d %q, binary %v", i, m.Seq, m.Data, m.Binary)
		}
	}
}

func wantNoSession(t *testing.T, p *process, c resume.Claim) {
	t.Helper()
	if l, _, err := p.Take(t.Context(), c); !errors.Is(err, resume.ErrNoSession) {
		t.Errorf("%+v: got %v, %v; want ErrNoSession", c, l, err)
	}
}

func closed(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s does not happen", what)
	}
}

func open(c <-chan struct{}) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

func eventually(t *testing.T, do func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if err = do(); err == nil {
			return
		}
	}
	t.Fatalf("after %v still: %v", patience, err)
}

// written waits until nothing waits for Redis.
func written(t *testing.T, p *process, server *redistest.Server, id string, last int) {
	t.Helper()
	eventually(t, func() error {
		key := "sori:{u:user+of+" + id + "}:s:" + id
		if got := fmt.Sprint(server.Do(t, "HMGET", key, "last")); got != fmt.Sprintf("[%d]", last) {
			return fmt.Errorf("the log ends with %s, not %d, status %+v", got, last, p.Status())
		}
		return nil
	})
}

func keysOf(t *testing.T, server *redistest.Server, pattern string) []string {
	t.Helper()
	all, _ := server.Do(t, "KEYS", pattern).([]any)
	keys := make([]string, 0, len(all))
	for _, k := range all {
		if key := fmt.Sprint(k); !strings.HasSuffix(key, ":ping") {
			keys = append(keys, key)
		}
	}
	return keys
}
