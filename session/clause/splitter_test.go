package clause_test

import (
	"slices"
	"strings"
	"testing"

	"sori/session/clause"
)

// split feeds text in pieces of n bytes.
func split(text string, n int) []string {
	s := clause.New(clause.Options{})
	var out []string
	for text != "" {
		k := min(n, len(text))
		out = append(out, s.Add(text[:k])...)
		text = text[k:]
	}
	if c, ok := s.Flush(); ok {
		out = append(out, c)
	}
	return out
}

func TestClauses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"one short sentence", "Yes.", []string{"Yes."}},
		{
			"first clause early, then sentences", "Sure, I can help you with that, of course. The weather in Seoul is sunny today. Take a hat.",
			[]string{"Sure, I can help you with that,", "of course. The weather in Seoul is sunny today.", "Take a hat."},
		},
		{
			"short ones together", "Hello! I'm fine. How are you? What can I do for you today? Tell me.",
			[]string{"Hello! I'm fine.", "How are you? What can I do for you today?", "Tell me."},
		},
		{
			"money", "It costs about $29.50 in the shop. Do you want to buy two of them?",
			[]string{"It costs about $29.50 in the shop.", "Do you want to buy two of them?"},
		},
		{
			"a price ends a sentence", "In total it is $29. Next time it will be cheaper, I think.",
			[]string{"In total it is $29.", "Next time it will be cheaper, I think."},
		},
		{
			"pi", "The number pi is 3.14 and a bit more. It never ends, they say.",
			[]string{"The number pi is 3.14 and a bit more.", "It never ends, they say."},
		},
		{
			"titles", "Yesterday I met Dr. Kim and Prof. Lee in the park. They were glad to see me.",
			[]string{"Yesterday I met Dr. Kim and Prof. Lee in the park.", "They were glad to see me."},
		},
		{
			"initials", "The president was J. F. Kennedy at that time. He was born in Brookline.",
			[]string{"The president was J. F. Kennedy at that time.", "He was born in Brookline."},
		},
		{
			"country", "She moved to the U.S. Army base last year. It was a very long way.",
			[]string{"She moved to the U.S. Army base last year.", "It was a very long way."},
		},
		{
			"for example", "Take some fruit, e.g. apples or i.e. what you have at home, and cut it.",
			[]string{"Take some fruit,", "e.g. apples or i.e. what you have at home, and cut it."},
		},
		{
			"time of day", "We meet at 10:30 a.m. Then we go to lunch together at noon.",
			[]string{"We meet at 10:30 a.m.", "Then we go to lunch together at noon."},
		},
		{
			"addresses", "Please read https://www.example.com/a.b?c=d. Or write to kim@example.co.kr. I'm there all day.",
			[]string{"Please read example.com.", "Or write to kim@example.co.kr.", "I'm there all day."},
		},
		{
			"files", "You should open main.go and then go.mod. Both files are short, don't worry.",
			[]string{"You should open main.go and then go.mod.", "Both files are short, don't worry."},
		},
		{
			"ellipsis", "Well... let me think about it... There it is, I have got it.",
			[]string{"Well... let me think about it...", "There it is, I have got it."},
		},
		{
			"list numbers", "Here is what to do.\n1. Preheat the oven to 180 degrees.\n2. Mix the flour.\n3. Bake it all for an hour.",
			[]string{"Here is what to do.", "1. Preheat the oven to 180 degrees.", "2. Mix the flour. 3. Bake it all for an hour."},
		},
		{
			"list numbers in a line", "You do it like this: 1. mix the flour 2. bake it 3. eat all of it.",
			[]string{"You do it like this:", "1. mix the flour 2. bake it 3. eat all of it."},
		},
		{
			"quotes belong to the sentence", "He said: \"It is over.\" (I think so.) Nobody answered him that day.",
			[]string{"He said: \"It is over.\"", "(I think so.) Nobody answered him that day."},
		},
		{
			"a question within", "\"What are you doing?\" she asked him in the kitchen. \"Nothing!\" he said, and left.",
			[]string{"\"What are you doing?\"", "she asked him in the kitchen.", "\"Nothing!\" he said, and left."},
		},
		{
			"number", "Please take No. 5 and see Fig. 3 for it. No. I won't do that now.",
			[]string{"Please take No. 5 and see Fig. 3 for it.", "No. I won't do that now."},
		},
		{
			"German", "Am 3. Oktober kommt Dr. Müller z.B. mit dem Zug, bzw. mit dem Bus. „Das ist gut.“ Danach gehen wir ins Kino.",
			[]string{"Am 3. Oktober kommt Dr. Müller z.B. mit dem Zug,", "bzw. mit dem Bus. „Das ist gut.“", "Danach gehen wir ins Kino."},
		},
		{
			"Korean", "안녕하세요. 저는 소리예요. 오늘 서울의 기온은 3.5도입니다. 우산이 필요할까요? 아니요, 괜찮습니다!",
			[]string{"안녕하세요. 저는 소리예요.", "오늘 서울의 기온은 3.5도입니다.", "우산이 필요할까요? 아니요, 괜찮습니다!"},
		},
		{
			"Korean without spaces", "네,그렇습니다.그래서 우리는 갑니다.",
			[]string{"네,그렇습니다.", "그래서 우리는 갑니다."},
		},
		{
			"Chinese", "好的，我来帮你查一下。今天北京的天气很好，最高气温是25.5度！你要出门吗？",
			[]string{"好的，我来帮你查一下。", "今天北京的天气很好，最高气温是25.5度！", "你要出门吗？"},
		},
		{
			"Chinese quotes", "他慢慢地对我说：「好。我知道了。」然后他就走了，没有回头。",
			[]string{"他慢慢地对我说：", "「好。我知道了。」然后他就走了，没有回头。"},
		},
		{
			"Japanese", "はい、分かりました。今日の東京の天気は晴れです。傘は要りませんよ！",
			[]string{"はい、分かりました。", "今日の東京の天気は晴れです。", "傘は要りませんよ！"},
		},
		{
			"no place to cut first", "This first sentence goes on and on without any mark that one could use to stop at",
			[]string{"This first sentence goes on and on without any mark that", "one could use to stop at"},
		},
		{
			"paragraphs end sentences", "The first heading\n\nThe second paragraph has no point\n\nEnd",
			[]string{"The first heading", "The second paragraph has no point", "End"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{1, 2, 3, 7, len(tt.in)} {
				if got := split(tt.in, n); !slices.Equal(got, tt.want) {
					t.Errorf("in pieces of %d bytes:\n got %q\nwant %q", n, got, tt.want)
				}
			}
		})
	}
}

