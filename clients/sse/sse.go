// Package sse reads server-sent events as engines really send them: with CR, LF
// or CRLF, with or without a space after the colon, with comments to keep the
// connection alive, and now and then without the blank line after the last event.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrTooLong says that one event, or one line, is longer than the limit.
var ErrTooLong = errors.New("the event is too long")

// Event is one event that carries data.
type Event struct {
	Name string // of the event field; "" when there is none
	Data []byte // the data lines joined by line feeds; valid until the next call of Next
	Cut  bool   // the stream ended before the blank line that ends an event: Data may be a part only
}

// Reader reads events from a stream. It belongs to one goroutine.
type Reader struct {
	r     *bufio.Reader
	limit int
	line  []byte
	data  []byte
	begun bool // the byte order mark was looked for
	skip  bool // the last line ended with CR: a LF that follows belongs to it
	err   error
}

// NewReader reads from r events of at most limit bytes.
func NewReader(r io.Reader, limit int) *Reader {
	const room = 1 << 10 // a token's event takes some hundred bytes
	return &Reader{r: bufio.NewReaderSize(r, room), limit: limit}
}

// Next gives the next event that carries data. At the end of the stream it gives
// io.EOF; an error of the stream comes as it is, and loses an event that had not
// ended.
func (r *Reader) Next() (Event, error) {
	if r.err != nil {
		return Event{}, r.err
	}
	var e Event
	r.data = r.data[:0]
	some := false
	for {
		line, err := r.readLine()
		if err != nil {
			r.err = err
			if !errors.Is(err, io.EOF) || !some && len(line) == 0 {
				return Event{}, err
			}
		}
		if len(line) == 0 && err == nil {
			if some {
				e.Data = r.data
				return e, nil
			}
			e = Event{}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			if some {
				r.data = append(r.data, '\n')
			}
			some = true
			r.data = append(r.data, value...)
			if len(r.data) > r.limit {
				r.err = fmt.Errorf("%w: over %d bytes", ErrTooLong, r.limit)
				return Event{}, r.err
			}
		case "event":
			e.Name = string(value)
		}
		if err != nil {
			if !some {
				return Event{}, err
			}
			e.Data, e.Cut = r.data, true
			return e, nil
		}
	}
}

// readLine reads one line without its end. With io.EOF it gives the line that
// had no end.
func (r *Reader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		b, err := r.r.ReadByte()
		if err != nil {
			return r.trimMark(r.line), err
		}
		if r.skip {
			r.skip = false
			if b == '\n' {
				continue
			}
		}
		switch b {
		case '\r':
			r.skip = true
			return r.trimMark(r.line), nil
		case '\n':
			return r.trimMark(r.line), nil
		}
		if len(r.line) > r.limit+len("data: ") {
			return nil, fmt.Errorf("%w: over %d bytes", ErrTooLong, r.limit)
		}
		r.line = append(r.line, b)
	}
}

// trimMark drops a byte order mark before the first line.
func (r *Reader) trimMark(line []byte) []byte {
	if r.begun {
		return line
	}
	r.begun = true
	return bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
}

// Looks tells whether a body is a stream of events, by its first bytes and, where
// these leave a doubt, its media type: text that somebody spoke may begin with
// "data:" too.
func Looks(head []byte, mediaType string) bool {
	s := strings.TrimLeft(strings.TrimPrefix(string(head), "\xef\xbb\xbf"), "\r\n")
	field, value, found := strings.Cut(s, ":")
	if !found {
		return false
	}
	switch field {
	case "data":
		value = strings.TrimLeft(value, " ")
		return mediaType == MediaType || strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[DONE]")
	case "event", "id", "retry", "":
		return mediaType == MediaType || strings.Contains(value, "\ndata:") || strings.Contains(value, "\rdata:")
	}
	return false
}

// MediaType is the one that streams of events have.
const MediaType = "text/event-stream"
