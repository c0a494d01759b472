package clause

import (
	"math"
	"unicode/utf8"
)

// Options says how long clauses are. Lengths are in runes, where a Hangul, Han
// or Kana rune, being a whole syllable, counts as two.
type Options struct {
	FirstMin int // the first clause has at least this length, unless the text ends before; 0 means 12
	FirstMax int // the first clause is cut at a space at this length when no better place came; 0 means 60
	Min      int // a later sentence shorter than this is spoken together with the next one; 0 means 25
	Max      int // no clause is longer than this, but for what Flush gives; 0 means 240
}

func (o Options) withDefaults() Options {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.FirstMin, 12)
	set(&o.FirstMax, 60)
	set(&o.Min, 25)
	set(&o.Max, 240)
	o.FirstMax = max(o.FirstMax, o.FirstMin)
	o.Max = max(o.Max, o.Min)
	return o
}

// Splitter cuts one streamed text into clauses. It belongs to one goroutine.
type Splitter struct {
	cut  cutter
	lex  lexer
	tail []byte // the start of a rune whose other bytes are still to come
}

// New gives a splitter for one text.
func New(o Options) *Splitter {
	s := &Splitter{cut: cutter{opts: o.withDefaults(), first: true}}
	s.lex = newLexer(&s.cut)
	return s
}

// Add takes the next piece of the text, which may end anywhere, even inside a
// rune, and gives the clauses that can be spoken now.
func (s *Splitter) Add(delta string) []string {
	if len(s.tail) > 0 {
		delta = string(s.tail) + delta
		s.tail = s.tail[:0]
	}
	for delta != "" {
		if !utf8.FullRuneInString(delta) {
			s.tail = append(s.tail, delta...)
			break
		}
		r, n := utf8.DecodeRuneInString(delta)
		s.lex.raw = append(s.lex.raw, r)
		delta = delta[n:]
	}
	s.lex.run(false)
	return s.cut.take()
}

// Stall is called when no text came for a while (150 ms, say). While the first
// clause was not given yet, it gives as much of it as can be said, up to the
// last word boundary, if that is FirstMin or longer.
func (s *Splitter) Stall() (string, bool) {
	p := s.cut.stallPoint()
	if p == 0 {
		return "", false
	}
	s.cut.cut(p)
	out := s.cut.take()
	if len(out) == 0 {
		return "", false
	}
	return out[0], true
}

// Flush says that the text is over and gives what is left of it as one clause,
// if anything can be spoken. The splitter is as new after it.
func (s *Splitter) Flush() (string, bool) {
	s.lex.run(true)
	s.cut.cut(len(s.cut.buf))
	out := s.cut.take()
	s.lex = newLexer(&s.cut)
	s.cut = cutter{opts: s.cut.opts, first: true}
	s.tail = s.tail[:0]
	return join(out), len(out) > 0
}

// Spoken gives a whole text as it is said aloud.
func Spoken(text string) string {
	const all = math.MaxInt / 4
	s := New(Options{FirstMin: all, FirstMax: all, Min: all, Max: all})
	s.Add(text)
	out, _ := s.Flush()
	return out
}
