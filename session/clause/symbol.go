package clause

import "unicode"

// symbol reads a token that begins with an ASCII character that is neither
// letter nor digit: a mark of Markdown or HTML, or punctuation.
func (l *lexer) symbol(r rune) int {
	switch r {
	case '<':
		return l.angle()
	case '&':
		return l.entity()
	case '\\':
		return l.escape()
	case '[', ']', '!':
		return l.bracket(r)
	case '|':
		return l.bar()
	case '*', '_', '~':
		return l.emphasis(r)
	case '-', '=':
		return l.dashes(r)
	}
	var next rune
	if dependsOnNext(r) {
		next = l.at(1)
	}
	if l.short {
		return 0
	}
	if symbolSpoken(l.prev, r, next) {
		l.say(r)
	} else {
		l.to.skip()
	}
	return 1
}

// dependsOnNext says whether symbolSpoken needs to know what follows r.
func dependsOnNext(r rune) bool {
	return r == '#' || r == '$' || r == '/' || r == '>' || r == ':'
}

// symbolSpoken says whether r between prev and next means something when read
// aloud.
func symbolSpoken(prev, r, next rune) bool {
	switch r {
	case '#':
		return isWord(prev) && !isWord(next) || isDigit(next) // C#, #1
	case '$':
		return isDigit(next) || isDigit(prev) || isSpaceRune(next) && isWord(prev)
	case '/':
		return isWord(prev) && isWord(next)
	case '>':
		return isSpaceRune(prev) && isSpaceRune(next) || isDigit(next)
	case ':':
		return prev != '-' && next != '-' // the column of a table
	case '{', '}', '^', '`':
		return false
	}
	return !unicode.IsControl(r)
}

func isSpaceRune(r rune) bool { return r == 0 || unicode.IsSpace(r) }

// escape reads a backslash: what punctuation follows it is no mark.
func (l *lexer) escape() int {
	next := l.at(1)
	after := l.at(2)
	if l.short {
		return 0
	}
	if !isASCIIPunct(next) {
		l.to.skip()
		return 1
	}
	switch next {
	case '*', '_', '~', '|', '<', '[', ']', '\\':
		l.to.skip()
	default:
		if symbolSpoken(l.prev, next, after) {
			l.say(next)
		} else {
			l.to.skip()
		}
	}
	return 2
}

// emphasis reads a run of marks that make text bold, italic or struck out.
func (l *lexer) emphasis(r rune) int {
	n := l.runOf(r)
	next := l.at(n)
	if l.short {
		return 0
	}
	switch {
	case r == '_' && isWord(l.prev) && isWord(next):
		if n == 1 && l.inEmail() {
			l.say(r)
		} else if !l.short {
			l.to.skip() // snake_case
		}
	case r != '_' && n == 1 && isDigit(next) && (isDigit(l.prev) || isSpaceRune(l.prev)):
		l.say(r) // 2*3, 5~10, ~5
	case r == '*' && n == 1 && isSpaceRune(next) && isSpaceRune(l.prev):
		l.say(r) // 3 * 4
	case !isWord(l.prev) || !isWord(next):
	case r == '~':
		l.to.skip()
	}
	return n
}

// inEmail says whether what follows in raw ends in an @.
func (l *lexer) inEmail() bool {
	for i := 1; i < maxEmail; i++ {
		r := l.at(i)
		switch {
		case r == '@':
			return true
		case !isASCIIWord(r) && r != '.' && r != '_' && r != '-' && r != '+' && r != '%':
			return false
		}
	}
	return false
}

// dashes reads hyphens and equals signs: minus, dash, rule or arrow.
func (l *lexer) dashes(r rune) int {
	n := l.runOf(r)
	next := l.at(n)
	if l.short {
		return 0
	}
	switch {
	case next == '>':
		l.to.skip()
		return n + 1
	case n >= 3:
		l.to.skip()
	case r == '-' && n == 2:
		l.say('—')
	default:
		for range n {
			l.say(r)
		}
	}
	return n
}

// bar reads a vertical bar: between cells of a table it is a pause.
func (l *lexer) bar() int {
	next := l.at(1)
	if l.short {
		return 0
	}
	if l.heading || isSpaceRune(l.prev) && isSpaceRune(next) {
		l.cell = true
	}
	l.to.skip()
	return 1
}
