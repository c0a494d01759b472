package redisstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/history"
	"sori/history/historytest"
	"sori/history/redisstore"
	"sori/history/redisstore/redistest"
)

// within is far more than any call may take with the stores of these tests.
const within = 30 * time.Second

func wantUnavailable(t *testing.T, what string, err error, hint string) {
	t.Helper()
	if !errors.Is(err, history.ErrUnavailable) || !strings.Contains(err.Error(), hint) {
		t.Errorf("%s: got %v, want ErrUnavailable with %q", what, err, hint)
	}
}

func mustAppend(t *testing.T, s history.Store, ns ...int) {
	t.Helper()
	for _, n := range ns {
		if err := s.Append(t.Context(), historytest.Turn("10", n)); err != nil {
			t.Fatalf("turn %d: %v", n, err)
		}
	}
}

func wantTurns(t *testing.T, s history.Store, ns ...int) {
	t.Helper()
	turns, err := s.Recent(t.Context(), "10", 1000)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]int, len(turns))
	for i := range turns {
		got[i] = turns[i].Number
	}
	if fmt.Sprint(got) != fmt.Sprint(ns) {
		t.Errorf("turns %v are there, want %v", got, ns)
	}
}

// eventually waits for a Redis that came back to be used again: the pool may
// take a second to find it.
func eventually(t *testing.T, do func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if err = do(); err == nil {
			return
		}
	}
	t.Fatalf("after %v still: %v", within, err)
}

func TestDownAtStart(t *testing.T) {
	t.Parallel()
	server := redistest.Prepare(t)
	s := open(t, server.URL(), redisstore.Options{})
	wantUnavailable(t, "Ping", s.Ping(t.Context()), "is Redis running there?")
	wantUnavailable(t, "Append", s.Append(t.Context(), historytest.Turn("10", 1)), server.Addr())
	_, err := s.Recent(t.Context(), "10", 5)
	wantUnavailable(t, "Recent", err, server.Addr())

	server.Start(t)
	eventually(t, func() error { return s.Ping(t.Context()) })
	mustAppend(t, s, 1)
	wantTurns(t, s, 1)
}

func TestGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server.URL(), redisstore.Options{})
	mustAppend(t, s, 1, 2)
	for n, down := range []func(testing.TB){server.Stop, server.Kill} {
		down(t)
		wantUnavailable(t, "Append", s.Append(t.Context(), historytest.Turn("10", 3+n)), "is Redis running there?")
		server.Start(t)
		eventually(t, func() error { return s.Append(t.Context(), historytest.Turn("10", 3+n)) })
	}
	mustAppend(t, s, 1, 5)
	wantTurns(t, s, 1, 2, 3, 4, 5)
}

// Killed at any instant, Redis has every turn that it acknowledged, once.
func TestKilledWhileItAppends(t *testing.T) {
	t.Parallel()
	const writers = 8
	server := redistest.Start(t, "--appendfsync", "always")
	s := open(t, server.URL(), redisstore.Options{Timeout: 500 * time.Millisecond})
	acknowledged := make([]int, writers) // how many turns of each user
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		busy := make(chan struct{}, 1)
		for w := range writers {
			wg.Go(func() {
				for ctx.Err() == nil {
					n := acknowledged[w] // tried again after an error: it may be there or not
					if err := s.Append(context.WithoutCancel(ctx), historytest.Turn(fmt.Sprintf("user-%d", w), n)); err == nil {
						acknowledged[w]++
					} else if !errors.Is(err, history.ErrUnavailable) {
						t.Errorf("Append: %v", err)
						return
					}
					if w == 0 && n%20 == 19 {
						select {
						case busy <- struct{}{}:
						default:
						}
					}
				}
			})
		}
		<-busy
		server.Kill(t)
		cancel()
		wg.Wait()
		server.Start(t)
		eventually(t, func() error { return s.Ping(t.Context()) })
	}
	for w, count := range acknowledged {
		turns, err := s.Recent(t.Context(), fmt.Sprintf("user-%d", w), 100_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(turns) != count && len(turns) != count+1 { // the last one perhaps unacknowledged
			t.Errorf("user %d: %d turns, %d were acknowledged", w, len(turns), count)
		}
		for i := range turns {
			if turns[i].Number != i {
				t.Fatalf("user %d: at %d is turn %d", w, i, turns[i].Number)
			}
		}
	}
}

func TestHangs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server.URL(), redisstore.Options{})
	mustAppend(t, s, 1)
	server.Freeze(t)
	start := time.Now()
	hasty := open(t, server.URL(), redisstore.Options{Timeout: 100 * time.Millisecond})
	wantUnavailable(t, "Append", hasty.Append(t.Context(), historytest.Turn("10", 2)), "no answer")
	if took := time.Since(start); took > within {
		t.Errorf("a Redis that hangs held the caller for %v", took)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Ping(short); err == nil {
		t.Error("a frozen Redis answers")
	}
	server.Thaw(t)
	eventually(t, func() error { return s.Append(t.Context(), historytest.Turn("10", 2)) })
	wantTurns(t, s, 1, 2)
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server.URL(), redisstore.Options{})
	mustAppend(t, s, 1)
	server.Do(t, "REPLICAOF", "127.0.0.1", "1")
	wantUnavailable(t, "Append", s.Append(t.Context(), historytest.Turn("10", 2)), "replica")
	wantUnavailable(t, "Ping", s.Ping(t.Context()), "replica")
	wantTurns(t, s, 1) // reading goes on
	server.Do(t, "REPLICAOF", "NO", "ONE")
	mustAppend(t, s, 2)
	wantTurns(t, s, 1, 2)
}

