package server_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/server"
	"sori/session"
	"sori/session/resume"
)

// directory is what other processes left.
type directory struct {
	take     func(c resume.Claim) (resume.Inheritance, error)
	released *atomic.Int64                   // leases that were given up for another process
	flush    func(ctx context.Context) error // nil: nothing
}

func (d directory) Open(context.Context, resume.Session) (resume.Lease, error) {
	return heldLease{d.released, d.flush}, nil
}

func (d directory) Take(_ context.Context, c resume.Claim) (resume.Lease, resume.Inheritance, error) {
	in, err := d.take(c)
	if err != nil {
		return nil, in, err
	}
	return heldLease{d.released, d.flush}, in, nil
}

type heldLease struct {
	released *atomic.Int64
	flush    func(ctx context.Context) error
}

func (heldLease) Fence() uint64          { return 2 }
func (heldLease) Lost() <-chan struct{}  { return nil }
func (heldLease) Asked() <-chan struct{} { return nil }
func (heldLease) Save([]byte)            {}
func (heldLease) Append(resume.Message)  {}

func (l heldLease) Flush(ctx context.Context) error {
	if l.flush == nil {
		return nil
	}
	return l.flush(ctx)
}

func (l heldLease) Release(_ context.Context, ended bool) error {
	if !ended {
		l.released.Add(1)
	}
	return nil
}

// logged are messages with these numbers, as another process sent them.
func logged(t *testing.T, numbers ...uint64) (log []resume.Message) {
	t.Helper()
	for _, n := range numbers {
		if n%3 == 0 {
			log = append(log, resume.Message{Seq: n, Binary: true, Data: []byte{byte(n), 0}})
			continue
		}
		text, err := protocol.AppendEvent(nil, protocol.Head{Seq: n, MS: int64(n)}, protocol.Pong{ID: "logged"})
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, resume.Message{Seq: n, Data: text})
	}
	return log
}

// A session of another process goes on here. What its log lacks is counted as
// lost, and nothing is said under a wrong number.
func TestASessionIsInheritedThoughItsLogHasGaps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state, last, seen uint64
		log               []uint64
		resumed, lost     uint64
		replayed          []uint64
	}{
		"whole":                          {5, 10, 5, []uint64{6, 7, 8, 9, 10}, 5, 0, []uint64{6, 7, 8, 9, 10}},
		"a state that is newer":          {10, 10, 7, []uint64{8, 9, 10}, 7, 0, []uint64{8, 9, 10}},
		"nothing was missed":             {8, 8, 8, nil, 8, 0, nil},
		"its start went":                 {20, 20, 5, []uint64{18, 19, 20}, 17, 12, []uint64{18, 19, 20}},
		"a hole":                         {8, 8, 2, []uint64{3, 4, 7, 8}, 6, 4, []uint64{7, 8}},
		"two holes":                      {12, 12, 2, []uint64{3, 5, 7, 8, 11, 12}, 10, 8, []uint64{11, 12}},
		"its end was not written":        {12, 10, 5, []uint64{6, 7, 8, 9, 10}, 12, 7, nil},
		"its end was written and is out": {8, 12, 5, []uint64{6, 7, 8}, 12, 7, nil},
		"the client has seen more":       {7, 7, 9, nil, 9, 0, nil},
		"all of it went":                 {30, 30, 5, nil, 30, 25, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, err := json.Marshal(session.State{Seq: tc.state, Settled: 41, MS: 7})
			if err != nil {
				t.Fatal(err)
			}
			log := logged(t, tc.log...)
			synctest.Test(t, func(t *testing.T) {
				var given atomic.Pointer[session.Options]
				r := start(t, server.Config{
					Directory: directory{take: func(c resume.Claim) (resume.Inheritance, error) {
						if c.ID != "there" || c.Seen != tc.seen || c.KeyHash == "" {
							t.Errorf("the claim is %+v", c)
						}
						return resume.Inheritance{Session: resume.Session{ID: c.ID, User: "10"}, State: state, Log: log, LastSeq: tc.last}, nil
					}, released: new(atomic.Int64)},
					NewSession: func(o session.Options) server.Session {
						given.Store(&o)
						f := newFakeSession()
						f.id, f.key, f.seq = o.ID, o.ResumeKey, o.Restore.Seq
						return f
					},
				})
				c := r.connect(t)
				c.text(resuming(protocol.Ready{Session: "there", Resume: protocol.Resumption{Key: "key"}}, tc.seen))
				head, e := c.event()
				if want := (protocol.Resumed{Session: "there", Received: 41, Lost: tc.lost}); e != want || head.Seq != tc.resumed {
					t.Fatalf("resumed with %+v, %+v; want number %d, %+v", head, e, tc.resumed, want)
				}
				for _, n := range tc.replayed {
					if n%3 == 0 {
						if kind, data, err := c.ws.Read(t.Context()); kind != websocket.MessageBinary || data[0] != byte(n) {
							t.Errorf("the audio of message %d is %v, %v", n, data, err)
						}
					} else if head, e := c.event(); head.Seq != n || e != (protocol.Pong{ID: "logged"}) {
						t.Errorf("message %d is %d, %+v", n, head.Seq, e)
					}
				}
				next := max(tc.state, tc.last, tc.seen) + 1
				c.text(`{"type":"ping","id":"on"}`)
				if head, e := c.event(); head.Seq != next || e != (protocol.Pong{ID: "on"}) {
					t.Errorf("goes on with %+v, %+v; want number %d", head, e, next)
				}
				if o := given.Load(); o.User != "10" || o.ResumeKey != "key" || o.Fence() != 2 {
					t.Errorf("the session was made with %+v", o)
				}
			})
		})
	}
}

