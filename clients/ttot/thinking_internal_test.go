package ttot

import (
	"strings"
	"testing"
)

// stripped gives what is to be spoken of s when it comes in pieces of n bytes.
func stripped(s string, n int) string {
	var t thinking
	var out strings.Builder
	for s != "" {
		piece := s[:min(n, len(s))]
		s = s[len(piece):]
		out.WriteString(t.write(piece))
	}
	out.WriteString(t.flush())
	return out.String()
}

func TestThoughtsAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"Hello.", "Hello."},
		{" \n Hello. ", "Hello. "},
		{"<think>Hm.</think>\n\nHello.", "Hello."},
		{"<THINK>Hm.</Think>Hello.", "Hello."},
		{"<thinking>a < b</thinking>Hello.", "Hello."},
		{"<think>a</thinking>b</think>Hello.", "Hello."},
		{"Hm.</think>Hello.", "Hm.Hello."},
		{"<think>a</think>One <think>b</think>two", "One two"},
		{"<think>never ends", ""},
		{"<think></think>", ""},
		{"a < b, a <thin air, <b>bold</b>, </", "a < b, a <thin air, <b>bold</b>, </"},
		{"<<think>x</think>>", "<>"},
		{"<think", "<think"},
		{"", ""},
	} {
		for n := 1; n <= len(tc.in)+1; n++ {
			if got := stripped(tc.in, n); got != tc.want {
				t.Errorf("%q in pieces of %d: %q, want %q", tc.in, n, got, tc.want)
			}
		}
	}
}

func FuzzThinking(f *testing.F) {
	for _, s := range []string{"<think>a</think>b", "<<thinking>", "a</think", "<think><think></think>x", " <reasoning>é</reasoning> é<"} {
		f.Add(s, 1)
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = max(1, n%16)
		whole := stripped(s, len(s)+1)
		if got := stripped(s, n); got != whole {
			t.Errorf("in pieces of %d: %q, whole: %q", n, got, whole)
		}
		if !strings.Contains(s, "<") && whole != strings.TrimLeft(s, " \t\r\n") {
			t.Errorf("text without thoughts %q became %q", s, whole)
		}
	})
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		`{"choices":[{"message":{"content":[{"type":"text","text":"Hi"}]}}]}`,
		"data: {\"delta\":\"Hel\"}\n\ndata: {\"ttot_text\":\"Hello\"}\n\n",
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\ndata: [DONE]\n\n",
		`{"error":{"code":503}}`, "<html>", "",
	} {
		f.Add(s, "text/event-stream")
	}
	f.Fuzz(func(t *testing.T, body, media string) {
		given := 0
		r := replyReader{
			yield:    func(s string) bool { given += len(s); return true },
			progress: func() {},
			ending:   func() {},
			tools:    true,
		}
		err := r.read(strings.NewReader(body), media)
		if err == nil && given == 0 && len(r.calls.all) == 0 {
			t.Error("a reply without a word is no error")
		}
		if given > maxReply {
			t.Errorf("%d bytes were given", given)
		}
	})
}
