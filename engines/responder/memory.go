package responder

import (
	"slices"
	"strings"
)

// fact is something that the user told about himself or asked to remember.
type fact struct {
	key  string // what it is about: "name", "favorite color"; "" for a note
	text string // the value, or the whole note, in the user's words
}

// A fact's keys that are not the user's own words.
const (
	keyName = "name"
	keyHome = "home"
	keyFrom = "origin"
	keyAge  = "age"
	keyWork = "work"
	keyLike = "likes"
)

// maxFacts bounds what is looked for in the history.
const maxFacts = 200

// facts gives what the user told so far, oldest first; a later fact replaces an
// earlier one of the same key.
func (t turn) facts() []fact {
	var all []fact
	for _, e := range t.past[max(0, len(t.past)-maxFacts):] {
		for _, s := range readSentences(e.User) {
			s = s.plain()
			f, ok := s.fact()
			if rest := s.afterGreeting(); !ok && len(rest) < len(s) {
				f, ok = rest.fact()
			}
			if !ok {
				continue
			}
			all = slices.DeleteFunc(all, func(old fact) bool { return old.key == f.key && (f.key != "" || old.text == f.text) })
			all = append(all, f)
		}
	}
	return all
}

// fact reads a statement that is worth remembering.
func (s sentence) fact() (fact, bool) {
	if rest, ok := s.after("remember that", "remember", "do not forget that", "do not forget", "make a note that", "note that", "keep in mind that",
		"can you remember that", "can you remember", "could you remember that", "could you remember"); ok {
		if len(rest) == 0 || rest.has(0, "me", "what", "when", "who", "how") {
			return fact{}, false
		}
		if f, ok := rest.fact(); ok {
			return f, true
		}
		return fact{text: rest.flipped(maxQuote)}, true
	}
	for _, form := range []struct{ begin, key string }{
		{"my name is", keyName},
		{"the name is", keyName},
		{"i am called", keyName},
		{"people call me", keyName},
		{"you can call me", keyName},
		{"call me", keyName},
		{"i live in", keyHome},
		{"i am from", keyFrom},
		{"i come from", keyFrom},
		{"i work as", keyWork},
		{"i work at", keyWork},
		{"i like", keyLike},
		{"i love", keyLike},
	} {
		rest, ok := s.after(form.begin)
		if !ok || len(rest) == 0 {
			continue
		}
		if form.key == keyName {
			if rest = rest.name(); len(rest) == 0 {
				return fact{}, false
			}
			return fact{keyName, upper(rest.said(60))}, true
		}
		return fact{form.key, rest.flipped(maxQuote)}, true
	}
	if rest, ok := s.after("i am"); ok {
		if _, n := rest.readNumber(); n > 0 && (n == len(rest) || rest[n:].begins("years old")) {
			return fact{keyAge, rest[:n].said(40)}, true
		}
		if len(rest) == 1 && isName(rest[0].raw) {
			return fact{keyName, rest[0].raw}, true
		}
	}
	if rest, ok := s.after("my"); ok {
		at := slices.IndexFunc(rest, func(w word) bool { return w.low == "is" || w.low == "are" || w.low == "was" })
		if at > 0 && at <= 4 && at+1 < len(rest) {
			return fact{rest[:at].key(), rest[at+1:].flipped(maxQuote)}, true
		}
	}
	return fact{}, false
}

// name gives the words of a name at the beginning: not more than three, and
// not what follows it.
func (s sentence) name() sentence {
	n := 0
	for n < min(3, len(s)) && !s.has(n, "and", "but", "what", "how", "i", "not", "can", "nice", "so", "who", "where") && s[n].raw != "" && !isDigit(s[n].raw[0]) {
		n++
	}
	return s[:n]
}

// isName says whether a word that follows "I am" is written like a name.
func isName(raw string) bool {
	if len(raw) < 2 || raw[0] < 'A' || raw[0] > 'Z' || strings.ToUpper(raw) == raw {
		return false
	}
	switch raw {
	case "English", "American", "British", "German", "French", "Korean", "Japanese", "Chinese", "Spanish", "Italian", "Russian", "Indian", "Dutch",
		"Canadian", "Mexican", "Polish", "Swedish", "Irish", "Scottish", "Australian", "Portuguese", "Turkish", "Greek", "Swiss", "Austrian",
		"Christian", "Muslim", "Jewish", "Buddhist", "Hindu", "Not", "Fine", "Good", "Sorry":
		return false
	}
	return true
}

// flipped gives the words as seen from the other side: "my" becomes "your".
func (s sentence) flipped(limit int) string {
	out := slices.Clone(s)
	for i := range out {
		to := ""
		switch out[i].low {
		case "my":
			to = "your"
		case "mine":
			to = "yours"
		case "myself":
			to = "yourself"
		case "me":
			to = "you"
		case "i":
			to = "you"
			if i+1 < len(out) {
				switch out[i+1].low {
				case "am":
					out[i+1].raw = "are"
				case "was":
					out[i+1].raw = "were"
				case "have", "will", "would":
					out[i+1].raw = out[i+1].low
				}
			}
		case "your":
			to = "my"
		}
		if to != "" {
			out[i].raw = to
		} else if i+1 < len(out) && out[i+1].raw == "" { // a contraction that stays one
			continue
		}
	}
	return out.said(limit)
}

// note takes in what the user tells, and says that it did.
func (t turn) note(s sentence) string {
	f, ok := s.fact()
	if !ok {
		return ""
	}
	switch f.key {
	case "":
		return "Fine, I will remember that " + f.text + "."
	case keyName:
		return "Nice to meet you, " + f.text + "."
	default:
		return "Fine, I will remember that " + f.sentence() + "."
	}
}

