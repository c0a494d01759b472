package clause

import (
	"html"
	"unicode"
)

// Bounds on what the lexer holds back until it knows what it is.
const (
	maxURL    = 2048
	maxTag    = 256
	maxEntity = 10
	maxEmail  = 64
	maxRun    = 256
)

// lexer reads what a model writes and hands what is spoken to a cutter. It
// consumes raw from the front, token by token; a token of which the end is not
// in sight stays in raw until more text comes.
type lexer struct {
	to  *cutter
	raw []rune

	final bool // nothing comes behind raw
	short bool // the token at hand looked past the end of raw

	prev      rune // the rune before raw, 0 at the start of the text
	lineStart bool // only white space and block marks came in this line
	marker    bool // a list mark was the last thing: a check box may follow
	heading   bool // the line is a heading or a table row: its end is a break
	code      bool // within inline code
	cell      bool // a table cell ended: a pause belongs before the next word
	cells     bool // something was said in this line
	brackets  int  // open ones that may be links
	skip      skipper
}

func newLexer(to *cutter) lexer { return lexer{to: to, lineStart: true} }

// run reads as much of raw as can be understood.
func (l *lexer) run(final bool) {
	l.final = final
	for len(l.raw) > 0 {
		l.short = false
		n := l.step()
		if l.short || n == 0 {
			break
		}
		l.prev = l.raw[n-1]
		l.raw = l.raw[n:]
	}
	if len(l.raw) == 0 {
		l.raw = nil
	}
}

// at gives the rune at i of raw; 0 behind the end of the text. Where the rune
// is still to come it sets short, and the token is read again later: so a
// method looks first and acts then.
func (l *lexer) at(i int) rune {
	if i < len(l.raw) {
		return l.raw[i]
	}
	if !l.final {
		l.short = true
	}
	return 0
}

// runOf is how many r stand at the start of raw, at most maxRun.
func (l *lexer) runOf(r rune) int {
	n := 0
	for n < maxRun && l.at(n) == r {
		n++
	}
	return n
}

// step reads one token and gives its length.
func (l *lexer) step() int {
	if l.skip.kind != skipNothing {
		return l.skipped()
	}
	if l.lineStart {
		return l.block()
	}
	return l.inline()
}

// inline reads one token of running text.
func (l *lexer) inline() int {
	r := l.raw[0]
	switch {
	case r == '\n':
		return l.newline()
	case unicode.IsSpace(r):
		l.to.space()
		return 1
	case r == '`':
		return l.ticks()
	case l.code:
		return l.codeRune(r)
	case r < 0x80 && !isWord(r):
		return l.symbol(r)
	case !isASCIIWord(l.prev):
		if n := l.url(); n > 0 || l.short {
			return n
		}
	}
	l.say(r)
	return 1
}

// newline ends a line.
func (l *lexer) newline() int {
	if l.heading {
		l.to.hard()
	} else {
		l.to.space()
	}
	l.startLine()
	return 1
}

func (l *lexer) startLine() {
	l.lineStart, l.marker, l.heading, l.code, l.cell, l.cells, l.brackets = true, false, false, false, false, false, 0
}

// say hands r on if it is something that is read aloud.
func (l *lexer) say(r rune) {
	switch {
	case isJoiner(r):
	case r == 0x200B || r == 0x200C || r == 0xAD || r == 0xFEFF: // nothing to see, nothing to hear
	case unicode.IsSpace(r):
		l.to.space()
	case isWord(r):
		if l.cell && l.cells {
			l.to.put(',')
			l.to.space()
		}
		l.cell, l.cells = false, true
		l.to.put(r)
	case isUnspoken(r):
		l.to.skip()
	default:
		l.to.put(r)
	}
}

// ticks reads a run of backticks: one or two begin or end inline code, three
// begin a code block.
func (l *lexer) ticks() int {
	n := l.runOf('`')
	if l.short {
		return 0
	}
	if n >= 3 {
		l.to.space()
		l.skip = skipper{kind: skipTicks, fence: '`', width: n}
		return n
	}
	l.code = !l.code
	return n
}

// codeRune reads inline code as the words that it is made of.
func (l *lexer) codeRune(r rune) int {
	switch {
	case isWord(r):
		l.say(r)
	case r == '+' || r == '#':
		if isWord(l.prev) || l.prev == r { // C++, C#
			l.say(r)
		} else {
			l.to.skip()
		}
	case r == '.' || r == '-' || r == ':' || r == ',' || r == '\'' || r == '@':
		next := l.at(1)
		if l.short {
			return 0
		}
		if isWord(l.prev) && isWord(next) {
			l.say(r)
		} else {
			l.to.skip()
		}
	default:
		l.to.skip()
	}
	return 1
}

// entity reads a character reference such as &amp;.
func (l *lexer) entity() int {
	n := 1
	for n < maxEntity && (isASCIIWord(l.at(n)) || l.at(n) == '#') {
		n++
	}
	end := l.at(n)
	if l.short {
		return 0
	}
	if end == ';' && n > 1 {
		ref := string(l.raw[:n+1])
		if text := html.UnescapeString(ref); text != ref {
			for _, r := range text {
				l.say(r)
			}
			return n + 1
		}
	}
	l.to.put('&')
	return 1
}
