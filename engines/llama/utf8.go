package llama

import "unicode/utf8"

// runes joins pieces of UTF-8: a character may come in several tokens.
type runes struct{ held []byte }

// push gives what is whole of the held bytes and the piece.
func (r *runes) push(piece []byte) string {
	r.held = append(r.held, piece...)
	whole := len(r.held)
	// At most the last three bytes can begin a character that goes on.
	for back := 1; back <= min(utf8.UTFMax-1, len(r.held)); back++ {
		b := r.held[len(r.held)-back]
		if utf8.RuneStart(b) {
			if !utf8.FullRune(r.held[len(r.held)-back:]) {
				whole = len(r.held) - back
			}
			break
		}
	}
	text := string(r.held[:whole])
	r.held = append(r.held[:0], r.held[whole:]...)
	if !utf8.ValidString(text) {
		text = toValid(text)
	}
	return text
}

// end gives what was left, which is no whole character.
func (r *runes) end() string {
	if len(r.held) == 0 {
		return ""
	}
	r.held = r.held[:0]
	return string(utf8.RuneError)
}

func toValid(s string) string { return string([]rune(s)) }
