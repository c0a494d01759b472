package clause_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sori/session/clause"
)

// words is what can be heard of a text: its letters and digits.
func words(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, text)
}

// author writes random documents and knows what of them is to be heard.
type author struct {
	rng   *rand.Rand
	text  strings.Builder
	heard strings.Builder
}

func (a *author) pick(of ...string) string { return of[a.rng.IntN(len(of))] }

// say writes words that are to be heard.
func (a *author) say() {
	w := a.pick("hello", "world", "I", "Dr.", "J.", "e.g.", "3.14", "$29.50", "10:30", "U.S.", "안녕하세요", "저는", "소리입니다", "你好", "世界", "今日は", "です",
		"Größe", "z.B.", "don't", "well-known", "kim@example.com", "main.go", "1,000", "50%", "a", "42", "naïve", "ok")
	a.text.WriteString(w)
	a.heard.WriteString(w)
}

func (a *author) write(s string) { a.text.WriteString(s) }

// phrase writes inline markup around words.
func (a *author) phrase() {
	wrap := func(before, after string) {
		a.write(before)
		a.say()
		a.write(" ")
		a.say()
		a.write(after)
	}
	switch a.rng.IntN(14) {
	case 0:
		wrap("**", "**")
	case 1:
		wrap("*", "*")
	case 2:
		wrap("~~", "~~")
	case 3:
		wrap("[", "](https://example.com/x_(y)?z=1)")
	case 4:
		wrap("`", "`")
	case 5:
		wrap("<b>", "</b>")
	case 6:
		wrap("<span class=\"q r\">", "</span>")
	case 7:
		wrap("“", "”")
	case 8:
		wrap("(", ")")
	case 9:
		a.write(a.pick("😀", "👨‍👩‍👧", "🇰🇷", "✅"))
	case 10:
		a.write("<think>secret 99</think>")
	case 11:
		a.write("<!-- note 7 -->")
	case 12:
		a.write("```x = 1```")
	default:
		a.say()
	}
}

func (a *author) sentence() {
	for range 1 + a.rng.IntN(9) {
		a.phrase()
		a.write(a.pick(" ", " ", " ", ", ", "; ", " — ", "，"))
	}
	a.say()
	a.write(a.pick(". ", "! ", "? ", "。", "... ", "! 🎉 ", " "))
}

func (a *author) block() {
	switch a.rng.IntN(9) {
	case 0:
		a.write("## ")
		a.sentence()
	case 1:
		for range 3 {
			a.write(a.pick("\n- ", "\n* ", "\n  + ", "\n- [x] "))
			a.sentence()
		}
	case 2:
		a.write("> ")
		a.sentence()
	case 3:
		a.write(a.pick("```go\nx := 1 // no\n```", "~~~\nno. no\n~~~"))
	case 4:
		a.write("| ")
		a.say()
		a.write(" | ")
		a.say()
		a.write(" |\n|---|:-:|\n| ")
		a.say()
		a.write(" | |")
	case 5:
		a.write("---")
	default:
		for range 1 + a.rng.IntN(4) {
			a.sentence()
		}
	}
	a.write(a.pick("\n\n", "\n\n\n", "\r\n\r\n"))
}

func TestEveryWordIsSpokenOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(600) {
		a := &author{rng: rand.New(rand.NewPCG(seed, 1))}
		for range 1 + a.rng.IntN(6) {
			a.block()
		}
		text := a.text.String()
		whole := split(text, len(text))
		if got, want := words(strings.Join(whole, "")), words(a.heard.String()); got != want {
			t.Fatalf("seed %d: of %q\n got %q\nwant %q", seed, text, got, want)
		}
		checkClauses(t, whole)
		if got := pieces(text, a.rng); !slices.Equal(got, whole) {
			t.Fatalf("seed %d: pieces of %q\n got %q\nwant %q", seed, text, got, whole)
		}
		if got, want := words(stalling(text, a.rng)), words(strings.Join(whole, "")); got != want {
			t.Fatalf("seed %d: with a stall, of %q\n got %q\nwant %q", seed, text, got, want)
		}
	}
}