// sentence says the fact to the user.
func (f fact) sentence() string {
	switch f.key {
	case "":
		return f.text
	case keyName:
		return "your name is " + f.text
	case keyHome:
		return "you live in " + f.text
	case keyFrom:
		return "you are from " + f.text
	case keyAge:
		return "you are " + f.text + " years old"
	case keyWork:
		return "you work as " + f.text
	case keyLike:
		return "you like " + f.text
	}
	return "your " + f.key + " is " + f.text
}

// recall answers questions about what the user told earlier.
func (t turn) recall(s sentence) string {
	switch {
	case s.is("who am i", "my name", "what am i called", "do you know me", "do you remember me", "what is my name again") ||
		s.contains("what is my name", "know my name", "remember my name", "what my name is", "say my name"):
		return t.tell(keyName, "You have not told me your name yet.")
	case s.begins("where do i live"), s.begins("where is my home"):
		return t.tell(keyHome, "You have not told me where you live.")
	case s.begins("where am i from"), s.begins("where do i come from"):
		return t.tell(keyFrom, "You have not told me where you are from.")
	case s.begins("how old am i"), s.begins("what is my age"):
		return t.tell(keyAge, "You have not told me how old you are.")
	case s.begins("where do i work"), s.begins("what do i do"), s.begins("what is my job"):
		return t.tell(keyWork, "You have not told me about your work.")
	case s.is("what do i like", "what do i love"):
		return t.tell(keyLike, "You have not told me what you like.")
	case s.contains("what do you remember", "what do you know about me", "what did i tell you", "what did i ask you to remember", "what did i want you to remember",
		"what should you remember", "what have i told you"):
		return t.tellAll()
	}
	if rest, ok := s.after("what is my", "what was my", "what are my", "when is my", "where is my", "who is my", "do you know my", "do you remember my",
		"tell me my", "where are my", "which is my"); ok && len(rest) > 0 && len(rest) <= 6 {
		return t.tellAbout(rest, "You have not told me about your "+rest.said(60)+".")
	}
	if rest, ok := s.after("where is", "where are", "where did i put", "where did i leave", "when is", "who is", "what did i say about", "what did i tell you about"); ok &&
		len(rest) > 0 && len(rest) <= 6 && !rest.has(0, "you", "your") {
		return t.tellAbout(rest, "")
	}
	return ""
}

// tell says the fact with the key, or that there is none.
func (t turn) tell(key, none string) string {
	for _, f := range t.facts() {
		if f.key == key {
			return upper(f.sentence()) + "."
		}
	}
	return none
}

// tellAbout says the latest fact that shares the most words with the question.
func (t turn) tellAbout(asked sentence, none string) string {
	best, shared := fact{}, 0
	for _, f := range t.facts() {
		n := 0
		about := " " + strings.ToLower(f.sentence()) + " "
		for _, w := range asked {
			if !isCommon(w.low) && strings.Contains(about, " "+w.low+" ") {
				n++
			}
		}
		if n > 0 && n >= shared {
			best, shared = f, n
		}
	}
	if shared == 0 {
		return none
	}
	return "You told me that " + best.sentence() + "."
}

// isCommon says whether a word is too common to find a fact by.
func isCommon(w string) bool {
	switch w {
	case "the", "a", "an", "is", "are", "my", "your", "of", "in", "at", "on", "to", "and", "again", "it", "that", "this", "you", "about":
		return true
	}
	return false
}

// tellAll lists the facts, the latest ones where there are too many.
func (t turn) tellAll() string {
	all := t.facts()
	if len(all) == 0 {
		return "You have not asked me to remember anything yet."
	}
	out := ""
	for i, f := range slices.Backward(all) {
		next := f.sentence()
		if out != "" {
			next += ", and " + out
		}
		if len(next) > 2*maxQuote || len(all)-i > 4 {
			break
		}
		out = next
	}
	return "You told me that " + out + "."
}

// repeat says again what one of the two said.
func (t turn) repeat(s sentence) string {
	last := -1
	for i, e := range slices.Backward(t.past) {
		if strings.TrimSpace(e.Reply) != "" || strings.TrimSpace(e.User) != "" {
			last = i
			break
		}
	}
	switch {
	case s.is("say that again", "say it again", "say again", "repeat that", "repeat", "repeat it", "repeat yourself", "what did you say", "what did you just say", "pardon", "pardon me",
		"come again", "once more", "again", "what was that", "repeat what you said", "what", "say what", "excuse me what"):
		if last < 0 || t.past[last].Reply == "" {
			return "I have not said anything yet."
		}
		return cut(t.past[last].Reply, 500)
	case s.is("what did i say", "what did i just say", "what was i saying", "what did i ask", "what did i just ask", "what did you hear", "what have i just said", "what did i tell you just now"):
		if last < 0 || t.past[last].User == "" {
			return "This is the first thing that you said."
		}
		return "You said: " + strings.TrimRight(cut(t.past[last].User, 300), " .") + "."
	}
	if rest, ok := s.after("repeat after me", "say after me", "say the words", "say the word"); ok && len(rest) > 0 {
		return upper(rest.said(2*maxQuote)) + "."
	}
	if rest, ok := s.after("say", "echo", "repeat"); ok && len(rest) > 0 &&
		!rest.has(0, "something", "it", "that", "again", "hello", "what", "hi", "my", "the", "goodbye") {
		return upper(rest.said(2*maxQuote)) + "."
	}
	return ""
}

// cut shortens text to at most n bytes, at a space where there is one.
func cut(s string, n int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) <= n {
		return s
	}
	s = s[:n]
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		s = s[:i]
	}
	return strings.ToValidUTF8(s, "")
}
