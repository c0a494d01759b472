package server

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"sori/audio"
	"sori/history"
	"sori/session/clause"
	"sori/stage"
)

const (
	// wholeText is the longest text, in bytes, that is spoken in one call, as the
	// seed does. A longer one is spoken clause by clause.
	wholeText = 2 << 10
	// maxSpeech bounds the audio of one reply, in bytes: five minutes at 48,000 Hz.
	maxSpeech = 5 * 60 * 48_000 * 2

	keepTimeout = 10 * time.Second // of one recording or record
)

// processedJSON is the answer to POST /process-audio. TTSError stands in it only
// where TTS failed.
type processedJSON struct {
	UserID     any       `json:"user_id"`
	InputWAV   *string   `json:"input_wav"`
	ATOTText   string    `json:"atot_text"`
	TTOTText   string    `json:"ttot_text"`
	OutputWAV  *string   `json:"output_wav"`
	OutputWAVs []*string `json:"output_wav_list"`
	TTSSuccess bool      `json:"tts_success"`
	Message    string    `json:"message"`
	TTSError   *string   `json:"tts_error,omitempty"`
}

// processAudio is the seed's POST /process-audio: the reply is spoken and the
// turn kept, also when TTS fails.
func (s *Server) processAudio(g *gin.Context) {
	s.withSteps(g, func(ctx context.Context, r *run, st *steps) {
		switch {
		case st.heard == nil:
			s.problem(g, http.StatusConflict, "out_of_order", "GET /atot")
			return
		case st.reply == nil:
			s.problem(g, http.StatusConflict, "out_of_order", "GET /ttot")
			return
		}
		if !s.pays(g, r, st) {
			return
		}
		st.paid = false // it was for this run
		done, err := s.finish(ctx, r.user, st, silent)
		if err != nil {
			s.fail(g, err)
			return
		}
		r.grant.Spoken(done.spoken())
		turns, err := s.cfg.Store.Recent(ctx, r.user, allTurns)
		if err != nil {
			s.fail(g, err)
			return
		}
		a := processedJSON{
			UserID: printID(r.user), InputWAV: done.record.InputWAV, ATOTText: done.record.ATOTText, TTOTText: done.record.TTOTText,
			OutputWAV: done.record.OutputWAV, OutputWAVs: history.UserOf(r.user, turns).OutputWAVs, TTSSuccess: done.failed == nil,
		}
		accept := languageOf(g.Request)
		if done.failed == nil {
			a.Message = s.words.say(accept, "processed_unsaved")
			if a.OutputWAV != nil {
				a.Message = s.words.say(accept, "processed", *a.OutputWAV)
			}
		} else {
			text := s.stageText(accept, done.failed)
			a.Message, a.TTSError = s.words.say(accept, "processed_without_tts"), &text
		}
		s.json(g, a)
	})
}

