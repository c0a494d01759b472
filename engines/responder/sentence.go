package responder

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one word, number or sign of what the user said.
type word struct {
	low string // lower case, contractions written out
	raw string // as it was said; "" for the second half of a contraction
}

// sentence is what the user said between two stops.
type sentence []word

// readSentences splits text into sentences and words.
func readSentences(text string) []sentence {
	if len(text) > maxHeard {
		text = text[:maxHeard]
	}
	text = strings.NewReplacer("’", "'", "‘", "'", "“", " ", "”", " ", "−", "-", "–", " ", "—", " ", "…", ". ").
		Replace(strings.ToValidUTF8(text, " "))
	var all []sentence
	var s sentence
	end := func() {
		if len(s) > 0 {
			all = append(all, s)
			s = nil
		}
	}
	for text != "" {
		w, rest, stop := nextWord(text)
		if w != "" {
			s = append(s, expand(w)...)
		}
		if stop {
			end()
		}
		text = rest
	}
	end()
	return all
}

// nextWord takes one word, number or sign off the text; stop says that a
// sentence ends here. Signs that mean nothing are skipped.
func nextWord(text string) (w, rest string, stop bool) {
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case r >= '0' && r <= '9' || r == '.' && len(text) > 1 && isDigit(text[1]):
		n := numberLength(text)
		return text[:n], text[n:], false
	case unicode.IsLetter(r):
		n := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '\'' })
		if n < 0 {
			n = len(text)
		}
		return strings.TrimRight(text[:n], "'"), text[n:], false
	case strings.ContainsRune("+*/=×÷%^°√()$", r):
		return text[:size], text[size:], false
	case r == '-' && len(text) > 1 && (isDigit(text[1]) || text[1] == ' '): // a minus sign; "twenty-one" has none
		return "-", text[size:], false
	case r == '.' && len(text) > 1 && text[1] >= 'a' && text[1] <= 'z': // "p.m", "example.org"
		return "", text[size:], false
	case strings.ContainsRune(".!?;\n", r):
		return "", text[size:], true
	}
	return "", text[size:], false
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// numberLength gives the length of the number, or the time of day, that text begins with.
func numberLength(text string) int {
	n := 0
	for n < len(text) && (isDigit(text[n]) || strings.IndexByte(".,:", text[n]) >= 0 && n+1 < len(text) && isDigit(text[n+1])) {
		n++
	}
	return max(n, 1)
}

// expand writes a contraction as its two words.
func expand(raw string) []word {
	low := strings.ToLower(raw)
	switch low {
	case "im":
		low = "i'm"
	case "whats", "thats", "hows", "wheres", "whos", "whens":
		low = low[:len(low)-1] + "'s"
	case "dont", "cant", "wont", "didnt", "isnt", "doesnt":
		low = low[:len(low)-1] + "'t"
	case "favourite":
		low = "favorite"
	case "o'clock":
		return []word{{"oclock", raw}}
	}
	for _, c := range []struct{ suffix, second string }{{"'m", "am"}, {"'re", "are"}, {"'ve", "have"}, {"'ll", "will"}, {"'d", "would"}} {
		if first, ok := strings.CutSuffix(low, c.suffix); ok && first != "" {
			return []word{{first, raw}, {c.second, ""}}
		}
	}
	if first, ok := strings.CutSuffix(low, "n't"); ok && first != "" {
		switch first {
		case "ca":
			first = "can"
		case "wo":
			first = "will"
		}
		return []word{{first, raw}, {"not", ""}}
	}
	if first, ok := strings.CutSuffix(low, "'s"); ok && isAsking(first) {
		return []word{{first, raw}, {"is", ""}}
	}
	return []word{{low, raw}}
}

// isAsking says whether 's after the word means "is", not possession.
func isAsking(w string) bool {
	switch w {
	case "what", "who", "where", "when", "how", "that", "it", "he", "she", "there", "name", "here", "let":
		return true
	}
	return false
}

// join makes one sentence of several.
func join(all []sentence) sentence {
	var s sentence
	for _, one := range all {
		s = append(s, one...)
	}
	return s
}

// plain drops the sounds and courtesies that carry no meaning.
func (s sentence) plain() sentence {
	kept := make(sentence, 0, len(s))
	for _, w := range s {
		switch w.low {
		case "um", "umm", "uh", "uhm", "er", "erm", "ah", "hmm", "hm", "mm", "mhm", "please", "kindly", "actually", "basically", "sori":
			continue
		}
		kept = append(kept, w)
	}
	for {
		n := 0
		switch {
		case len(kept) > 1 && kept.has(0, "so", "well", "now", "and", "but", "then", "alright", "right", "ok", "okay", "oh", "yeah"):
			n = 1
		case kept.begins("can you tell me"), kept.begins("could you tell me"), kept.begins("would you tell me"),
			kept.begins("will you tell me"), kept.begins("i want to know"), kept.begins("i need to know"), kept.begins("i was wondering"):
			n = 4
		case kept.begins("can you"), kept.begins("could you"), kept.begins("would you"), kept.begins("will you"):
			if kept.has(2, "hear", "help", "do", "remember") {
				break
			}
			n = 2
		case kept.begins("i would like to know"):
			n = 5
		case kept.begins("do you happen to know"):
			n = 5
		case kept.begins("do you know what"), kept.begins("do you know how"):
			n = 3
		case kept.begins("tell me what"), kept.begins("tell me how"), kept.begins("tell me the"), kept.begins("tell me who"), kept.begins("tell me my"):
			n = 2
		case kept.begins("let me know"):
			n = 3
		}
		if n == 0 || n >= len(kept) {
			return kept
		}
		kept = kept[n:]
	}
}

// begins says whether the sentence begins with the phrase.
func (s sentence) begins(phrase string) bool {
	i := 0
	for w := range strings.FieldsSeq(phrase) {
		if i >= len(s) || s[i].low != w {
			return false
		}
		i++
	}
	return true
}

// is says whether the sentence is exactly one of the phrases.
func (s sentence) is(phrases ...string) bool {
	for _, p := range phrases {
		if s.begins(p) && len(strings.Fields(p)) == len(s) {
			return true
		}
	}
	return false
}

// has says whether the word at position i is one of the words.
func (s sentence) has(i int, words ...string) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	return slices.Contains(words, s[i].low)
}

// find gives the position of the phrase, -1 when it is not there.
func (s sentence) find(phrase string) int {
	for i := range s {
		if s[i:].begins(phrase) {
			return i
		}
	}
	return -1
}

// contains says whether one of the phrases is in the sentence.
func (s sentence) contains(phrases ...string) bool {
	for _, p := range phrases {
		if s.find(p) >= 0 {
			return true
		}
	}
	return false
}

// after gives what follows the first of the phrases that the sentence begins with.
func (s sentence) after(phrases ...string) (sentence, bool) {
	for _, p := range phrases {
		if s.begins(p) {
			return s[len(strings.Fields(p)):], true
		}
	}
	return nil, false
}

// said gives the words as the user said them, at most limit bytes of them.
func (s sentence) said(limit int) string {
	var b strings.Builder
	for _, w := range s {
		if w.raw == "" {
			continue
		}
		if b.Len()+1+len(w.raw) > limit {
			break
		}
		if b.Len() > 0 && w.raw != "%" {
			b.WriteByte(' ')
		}
		b.WriteString(w.raw)
	}
	return b.String()
}

// key gives the words in lower case, to compare them.
func (s sentence) key() string {
	words := make([]string, len(s))
	for i, w := range s {
		words[i] = w.low
	}
	return strings.Join(words, " ")
}
