package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/auth"
	"sori/protocol"
	"sori/server"
	"sori/session"
)

// doors lets in who shows a word that it knows.
type doors struct {
	mu   sync.Mutex
	keys map[string]door
	lent map[string]time.Duration // how long what is shown lets in, as a token does
}

type door struct {
	who auth.Principal
	err error
}

func newDoors() *doors {
	one := func(user, key string, admin bool) door {
		return door{who: auth.Principal{Kind: auth.KindKey, User: user, KeyID: key, Admin: admin}}
	}
	return &doors{keys: map[string]door{
		"kims": one("kim", "k1", false), "lees": one("lee", "k2", false),
		"operators": one("", "k3", true), "backends": one("", "k4", false),
		"expired": {err: auth.ErrExpired}, "revoked": {err: auth.ErrRevoked}, "unsure": {err: auth.ErrUnavailable},
	}}
}

func (d *doors) Authenticate(_ context.Context, credential string) (auth.Principal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if credential == "" {
		return auth.Principal{}, auth.ErrMissing
	}
	k, ok := d.keys[credential]
	if !ok {
		return auth.Principal{}, auth.ErrInvalid
	}
	if life := d.lent[credential]; life > 0 {
		k.who.Kind, k.who.Until = auth.KindJWT, time.Now().Add(life)
	}
	return k.who, k.err
}

func (d *doors) Recheck(_ context.Context, p auth.Principal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.keys {
		if k.who.KeyID == p.KeyID {
			return k.err
		}
	}
	return errors.New("nobody knows")
}

func (d *doors) MakeToken(_ context.Context, p auth.Principal, user string, life time.Duration, _ []byte) (string, time.Time, error) {
	if !p.Speaks(user) {
		return "", time.Time{}, auth.ErrNotUser
	}
	return "ek_made", time.Now().Add(life), nil
}

// revoke ends a key.
func (d *doors) revoke(credential string) { d.close(credential, auth.ErrRevoked) }

// close ends a key, and why.
func (d *doors) close(credential string, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.keys[credential]
	k.err = why
	d.keys[credential] = k
}

func bearer(key string) http.Header { return http.Header{"Authorization": {"Bearer " + key}} }

// namedSessions are sessions that say whose they are.
func namedSessions(o session.Options) server.Session {
	f := newFakeSession()
	f.run = func(ctx context.Context, f *fakeSession) error {
		f.say(protocol.Ready{Session: f.id, User: o.User})
		return f.obey(ctx)
	}
	return f
}

func (r *running) connectWith(t *testing.T, key string) *client {
	t.Helper()
	c, no := r.tryConnect(t, bearer(key))
	if no != nil {
		t.Fatalf("connect with %s: %+v", key, no)
	}
	c.text(`{"type":"session.configure"}`)
	if _, ok := func() (protocol.Head, protocol.Event) { return c.event() }(); ok == nil {
		t.Fatal("nothing came")
	}
	return c
}

func TestSessionsEndWithTheirKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoors()
		r := start(t, server.Config{Auth: d, NewSession: namedSessions})
		kim, lee := r.connectWith(t, "kims"), r.connectWith(t, "lees")
		d.revoke("kims")
		began := time.Now()
		if code, _ := kim.closed(); code != protocol.CloseRevoked || time.Since(began) > 3*time.Second {
			t.Errorf("closed with %d after %v", code, time.Since(began))
		}
		if e := lee.ask(`{"type":"ping","id":"a"}`); e == nil {
			t.Error("the other one is gone too")
		}
	})
}

func TestSessionsEndWithTheirUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{}
		store.append(turnOf("kim", 1))
		r := start(t, server.Config{Auth: newDoors(), NewSession: namedSessions, Store: store})
		kim, lee := r.connectWith(t, "kims"), r.connectWith(t, "lees")
		code := make(chan protocol.CloseCode, 1)
		go func() { c, _ := kim.closed(); code <- c }()
		if w := askBare(t, r, http.MethodDelete, "/users/kim", "kims"); w != http.StatusNoContent {
			t.Errorf("the deletion: %d", w)
		}
		if c := <-code; c != protocol.CloseRevoked {
			t.Errorf("closed with %d", c)
		}
		if e := lee.ask(`{"type":"ping","id":"a"}`); e == nil {
			t.Error("the other one is gone too")
		}
		if known, err := store.HasUser(t.Context(), "kim"); known || err != nil {
			t.Errorf("the user is there: %v, %v", known, err)
		}
	})
}

// askBare gives the status of a request with a key.
func askBare(t *testing.T, r *running, method, path, key string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://sori.test"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = bearer(key)
	resp, err := r.http(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// A browser shows its key as a subprotocol, and never gets it back.
func TestASubprotocolIsAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{Auth: newDoors()})
		dial := func(protocols ...string) (*websocket.Conn, http.Header, int) {
			ws, resp, err := websocket.Dial(t.Context(), "ws://sori.test/ws", &websocket.DialOptions{HTTPClient: r.http(t), Subprotocols: protocols})
			if resp == nil {
				t.Fatalf("no answer: %v", err)
			}
			if resp.Body != nil {
				defer resp.Body.Close()
			}
			if err == nil {
				t.Cleanup(func() { ws.CloseNow() })
			}
			return ws, resp.Header, resp.StatusCode
		}
		ws, header, status := dial("sori", "sori.key.kims")
		if status != http.StatusSwitchingProtocols || ws.Subprotocol() != "sori" {
			t.Fatalf("a good key: %d", status)
		}
		for name, values := range header {
			if strings.Contains(strings.Join(values, " "), "kims") {
				t.Errorf("the key comes back in %s", name)
			}
		}
		if _, _, status := dial("sori", "sori.key.nobodys"); status != http.StatusUnauthorized {
			t.Errorf("a wrong key: %d", status)
		}
	})
}

// What a request has a user do while that user is deleted is ended first: what it
// leaves goes with the rest.
func TestARunEndsWithItsUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{}
		store.append(turnOf("kim", 1))
		endless := func(session.Options) server.Session {
			s := newFakeSession()
			s.run = func(ctx context.Context, f *fakeSession) error {
				defer close(f.out)
				for {
					select {
					case <-f.in:
					case <-ctx.Done():
						time.Sleep(time.Second)
						store.append(turnOf("kim", 2)) // as a session does that ends in the middle of its turn
						return nil
					}
				}
			}
			return s
		}
		r := start(t, server.Config{Auth: newDoors(), NewSession: endless, Store: store})
		status := make(chan int, 1)
		go func() { status <- askBare(t, r, http.MethodPost, "/run-full-pipeline?text=hello", "kims") }()
		time.Sleep(time.Second)
		if w := askBare(t, r, http.MethodDelete, "/users/kim", "kims"); w != http.StatusNoContent {
			t.Errorf("the deletion: %d", w)
		}
		if w := <-status; w != http.StatusServiceUnavailable {
			t.Errorf("the run: %d", w)
		}
		time.Sleep(time.Minute)
		if known, err := store.HasUser(t.Context(), "kim"); known || err != nil {
			t.Errorf("the user is there again: %v, %v", known, err)
		}
	})
}
