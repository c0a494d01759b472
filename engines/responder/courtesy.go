package responder

import "strings"

// courtesy answers what people say to be polite.
func (t turn) courtesy(s sentence) string {
	switch {
	case len(s) > 7:
		return ""
	case s.is("good night"):
		return "Good night, and sleep well."
	case s.has(0, "bye", "goodbye", "farewell"), s.begins("good bye"), s.begins("see you"), s.begins("talk to you later"), s.begins("have a nice day"), s.begins("have a good day"):
		return "Goodbye. Have a nice day."
	case s.contains("thank you", "thanks", "thank you very much", "thank you so much", "many thanks"):
		return "You are welcome."
	case s.contains("how are you", "how are you doing", "how do you do", "how is it going", "how have you been", "how are things", "are you okay", "are you well"):
		return "I am fine, thank you. How can I help you?"
	case s.is("nice to meet you", "pleased to meet you", "good to meet you", "nice to meet you too"):
		return "Nice to meet you too."
	case s.is("yes", "no", "okay", "ok", "alright", "all right", "sure", "i see", "good", "great", "fine", "nice", "cool", "yes it is", "never mind", "stop", "cancel", "nothing", "that is all"):
		return "Okay. What can I do for you?"
	case s.is("i am fine", "i am good", "i am okay", "i am well", "i am fine thank you", "not bad"):
		return "I am glad to hear that."
	case s.is("sorry", "i am sorry", "excuse me"):
		return "That is all right."
	case s.contains("good morning"):
		return t.greeting("Good morning")
	case s.contains("good afternoon"):
		return t.greeting("Good afternoon")
	case s.contains("good evening"):
		return t.greeting("Good evening")
	case isGreeting(s[0].low) && len(s.afterGreeting()) == 0:
		return t.greeting("Hello")
	}
	return ""
}

// greeting greets by name, where the user told it.
func (t turn) greeting(hello string) string {
	for _, f := range t.facts() {
		if f.key == keyName {
			return hello + ", " + f.text + ". How can I help you?"
		}
	}
	return hello + ". How can I help you today?"
}

func isGreeting(w string) bool {
	switch w {
	case "hello", "hi", "hey", "howdy", "greetings", "hallo", "hiya", "yo", "hullo":
		return true
	}
	return false
}

// afterGreeting drops a greeting, and whom it is for, from the beginning.
func (s sentence) afterGreeting() sentence {
	n := 0
	for n < len(s) && isGreeting(s[n].low) {
		n++
	}
	if s[n:].begins("good morning") || s[n:].begins("good afternoon") || s[n:].begins("good evening") {
		n += 2
	}
	if n > 0 && s.has(n, "there", "again", "everyone", "everybody", "you", "friend", "computer", "world", "assistant") {
		n++
	}
	return s[n:]
}

// about answers questions about the responder itself.
func (t turn) about(s sentence) string {
	if rest := s.afterGreeting(); len(rest) > 0 {
		s = rest
	}
	if len(s) > 10 {
		return ""
	}
	switch {
	case s.is("help", "help me", "i need help", "i need some help", "can you help me", "can you help", "could you help me", "give me help", "show me the help", "commands", "options",
		"what can i ask", "what can i ask you", "what can i say", "how do you work", "what are your skills", "how does this work"),
		s.contains("what can you do", "what do you do", "what else can you do", "what are you able to do", "can you do", "how can you help"):
		return "I can tell the time and the date, calculate, convert units, spell words, flip a coin, and remember what you tell me. " +
			"For real conversations, connect a language model in the settings."
	case s.contains("your name", "what are you called"):
		return "My name is Sori, which means voice in Korean."
	case s.contains("what does sori mean"):
		return "It means voice, or sound, in Korean."
	case s.begins("are you a human"), s.begins("are you human"), s.begins("are you a person"), s.begins("are you real"), s.begins("are you a robot"), s.begins("are you a machine"),
		s.begins("are you an ai"), s.begins("are you ai"), s.begins("are you a computer"), s.contains("language model"), s.contains("artificial intelligence"), s.begins("are you alive"),
		s.begins("am i talking to"):
		return "I am a small computer program with a few skills, without a language model."
	case s.begins("who are you"), s.begins("what are you"), s.begins("who is this"), s.begins("introduce yourself"), s.contains("about yourself"), s.is("who is there", "who am i talking to"):
		return "I am Sori, a small program that answers simple questions. Say help to hear what I can do."
	case s.contains("who made you", "who built you", "who created you", "who wrote you"):
		return "People made me. I am a small part of the Sori voice server."
	case s.begins("how old are you"):
		return "I am a program, so I have no age."
	case s.begins("where are you"), s.begins("where do you live"):
		return "I run on the computer that you are talking to."
	case s.contains("can you hear me", "do you hear me", "are you there", "are you listening", "is this working", "is this thing on", "do you understand me"),
		s.begins("testing"), s.is("test", "this is a test", "mic test", "one two three", "test one two three"):
		return "Yes, I can hear you."
	}
	return ""
}

// spell spells a word, letter by letter.
func (t turn) spell(s sentence) string {
	rest, ok := s.after("how do you spell the word", "how do you spell", "how is", "how do i spell", "spell the word", "spell out", "spell", "what is the spelling of", "how would you spell")
	if !ok || len(rest) == 0 {
		return ""
	}
	if s.begins("how is") {
		if !rest.has(len(rest)-1, "spelled", "spelt", "written") {
			return ""
		}
		rest = rest[:len(rest)-1]
	}
	if rest.has(0, "the") && rest.has(1, "word") {
		rest = rest[2:]
	}
	if len(rest) == 0 || len(rest) > 3 {
		return ""
	}
	var letters []string
	for _, r := range rest.said(40) {
		if r != ' ' && r != '\'' {
			letters = append(letters, strings.ToUpper(string(r)))
		}
	}
	if len(letters) == 0 || len(letters) > 30 {
		return ""
	}
	return upper(rest.said(40)) + " is spelled " + strings.Join(letters, ", ") + "."
}

// chance flips coins, rolls dice and draws numbers.
func (t turn) chance(s sentence) string {
	switch {
	case s.contains("a coin", "heads or tails", "the coin", "coin flip", "coin toss"):
		if t.intn(2) == 0 {
			return "It landed on heads."
		}
		return "It landed on tails."
	case s.contains("roll two dice", "throw two dice", "roll 2 dice", "two dice", "pair of dice"):
		a, b := 1+t.intn(6), 1+t.intn(6)
		return "You got a " + sayNumber(float64(a)) + " and a " + sayNumber(float64(b)) + "."
	case s.contains("a die", "a dice", "the dice", "the die", "roll dice"):
		return "You got a " + sayNumber(float64(1+t.intn(6))) + "."
	case s.contains("random number", "pick a number", "choose a number", "a number between", "number from"):
		low, high := 1, 100
		if i := max(s.find("between"), s.find("from")); i >= 0 {
			a, n := s[i+1:].readNumber()
			b, m := 0.0, 0
			if at := i + 1 + n; n > 0 && s.has(at, "and", "to") {
				b, m = s[at+1:].readNumber()
			}
			if m > 0 && a >= -1e9 && b <= 1e9 && a <= b {
				low, high = int(a), int(b)
			}
		}
		return "My number is " + sayNumber(float64(low+t.intn(high-low+1))) + "."
	}
	return ""
}
