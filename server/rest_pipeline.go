package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"sori/history"
	"sori/stage"
)

// pipelineJSON is the answer to POST /run-full-pipeline. A run that failed has
// the members of a problem too.
type pipelineJSON struct {
	*problem

	Step1   step1JSON `json:"step1_atot"`
	Step2   step2JSON `json:"step2_ttot"`
	Step3   step3JSON `json:"step3_tts"`
	Success bool      `json:"success"`
	UserID  any       `json:"user_id"`
	Final   finalJSON `json:"final_data"`
	Errors  []string  `json:"errors"`
}

type step1JSON struct {
	Success  bool    `json:"success"`
	UserID   any     `json:"user_id"`
	InputWAV *string `json:"input_wav"`
	Text     *string `json:"atot_text"`
	Error    *string `json:"error,omitempty"`
}

type step2JSON struct {
	Success bool    `json:"success"`
	UserID  any     `json:"user_id"`
	Text    *string `json:"ttot_text"`
	Error   *string `json:"error,omitempty"`
}

type step3JSON struct {
	Success   bool    `json:"success"`
	OutputWAV *string `json:"output_wav"`
	Error     *string `json:"tts_error"`
}

type finalJSON struct {
	InputWAV  *string `json:"input_wav"`
	ATOTText  *string `json:"atot_text"`
	TTOTText  *string `json:"ttot_text"`
	OutputWAV *string `json:"output_wav"`
}

// outcome is what came of a whole run.
type outcome struct {
	record history.Turn
	wav    []byte       // the reply's whole file, nil without one
	failed *stage.Error // the stage that failed
	err    error        // the run broke for another reason
}

// spoken is how much speech was made.
func (o outcome) spoken() time.Duration { return time.Duration(o.record.OutputMS) * time.Millisecond }

// runPipeline is the seed's POST /run-full-pipeline. With audio, or a text, it
// is a turn of a session; without, the ATOT service is asked what it heard.
func (s *Server) runPipeline(g *gin.Context) {
	form, ok := s.answerForm(g)
	if !ok {
		return
	}
	r, ok := s.readRun(g)
	if !ok {
		return
	}
	defer r.close()
	if r.grant, ok = s.meter(g, r.user); !ok {
		return
	}
	defer r.grant.Close()
	s.withUser(g, r.user, func(st *steps) {
		// A run takes as long as its engines do. Each write has its own limit.
		allowWriting(g, 0)
		out := form(s, g)
		s.log.InfoContext(g.Request.Context(), "pipeline started", "source", string(r.source))
		began := time.Now()
		var o outcome
		if r.source == fromService {
			spend(g, r.grant)
			o = s.pull(g.Request.Context(), r.user, st, out.progress)
			r.grant.Spoken(o.spoken())
		} else {
			o = s.converse(g.Request.Context(), r, out.progress)
		}
		s.log.InfoContext(g.Request.Context(), "pipeline ended", "done", o.failed == nil && o.err == nil, "took_ms", time.Since(began).Milliseconds())
		out.finish(r.user, o)
	})
}

// pull runs the seed's three steps.
func (s *Server) pull(ctx context.Context, user string, st *steps, tell progress) outcome {
	var o outcome
	o.record.UserID = user
	if err := s.hear(ctx, user, st, tell); err != nil {
		return o.broken(ctx, err)
	}
	o.record.ATOTText, o.record.InputWAV = st.heard.Text, &st.heard.InputWAV
	if err := s.answer(ctx, user, st, tell); err != nil {
		return o.broken(ctx, err)
	}
	f, err := s.finish(ctx, user, st, tell)
	if err != nil {
		return o.broken(ctx, err)
	}
	return f
}

// broken says why a run ended early.
func (o outcome) broken(ctx context.Context, err error) outcome {
	e, ok := errors.AsType[*stage.Error](err)
	if ok && ctx.Err() == nil {
		o.failed = e
	} else {
		o.err = err
	}
	return o
}

// pipeline makes the seed's JSON of an outcome, in the caller's language.
func (s *Server) pipeline(accept, user string, o outcome) pipelineJSON {
	id, rec := printID(user), &o.record
	p := pipelineJSON{UserID: id, Errors: []string{}, Success: o.failed == nil}
	text := func(t string) *string {
		if t == "" {
			return nil
		}
		return &t
	}
	p.Step1 = step1JSON{UserID: id, InputWAV: rec.InputWAV, Text: text(rec.ATOTText)}
	p.Step2 = step2JSON{UserID: id, Text: text(rec.TTOTText)}
	p.Step3 = step3JSON{OutputWAV: rec.OutputWAV}
	p.Final = finalJSON{rec.InputWAV, p.Step1.Text, p.Step2.Text, rec.OutputWAV}
	p.Step1.Success, p.Step2.Success, p.Step3.Success = true, true, true
	if o.failed == nil {
		return p
	}
	why := s.stageText(accept, o.failed)
	p.Errors = append(p.Errors, why)
	switch o.failed.Stage {
	case stage.ATOT:
		p.Step1.Success, p.Step1.Error = false, &why
		p.Step2.Success, p.Step3.Success = false, false
	case stage.TTOT:
		p.Step2.Success, p.Step2.Error = false, &why
		p.Step3.Success = false
	case stage.TTS:
		// The turn is kept: for the seed's clients that is an answer, not an error.
		p.Step3.Success, p.Step3.Error = false, &why
		return p
	}
	status := statusOf(o.failed.Code)
	p.problem = &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: why, Code: o.failed.Code}
	return p
}

// writeOutcome answers with the seed's JSON.
func (s *Server) writeOutcome(g *gin.Context, user string, o outcome) {
	if o.err != nil {
		s.failRun(g, o.err)
		return
	}
	p := s.pipeline(languageOf(g.Request), user, o)
	allowWriting(g, responseTimeout)
	if p.problem == nil {
		s.json(g, p)
		return
	}
	if p.Status == http.StatusServiceUnavailable {
		g.Header("Retry-After", retryAfter)
	}
	s.write(g, p.Status, problemType, p)
}

// writeSpeech answers with the reply's audio.
func (s *Server) writeSpeech(g *gin.Context, user string, o outcome) {
	if o.err != nil || o.failed != nil && o.failed.Stage != stage.TTS {
		s.writeOutcome(g, user, o)
		return
	}
	allowWriting(g, responseTimeout)
	if o.failed != nil {
		s.failStep(g, o.failed)
		return
	}
	if o.record.OutputWAV != nil {
		g.Header("Content-Location", *o.record.OutputWAV)
	}
	g.Header("Content-Length", strconv.Itoa(len(o.wav)))
	g.Data(http.StatusOK, "audio/wav", o.wav)
}
