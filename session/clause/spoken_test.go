package clause_test

import (
	"testing"

	"sori/session/clause"
)

func TestSpoken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Hello there.", "Hello there."},
		{"empty", "", ""},
		{"only marks", "*** --- !!! 😀", ""},
		{"bold and italics", "This is **bold**, *italic*, __both__ and ~~gone~~.", "This is bold, italic, both and gone."},
		{"bold italics", "***Very*** well", "Very well"},
		{"emphasis within a word", "un**believ**able", "unbelievable"},
		{"snake case", "set max_retry_count now", "set max retry count now"},
		{"times", "3 * 4 is 12 and 2*3 is 6", "3 * 4 is 12 and 2*3 is 6"},
		{"heading", "# Soup\nBoil water.", "Soup. Boil water."},
		{"closed heading", "## Soup ##\nBoil", "Soup. Boil"},
		{"hash", "C# is ticket #12, not #trending", "C# is ticket #12, not trending"},
		{"list", "You need:\n- flour\n- 2 eggs\n* milk\n+ salt", "You need: flour. 2 eggs. milk. salt"},
		{"task list", "- [ ] wash\n- [x] dry", "wash. dry"},
		{"numbered list", "1. Mix\n2. Bake", "1. Mix. 2. Bake"},
		{"nested list", "- a thing\n  - another\n", "a thing. another"},
		{"quote", "> So it goes.\n> Yes.", "So it goes. Yes."},
		{"rule", "One\n\n---\n\nTwo", "One. Two"},
		{"setext heading", "Title\n=====\nText", "Title. Text"},
		{"link", "See [the Go site](https://go.dev/doc?a=1) now", "See the Go site now"},
		{"link with brackets", "See [a](https://en.wikipedia.org/wiki/Go_(game)) now", "See a now"},
		{"reference link", "See [the site][ref1] now", "See the site now"},
		{"footnote", "It is so[^1].", "It is so."},
		{"image", "Look: ![a red cat](cat.png) nice", "Look: a red cat nice"},
		{"index", "take x[3](4)", "take x 3(4)"},
		{"bare url", "Go to https://www.example.com/a/b?c=d#e.", "Go to example.com."},
		{"url in brackets", "(see http://example.org:8080/x)", "(see example.org)"},
		{"url without scheme", "www.example.com/path is up", "example.com is up"},
		{"url and Korean", "https://naver.com에서 보세요", "naver.com에서 보세요"},
		{"autolink", "At <https://example.com/x> or <mailto:a@b.org>", "At example.com or a@b.org"},
		{"e-mail", "Write to john_doe@example.com.", "Write to john_doe@example.com."},
		{"table", "| Name | Age |\n|------|----:|\n| Kim | 30 |\n| Lee | 41 |\n", "Name, Age. Kim, 30. Lee, 41"},
		{"inline code", "Run `go test ./...` or call `foo_bar()`.", "Run go test or call foo bar."},
		{"inline code with a dot", "Open `main.go` and `C++`.", "Open main.go and C++."},
		{"code block", "Do this:\n```go\nx := 1\nfmt.Println(\"hi\")\n```\nThen go.", "Do this: Then go."},
		{"tilde block", "A\n~~~\ncode\n~~~\nB", "A. B"},
		{"nested fence", "A\n````\n```\ninner\n```\n````\nB", "A. B"},
		{"code block in a line", "Use ```x = 1``` here", "Use here"},
		{"open code block", "Do this:\n```go\nx := 1", "Do this:"},
		{"block in a list", "- a\n  ```\n  x\n  ```\n- b", "a. b"},
		{"thoughts", "<think>hmm, 2 < 3\n</think>\n\nYes.", "Yes."},
		{"thoughts never end", "<think>hmm", ""},
		{"lone end of thoughts", "</think>Yes.", "Yes."},
		{"tags", "a<br>b <b>bold</b> <span class=\"x y\">in</span>", "a. b bold in"},
		{"comment", "a <!-- b > c --> d", "a d"},
		{"template marks", "Yes.<|im_end|>", "Yes."},
		{"less than", "2 < 3 and x <y and z> w, I <3 you", "2 < 3 and x y and z w, I <3 you"},
		{"entities", "AT&amp;T &lt;b&gt; &nbsp;R&D &bogus;", "AT&T <b> R&D &bogus;"},
		{"escapes", `5\*5 \# \_x\_ 1\. one`, "5 5 x 1. one"},
		{"emoji", "Great 👍🏽! Family 👨‍👩‍👧 flag 🇰🇷 key 1️⃣ ok✅done ❤️", "Great! Family flag key 1 ok done"},
		{"arrows", "A → B -> C => D", "A B C D"},
		{"dashes", "wait -- what --- no", "wait — what no"},
		{"money", "$29.50 or $x", "$29.50 or x"},
		{"degrees", "20 °C, 50%", "20 °C, 50%"},
		{"Korean", "**안녕하세요!** 저는 `소리`예요 😊.", "안녕하세요! 저는 소리예요."},
		{"Chinese", "你好，**世界**。\n\n再见！", "你好，世界。 再见！"},
		{"soft line break", "one\ntwo", "one two"},
		{"paragraphs", "one\n\ntwo", "one. two"},
		{"carriage returns", "one\r\n\r\ntwo", "one. two"},
		{"broken UTF-8", "a\xff\xfeb", "a b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := clause.Spoken(tt.in); got != tt.want {
				t.Errorf("Spoken(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
		})
	}
}
