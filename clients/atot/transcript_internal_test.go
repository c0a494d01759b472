package atot

import (
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"sori/stage"
)

func FuzzTranscript(f *testing.F) {
	for _, s := range []string{
		`{"text":" Hi "}`, `{"atot_text":"Hi"}`, `"Hi"`, "Hi", "<html>", "", "\xff", `{"error":{"code":429}}`,
		`{"text":"x","segments":[{"no_speech_prob":0.9}]}`,
		"data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"\"}\n\n",
		"data:{\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata:[DONE]\r\n\r\n",
		"data: {\"text\":\"a\"}\n\ndata: {\"text\":\"b\"}\n\n",
	} {
		for _, media := range []string{"application/json", "text/event-stream", "text/plain", ""} {
			f.Add(s, media)
		}
	}
	f.Fuzz(func(t *testing.T, body, media string) {
		partial := func(tr stage.Transcript) bool {
			if tr.Final || tr.Text == "" {
				t.Errorf("a partial transcript %+v", tr)
			}
			return true
		}
		text, err := readTranscript(strings.NewReader(body), media, partial)
		if err != nil && text != "" {
			t.Errorf("both %q and %v", text, err)
		}
		if text != strings.Join(strings.Fields(text), " ") || !utf8.ValidString(text) {
			t.Errorf("the transcript %q is not clean", text)
		}
		if again, err2 := readTranscript(iotest.HalfReader(strings.NewReader(body)), media, partial); again != text || (err == nil) != (err2 == nil) {
			t.Errorf("at once %q %v, in pieces %q %v", text, err, again, err2)
		}
	})
}
