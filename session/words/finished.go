package words

import (
	"slices"
	"strings"
)

// Unfinished says whether a text looks as if its speaker will go on: it ends in
// a word that asks for more, or in a mark that does.
func Unfinished(text string) bool {
	text = strings.TrimSpace(text)
	ws := split(text)
	if len(ws) == 0 {
		return true
	}
	if strings.HasSuffix(text, "...") || strings.HasSuffix(text, "…") {
		return true
	}
	for _, mark := range []string{",", ":", ";", "-", "–", "—", "、", "，"} {
		if strings.HasSuffix(text, mark) {
			return true
		}
	}
	last := ws[len(ws)-1].norm
	if isHangul(last) {
		return endsOpenKorean(last)
	}
	return slices.Contains(openEnds(), last)
}

// openEnds are English words that hardly ever end what somebody says.
func openEnds() []string {
	return []string{
		"and", "but", "or", "so", "because", "if", "when", "while", "that", "which", "who", "whose", "than", "then",
		"the", "a", "an", "my", "your", "his", "our", "their", "its", "this", "these", "those",
		"to", "of", "for", "from", "with", "without", "about", "into", "at", "by", "between", "under",
		"is", "are", "was", "were", "am", "im", "youre", "theyre", "i", "we", "they", "he", "she",
		"can", "could", "should", "would", "will", "shall", "may", "might", "must",
		"um", "uh", "er", "erm", "hmm", "like", "well", "very", "really", "also", "maybe", "please",
	}
}

func isHangul(s string) bool {
	for _, r := range s {
		if r >= 0xAC00 && r <= 0xD7A3 {
			return true
		}
	}
	return false
}

// endsOpenKorean says whether a Korean word ends in a particle or a connective
// ending, after which a sentence goes on.
func endsOpenKorean(last string) bool {
	if slices.Contains([]string{"그리고", "그런데", "하지만", "그래서", "만약", "음", "어"}, last) {
		return true
	}
	for _, e := range []string{"은", "는", "을", "를", "의", "에서", "에게", "하고", "지만", "는데", "니까", "면서", "려고", "해서", "아서", "어서"} {
		if strings.HasSuffix(last, e) {
			return true
		}
	}
	return false
}
