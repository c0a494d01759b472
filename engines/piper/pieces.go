package piper

import (
	"strings"
	"unicode"
)

// Lengths of what the model gets at once, in bytes: the first piece is short so
// that it is heard soon, and no piece is so long that it keeps a worker.
const (
	firstPiece = 90
	laterPiece = 240
	// minPiece is the shortest piece that a comma may end.
	minPiece = 20
)

// pieces cuts plain text into sentences, and sentences that are too long at
// commas, at spaces, or, where there is none, anywhere. Every piece holds a
// letter or a digit.
func pieces(plain string) []string {
	var all []string
	add := func(piece string) {
		if piece = strings.TrimSpace(piece); strings.ContainsFunc(piece, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			all = append(all, piece)
		}
	}
	for line := range strings.SplitSeq(plain, "\n") {
		for line = strings.TrimSpace(line); line != ""; {
			n := sentenceEnd(line)
			for sentence := line[:n]; sentence != ""; {
				limit := laterPiece
				if len(all) == 0 {
					limit = firstPiece
				}
				m := len(sentence)
				if m > limit {
					m = clauseEnd(sentence, limit)
				}
				add(sentence[:m])
				sentence = strings.TrimSpace(sentence[m:])
			}
			line = strings.TrimSpace(line[n:])
		}
	}
	return all
}

// sentenceEnd gives the length of the first sentence, in bytes.
func sentenceEnd(s string) int {
	ended := false
	for i, r := range s {
		switch {
		case strings.ContainsRune("。！？", r):
			return i + len(string(r))
		case strings.ContainsRune(".!?", r):
			ended = r != '.' || !isShortForm(s[:i])
		case ended && unicode.IsSpace(r):
			return i
		case strings.ContainsRune(`'")]»”’`, r):
		default:
			ended = false
		}
	}
	return len(s)
}

// isShortForm says whether the full stop after s ends a short form or an
// initial, not a sentence.
func isShortForm(s string) bool {
	word := s[strings.LastIndexByte(s, ' ')+1:]
	rs := []rune(word)
	if n := len(rs); n > 0 && word != "I" && unicode.IsLetter(rs[n-1]) && (n == 1 || rs[n-2] == '.') {
		return true
	}
	switch strings.ToLower(word) {
	case "dr", "mr", "mrs", "ms", "prof", "st", "vs", "fig", "approx", "inc", "jr", "sr", "gen", "col", "capt", "rev":
		return true
	}
	return false
}

// clauseEnd gives where to cut a sentence that is longer than limit: at the
// last comma, at the last space, or between two characters.
func clauseEnd(s string, limit int) int {
	comma, space, char := 0, 0, 0
	for i, r := range s {
		if i > limit {
			break
		}
		char = i
		switch {
		case unicode.IsSpace(r):
			space = i
			if i > minPiece && strings.ContainsRune(",;:", rune(s[i-1])) {
				comma = i
			}
		case r == '，' || r == '、':
			comma = i + len(string(r))
		}
	}
	switch {
	case comma > 0:
		return comma
	case space > 0:
		return space
	}
	return max(char, 1)
}
