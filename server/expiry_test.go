package server_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"sori/auth"
	"sori/protocol"
	"sori/realtime"
	"sori/server"
	"sori/session"
)

// withTokens is doors that take kim's token of an identity provider, old, which
// ends in so long, and a newer one.
func withTokens(life time.Duration) *doors {
	d := newDoors()
	now := time.Now()
	for name, until := range map[string]time.Time{"old": now.Add(life), "new": now.Add(time.Hour)} {
		d.keys[name] = door{who: auth.Principal{Kind: auth.KindJWT, User: "kim", Expires: until, Until: until}}
	}
	d.keys["another of kim's"] = door{who: auth.Principal{Kind: auth.KindKey, User: "kim", KeyID: "k9"}}
	return d
}

// Nobody can revoke an identity provider's token: when it ends, its connection
// does. The session waits for the same user with a new one.
func TestAConnectionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := withTokens(5 * time.Minute)
		r := start(t, genuine(server.Config{Auth: d}))
		began := time.Now()
		c, no := r.tryConnect(t, bearer("old"))
		if no != nil {
			t.Fatalf("%+v", no)
		}
		ready, _ := c.ask(`{"type":"session.configure"}`).(protocol.Ready)
		code, _ := c.closed()
		if took := time.Since(began); code != protocol.CloseExpired || took < 5*time.Minute || took > 5*time.Minute+2*time.Second {
			t.Errorf("closed with %d after %v", code, took)
		}
		c, no = r.tryConnect(t, bearer("new"))
		if no != nil {
			t.Fatalf("%+v", no)
		}
		if e, ok := c.ask(resuming(ready, 1)).(protocol.Resumed); !ok || e.Session != ready.Session {
			t.Errorf("with a new token: %+v", e)
		}
	})
}

func TestARealtimeSessionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, genuine(server.Config{Auth: withTokens(5 * time.Minute)}))
		began := time.Now()
		c := r.realtime(t, "", bearer("old"))
		var expires int64
		if err := json.Unmarshal(c.until("session.created").Session["expires_at"], &expires); err != nil || expires != began.Add(5*time.Minute).Unix() {
			t.Errorf("it expires at %d: %v", expires, err)
		}
		var e said
		if err := json.Unmarshal(c.raw("error"), &e); err != nil || e.Error.Code != realtime.CodeSessionExpired || time.Since(began) < 5*time.Minute {
			t.Errorf("after %v: %+v, %v", time.Since(began), e, err)
		}
		if code, _ := c.closed(); code != protocol.CloseExpired || time.Since(began) > 5*time.Minute+time.Second {
			t.Errorf("closed with %d after %v", code, time.Since(began))
		}
	})
}

// Who resumed a session with another key of its user is let go with that key; the
// session waits for its user.
func TestAConnectionEndsWithItsOwnKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := withTokens(time.Hour)
		r := start(t, genuine(server.Config{Auth: d}))
		c, _ := r.tryConnect(t, bearer("kims"))
		ready, _ := c.ask(`{"type":"session.configure"}`).(protocol.Ready)
		c.cut()
		c, _ = r.tryConnect(t, bearer("another of kim's"))
		if e, ok := c.ask(resuming(ready, 1)).(protocol.Resumed); !ok {
			t.Fatalf("%+v", e)
		}
		d.revoke("another of kim's")
		began := time.Now()
		if code, _ := c.closed(); code != protocol.CloseRevoked || time.Since(began) > 3*time.Second {
			t.Errorf("closed with %d after %v", code, time.Since(began))
		}
		c, _ = r.tryConnect(t, bearer("kims"))
		if e, ok := c.ask(resuming(ready, 1)).(protocol.Resumed); !ok {
			t.Errorf("with the key that opened it: %+v", e)
		}
	})
}

// A connection that says nothing takes a place that no quota counts: not for long.
func TestTheFirstMessageHasToCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{})
		began := time.Now()
		code, _ := r.connect(t).closed()
		if took := time.Since(began); code != protocol.CloseIdle || took < 30*time.Second || took > 32*time.Second {
			t.Errorf("closed with %d after %v", code, took)
		}
	})
}

// A session that takes its time to end keeps its reason from nobody.
func TestAClientIsToldWhyThoughItsSessionDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoors()
		r := start(t, server.Config{Auth: d, NewSession: func(session.Options) server.Session {
			s := newFakeSession()
			s.run = func(ctx context.Context, f *fakeSession) error {
				defer close(f.out)
				for {
					select {
					case <-f.in:
					case <-ctx.Done():
						time.Sleep(30 * time.Second)
						return nil
					}
				}
			}
			return s
		}})
		c := r.realtime(t, "", bearer("kims"))
		synctest.Wait()
		d.revoke("kims")
		began := time.Now()
		if code, _ := c.closed(); code != protocol.CloseRevoked || time.Since(began) > 12*time.Second {
			t.Errorf("closed with %d after %v", code, time.Since(began))
		}
		time.Sleep(time.Minute)
	})
}