// Where nobody could note how the session went on, its client knows it: no number
// is used twice, and a turn that waits for its end gets one.
func TestAnHeirHeedsTheClient(t *testing.T) {
	t.Parallel()
	const id = "0195f2c6-0000-7000-8000-000000000005"
	ended, err := protocol.AppendEvent(nil, protocol.Head{Seq: 11, Turn: 5}, protocol.TurnDone{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		log  []resume.Message
		live *session.LiveTurn
	}{
		"its turn has no end":            {nil, &session.LiveTurn{Number: 5, ID: id}},
		"the end of its turn was logged": {[]resume.Message{{Seq: 11, Data: ended}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, err := json.Marshal(session.State{Seq: 5, Turn: 3, Settled: 41, Typed: []uint64{43, 60}})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				var restored atomic.Pointer[session.State]
				r := start(t, server.Config{
					Directory: directory{take: func(c resume.Claim) (resume.Inheritance, error) {
						return resume.Inheritance{Session: resume.Session{ID: c.ID, User: "10"}, State: state, Log: tc.log}, nil
					}, released: new(atomic.Int64)},
					NewSession: func(o session.Options) server.Session {
						restored.Store(o.Restore)
						f := newFakeSession()
						f.id, f.key, f.seq = o.ID, o.ResumeKey, o.Restore.Seq
						return f
					},
				})
				claim, err := protocol.EncodeClient(protocol.Resume{Session: "there", Key: "key", Seen: 10, Forgotten: 50, Turn: 5, Live: id})
				if err != nil {
					t.Fatal(err)
				}
				if e := r.connect(t).ask(string(claim)); e != (protocol.Resumed{Session: "there", Received: 50}) {
					t.Errorf("resumed with %+v", e)
				}
				st := restored.Load()
				if st.Turn != 5 || !reflect.DeepEqual(st.Live, tc.live) || st.Settled != 50 || !slices.Equal(st.Typed, []uint64{60}) {
					t.Errorf("goes on with %+v, %+v", st, st.Live)
				}
			})
		})
	}
}

func TestASessionThatCanNotBeInherited(t *testing.T) {
	t.Parallel()
	claim := resuming(protocol.Ready{Session: "there", Resume: protocol.Resumption{Key: "key"}}, 1)
	for name, tc := range map[string]struct {
		err      error
		state    []byte
		released int64
	}{
		"Redis is away":   {err: context.DeadlineExceeded},
		"another version": {state: []byte("no JSON"), released: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				released := new(atomic.Int64)
				r := start(t, server.Config{Directory: directory{take: func(resume.Claim) (resume.Inheritance, error) {
					return resume.Inheritance{State: tc.state}, tc.err
				}, released: released}})
				c := r.connect(t)
				c.text(claim)
				if code, events := c.closed(); code != protocol.CloseTryLater || len(events) != 0 {
					t.Errorf("closed with %d after %v", code, events)
				}
				time.Sleep(time.Second)
				if released.Load() != tc.released || r.Sessions() != 0 {
					t.Errorf("%d leases given up, %d sessions", released.Load(), r.Sessions())
				}
			})
		})
	}
	// Its client is told so, and does not ask again and again.
	for name, err := range map[string]error{"it is over": resume.ErrNoSession, "nobody noted where it stands": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				released := new(atomic.Int64)
				r := start(t, server.Config{Directory: directory{take: func(resume.Claim) (resume.Inheritance, error) {
					return resume.Inheritance{}, err
				}, released: released}})
				if e, _ := r.connect(t).ask(claim).(protocol.Problem); e.Code != protocol.ErrNoSession {
					t.Errorf("got %+v", e)
				}
				if released.Load() != 0 {
					t.Error("it was left to the next process that asks")
				}
			})
		})
	}
}

// The end of a turn is in the shared log before the client hears of it, so that
// an heir does not tell it again; and is told all the same where that takes long.
func TestTheEndOfATurnIsLoggedBeforeItIsTold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		flush func(ctx context.Context) error
		after time.Duration
	}{
		"Redis answers": {func(context.Context) error { time.Sleep(40 * time.Millisecond); return nil }, 40 * time.Millisecond},
		"Redis hangs":   {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 250 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, server.Config{Directory: directory{released: new(atomic.Int64), flush: tc.flush}})
				c, _ := r.opened(t)
				synctest.Wait()
				began := time.Now()
				if e := c.ask(`{"type":"ping"}`); e != (protocol.Pong{}) || time.Since(began) != 0 {
					t.Errorf("%+v after %v", e, time.Since(began))
				}
				if e, ok := c.ask(`{"type":"text","text":"hello"}`).(protocol.TurnDone); !ok || time.Since(began) != tc.after {
					t.Errorf("%+v after %v, want %v", e, time.Since(began), tc.after)
				}
			})
		})
	}
}
