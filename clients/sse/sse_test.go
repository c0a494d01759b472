package sse_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"sori/clients/sse"
)

// all gives the events of a stream as text, and the error that ended it.
func all(r io.Reader, limit int) (events []string, err error) {
	s := sse.NewReader(r, limit)
	for {
		e, err := s.Next()
		if err != nil {
			return events, err
		}
		cut := ""
		if e.Cut {
			cut = "~"
		}
		events = append(events, fmt.Sprintf("%s|%s%s", e.Name, e.Data, cut))
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"one", "data: a\n\n", "|a"},
		{"named", "event: x\ndata: a\n\ndata: b\n\n", "x|a |b"},
		{"without a space", "data:a\n\n", "|a"},
		{"two spaces", "data:  a\n\n", "| a"},
		{"several lines", "data: a\ndata\ndata: b\n\n", "|a\n\nb"},
		{"CRLF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", "|a\nb |c"},
		{"CR", "data: a\r\rdata: b\r\r", "|a |b"},
		{"comments and other fields", ": ping\nid: 1\nretry: 5\nfoo\n\n:\n\ndata: a\n\n", "|a"},
		{"a name without data", "event: x\n\ndata: a\n\n", "|a"},
		{"byte order mark", "\xef\xbb\xbfdata: a\n\n", "|a"},
		{"no blank line at the end", "data: a\n\ndata: b\n", "|a |b~"},
		{"no line end at the end", "data: a\n\ndata: b", "|a |b~"},
		{"ends in the name of a field", "data: a\n\ndat", "|a"},
		{"empty data", "data:\n\n", "|"},
		{"nothing", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for name, r := range map[string]io.Reader{
				"at once":        strings.NewReader(tc.in),
				"byte by byte":   iotest.OneByteReader(strings.NewReader(tc.in)),
				"data with EOF":  iotest.DataErrReader(strings.NewReader(tc.in)),
				"half as it can": iotest.HalfReader(strings.NewReader(tc.in)),
			} {
				got, err := all(r, 100)
				if !errors.Is(err, io.EOF) || strings.Join(got, " ") != tc.want {
					t.Errorf("%s: %q, %v; want %q", name, got, err, tc.want)
				}
			}
		})
	}
}

func TestLongEventsAreRefused(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"data: " + strings.Repeat("a", 101) + "\n\n",
		strings.Repeat("data: aaaaaaaaa\n", 11) + "\n",
		strings.Repeat("a", 200),
	} {
		if _, err := all(strings.NewReader(in), 100); !errors.Is(err, sse.ErrTooLong) {
			t.Errorf("%.20q…: %v", in, err)
		}
	}
	if got, _ := all(strings.NewReader("data: "+strings.Repeat("a", 100)+"\n\n"), 100); len(got) != 1 {
		t.Errorf("an event of just the limit is refused: %v", got)
	}
}

func TestErrorOfTheStreamComesAsItIs(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	got, err := all(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(broken)), 100)
	if !errors.Is(err, broken) || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestLooks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		head, media string
		want        bool
	}{
		{"data: {\"a\"", "", true},
		{"data:{\"a\"", "application/json", true},
		{"data: [DONE]", "", true},
		{"data: words", "text/event-stream", true},
		{"data: words", "text/plain", false},
		{"event: x\ndata: {", "", true},
		{"event: the big day", "text/plain", false},
		{": ping\n\n", "text/event-stream", true},
		{"\n\ndata: {", "", true},
		{"\xef\xbb\xbfdata: {", "", true},
		{`{"data": 5}`, "text/event-stream", false},
		{"dat", "text/event-stream", false},
		{"RIFF:", "text/event-stream", false},
	} {
		if got := sse.Looks([]byte(tc.head), tc.media); got != tc.want {
			t.Errorf("%q of %q: %v", tc.head, tc.media, got)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{"data: a\r\n\r\ndata:b\r\rdata: c\n\n", "event: x\ndata\n\n", "\xef\xbb\xbf:\n", "data: a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		whole, err1 := all(strings.NewReader(in), 50)
		pieces, err2 := all(iotest.OneByteReader(strings.NewReader(in)), 50)
		if strings.Join(whole, "\x00") != strings.Join(pieces, "\x00") || (err1 == nil) != (err2 == nil) {
			t.Errorf("at once %q %v, byte by byte %q %v", whole, err1, pieces, err2)
		}
		for _, e := range whole {
			if len(e) > 50+50+len("data: ||~") {
				t.Errorf("an event of %d bytes", len(e))
			}
		}
	})
}
