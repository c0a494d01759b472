package words

import (
	"strings"
	"unicode"
)

// span is a word as it stands in a text.
type span struct {
	norm string // lower case, letters and digits only
	end  int    // where it ends in the text, bytes, punctuation behind it included
}

// split gives the words of a text: what stands between spaces and holds a letter
// or a digit.
func split(text string) []span {
	var out []span
	at := 0
	for at < len(text) {
		start := at + len(text[at:]) - len(strings.TrimLeftFunc(text[at:], unicode.IsSpace))
		if start == len(text) {
			break
		}
		end := len(text)
		if i := strings.IndexFunc(text[start:], unicode.IsSpace); i >= 0 {
			end = start + i
		}
		if n := normal(text[start:end]); n != "" {
			out = append(out, span{n, end})
		}
		at = end
	}
	return out
}

func normal(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, word)
}

// plain is a text as its words, one space between them.
func plain(text string) string {
	var b strings.Builder
	for _, w := range split(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.norm)
	}
	return b.String()
}

// Count is the number of words of a text.
func Count(text string) int { return len(split(text)) }

// First gives the first n words of a text, as they stand there.
func First(text string, n int) string {
	ws := split(text)
	if n <= 0 || len(ws) == 0 {
		return ""
	}
	if n >= len(ws) {
		return text
	}
	return text[:ws[n-1].end]
}
