package server

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"sori/quota"
	"sori/stage"
)

// stepTimeout bounds one step. The engines' clients have limits of their own
// below it.
const stepTimeout = 90 * time.Second

// heardJSON is the answer to GET /atot.
type heardJSON struct {
	UserID   any    `json:"user_id"`
	InputWAV string `json:"input_wav"`
	Text     string `json:"atot_text"`
}

// repliedJSON is the answer to GET /ttot.
type repliedJSON struct {
	UserID any    `json:"user_id"`
	Text   string `json:"ttot_text"`
}

// atot is the seed's GET /atot: what the ATOT service heard last.
func (s *Server) atot(g *gin.Context) {
	s.withSteps(g, func(ctx context.Context, r *run, st *steps) {
		if st.paid = false; !s.pays(g, r, st) { // a new run
			return
		}
		if err := s.hear(ctx, r.user, st, silent); err != nil {
			s.failStep(g, err)
			return
		}
		s.json(g, heardJSON{printID(r.user), st.heard.InputWAV, st.heard.Text})
	})
}

// ttot is the seed's GET /ttot: the reply to what was heard.
func (s *Server) ttot(g *gin.Context) {
	s.withSteps(g, func(ctx context.Context, r *run, st *steps) {
		if st.heard == nil {
			s.problem(g, http.StatusConflict, "out_of_order", "GET /atot")
			return
		}
		if st.reply != nil { // another one
			st.paid = false
		}
		if !s.pays(g, r, st) {
			return
		}
		if err := s.answer(ctx, r.user, st, silent); err != nil {
			s.failStep(g, err)
			return
		}
		s.json(g, repliedJSON{printID(r.user), *st.reply})
	})
}

// pays says whether a step may be done: the first one of a run counts as a turn,
// and so does one that is done again. It answers with 429 where there is none left.
func (s *Server) pays(g *gin.Context, r *run, st *steps) bool {
	if !s.mayGoOn(g, r, st) {
		return false
	}
	if !st.paid {
		st.paid = true
		spend(g, r.grant)
	}
	return true
}

// mayGoOn says whether something is left for another step: a turn that the run was
// counted as needs no other one. It answers with 429 where nothing is.
func (s *Server) mayGoOn(g *gin.Context, r *run, st *steps) bool {
	if over := r.grant.Check(); over != nil && (!st.paid || over.Name != quota.Turns) {
		s.overLimit(g, r.grant, over)
		return false
	}
	rateHeaders(g.Writer.Header(), r.grant.States(), false)
	return true
}

// withSteps runs one step of the user that a request names.
func (s *Server) withSteps(g *gin.Context, step func(ctx context.Context, r *run, st *steps)) {
	r, ok := s.readRun(g)
	if !ok {
		return
	}
	defer r.close()
	var err error
	if r.grant, err = s.cfg.Quota.Look(g.Request.Context(), r.user, principal(g).KeyID); err != nil {
		s.fail(g, err)
		return
	}
	defer r.grant.Close()
	s.withUser(g, r.user, func(st *steps) {
		if !s.mayGoOn(g, r, st) {
			return
		}
		allowWriting(g, stepTimeout+responseTimeout)
		step(g.Request.Context(), r, st)
	})
}

// runEnded is the name, in gin's context, of what says that a run was ended: its
// key was revoked, or its user is being deleted.
const runEnded = "sori.run_ended"

func wasEnded(g *gin.Context) bool {
	v, _ := g.Get(runEnded)
	ended, ok := v.(*atomic.Bool)
	return ok && ended.Load()
}

// withUser gives f the user's steps, unless another request works on them. The
// request ends with its key and with its user, as a session does: what it leaves
// is in the history before the user is deleted there.
func (s *Server) withUser(g *gin.Context, user string, f func(st *steps)) {
	ctx, cancel := context.WithCancel(g.Request.Context())
	defer cancel()
	ended := new(atomic.Bool)
	g.Set(runEnded, ended)
	who := principal(g)
	guest := s.roster.enter(&who, func() string { return user }, func(ending) {
		ended.Store(true)
		cancel()
	})
	defer s.roster.leave(guest)
	g.Request = g.Request.WithContext(ctx)
	st, ok := s.book.take(user)
	if !ok {
		g.Header("Retry-After", retryAfter)
		s.problem(g, http.StatusConflict, "run_in_progress")
		return
	}
	defer s.book.give(user, st)
	f(st)
}

