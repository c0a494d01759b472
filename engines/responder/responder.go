package responder

import (
	"context"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"sori/stage"
)

const (
	engineName = "built-in-responder"
	// maxHeard bounds the text that is looked at, in bytes: a long dictation is
	// no question to this engine.
	maxHeard = 4 << 10
	// maxQuote bounds what a reply repeats of the user's words, in bytes.
	maxQuote = 160
)

// Options tune a Responder. The zero value is ready to use.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Zone is where the user is; nil means the server's own time zone.
	Zone *time.Location
	// Intn gives a random number from 0 to n-1 for coins and dice; nil means
	// math/rand.
	Intn func(n int) int
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Intn == nil {
		o.Intn = rand.IntN
	}
	return o
}

// Responder answers prompts. It holds no state, so any number of goroutines may
// use one.
type Responder struct {
	now  func() time.Time
	intn func(n int) int
}

// New makes a Responder.
func New(o Options) *Responder {
	o = o.withDefaults()
	return &Responder{now: func() time.Time { return o.Now().In(o.Zone) }, intn: o.Intn}
}

// Engine is the name that history and clients see.
func (*Responder) Engine() string { return engineName }

// Languages are the base tags of the languages that it answers in; in Korean it
// knows less.
func (*Responder) Languages() []string { return []string{"en", "ko"} }

// Respond gives the reply word by word; together the pieces are [Responder.Reply].
// Instructions are taken and ignored: there is no model that could follow them.
// The only error is a context that is over.
func (r *Responder) Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if ctx.Err() != nil {
			yield("", context.Cause(ctx))
			return
		}
		rest := r.Reply(p)
		for rest != "" {
			n := len(rest)
			if i := strings.IndexByte(rest[1:], ' '); i >= 0 {
				n = i + 1
			}
			if !yield(rest[:n], nil) {
				return
			}
			if ctx.Err() != nil {
				yield("", context.Cause(ctx))
				return
			}
			rest = rest[n:]
		}
	}
}

// Reply is the whole answer to a prompt: never empty, at most 600 bytes.
func (r *Responder) Reply(p stage.Prompt) string {
	if isKorean(p.Text) {
		return r.korean(p.Text)
	}
	t := turn{Responder: r, past: p.History}
	sentences := readSentences(p.Text)
	if len(sentences) == 0 {
		return "I did not hear any words. Please say that again."
	}
	var answers, courtesies []string
	for _, s := range sentences {
		answer, courtesy := t.answer(s)
		switch {
		case answer == "":
		case courtesy:
			courtesies = append(courtesies, answer)
		default:
			answers = append(answers, answer)
		}
	}
	if len(answers) == 0 && len(sentences) > 1 && len(courtesies) == 0 { // stops in odd places: "What is. Five plus six?"
		if answer, _ := t.answer(join(sentences)); answer != "" {
			answers = append(answers, answer)
		}
	}
	if len(answers) == 0 && len(courtesies) == len(sentences) {
		answers = courtesies[len(courtesies)-1:]
	}
	if len(answers) == 0 {
		return t.unknown(sentences)
	}
	return strings.Join(answers[:min(2, len(answers))], " ")
}

// turn is one prompt on its way through the skills.
type turn struct {
	*Responder
	past []stage.Exchange
}

// answer asks one skill after the other. It gives "" when none knows the
// sentence, and whether the answer is a mere courtesy, which another sentence's
// answer may replace.
func (t turn) answer(s sentence) (answer string, courtesy bool) {
	s = s.plain()
	if len(s) == 0 {
		return "", false
	}
	for _, skill := range []func(sentence) string{
		t.repeat, t.recall, t.clock, t.convert, t.calculate, t.spell, t.chance, t.about, t.note,
	} {
		if a := skill(s); a != "" {
			return a, false
		}
	}
	if a := t.courtesy(s); a != "" {
		return a, true
	}
	// A greeting before the matter itself: "Hello, what time is it?"
	if rest := s.afterGreeting(); len(rest) > 0 && len(rest) < len(s) {
		return t.answer(rest)
	}
	return "", false
}

// unknown says plainly that there is no answer, and why; the reason once only.
func (t turn) unknown(sentences []sentence) string {
	said := join(sentences).said(maxQuote)
	heard := "I heard: " + said + "."
	if said == "" {
		heard = "I heard something that I can't read."
	}
	for _, e := range t.past {
		if strings.Contains(e.Reply, "language model") {
			return heard + " I do not know that, but say help to hear what I can do."
		}
	}
	return heard + " I am only a small program without a language model, so please say help to hear what I can do."
}
