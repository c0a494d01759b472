package session

import (
	"context"
	"time"

	"sori/protocol"
	"sori/session/words"
	"sori/stage"
)

// scribe transcribes the utterance while it grows: for partial transcripts, and
// to judge whether somebody who speaks over the reply takes the floor. One run
// is under way at a time.
//
// Owned by the goroutine of Run.
type scribe struct {
	results chan scribed // capacity 1; nil before the first run
	cancel  context.CancelFunc
	busy    bool
	again   bool          // the utterance's end is not in the run under way
	final   bool          // the speech is over: the next result decides
	voiced  time.Duration // speech that ended before it was judged
	round   int           // runs of earlier utterances are stale
	last    string        // what the last run heard
	shown   string        // what the client was told
	nextAt  int64         // samples of the session before which no further run begins
}

// scribed is what a run heard.
type scribed struct {
	round int
	text  string
	err   error
	took  time.Duration
	whole bool // nothing was said since the audio was taken
}

// scribeTimeout bounds one run.
const scribeTimeout = 10 * time.Second

func (c *scribe) reset() {
	c.round++
	c.last, c.shown, c.final, c.again, c.nextAt, c.voiced = "", "", false, false, 0, 0
	if c.cancel != nil {
		c.cancel()
	}
}

func (c *scribe) stop() {
	if c.cancel != nil {
		c.cancel()
	}
}

// under is where the result of the run under way comes from, nil without one.
func (c *scribe) under() <-chan scribed {
	if !c.busy {
		return nil
	}
	return c.results
}

// transcribeInPassing runs when enough was said since the last time.
func (s *Session) transcribeInPassing(ctx context.Context) {
	_, waits := s.phase.(held)
	if s.scribe.busy || s.samples < s.scribe.nextAt || s.draft != nil || !waits && !s.settings.wantsPartials() {
		return
	}
	if s.utterance.Duration() < s.opts.PartialGap {
		return
	}
	if s.attention != nil && !s.attention.ear.Speaking() {
		return
	}
	s.runScribe(ctx, false)
}

// transcribeNow runs at once, or as soon as the run under way is back, where the
// words decide what happens.
func (s *Session) transcribeNow(ctx context.Context) {
	if _, waits := s.phase.(held); !waits {
		return
	}
	if s.scribe.busy {
		s.scribe.again = true
		return
	}
	s.runScribe(ctx, true)
}

func (s *Session) runScribe(ctx context.Context, whole bool) {
	c := &s.scribe
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scribeTimeout)
	c.busy, c.again, c.cancel = true, false, cancel
	c.nextAt = s.samples + samplesOf(s.opts.PartialGap)
	clip := s.utterance.Copy()
	u := stage.Utterance{UserID: s.settings.user, SessionID: s.id, Language: s.settings.language, Audio: clip}
	if c.results == nil {
		c.results = make(chan scribed, 1)
	}
	round, results, atot := c.round, c.results, s.deps.ATOT
	s.crew.Go(func() {
		defer cancel()
		defer clip.Release()
		began := time.Now()
		r := scribed{round: round, whole: whole}
		for t, err := range atot.Transcribe(ctx, u) {
			if r.text, r.err = t.Text, err; err != nil || t.Final {
				break
			}
		}
		r.took = time.Since(began)
		results <- r
	})
}

func samplesOf(d time.Duration) int64 { return int64(d.Seconds() * 16000) }

// takeScribed takes in what a run heard.
func (s *Session) takeScribed(ctx context.Context, r scribed) {
	c := &s.scribe
	c.busy, c.cancel = false, nil
	_, waits := s.phase.(held)
	if r.round == c.round {
		c.nextAt = max(c.nextAt, s.samples+samplesOf(2*r.took))
		if r.err == nil && s.settings.wantsPartials() {
			s.publish(words.Agreed(c.last, r.text))
			c.last = r.text
		}
		if waits {
			s.judge(ctx, r)
		}
	}
	if _, waits = s.phase.(held); waits && (c.again || c.final) && !c.busy {
		s.runScribe(ctx, true)
	}
}

// publish tells the client what the user has said so far. Words that were told
// stay: a text that takes one back waits for the next.
func (s *Session) publish(text string) {
	c := &s.scribe
	if !s.settings.wantsPartials() || words.Count(text) <= words.Count(c.shown) {
		return
	}
	if words.Count(words.Agreed(c.shown, text)) < words.Count(c.shown) {
		return
	}
	c.shown = text
	s.emit(protocol.SpeechPartial{Text: text})
}