// pieces feeds text in random pieces.
func pieces(text string, rng *rand.Rand) []string {
	s := clause.New(clause.Options{})
	var out []string
	for text != "" {
		n := 1 + rng.IntN(min(len(text), 12))
		out = append(out, s.Add(text[:n])...)
		text = text[n:]
	}
	if c, ok := s.Flush(); ok {
		out = append(out, c)
	}
	return out
}

// stalling feeds text in random pieces and stalls behind each of them.
func stalling(text string, rng *rand.Rand) string {
	s := clause.New(clause.Options{})
	var out strings.Builder
	for text != "" {
		n := 1 + rng.IntN(min(len(text), 12))
		for _, c := range s.Add(text[:n]) {
			out.WriteString(c)
		}
		c, _ := s.Stall()
		out.WriteString(c)
		text = text[n:]
	}
	c, _ := s.Flush()
	out.WriteString(c)
	return out.String()
}

func checkClauses(t *testing.T, clauses []string) {
	t.Helper()
	for i, c := range clauses {
		switch {
		case words(c) == "":
			t.Errorf("clause %d has nothing to hear: %q", i, c)
		case c != strings.TrimSpace(c) || strings.Contains(c, "  ") || strings.ContainsAny(c, "\n\r\t`"):
			t.Errorf("clause %d is not clean: %q", i, c)
		case !utf8.ValidString(c):
			t.Errorf("clause %d is no UTF-8: %q", i, c)
		case i < len(clauses)-1 && utf8.RuneCountInString(c) > 2*240:
			t.Errorf("clause %d has %d runes", i, utf8.RuneCountInString(c))
		}
	}
}

// Text without markup loses no letter and no digit.
func TestPlainTextIsKept(t *testing.T) {
	t.Parallel()
	alphabet := []rune("aAbZ019 .,!?;:'\"()-… \n éß가나다中文かな。，！？「」%€$")
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var b strings.Builder
		for range rng.IntN(400) {
			b.WriteRune(alphabet[rng.IntN(len(alphabet))])
		}
		got := split(b.String(), 1+rng.IntN(9))
		checkClauses(t, got)
		if got, want := words(strings.Join(got, "")), words(b.String()); got != want {
			t.Fatalf("seed %d: of %q\n got %q\nwant %q", seed, b.String(), got, want)
		}
	}
}

func FuzzSplitter(f *testing.F) {
	for _, s := range []string{
		"Hello there. How are you?", "**a** `b` [c](d) <e f=\"g\"> &amp; https://h.i/j", "```\nx\n```\ny", "<think>a</think>b", "1. a\n2. b\n- [ ] c",
		"| a | b |\n|---|---|\n", "안녕하세요. 저는 소리예요.", "你好，世界。「好。」", "Dr. J. F. Kennedy's $29.50...", "<", "&", "\\", "[", "](", "``", "www.", "\xff", "_a_b@c_",
	} {
		f.Add(s, uint64(1))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		whole := split(text, max(len(text), 1))
		checkClauses(t, whole)
		rng := rand.New(rand.NewPCG(seed, 3))
		if got := pieces(text, rng); !slices.Equal(got, whole) {
			t.Errorf("pieces\n got %q\nwant %q", got, whole)
		}
		if got, want := words(stalling(text, rng)), words(strings.Join(whole, "")); got != want {
			t.Errorf("with a stall\n got %q\nwant %q", got, want)
		}
		heard, all := words(strings.Join(whole, "")), words(text)
		if !strings.ContainsAny(text, "&") && !isSubsequence(heard, all) {
			t.Errorf("%q is not in %q", heard, all)
		}
	})
}

func isSubsequence(part, whole string) bool {
	rest := []rune(whole)
	for _, r := range part {
		i := slices.Index(rest, r)
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}

func BenchmarkSplitter(b *testing.B) {
	text := strings.Repeat("Sure, the **capital** of France is Paris, which has about 2.1 million people. ", 20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		split(text, 4)
	}
}
