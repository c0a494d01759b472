package clause

import "unicode"

// block reads what may stand at the start of a line: white space, headings,
// list marks, quotes, rules, tables and fences.
func (l *lexer) block() int {
	r := l.raw[0]
	switch {
	case r == '\n':
		l.to.hard()
		l.startLine()
		return 1
	case unicode.IsSpace(r):
		l.to.space()
		return 1
	case r == '`' || r == '~':
		return l.fence(r)
	case r == '#':
		return l.headingMark()
	case r == '>':
		l.to.space()
		return 1
	case r == '-' || r == '*' || r == '+' || r == '_' || r == '=' || r == '•' || r == '‣' || r == '◦' || r == '–':
		return l.listMark(r)
	case r == '|':
		l.to.hard()
		l.lineStart, l.heading = false, true
		return 1
	case isDigit(r):
		return l.listNumber()
	case r == '[' && l.marker:
		return l.checkBox()
	}
	l.lineStart = false
	return l.inline()
}

// text goes on with the line as running text.
func (l *lexer) text() int {
	l.lineStart = false
	return l.inline()
}

func (l *lexer) fence(r rune) int {
	n := l.runOf(r)
	if l.short {
		return 0
	}
	if n < 3 {
		return l.text()
	}
	l.to.hard()
	l.skip = skipper{kind: skipFence, fence: r, width: n, info: true}
	return n
}

func (l *lexer) headingMark() int {
	n := l.runOf('#')
	next := l.at(n)
	if l.short {
		return 0
	}
	if n > 6 || !isSpaceRune(next) {
		return l.text()
	}
	l.to.hard()
	l.lineStart, l.heading = false, true
	return n
}

// listMark reads a mark that may begin a list item or be a rule.
func (l *lexer) listMark(r rune) int {
	n := l.runOf(r)
	next := l.at(n)
	if l.short {
		return 0
	}
	switch {
	case n >= 3 && r != '+' && (isSpaceRune(next) || r == '-' || r == '='):
		l.to.hard()
		return n
	case n == 1 && isSpaceRune(next) && r != '_' && r != '=':
		l.to.hard()
		l.marker = true
		return n
	}
	return l.text()
}

// listNumber reads the number of a list item, which is spoken.
func (l *lexer) listNumber() int {
	n := 1
	for n < 4 && isDigit(l.at(n)) {
		n++
	}
	mark := l.at(n)
	next := rune('x')
	if mark == '.' || mark == ')' {
		next = l.at(n + 1)
	}
	if l.short {
		return 0
	}
	if n < 4 && isSpaceRune(next) {
		l.to.hard()
	}
	return l.text()
}

// checkBox reads the box of a task list item.
func (l *lexer) checkBox() int {
	state, end, next := l.at(1), l.at(2), l.at(3)
	if l.short {
		return 0
	}
	l.marker = false
	if (state == ' ' || state == 'x' || state == 'X') && end == ']' && isSpaceRune(next) {
		return 3
	}
	return l.text()
}
