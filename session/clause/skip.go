package clause

import "unicode"

// skipKind says what is being left out.
type skipKind int

const (
	skipNothing skipKind = iota
	skipFence            // a code block, to the line that closes it
	skipTicks            // a code block that began within a line, to a run of backticks
	skipElement          // an element such as <think>, to its end tag
	skipComment          // an HTML comment
	skipTo               // the rest of a link, within the line
)

// skipper is what is being left out and how its end is known.
type skipper struct {
	kind  skipKind
	fence rune   // skipFence, skipTicks: the rune
	width int    // and the number of them
	info  bool   // skipFence: within the line that opens the block
	line  bool   // skipFence: within a line that can't be the closing one
	name  string // skipElement
	until rune   // skipTo: the rune that ends it
	open  rune   // and the one that nests
	depth int
}

// skipped leaves out the next part and gives its length.
func (l *lexer) skipped() int {
	switch l.skip.kind {
	case skipFence:
		return l.skipFenced()
	case skipTicks:
		n := l.runOf(l.skip.fence)
		if l.short {
			return 0
		}
		if n >= l.skip.width {
			l.skip = skipper{}
		}
		return max(n, 1)
	case skipElement:
		return l.skipTo("</"+l.skip.name, '>')
	case skipComment:
		return l.skipTo("--", '>')
	case skipTo:
		return l.skipLink()
	case skipNothing:
	}
	return 1
}

// skipFenced leaves out a part of a code block.
func (l *lexer) skipFenced() int {
	r := l.raw[0]
	if r == '\n' {
		l.skip.line, l.skip.info = false, false
		return 1
	}
	if l.skip.info && r == '`' && l.skip.fence == r {
		// Ticks in this line: it is no block, but code between runs of ticks.
		l.skip.kind, l.lineStart = skipTicks, false
		return l.skipped()
	}
	if l.skip.line || l.skip.info {
		return 1
	}
	if unicode.IsSpace(r) {
		return 1
	}
	n := l.runOf(l.skip.fence)
	end := n
	for end < n+80 && l.at(end) != '\n' && l.at(end) != 0 && unicode.IsSpace(l.at(end)) {
		end++
	}
	next := l.at(end)
	if l.short {
		return 0
	}
	if n >= l.skip.width && (next == '\n' || next == 0) {
		l.skip = skipper{}
		l.to.hard()
		l.startLine()
		l.lineStart = false // until the newline that follows
		return end
	}
	l.skip.line = true
	return max(n, 1)
}

// skipTo leaves out what comes before mark, then mark and white space behind
// it up to end.
func (l *lexer) skipTo(mark string, end rune) int {
	n := 0
	for _, want := range mark {
		if unicode.ToLower(l.at(n)) != want {
			break
		}
		n++
	}
	if n == len(mark) {
		for n < maxTag && unicode.IsSpace(l.at(n)) {
			n++
		}
		if l.at(n) == end {
			l.skip = skipper{}
			l.to.skip()
			return n + 1
		}
	}
	if l.short {
		return 0
	}
	return 1
}

// skipLink leaves out the address of a link, to the bracket that closes it or
// the end of the line.
func (l *lexer) skipLink() int {
	switch r := l.raw[0]; r {
	case '\n':
		l.skip = skipper{}
		return l.newline()
	case l.skip.until:
		if l.skip.depth == 0 {
			next := l.at(1)
			if l.short {
				return 0
			}
			l.skip = skipper{}
			if isWord(next) {
				l.to.skip()
			}
			return 1
		}
		l.skip.depth--
	case l.skip.open:
		l.skip.depth++
	}
	return 1
}
