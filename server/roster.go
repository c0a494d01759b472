package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"sori/auth"
	"sori/protocol"
)

const (
	// recheckEvery is how often the keys behind open sessions are looked at.
	recheckEvery = 2 * time.Second
	// recheckTimeout bounds one look at one key.
	recheckTimeout = 2 * time.Second
)

// roster is who has a session now, so that it ends with its key or its user.
type roster struct {
	mu     sync.Mutex
	guests map[*guest]struct{}
}

// guest is one session.
type guest struct {
	who   *auth.Principal
	since time.Time
	user  func() string // whose session it is now
	end   func(ending)  // asks it to end; does not block
	gone  chan struct{} // closed when it has ended
}

func newRoster() *roster { return &roster{guests: make(map[*guest]struct{})} }

// enter notes a session. leave has to be called when it has ended.
func (r *roster) enter(who *auth.Principal, user func() string, end func(ending)) *guest {
	g := &guest{who: who, since: time.Now(), user: user, end: end, gone: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.guests[g] = struct{}{}
	return g
}

func (r *roster) leave(g *guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.guests, g)
	close(g.gone)
}

// which gives the sessions that are asked for.
func (r *roster) which(wanted func(*guest) bool) []*guest {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*guest
	for g := range r.guests {
		if wanted(g) {
			all = append(all, g)
		}
	}
	return all
}

// recheck ends the sessions whose key was revoked or has expired, until ctx ends.
// Where nobody can tell, they go on.
func (s *Server) recheck(ctx context.Context) {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.recheckAll(ctx)
		}
	}
}

func (s *Server) recheckAll(ctx context.Context) {
	checked := make(map[string]error)
	ended := func(who *auth.Principal) bool {
		if who.KeyID == "" || ctx.Err() != nil {
			return false
		}
		err, done := checked[who.KeyID]
		if !done {
			limited, cancel := context.WithTimeout(ctx, recheckTimeout)
			err = s.cfg.Auth.Recheck(limited, *who)
			cancel()
			checked[who.KeyID] = err
		}
		return errors.Is(err, auth.ErrRevoked) || errors.Is(err, auth.ErrExpired)
	}
	for _, g := range s.roster.which(func(*guest) bool { return true }) {
		if ended(g.who) {
			s.log.Info("session ends with its key", "key", g.who.KeyID)
			g.end(ending{protocol.CloseRevoked, "The key that opened this session is not valid any more."})
		}
	}
	// Who resumed a session of the same user with another key, or has none yet.
	var guests []*conn
	s.registry.each(func(c *conn) {
		if h := c.host.Load(); h == nil || h.who.KeyID != c.who.KeyID {
			guests = append(guests, c)
		}
	})
	for _, c := range guests {
		if ended(c.who) {
			c.shut(ending{protocol.CloseRevoked, "The key that let you in is not valid any more."})
		}
	}
}

// EndUser ends the user's sessions that began by a time, and waits until they
// have. It gives how many that were.
func (s *Server) EndUser(ctx context.Context, user string, before time.Time) (ended int, err error) {
	all := s.roster.which(func(g *guest) bool { return !g.since.After(before) && g.user() == user })
	for _, g := range all {
		g.end(ending{protocol.CloseRevoked, "The user was deleted."})
	}
	for _, g := range all {
		select {
		case <-g.gone:
		case <-ctx.Done():
			return len(all), context.Cause(ctx)
		}
	}
	return len(all), nil
}
