package ttot

import (
	"slices"
	"strings"
)

// thinking takes out what a model thinks, <think>…</think>, and the white space
// before the first word. Where the text is cut into pieces makes no difference.
type thinking struct {
	began  bool   // a word was given
	inside string // the tag that is open; "" outside
	held   string // the end of what came, which may be the beginning of a tag
}

// tags are the names of the tags around thoughts.
func tags() []string { return []string{"think", "thinking", "thought", "reasoning"} }

// write takes the next piece and gives what of it is to be spoken.
func (t *thinking) write(s string) string {
	s, t.held = t.held+s, ""
	var out strings.Builder
	for s != "" {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			t.say(&out, s)
			break
		}
		t.say(&out, s[:open])
		s = s[open:]
		name, closing, size, maybe := readTag(s)
		if maybe {
			t.held = s
			break
		}
		known := slices.Contains(tags(), name)
		switch {
		case t.inside != "" && closing && name == t.inside:
			t.inside = ""
		case t.inside == "" && known && !closing:
			t.inside = name
		case t.inside == "" && known: // the end of thoughts that began in the prompt
		default:
			size = 1
			t.say(&out, s[:1])
		}
		s = s[size:]
	}
	return out.String()
}

// flush gives what was held back at the end of the text.
func (t *thinking) flush() string {
	var out strings.Builder
	t.say(&out, t.held)
	t.held = ""
	return out.String()
}

// say gives s unless it is thought.
func (t *thinking) say(out *strings.Builder, s string) {
	if t.inside != "" || s == "" {
		return
	}
	if !t.began {
		if s = strings.TrimLeft(s, " \t\r\n"); s == "" {
			return
		}
		t.began = true
	}
	out.WriteString(s)
}

// readTag reads a tag at the beginning of s. maybe says that s is too short to
// tell. size is the tag's length; name is "" where it is no tag.
func readTag(s string) (name string, closing bool, size int, maybe bool) {
	rest := s[1:]
	rest, closing = strings.CutPrefix(rest, "/")
	for _, tag := range tags() {
		n := min(len(tag), len(rest))
		if !strings.EqualFold(rest[:n], tag[:n]) {
			continue
		}
		if len(rest) <= len(tag) {
			maybe = true
			continue
		}
		if rest[len(tag)] == '>' {
			return tag, closing, len(s) - len(rest) + len(tag) + 1, false
		}
	}
	return "", closing, 0, maybe
}