// A clause is there as soon as the space behind its end is, or the one character
// that decides whether it is the end, no later.
func TestAddIsEager(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, before, trigger, want string }{
		{"point", "The answer is seven.", " ", "The answer is seven."},
		{"question in quotes", "He asked me “why not?” ", "A", "He asked me “why not?”"},
		{"perhaps an abbreviation", "The answer is two. ", "I", "The answer is two."},
		{"perhaps a list", "The answer is 7. ", "I", "The answer is 7."},
		{"comma", "As far as I know, ", "i", "As far as I know,"},
		{"Chinese stop", "我来帮你查一下", "。", "我来帮你查一下。"},
		{"Chinese comma", "我来帮你查一下", "，", "我来帮你查一下，"},
		{"list item", "Whole wheat flour\n-", " ", "Whole wheat flour"},
		{"paragraph", "Whole wheat flour\n", "\n", "Whole wheat flour"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := clause.New(clause.Options{})
			if got := s.Add(tt.before); len(got) > 0 {
				t.Fatalf("before %q: %q", tt.trigger, got)
			}
			if got := s.Add(tt.trigger); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("at %q: %q, want %q", tt.trigger, got, tt.want)
			}
		})
	}
}

func TestStall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"too short", "Let me", ""},
		{"last word may go on", "Let me see what I ca", "Let me see what I"},
		{"last word is whole", "Let me see what I can ", "Let me see what I can"},
		{"a whole sentence", "How are you today?", "How are you today?"},
		{"a number may go on", "The price of it is 29.", "The price of it is"},
		{"not behind a title", "Yesterday I saw Dr. ", "Yesterday I saw"},
		{"not behind a list number", "Need it: 1. ", ""},
		{"Korean", "오늘 서울의 기온과 날씨", "오늘 서울의 기온과"},
		{"Korean, too short", "오늘 날", ""},
		{"Chinese", "今天北京的天", "今天北京的天"},
		{"one long word", "Donaudampfschifffahrt", ""},
		{"held back", "<think>Let me see what I can do</think>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := clause.New(clause.Options{})
			if got := s.Add(tt.in); got != nil {
				t.Fatalf("Add gave %q", got)
			}
			got, ok := s.Stall()
			if got != tt.want || ok != (tt.want != "") {
				t.Fatalf("Stall() = %q, %t, want %q", got, ok, tt.want)
			}
			if !ok {
				return
			}
			if again, ok := s.Stall(); ok {
				t.Errorf("a second Stall gave %q", again)
			}
			rest, _ := s.Flush()
			if w := words(got + rest); w != words(clause.Spoken(tt.in)) {
				t.Errorf("%q and %q do not make up %q", got, rest, tt.in)
			}
		})
	}
}

func TestStallOnlyForTheFirstClause(t *testing.T) {
	t.Parallel()
	s := clause.New(clause.Options{})
	if got := s.Add("That is a good idea. And then we could go on and"); len(got) != 1 {
		t.Fatalf("got %q", got)
	}
	if got, ok := s.Stall(); ok {
		t.Errorf("Stall() = %q", got)
	}
}

func TestLongSentences(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, piece string }{
		{"with commas", "some words that go on for a while, and "},
		{"without marks", "word "},
		{"without spaces", "x"},
		{"Han", "字"},
		{"families", "👨‍👩‍👧a\u0301\u0302"},
		{"decomposed Hangul", "\u1112\u1161\u11ab"},
		{"short sentences", "Go. "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Repeat(tt.piece, 400)
			got := split(text, 5)
			for i, c := range got {
				if n := len([]rune(c)); n > 240 || i == 0 && n > 60 {
					t.Errorf("clause %d has %d runes: %q", i, n, c)
				}
			}
			if w, want := words(strings.Join(got, "")), words(text); w != want {
				t.Errorf("words are missing: %d of %d", len(w), len(want))
			}
		})
	}
}

func TestFlushStartsAnew(t *testing.T) {
	t.Parallel()
	s := clause.New(clause.Options{})
	for range 2 {
		if got := s.Add("```\ncode without an end. "); got != nil {
			t.Fatalf("got %q", got)
		}
		if got, ok := s.Flush(); ok {
			t.Fatalf("Flush gave %q", got)
		}
	}
	s.Add("Hi")
	if got, ok := s.Flush(); got != "Hi" || !ok {
		t.Errorf("Flush() = %q, %t", got, ok)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	s := clause.New(clause.Options{FirstMin: 3, FirstMax: 8, Min: 1, Max: 20})
	got := s.Add("Yes. No, no. Well I do not know what to say about that. Ok")
	want := []string{"Yes.", "No, no.", "Well I do not know", "what to say about", "that."}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
