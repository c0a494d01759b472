package flite_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"

	"sori/engines/flite"
)

func TestSpeakable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Hello there.":                             "Hello there.",
		"It’s “fine” — really…":                    "It's fine, really...",
		"**Bold** and _it_ `code`":                 "Bold and it code",
		"# Title\n- one\n- two\n1. three":          "Title\none\ntwo\n1. three",
		"See [the page](https://x.org/y?z=1) now.": "See the page now.",
		"Go to https://example.com/help.":          "Go to example dot com slash help.",
		"Write to ann.lee@example.org!":            "Write to ann dot lee at example dot org!",
		"It is 21 °C, or 70°F.":                    "It is 21 degrees Celsius, or 70 degrees Fahrenheit.",
		"-5.5°C outside":                           "-5.5 degrees Celsius outside",
		"80% of 5 + 3 = 6.4":                       "80 percent of 5 plus 3 equals 6.4",
		"7 × 12, 7 * 12, 9 ÷ 3":                    "7 times 12, 7 times 12, 9 divided by 3",
		"10 - 4":                                   "10 minus 4",
		"12 km at 30 km/h":                         "12 kilometers at 30 kilometers per hour",
		"Salt & pepper":                            "Salt and pepper",
		"€5 or £3.50":                              "5 euros or 3.50 pounds",
		"Café naïve Łódź straße":                   "Cafe naive lodz strasse",
		"ｆｕｌｌ ｗｉｄｔｈ ① ﬁ":                           "full width 1 fi",
		"Good 👍🏽 job 🎉!":                           "Good job!",
		"a (b) c":                                  "a, b, c",
		"The word 소리 means voice.":                 "The word means voice.",
		"```go\nx := 1\n```":                       "x, equals 1",
		"| a | b |\n|---|---|\n| 1 | 2 |":          "a, b,\n1, 2,",
		"one\x00two\x1b":                           "one two",
		"---\nText\n***":                           "Text",
		"...":                                      "",
		"👍":                                        "",
		"$3.50":                                    "$3.50",
	} {
		got, ok := flite.Speakable(in)
		if !ok || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"안녕하세요", "你好", "Привет, Bob", "שלום", "日本語のテキスト ok"} {
		if got, ok := flite.Speakable(in); ok {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestSplitClauses(t *testing.T) {
	t.Parallel()
	long := "When the rain had finally stopped and the streets were dry again, the children ran out to play, and nobody saw them until the lamps were lit and supper was on the table."
	for in, want := range map[string][]string{
		"One. Two! Three?":                  {"One.", "Two!", "Three?"},
		"Dr. Smith paid $3.50. Thanks.":     {"Dr. Smith paid $3.50.", "Thanks."},
		"Visit example.org. Bye.":           {"Visit example.org.", "Bye."},
		"At 5 p.m. we eat. J. Doe too.":     {"At 5 p.m. we eat.", "J. Doe too."},
		"What?! No... Yes.":                 {"What?!", "No...", "Yes."},
		"no stop at the end":                {"no stop at the end"},
		"a line\nanother":                   {"a line", "another"},
		"... !!! ?":                         nil,
		long:                                {long[:95], long[96:]},
		"It is I. You know.":                {"It is I.", "You know."},
		strings.Repeat("x", 400):            {strings.Repeat("x", 160), strings.Repeat("x", 160), strings.Repeat("x", 80)},
		strings.Repeat("word ", 40) + "end": {strings.TrimSpace(strings.Repeat("word ", 31)) + " word", strings.TrimSpace(strings.Repeat("word ", 8)) + " end"},
	} {
		if got := flite.SplitClauses(in); !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestIsEnglish(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]bool{"": true, "en": true, "EN-gb": true, "en_US": true, "und": true, "ko": false, "de-DE": false, "enx": false} {
		if flite.IsEnglish(tag) != want {
			t.Errorf("%q: want %v", tag, want)
		}
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	tone := func(ms int) []byte {
		b := make([]byte, 0, ms*32)
		for i := range ms * 16 {
			v := int16(8000 * math.Sin(float64(i)/5))
			b = append(b, byte(v), byte(v>>8))
		}
		return b
	}
	silence := func(ms int) []byte { return make([]byte, ms*32) }
	in := slices.Concat(silence(200), tone(300), silence(150), tone(100), silence(500))
	for _, c := range []struct {
		clause string
		ms     int
	}{{"Done.", 40 + 300 + 150 + 100 + 220}, {"and then,", 40 + 300 + 150 + 100 + 120}} {
		for _, piece := range []int{2, 200, 640, 10_000, len(in)} {
			got := flite.Trim(c.clause, in, piece)
			if ms := len(got) / 32; ms < c.ms-1 || ms > c.ms+1 {
				t.Errorf("%q in pieces of %d: %d ms, want %d", c.clause, piece, ms, c.ms)
			}
		}
	}
	if got := flite.Trim("x", silence(300), 640); len(got) > 120*32 {
		t.Errorf("silence alone: %d bytes", len(got))
	}
}

func FuzzSpeakable(f *testing.F) {
	for _, s := range []string{"Hello.", "# a\n- b [c](d) **e**", "21°C & 5% — ok…", "안녕", "\x00\xff", "a@b.co https://x.y/z", "1 * 2 - 3^4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		plain, ok := flite.Speakable(in)
		if !ok && plain != "" {
			t.Fatalf("refused, yet gave %q", plain)
		}
		for _, r := range plain {
			if r > unicode.MaxASCII || r < ' ' && r != '\n' {
				t.Fatalf("%q holds %q", plain, r)
			}
		}
		clauses := flite.SplitClauses(plain)
		for _, c := range clauses {
			if c == "" || len(c) > flite.MaxClause || strings.TrimSpace(c) != c {
				t.Fatalf("clause %q", c)
			}
		}
		if (plain == "") != (len(clauses) == 0) {
			t.Fatalf("%q has %d clauses", plain, len(clauses))
		}
	})
}
