package words_test

import (
	"strings"
	"testing"

	"sori/session/words"
)

func TestAgreed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, next, want string }{
		{"", "Ask not", ""},
		{"Ask not", "Ask not what", "Ask not"},
		{"ask not, what", "Ask not what your", "Ask not what"},
		{"Asks not", "Ask not", ""},
		{"one two three", "one two", "one two"},
		{"안녕하세요 저는", "안녕하세요 저는 소리", "안녕하세요 저는"},
	} {
		if got := words.Agreed(c.before, c.next); got != c.want {
			t.Errorf("Agreed(%q, %q) = %q, want %q", c.before, c.next, got, c.want)
		}
	}
}

func TestUnfinished(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"What time is it?":         false,
		"What time is it":          false,
		"I would like to":          true,
		"I went there and":         true,
		"Well, um":                 true,
		"First of all,":            true,
		"I was thinking...":        true,
		"Stop.":                    false,
		"Please call the":          true,
		"":                         true,
		"지금 몇 시예요":                 false,
		"저는 그 사람을":                 true,
		"비가 오지만":                   true,
		"Turn the lights off":      false,
		"Remind me to":             true,
		"go forward ten meters":    false,
		"My name is Anna":          false,
		"I need a ticket to Paris": false,
	} {
		if got := words.Unfinished(text); got != want {
			t.Errorf("Unfinished(%q) = %v", text, got)
		}
	}
}

func TestNod(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, "Mhm.": true, "Uh-huh.": true, "Okay.": true, "Yeah, yeah.": true, "I see.": true, "(coughs)": true, "[laughter]": true, "...": true, "네.": true,
		"Stop.": false, "Wait a moment.": false, "No.": false, "Yes, but not today.": false, "okay now tell me more": false, "What?": false, "잠깐만요": false,
	} {
		if got := words.Nod(text); got != want {
			t.Errorf("Nod(%q) = %v", text, got)
		}
	}
}

func TestEcho(t *testing.T) {
	t.Parallel()
	spoken := "The weather in London is cold and rainy this morning, so please take an umbrella with you."
	for heard, want := range map[string]bool{
		"cold and rainy this morning":     true,
		"Cold and rainy this mourning":    true,
		"take an umbrella":                true,
		"umbrella":                        true,
		"What about tomorrow":             false,
		"stop":                            false,
		"Is it cold in Paris too":         false,
		"please stop talking about it":    false,
		"":                                false,
		"and what is the time in London?": false,
	} {
		if got := words.Echo(heard, spoken); got != want {
			t.Errorf("Echo(%q) = %v", heard, got)
		}
	}
	if words.Echo("What can you do?", "I do not know that, but say help to hear what I can do.") {
		t.Error("a question in sori's words is taken for an echo")
	}
	if words.Echo("hello", "") {
		t.Error("an echo of nothing")
	}
}

func TestInvented(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"You": true, "Thank you for watching!": true, "": true, "Thank you, Anna": false, "Go forward": false} {
		if got := words.Invented(text); got != want {
			t.Errorf("Invented(%q) = %v", text, got)
		}
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	text := "Hello there, my friend. How are you?"
	for n, want := range map[int]string{0: "", 1: "Hello", 2: "Hello there,", 4: "Hello there, my friend.", 99: text} {
		if got := words.First(text, n); got != want {
			t.Errorf("First(%d) = %q, want %q", n, got, want)
		}
	}
	if words.Count(text) != 7 {
		t.Errorf("Count = %d", words.Count(text))
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Hello there", "hello, there my")
	f.Add("저는 그", "\xff (cough")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := words.Agreed(a, b); !strings.HasPrefix(b, got) {
			t.Errorf("Agreed gives %q, no beginning of %q", got, b)
		}
		for n := range 4 {
			if got := words.First(a, n); !strings.HasPrefix(a, got) || words.Count(got) > n && n < words.Count(a) {
				t.Errorf("First(%q, %d) = %q", a, n, got)
			}
		}
		words.Unfinished(a)
		words.Nod(a)
		words.Echo(a, b)
		words.Invented(a)
	})
}