func TestMemoryFull(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server.URL(), redisstore.Options{})
	mustAppend(t, s, 1)
	server.Do(t, "CONFIG", "SET", "maxmemory", "1")
	wantUnavailable(t, "Append", s.Append(t.Context(), historytest.Turn("10", 2)), "memory is full")
	wantUnavailable(t, "Ping", s.Ping(t.Context()), "memory is full")
	if _, err := s.EnsureUser(t.Context(), "11"); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("EnsureUser: %v", err)
	}
	wantTurns(t, s, 1)
	if page, _, err := s.Page(t.Context(), "10", "", 5); err != nil || len(page) != 1 {
		t.Errorf("Page: %d turns, %v", len(page), err)
	}
	if err := s.DeleteUser(t.Context(), "nobody"); !errors.Is(err, history.ErrNoUser) {
		t.Errorf("deleting, which frees memory: %v", err)
	}
	server.Do(t, "CONFIG", "SET", "maxmemory", "0")
	mustAppend(t, s, 2)
	wantTurns(t, s, 1, 2)
}

func TestScriptsAreForgotten(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server.URL(), redisstore.Options{})
	mustAppend(t, s, 1)
	server.Do(t, "SCRIPT", "FLUSH")
	mustAppend(t, s, 2)
	wantTurns(t, s, 1, 2)
}

// In the steady state a turn is one command, so one round trip.
func TestOneRoundTrip(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server.URL(), redisstore.Options{})
	mustAppend(t, s, 1)
	server.Do(t, "CONFIG", "RESETSTAT")
	mustAppend(t, s, 2, 3, 4, 5, 6)
	stats := fmt.Sprint(server.Do(t, "INFO", "commandstats"))
	if !strings.Contains(stats, "cmdstat_evalsha:calls=5,") {
		t.Errorf("5 turns are not 5 scripts:\n%s", stats)
	}
	for _, other := range []string{"cmdstat_eval:", "cmdstat_multi:", "cmdstat_client", "cmdstat_hello:calls=2"} {
		if strings.Contains(stats, other) {
			t.Errorf("there is %s, too:\n%s", other, stats)
		}
	}
}

// Whatever comes between a delete and the turns that arrive meanwhile, no turn
// is left that no list of users leads to.
func TestDeleteWhileTurnsArrive(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t).URL(), redisstore.Options{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 100 {
				if err := s.Append(t.Context(), historytest.Turn(fmt.Sprintf("user-%d", n%3), w*1000+n)); err != nil {
					t.Errorf("Append: %v", err)
				}
			}
		})
		wg.Go(func() {
			for n := range 50 {
				if err := s.DeleteUser(t.Context(), fmt.Sprintf("user-%d", n%3)); err != nil && !errors.Is(err, history.ErrNoUser) {
					t.Errorf("DeleteUser: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for u := range 3 {
		user := fmt.Sprintf("user-%d", u)
		turns, err := s.Recent(t.Context(), user, 1000)
		if err != nil {
			t.Fatal(err)
		}
		has, err := s.HasUser(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		if len(turns) > 0 && !has {
			t.Errorf("%s has %d turns and is not in the list of users", user, len(turns))
		}
	}
}

// What Redis says becomes what an operator can do.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer, hint string
		passing      bool
	}{
		{"-LOADING Redis is loading the dataset in memory", "wait", true},
		{"-READONLY You can't write against a read only replica.", "master", true},
		{"-OOM command not allowed when used memory > 'maxmemory'.", "maxmemory", true},
		{"-MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.", "disk", true},
		{"-MASTERDOWN Link with MASTER is down", "nodes", true},
		{"-CLUSTERDOWN The cluster is down", "nodes", true},
		{"-BUSY Redis is busy running a script.", "SLOWLOG", true},
		{"-ERR max number of clients reached", "maxclients", true},
		{"-NOAUTH Authentication required.", "password", false},
		{"-WRONGPASS invalid username-password pair or user is disabled.", "password", false},
		{"-NOPERM this user has no permissions to run the 'evalsha' command", "ACL", false},
		{"-WRONGTYPE Operation against a key holding the wrong kind of value", "prefix", false},
		{"-ERR unknown command 'EVALSHA'", "unknown command", false},
		{"HTTP/1.1 400 Bad Request", "is Redis running there?", true},
		{"", "is Redis running there?", true}, // closes early
	} {
		t.Run(c.answer, func(t *testing.T) {
			t.Parallel()
			s := open(t, "redis://user:s3cret@"+answering(t, c.answer)+"/0", redisstore.Options{Timeout: 300 * time.Millisecond})
			err := s.Append(t.Context(), historytest.Turn("10", 1))
			if err == nil || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("got %v, want %q", err, c.hint)
			}
			if errors.Is(err, history.ErrUnavailable) != c.passing {
				t.Errorf("%v: passing is %v", err, !c.passing)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}

// answering is a server that says the same to every line that starts a command.
func answering(t *testing.T, answer string) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = conn.Close() }()
				for in := bufio.NewScanner(conn); in.Scan(); {
					if !strings.HasPrefix(in.Text(), "*") {
						continue
					}
					if _, err := io.WriteString(conn, answer+"\r\n"); err != nil || answer == "" {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
	return l.Addr().String()
}
