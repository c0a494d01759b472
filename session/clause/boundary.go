package clause

import (
	"strings"
	"unicode"
)

// place says what lies between two runes of a text.
type place int

const (
	nowhere    place = iota // never cut here
	atItem                  // behind a list number: never cut here either
	atWord                  // between words
	atMark                  // behind a comma or its like
	atSentence              // behind a sentence
)

// unknown stands for a next rune that is not there yet.
const unknown rune = 0

// boundary says what lies between buf and r, which follows it.
func (c *cutter) boundary(r rune) (p place, item int) {
	if c.gap == hard {
		if p, item := c.after(len(c.buf), r, true); p == atItem {
			return p, item
		}
		return atSentence, 0
	}
	return c.after(len(c.buf), r, c.gap != tight)
}

// after says what lies behind the first end runes of buf when r follows, after
// a space when spaced.
func (c *cutter) after(end int, r rune, spaced bool) (p place, item int) {
	i := end - 1
	for i > 0 && isCloser(c.buf[i]) {
		i--
	}
	closed := i < end-1
	t := c.buf[i]
	if !spaced {
		return c.afterTight(i, closed, r), 0
	}
	switch {
	case isWideEnd(t):
		return atSentence, 0
	case t == '.':
		return c.afterPoint(i, r)
	case t == '!' || t == '?':
		if closed && unicode.IsLower(r) {
			return atMark, 0 // "What?" he said.
		}
		return atSentence, 0
	case t == '…':
		return afterEllipsis(r), 0
	case isMark(t), isWideMark(t):
		return atMark, 0
	case t == '-' && !closed && i > 0 && c.buf[i-1] == ' ':
		return atMark, 0
	}
	return atWord, 0
}

func isMark(r rune) bool {
	return r == ',' || r == ';' || r == ':' || r == '—' || r == '–'
}

// afterTight is after where no space lies between buf and r.
func (c *cutter) afterTight(i int, closed bool, r rune) place {
	t := c.buf[i]
	switch {
	case isWideEnd(t):
		if isWideEnd(r) || isCloser(r) {
			return nowhere
		}
		return atSentence
	case isWideMark(t) && !closed:
		if isDigit(r) && c.digitBefore(i) {
			return nowhere
		}
		return atMark
	case (t == '!' || t == '?') && isSyllable(r):
		return atSentence
	case t == '.' && isSyllable(r) && i > 0 && isSyllable(c.buf[i-1]):
		return atSentence
	case t == '…' && isSyllable(r), t == '—' && isWord(r):
		return atMark
	}
	return nowhere
}

func afterEllipsis(r rune) place {
	switch {
	case unicode.IsUpper(r):
		return atSentence
	case unicode.IsLower(r):
		return atWord
	}
	return atMark
}

// afterPoint says what lies behind the point at buf[i], a space and r.
func (c *cutter) afterPoint(i int, r rune) (p place, item int) {
	if i > 0 && c.buf[i-1] == '.' {
		return afterEllipsis(r), 0
	}
	start := i
	for start > 0 && isTokenRune(c.buf[start-1]) {
		start--
	}
	token := c.buf[start:i]
	switch {
	case len(token) == 0:
		return atWord, 0
	case digits(token):
		return c.afterNumber(start, token, r)
	case len(token) == 1 && unicode.IsUpper(token[0]):
		// An initial, unless somebody speaks of himself.
		if token[0] == 'I' && strings.ToLower(c.wordBefore(start)) == c.wordBefore(start) && start > 0 {
			return atSentence, 0
		}
		return nowhere, 0
	}
	word := strings.ToLower(string(token))
	if dotted(token) {
		if unicode.IsUpper(r) && (word == "a.m" || word == "p.m") {
			return atSentence, 0
		}
		return nowhere, 0
	}
	switch abbreviation(word) {
	case always:
		return nowhere, 0
	case beforeNumber:
		if isDigit(r) {
			return nowhere, 0
		}
	case beforeLower:
		if unicode.IsLower(r) {
			return nowhere, 0
		}
	case never:
	}
	if unicode.IsLower(r) && len(token) <= 3 {
		return nowhere, 0 // some abbreviation that is not listed
	}
	return atSentence, 0
}

func isTokenRune(r rune) bool { return isWord(r) || r == '.' || r == '$' || r == '€' || r == '-' }

func digits(rs []rune) bool {
	for _, r := range rs {
		if !isDigit(r) {
			return false
		}
	}
	return true
}

// dotted says whether token is like "e.g", "U.S" or "Ph.D": at least two
// parts, each of one or two letters.
func dotted(token []rune) bool {
	parts := strings.Split(string(token), ".")
	if len(parts) < 2 {
		return false
	}
	for _, p := range parts {
		n := 0
		for _, r := range p {
			if !unicode.IsLetter(r) {
				return false
			}
			n++
		}
		if n < 1 || n > 2 {
			return false
		}
	}
	return true
}

// afterNumber says what lies behind a number, its point and a space: "4. Next"
// may be the end of a sentence, the first words of a list item, a German
// ordinal or part of a date.
func (c *cutter) afterNumber(start int, token []rune, r rune) (p place, item int) {
	n := 0
	if len(token) <= 3 {
		for _, d := range token {
			n = n*10 + int(d-'0')
		}
		begins := start == 0 || start-1 == c.sentenceEnd || start > 1 && c.buf[start-2] == ':'
		if begins || n == c.item+1 && c.item > 0 {
			return atItem, n
		}
	}
	if isDigit(r) || len(token) <= 2 && ordinalFollows(c.wordBefore(start)) {
		return nowhere, 0
	}
	return atSentence, 0
}

// wordBefore is the word that ends before the space at buf[start-1].
func (c *cutter) wordBefore(start int) string {
	end := start
	for end > 0 && c.buf[end-1] == ' ' {
		end--
	}
	i := end
	for i > 0 && isWord(c.buf[i-1]) {
		i--
	}
	return string(c.buf[i:end])
}
