package child

import (
	"bytes"
	"strings"
	"sync"
)

// maxLine bounds a line, in bytes; the rest of a longer one is dropped.
const maxLine = 2 << 10

// lines cuts what is written to it into lines. One goroutine writes.
type lines struct {
	to      func(line string)
	partial []byte
	skip    bool // the rest of a long line comes
}

func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, end := bytes.Cut(b, []byte{'\n'})
		if !l.skip {
			l.partial = append(l.partial, part[:min(len(part), maxLine-len(l.partial))]...)
		}
		if end || len(l.partial) == maxLine && !l.skip {
			if line := strings.TrimSpace(strings.ToValidUTF8(string(l.partial), "")); line != "" {
				l.to(line)
			}
			l.partial = l.partial[:0]
		}
		l.skip = !end && (l.skip || len(part) > 0 && len(l.partial) == 0)
		b = rest
	}
	return n, nil
}

// lastWords keeps the line that tells most about an end: a panic's first, else
// the last one.
type lastWords struct {
	mu    sync.Mutex // guards what follows
	line  string
	final bool
}

func (w *lastWords) add(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.final {
		return
	}
	w.final = strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "SIG")
	if len(line) > 300 {
		line = strings.ToValidUTF8(line[:300], "") + "…"
	}
	w.line = line
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.line
}