// finish is step 3: it speaks the reply, keeps the turn, and forgets the steps.
// Only an error of the history is one.
func (s *Server) finish(ctx context.Context, user string, st *steps, tell progress) (outcome, error) {
	c := s.cfg.Steps
	began := time.Now()
	f := outcome{record: history.Turn{
		ID: newID(), UserID: user, SessionID: newID(), Number: 1, Status: history.Done,
		StartedAt: st.began.UTC(), Language: s.cfg.Session.Language,
		InputWAV: &st.heard.InputWAV, ATOTText: st.heard.Text, TTOTText: *st.reply,
		Engines: history.Engines{ATOT: c.ATOTEngine, TTOT: c.TTOT.Engine()},
	}}
	if st.heard.InputWAV == "" {
		f.record.InputWAV = nil
	}
	pcm, rate, err := s.speak(ctx, user, st, tell)
	if err != nil {
		f.failed = stage.AsError(stage.TTS, s.stepFailed(ctx, stage.TTS, err, tell))
		f.record.Status = history.Failed
		f.record.Error = &history.Failure{Stage: string(stage.TTS), Code: f.failed.Code, Message: f.failed.Message}
	} else {
		f.record.Engines.TTS = c.TTS.Engine()
		f.record.OutputMS = audio.Duration(len(pcm), rate).Milliseconds()
		f.wav = append(audio.AppendHeader(make([]byte, 0, audio.HeaderBytes+len(pcm)), rate, 1, len(pcm)), pcm...)
		f.record.OutputWAV = s.saveReply(ctx, user, &f)
		st.times.tts = time.Now()
		s.stepDone(ctx, stage.TTS, *st.reply, began, tell)
	}
	f.record.EndedAt = time.Now().UTC()
	f.record.Timings = st.timings(time.Now())
	// What was made is kept, whether or not its caller still waits for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	delayed, err := c.History.Keep(ctx, f.record)
	if err != nil {
		return outcome{}, err
	}
	if delayed != nil {
		s.log.WarnContext(ctx, "turn is set aside", "turn_id", f.record.ID, "error", delayed)
	}
	st.heard, st.reply = nil, nil
	return f, nil
}

// speak gives the reply's audio.
func (s *Server) speak(ctx context.Context, user string, st *steps, tell progress) (pcm []byte, rate int, err error) {
	c := s.cfg.Steps
	if c.TTS == nil {
		return nil, 0, notSet(stage.TTS)
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	tell(stage.TTS, stepJSON{Status: stepStarted, Engine: c.TTS.Engine()})
	for _, text := range spoken(*st.reply) {
		tell(stage.TTS, stepJSON{Status: stepPartial, Text: text})
		speech := stage.Speech{UserID: user, Text: text, Voice: s.cfg.Session.Voice, Language: s.cfg.Session.Language}
		for chunk, err := range c.TTS.Synthesize(ctx, speech) {
			if err != nil {
				return nil, 0, err
			}
			if rate == 0 {
				rate, st.times.ttsFirst = chunk.Rate, time.Now()
			}
			if chunk.Rate != rate || len(pcm)+len(chunk.PCM) > maxSpeech {
				return nil, 0, &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Engine: c.TTS.Engine(), Message: "The tts engine gave more audio than a reply may have, or changed its rate."}
			}
			pcm = append(pcm, chunk.PCM...)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if len(pcm) == 0 {
		return nil, 0, &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Engine: c.TTS.Engine(), Message: "The tts engine gave no audio."}
	}
	return pcm, rate, nil
}

// spoken gives the texts that are spoken one after the other.
func spoken(reply string) []string {
	if len(reply) <= wholeText {
		return []string{reply}
	}
	cut := clause.New(clause.Options{})
	all := cut.Add(reply)
	if last, ok := cut.Flush(); ok {
		all = append(all, last)
	}
	return all
}

// saveReply keeps the reply's recording. Without one the turn goes on.
func (s *Server) saveReply(ctx context.Context, user string, f *outcome) *string {
	if s.cfg.Steps.Recordings == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	path, err := s.cfg.Steps.Recordings.Save(ctx, user, f.record.ID, "reply", bytes.NewReader(f.wav))
	if err != nil {
		s.log.WarnContext(ctx, "recording could not be written", "turn_id", f.record.ID, "error", err)
		return nil
	}
	return &path
}

// timings counts from the beginning of step 1: nobody knows when the service
// heard what it heard.
func (st *steps) timings(end time.Time) history.Timings {
	since := func(t time.Time) *float64 {
		if t.IsZero() {
			return nil
		}
		ms := float64(t.Sub(st.began).Microseconds()) / 1000
		return &ms
	}
	return history.Timings{
		ATOTDone: since(st.times.atot), TTOTFirst: since(st.times.ttotFirst), TTOTDone: since(st.times.ttot),
		TTSFirst: since(st.times.ttsFirst), TTSDone: since(st.times.tts), End: since(end),
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
