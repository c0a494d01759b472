package server

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	"sori/protocol"
	"sori/realtime"
	"sori/realtime/dialect"
	"sori/session"
)

// Realtime is how the server speaks the OpenAI Realtime API.
type Realtime struct {
	// Models gives the profile, one of Session.Profiles, for the name of a model.
	// A name that is not in it is the profile of that name, where there is one.
	// Every other name is taken too, and means nothing.
	Models map[string]string
	// Sessions makes the sessions of a model that has engines of its own;
	// Config.NewSession makes all others.
	Sessions map[string]func(session.Options) Session
	// Voices gives the engine's voice for the name of a voice. OpenAI's names that
	// are not in it are the engine's own voice.
	Voices map[string]string
	// Limits says what a client may still use, by its user; nil: as much as it
	// likes.
	Limits func(user string) []realtime.RateLimit
}

// realtimeProtocol is the one subprotocol that is answered with: what a client
// offers beside it is its credential.
const realtimeProtocol = "realtime"

// realtime takes the handshake of a client of the OpenAI Realtime API.
func (s *Server) realtime(g *gin.Context) {
	switch {
	case !strings.EqualFold(g.GetHeader("Upgrade"), "websocket"):
		g.Header("Upgrade", "websocket")
		s.problem(g, http.StatusUpgradeRequired, "upgrade_required")
		return
	case !s.originAllowed(g.Request):
		s.cfg.Observer.Refused("origin_not_allowed")
		s.problem(g, http.StatusForbidden, "origin_not_allowed")
		return
	case g.Query("call_id") != "":
		s.v1Fail(g, http.StatusBadRequest, "invalid_value", "call_id", "sori has no calls to attach to: leave call_id out.")
		return
	}
	who := principal(g)
	o := s.sessionOptions(who)
	if user := g.Query("user"); user != "" {
		switch {
		case !validUser(user):
			s.v1Fail(g, http.StatusBadRequest, realtime.CodeInvalidValue, "user", "A user's id has 1 to 128 bytes of text.")
			return
		case !who.Speaks(user):
			s.problem(g, http.StatusForbidden, "user_forbidden")
			return
		}
		o.User = user
	}
	leave, ok := s.enter(g)
	if !ok {
		return
	}
	grant, ok := s.grant(g, o.User)
	if !ok {
		leave()
		return
	}
	if grant != nil { // a nil pointer in an interface is not nil
		o.Allowance = grant
	}
	leave = both(grant.Close, leave)
	if !s.registry.reserve() {
		leave()
		s.full(g)
		return
	}
	if !s.registry.talk() { // the place was for one that resumes its session
		leave()
		s.registry.release(nil)
		s.full(g)
		return
	}
	w := s.hijack(g.Writer)
	ws, err := websocket.Accept(w, g.Request, &websocket.AcceptOptions{
		OriginPatterns:  s.cfg.Origins,
		Subprotocols:    []string{realtimeProtocol},
		CompressionMode: websocket.CompressionDisabled,
		OnPongReceived:  w.conn.pings.pong,
	})
	if err != nil {
		leave()
		s.registry.hush()
		s.log.Debug("handshake refused", "error", err)
		return
	}
	// The connection lives on after its request.
	ctx, cancel := context.WithCancel(context.WithoutCancel(g.Request.Context()))
	o.Notices, o.Fresh = true, true // a conversation is what the client made it
	newSession, ok := s.cfg.Realtime.Sessions[g.Query("model")]
	if !ok {
		newSession = s.cfg.NewSession
	}
	made := newSession(o)
	to := dialect.Options{
		Kind: realtime.Conversation, Model: g.Query("model"), Profile: s.profileOf(g.Query("model")), Defaults: o,
		Preset: who.Settings, Expires: who.Until, Beta: speaksBeta(g.Request), Voices: s.cfg.Realtime.Voices, Log: s.log,
	}
	if g.Query("intent") == "transcription" {
		to.Kind = realtime.Transcription
	}
	if limits := s.cfg.Realtime.Limits; limits != nil {
		to.Limits = func() []realtime.RateLimit { return limits(o.User) }
	}
	if grant != nil {
		to.Limits = func() []realtime.RateLimit { return turnsLeft(grant) }
	}
	t := newTalker(ws, w.conn, made, to, cancel, &s.cfg)
	s.talkers.add(t)
	guest := s.roster.enter(&who, func() string { return o.User }, t.end)
	go func() {
		defer leave()
		defer s.registry.hush()
		defer s.talkers.remove(t)
		defer s.roster.leave(guest)
		t.run(ctx)
	}()
}

// full answers a client for which there is no place.
func (s *Server) full(g *gin.Context) {
	g.Header("Retry-After", retryAfter)
	s.cfg.Observer.Refused("too_many_sessions")
	s.problem(g, http.StatusServiceUnavailable, "too_many_sessions")
}

// profileOf gives what a model's name stands for, nil for nothing.
func (s *Server) profileOf(model string) *protocol.Configure {
	name, ok := s.cfg.Realtime.Models[model]
	if !ok {
		name = model
	}
	if p, ok := s.cfg.Session.Profiles[name]; ok {
		return &p
	}
	return nil
}

// speaksBeta says whether a client asks for the names of the beta.
func speaksBeta(r *http.Request) bool {
	if strings.Contains(r.Header.Get("OpenAI-Beta"), "realtime=v1") {
		return true
	}
	return slices.ContainsFunc(r.Header.Values("Sec-WebSocket-Protocol"), func(line string) bool {
		return strings.Contains(line, "openai-beta.realtime-v1")
	})
}
