package clause

import (
	"strings"
	"unicode"
)

// angle reads what begins with <: a tag, a comment, an address, or no more than
// the sign itself.
func (l *lexer) angle() int {
	r := l.at(1)
	if l.short {
		return 0
	}
	switch {
	case r == '!' || r == '?':
		return l.declaration()
	case r == '|':
		return l.special()
	case r == '/' || r < 0x80 && unicode.IsLetter(r):
		return l.tag()
	}
	return l.lessThan(r)
}

// lessThan reads a < that begins nothing.
func (l *lexer) lessThan(next rune) int {
	if isSpaceRune(next) && isSpaceRune(l.prev) || isDigit(next) || next == '=' {
		l.to.put('<')
	} else {
		l.to.skip()
	}
	return 1
}

// declaration reads a comment or a <!doctype>.
func (l *lexer) declaration() int {
	if l.at(1) == '!' && l.at(2) == '-' && l.at(3) == '-' {
		l.skip = skipper{kind: skipComment}
		return 4
	}
	if l.short {
		return 0
	}
	for n := 2; n < maxTag; n++ {
		switch l.at(n) {
		case '>':
			return n + 1
		case 0, '\n':
			if l.short {
				return 0
			}
			return l.lessThan('!')
		}
	}
	return l.lessThan('!')
}

// special reads a mark of a chat template that leaked, such as <|im_end|>.
func (l *lexer) special() int {
	n := 2
	for n < maxEmail && (isASCIIWord(l.at(n)) || l.at(n) == '_') {
		n++
	}
	if l.at(n) == '|' && l.at(n+1) == '>' {
		l.to.skip()
		return n + 2
	}
	if l.short {
		return 0
	}
	return l.lessThan('|')
}

// tag reads an HTML tag.
func (l *lexer) tag() int {
	i := 1
	closing := l.at(i) == '/'
	if closing {
		i++
	}
	from := i
	for i-from < 32 && (isASCIIWord(l.at(i)) || l.at(i) == '-' || l.at(i) == '_') {
		i++
	}
	if l.short {
		return 0
	}
	name := strings.ToLower(string(l.raw[from:i]))
	if l.at(i) == ':' && !closing && (name == "http" || name == "https" || name == "ftp" || name == "mailto") {
		return l.autolink(name, i)
	}
	i, ok := l.attributes(i)
	if l.short {
		return 0
	}
	if !ok || name == "" {
		return l.lessThan('x')
	}
	l.element(name, closing, l.raw[i-1] == '/')
	return i + 1
}

// attributes looks past the attributes of a tag; ok says that at i its > stands.
func (l *lexer) attributes(i int) (end int, ok bool) {
	for i < maxTag {
		from := i
		for i < maxTag && (unicode.IsSpace(l.at(i)) || l.at(i) == '/') {
			i++
		}
		if l.at(i) == '>' {
			return i, true
		}
		if i == from {
			return i, false
		}
		start := i
		for i < maxTag && (isASCIIWord(l.at(i)) || l.at(i) == '-' || l.at(i) == ':' || l.at(i) == '_') {
			i++
		}
		if i == start || l.at(i) != '=' {
			return i, false
		}
		i = l.value(i + 1)
	}
	return i, false
}

// value looks past the value of an attribute.
func (l *lexer) value(i int) int {
	if q := l.at(i); q == '"' || q == '\'' {
		i++
		for i < maxTag && l.at(i) != q && l.at(i) != 0 {
			i++
		}
		return i + 1
	}
	for i < maxTag && l.at(i) != '>' && l.at(i) != 0 && !unicode.IsSpace(l.at(i)) {
		i++
	}
	return i
}

// element does what a tag says.
func (l *lexer) element(name string, closing, empty bool) {
	switch name {
	case "think", "thinking", "thought", "reasoning", "script", "style":
		if !closing && !empty {
			l.skip = skipper{kind: skipElement, name: name}
		}
		l.to.skip()
	case "p", "div", "br", "hr", "li", "ul", "ol", "tr", "table", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6":
		l.to.hard()
	case "td", "th":
		l.to.space()
	case "b", "i", "u", "s", "em", "strong", "sub", "sup", "span", "mark", "small", "code", "a", "font":
	default:
		l.to.skip()
	}
}

// autolink reads an address between < and >.
func (l *lexer) autolink(scheme string, colon int) int {
	end := colon
	for end < maxURL && isURLRune(l.at(end)) {
		end++
	}
	if l.short {
		return 0
	}
	if l.at(end) != '>' {
		return l.lessThan('x')
	}
	if scheme == "mailto" {
		for _, r := range l.raw[colon+1 : end] {
			l.say(r)
		}
	} else {
		l.sayHost(l.raw[1:end])
	}
	return end + 1
}
