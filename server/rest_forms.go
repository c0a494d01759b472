package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"sori/stage"
)

// streamEvery is how often a quiet event stream shows that it lives.
const streamEvery = 15 * time.Second

// reply is how a run is answered.
type reply struct {
	progress progress
	finish   func(user string, o outcome)
}

// answerForm chooses how a run is answered, by what the caller accepts, and
// says 406 where that is none of the three.
func (s *Server) answerForm(g *gin.Context) (form func(*Server, *gin.Context) reply, ok bool) {
	g.Writer.Header().Add("Vary", "Accept")
	best := 0.0
	for item := range strings.SplitSeq(g.GetHeader("Accept"), ",") {
		media, q := acceptItem(item)
		if q <= best {
			continue
		}
		switch media {
		case "", "*/*", "application/*", "application/json", problemType:
			form, best = asJSON, q
		case "audio/wav", "audio/x-wav", "audio/wave", "audio/*":
			form, best = asSpeech, q
		case "text/event-stream":
			form, best = asEvents, q
		}
	}
	if form == nil {
		s.problem(g, http.StatusNotAcceptable, "not_acceptable")
	}
	return form, form != nil
}

// acceptItem gives the media type of one item of an Accept header, and how much
// it is wanted, 0 to 1.
func acceptItem(item string) (media string, q float64) {
	media, params, _ := strings.Cut(item, ";")
	q = 1
	for p := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.ReplaceAll(p, " ", ""), "q="); ok {
			if n, err := strconv.ParseFloat(v, 64); err == nil {
				q = n
			}
		}
	}
	return strings.ToLower(strings.TrimSpace(media)), q
}

func asJSON(s *Server, g *gin.Context) reply {
	return reply{silent, func(user string, o outcome) { s.writeOutcome(g, user, o) }}
}

func asSpeech(s *Server, g *gin.Context) reply {
	return reply{silent, func(user string, o outcome) { s.writeSpeech(g, user, o) }}
}

// asEvents streams what happens as server-sent events, and the run's JSON as the
// last one. Nothing is written before the first step begins: a request that is
// refused gets its status.
func asEvents(s *Server, g *gin.Context) reply {
	st := &stream{g: g}
	return reply{
		progress: func(step stage.Name, e stepJSON) {
			if e.Message != "" {
				e.Message = s.stageText(languageOf(g.Request), &stage.Error{Stage: step, Code: e.Code, Message: e.Message})
			}
			st.send(stepName(step), e)
		},
		finish: func(user string, o outcome) {
			defer st.close()
			if !st.begun() || o.err != nil && g.Request.Context().Err() != nil {
				s.writeOutcome(g, user, o)
				return
			}
			if o.err != nil {
				s.log.Error("run failed", "route", g.FullPath(), "error", o.err)
				o.failed = &stage.Error{Stage: stage.ATOT, Code: stage.CodeInternal}
			}
			st.send("result", s.pipeline(languageOf(g.Request), user, o))
		},
	}
}

// stepName is what the seed calls a step.
func stepName(name stage.Name) string {
	switch name {
	case stage.ATOT:
		return "step1_atot"
	case stage.TTOT:
		return "step2_ttot"
	case stage.TTS:
		return "step3_tts"
	}
	return string(name)
}

// stream writes server-sent events. Its lock is for the goroutine that keeps a
// quiet stream alive.
type stream struct {
	g *gin.Context

	mu   sync.Mutex
	id   int
	stop func() // set once it has begun
}

func (st *stream) begun() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.stop != nil
}

// send writes one event. An error needs no answer: the request's context ends
// with its client.
func (st *stream) send(name string, v any) {
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.begin()
	st.id++
	st.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", st.id, name, bytes.TrimSpace(data.Bytes())))
}

// begin writes the header, and a comment now and then from there on.
func (st *stream) begin() {
	if st.stop != nil {
		return
	}
	h := st.g.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	st.g.Writer.WriteHeader(http.StatusOK)
	over, home := make(chan struct{}), make(chan struct{})
	st.stop = func() {
		close(over)
		<-home
	}
	go func() {
		defer close(home)
		tick := time.NewTicker(streamEvery)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				st.mu.Lock()
				st.write(": still here\n\n")
				st.mu.Unlock()
			}
		}
	}()
}

func (st *stream) write(text string) {
	allowWriting(st.g, 10*time.Second)
	if _, err := st.g.Writer.WriteString(text); err == nil {
		st.g.Writer.Flush()
	}
}

func (st *stream) close() {
	if st.stop != nil {
		st.stop()
	}
}

// allowWriting gives the answer's next write so long; 0 is without an end, for
// the time in which nothing is written.
func allowWriting(g *gin.Context, d time.Duration) {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	_ = http.NewResponseController(g.Writer).SetWriteDeadline(deadline)
}
