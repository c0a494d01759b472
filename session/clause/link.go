package clause

import "unicode"

// bracket reads [ and ] and the ! of an image: of a link its text is spoken.
func (l *lexer) bracket(r rune) int {
	if r == '!' && isWord(l.prev) {
		l.say(r) // no image
		return 1
	}
	next := l.at(1)
	if l.short {
		return 0
	}
	switch r {
	case '!':
		if next != '[' {
			l.say(r)
		}
	case '[':
		if next == '^' { // a footnote
			l.skip = skipper{kind: skipTo, until: ']'}
			return 2
		}
		if isWord(l.prev) {
			l.to.skip()
		} else {
			l.brackets++
		}
	case ']':
		if l.brackets > 0 {
			l.brackets--
			switch next {
			case '(':
				l.skip = skipper{kind: skipTo, until: ')', open: '('}
				return 2
			case '[':
				l.skip = skipper{kind: skipTo, until: ']', open: '['}
				return 2
			}
		}
		if isWord(next) {
			l.to.skip()
		}
	}
	return 1
}

// url reads an address of a page, if one stands at the front of raw, and says
// its host. It gives 0 if none does.
func (l *lexer) url() int {
	start := l.scheme()
	if start == 0 || l.short {
		return 0
	}
	end := start
	for end < maxURL && isURLRune(l.at(end)) {
		end++
	}
	if l.short {
		return 0
	}
	end = trimURL(l.raw[:end])
	if end <= start {
		return 0
	}
	l.sayHost(l.raw[:end])
	return end
}

// scheme is the length of what makes an address known as one, or 0.
func (l *lexer) scheme() int {
	for _, s := range []string{"https://", "http://", "ftp://", "www."} {
		n := 0
		for _, want := range s {
			if unicode.ToLower(l.at(n)) != want {
				break
			}
			n++
		}
		if l.short || n == len(s) {
			return n
		}
	}
	return 0
}

func isURLRune(r rune) bool {
	if r <= ' ' || r >= 0x7F {
		return false
	}
	switch r {
	case '<', '>', '"', '`', '{', '}', '|', '\\', '^', '[', ']':
		return false
	}
	return true
}

// trimURL gives the length of the address without the punctuation of the
// sentence that it stands in.
func trimURL(rs []rune) int {
	depth := 0
	for _, r := range rs {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	end := len(rs)
	for end > 0 {
		switch rs[end-1] {
		case '.', ',', ';', ':', '!', '?', '\'', '*', '_', '~', '&':
		case ')':
			if depth >= 0 {
				return end
			}
			depth++
		default:
			return end
		}
		end--
	}
	return end
}

// sayHost says the host name of an address.
func (l *lexer) sayHost(u []rune) {
	for i := 0; i+2 < len(u); i++ {
		if u[i] == ':' && u[i+1] == '/' && u[i+2] == '/' {
			u = u[i+3:]
			break
		}
	}
	for i, r := range u {
		if r == '/' || r == '?' || r == '#' {
			u = u[:i]
			break
		}
	}
	for i, r := range u {
		if r == '@' {
			u = u[i+1:]
			break
		}
	}
	for i, r := range u {
		if r == ':' {
			u = u[:i]
			break
		}
	}
	if len(u) > 4 && unicode.ToLower(u[0]) == 'w' && unicode.ToLower(u[1]) == 'w' && unicode.ToLower(u[2]) == 'w' && u[3] == '.' {
		u = u[4:]
	}
	if len(u) == 0 {
		l.to.skip()
	}
	for _, r := range u {
		l.say(r)
	}
}