// hear is step 1: it asks the ATOT service what it heard.
func (s *Server) hear(ctx context.Context, user string, st *steps, tell progress) error {
	*st = steps{busy: st.busy, used: st.used, paid: st.paid, began: time.Now()}
	if s.cfg.Steps == nil || s.cfg.Steps.PullATOT == nil {
		return notSet(stage.ATOT)
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	tell(stage.ATOT, stepJSON{Status: stepStarted, Engine: s.cfg.Steps.ATOTEngine})
	heard, err := s.cfg.Steps.PullATOT(ctx, user)
	if err == nil && heard.UserID != "" && heard.UserID != user {
		// What somebody else said is nobody's business here.
		err = &stage.Error{Stage: stage.ATOT, Code: codeOtherUser, Message: "The latest result of the atot service is another user's."}
	}
	if err == nil && strings.TrimSpace(heard.Text) == "" {
		err = &stage.Error{Stage: stage.ATOT, Code: stage.CodeNoSpeech, Message: "The atot service has heard nothing."}
	}
	if err != nil {
		return s.stepFailed(ctx, stage.ATOT, err, tell)
	}
	st.heard, st.times.atot = &heard, time.Now()
	s.stepDone(ctx, stage.ATOT, heard.Text, st.began, tell)
	return nil
}

// answer is step 2: the reply to what was heard.
func (s *Server) answer(ctx context.Context, user string, st *steps, tell progress) error {
	st.reply = nil
	c := s.cfg.Steps
	if c == nil || c.TTOT == nil {
		return notSet(stage.TTOT)
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	began := time.Now()
	tell(stage.TTOT, stepJSON{Status: stepStarted, Engine: c.TTOT.Engine()})
	text, err := s.respond(ctx, user, st, tell)
	if e := stage.AsError(stage.TTOT, err); err != nil && c.PullTTOT != nil && (e.Code == stage.CodeStatus || e.Code == stage.CodeRejected) {
		// A service that takes no text: the seed's is asked for its reply alone.
		text, err = c.PullTTOT(ctx, user)
	}
	if text = strings.TrimSpace(text); err == nil && text == "" {
		err = &stage.Error{Stage: stage.TTOT, Code: stage.CodeEmptyReply, Message: "The ttot engine gave no text."}
	}
	if err != nil {
		return s.stepFailed(ctx, stage.TTOT, err, tell)
	}
	st.reply, st.times.ttot = &text, time.Now()
	s.stepDone(ctx, stage.TTOT, text, began, tell)
	return nil
}

// respond asks the TTOT engine, which is told of earlier turns.
func (s *Server) respond(ctx context.Context, user string, st *steps, tell progress) (string, error) {
	c := s.cfg.Steps
	p := stage.Prompt{
		UserID: user, Text: st.heard.Text,
		Language: s.cfg.Session.Language, Instructions: s.cfg.Session.Instructions,
	}
	if c.History != nil {
		turns, err := c.History.Recent(ctx, user, max(s.cfg.Session.Window, 1))
		if err != nil {
			s.log.WarnContext(ctx, "earlier turns are not readable", "error", err)
		}
		for i := range turns {
			p.History = append(p.History, stage.Exchange{User: turns[i].ATOTText, Reply: turns[i].TTOTText})
		}
	}
	var reply strings.Builder
	for delta, err := range c.TTOT.Respond(ctx, p) {
		if err != nil {
			return "", err
		}
		if reply.Len() == 0 {
			st.times.ttotFirst = time.Now()
		}
		reply.WriteString(delta)
		tell(stage.TTOT, stepJSON{Status: stepPartial, Text: delta})
	}
	return reply.String(), ctx.Err()
}

func notSet(name stage.Name) error {
	return &stage.Error{Stage: name, Code: stage.CodeNotSet, Message: "No service is configured for " + string(name) + "."}
}
