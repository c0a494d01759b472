package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"sori/protocol"
	"sori/quota"
	"sori/realtime"
	"sori/session"
)

// openTime bounds how long a session may wait until its quota is known.
const openTime = 2 * time.Second

// tab is what a session may use. It is open from the session's first message on,
// for the key that it came with, and for its user as soon as that is known; before
// that there are no turns.
type tab struct {
	grant atomic.Pointer[quota.Grant]
	whole bool // the user is known; owned by whoever hands messages to the session
}

func (t *tab) Check() *quota.LimitError { return t.grant.Load().Check() }
func (t *tab) Turn(heard time.Duration) { t.grant.Load().Turn(heard) }
func (t *tab) Spoken(d time.Duration)   { t.grant.Load().Spoken(d) }
func (t *tab) States() []quota.State    { return t.grant.Load().States() }
func (t *tab) close()                   { t.grant.Load().Close() }

// allow takes a place for the session: of the caller's key at once, and of its
// user once it is known whose the session is, from the caller's credential, or else
// from its first configuration. Where there is none, in becomes the word of it; the
// session ends when it has said that.
func (h *host) allow(in *session.Input) {
	if h.server.cfg.Quota == nil || h.tab.whole {
		return
	}
	m, configures := in.Message.(protocol.Configure)
	known := configures || h.who.User != ""
	g := h.tab.grant.Load()
	if !known && (g != nil || h.who.KeyID == "") {
		return
	}
	user := h.userNow()
	if m.User != nil && h.who.Speaks(*m.User) {
		user = *m.User
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	var err error
	switch {
	case !known:
		g, err = h.server.cfg.Quota.OpenKey(ctx, h.who.KeyID)
	case g != nil:
		err = g.Join(ctx, user)
	default:
		g, err = h.server.cfg.Quota.Open(ctx, user, h.who.KeyID)
	}
	if over, refused := errors.AsType[*quota.LimitError](err); refused {
		in.Audio.Free()
		*in = session.Input{Seq: in.Seq, Problem: &protocol.Problem{Code: protocol.ErrSessionQuota, Message: over.Error()}}
		h.server.cfg.Observer.Refused(protocol.ErrSessionQuota)
		return
	}
	if err == nil && g != nil {
		h.tab.whole = known
		h.tab.grant.Store(g)
	}
}

// inherited opens the tab of a session that another process had: it is under way
// and is not turned away.
func (h *host) inherited(ctx context.Context, user string) {
	if h.server.cfg.Quota == nil {
		return
	}
	g, err := h.server.cfg.Quota.Open(ctx, user, h.who.KeyID)
	if err != nil {
		g, err = h.server.cfg.Quota.Look(ctx, user, h.who.KeyID)
	}
	if err == nil && g != nil {
		h.tab.whole = true
		h.tab.grant.Store(g)
	}
}

// meter says whether the caller may have something done for a user now, and
// answers with 429 when not. The grant is to be closed.
func (s *Server) meter(g *gin.Context, user string) (*quota.Grant, bool) {
	grant, err := s.cfg.Quota.Look(g.Request.Context(), user, principal(g).KeyID)
	if err != nil {
		s.fail(g, err)
		return nil, false
	}
	if over := grant.Check(); over != nil {
		s.overLimit(g, grant, over)
		grant.Close()
		return nil, false
	}
	rateHeaders(g.Writer.Header(), grant.States(), isV1(g.Request))
	return grant, true
}

// overLimit answers a caller who has used up what it may.
func (s *Server) overLimit(g *gin.Context, grant *quota.Grant, over *quota.LimitError) {
	rateHeaders(g.Writer.Header(), grant.States(), isV1(g.Request))
	code := protocol.ErrTurnQuota
	if over.Name == quota.Audio {
		code = protocol.ErrAudioQuota
	}
	g.Header("Retry-After", strconv.FormatInt(quota.Seconds(over.Retry), 10))
	s.problem(g, http.StatusTooManyRequests, code, over.Error())
}

// spend counts a turn that begins, and tells the caller what is left.
func spend(g *gin.Context, grant *quota.Grant) {
	grant.Turn(0)
	rateHeaders(g.Writer.Header(), grant.States(), isV1(g.Request))
}

// grant takes a place for a session of a user before the handshake, and answers
// with 429 where there is none.
func (s *Server) grant(g *gin.Context, user string) (*quota.Grant, bool) {
	grant, err := s.cfg.Quota.Open(g.Request.Context(), user, principal(g).KeyID)
	if over, ok := errors.AsType[*quota.LimitError](err); ok {
		g.Header("Retry-After", strconv.FormatInt(quota.Seconds(over.Retry), 10))
		s.cfg.Observer.Refused(protocol.ErrSessionQuota)
		s.problem(g, http.StatusTooManyRequests, protocol.ErrSessionQuota, over.Error())
		return nil, false
	}
	if err != nil {
		s.fail(g, err)
		return nil, false
	}
	return grant, true
}

// turnsLeft tells a client of the Realtime API how many responses it may have.
func turnsLeft(g *quota.Grant) []realtime.RateLimit {
	var all []realtime.RateLimit
	for _, st := range g.States() {
		if st.Name == quota.Turns {
			all = append(all, realtime.RateLimit{
				Name: "requests", Limit: int(st.Limit), Remaining: int(st.Remaining), ResetSeconds: st.Reset.Seconds(),
			})
		}
	}
	return all
}

// both does one thing and then another.
func both(first, second func()) func() {
	return func() {
		first()
		second()
	}
}

// rateHeaders tells a client how far its limits are used: all of them in
// RateLimit-Policy, the tightest of those that time resets in the others. With
// openAI the turns stand in the headers that OpenAI's clients read as well.
func rateHeaders(h http.Header, states []quota.State, openAI bool) {
	var policies []string
	var tight *quota.State
	for i := range states {
		st := &states[i]
		if st.Window == 0 {
			continue
		}
		if openAI && st.Name == quota.Turns {
			h.Set("X-RateLimit-Limit-Requests", strconv.FormatInt(st.Limit, 10))
			h.Set("X-RateLimit-Remaining-Requests", strconv.FormatInt(st.Remaining, 10))
			h.Set("X-RateLimit-Reset-Requests", st.Reset.Round(time.Millisecond).String())
		}
		policies = append(policies, fmt.Sprintf("%d;w=%d;name=%q", st.Limit, int64(st.Window.Seconds()), string(st.Name)))
		if tight == nil || st.Remaining*tight.Limit < tight.Remaining*st.Limit {
			tight = st
		}
	}
	if tight == nil {
		return
	}
	h.Set("RateLimit-Policy", strings.Join(policies, ", "))
	h.Set("RateLimit-Limit", strconv.FormatInt(tight.Limit, 10))
	h.Set("RateLimit-Remaining", strconv.FormatInt(tight.Remaining, 10))
	h.Set("RateLimit-Reset", strconv.FormatInt(int64((tight.Reset+time.Second-1)/time.Second), 10))
}
