package flite

import (
	"strings"
	"unicode"
)

const (
	// maxClause is the longest piece, in bytes, that flite gets at once. It
	// bounds the time to the first audio, and the audio that waits for a caller.
	maxClause = 160
	// minClause is the shortest piece that a comma may end.
	minClause = 40
)

// splitClauses cuts plain text into sentences, and sentences that are too long
// at commas, at spaces, or, where there is none, anywhere. Every piece holds a
// letter or a digit.
func splitClauses(plain string) []string {
	var clauses []string
	for line := range strings.SplitSeq(plain, "\n") {
		for line = strings.TrimSpace(line); line != ""; {
			n := sentenceEnd(line)
			for sentence := line[:n]; sentence != ""; {
				m := len(sentence)
				if m > maxClause {
					m = clauseEnd(sentence)
				}
				clauses = appendSpoken(clauses, strings.TrimSpace(sentence[:m]))
				sentence = strings.TrimSpace(sentence[m:])
			}
			line = strings.TrimSpace(line[n:])
		}
	}
	return clauses
}

// appendSpoken leaves out a piece that has nothing to say.
func appendSpoken(clauses []string, piece string) []string {
	if !strings.ContainsFunc(piece, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return clauses
	}
	return append(clauses, piece)
}

// sentenceEnd gives the length of the first sentence.
func sentenceEnd(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] != '.' && s[i] != '!' && s[i] != '?' {
			continue
		}
		end := i + 1
		for end < len(s) && strings.IndexByte(".!?'", s[end]) >= 0 {
			end++
		}
		if end == len(s) {
			return end
		}
		if s[end] == ' ' && (s[i] != '.' || end > i+1 || !isAbbreviation(s[:i])) {
			return end
		}
		i = end - 1
	}
	return len(s)
}

// isAbbreviation says whether the full stop after s ends a short form, not a sentence.
func isAbbreviation(s string) bool {
	word := s[strings.LastIndexByte(s, ' ')+1:]
	if n := len(word); n > 0 && word != "I" && unicode.IsLetter(rune(word[n-1])) && (n == 1 || word[n-2] == '.') {
		return true // an initial, or e.g. and a.m.
	}
	switch strings.ToLower(word) {
	case "dr", "mr", "mrs", "ms", "prof", "st", "vs", "fig", "approx", "inc", "jr", "sr", "gen", "col", "capt", "rev":
		return true
	}
	return false
}

// clauseEnd gives where to cut a sentence longer than maxClause.
func clauseEnd(s string) int {
	head := s[:maxClause]
	for i := len(head) - 1; i >= minClause; i-- {
		if strings.IndexByte(",;:", head[i]) >= 0 && s[i+1] == ' ' {
			return i + 1
		}
	}
	if i := strings.LastIndexByte(head, ' '); i > 0 {
		return i
	}
	return maxClause
}
