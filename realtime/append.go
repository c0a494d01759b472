package realtime

import (
	"bytes"
	"encoding/base64"
)

// MaxAudio is how much audio one append may hold, in bytes after base64.
const MaxAudio = 15 << 20

// MaxFrame is the largest text frame of a client, in bytes: 15 MiB of audio in
// base64, and what stands around it.
const MaxFrame = 22 << 20

// ScanAppend reads an input_audio_buffer.append without a JSON parser: it is
// what comes fifty times a second. The audio is decoded in place, so that audio
// and eventID are parts of frame. ok is false for anything but a plain event
// with "type", "audio" and perhaps "event_id", each once and without escapes;
// then frame is as it was, and a parser has to say what it is.
//
// What it takes is what encoding/json would give.
func ScanAppend(frame []byte) (audio, eventID []byte, ok bool) {
	text, eventID, ok := scanPlain(frame)
	if !ok {
		return nil, nil, false
	}
	n, ok := decodeInPlace(text)
	if !ok {
		return nil, nil, false
	}
	return text[:n], eventID, true
}

// decodeInPlace decodes base64 in its own memory and gives the length of what
// comes out, MaxAudio at most. If it is no plain base64, ok is false and text is
// as it was: looking at each letter beforehand takes three times as long as
// decoding does.
func decodeInPlace(text []byte) (n int, ok bool) {
	if len(text)%4 != 0 || bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 { // the decoder skips those
		return 0, false
	}
	letters := len(text)
	if pad := bytes.IndexByte(text, '='); pad >= 0 {
		letters = pad
	}
	if letters < len(text)-2 || base64.RawStdEncoding.DecodedLen(letters) > MaxAudio {
		return 0, false
	}
	n, err := base64.StdEncoding.Decode(text, text)
	if err == nil {
		return n, true
	}
	// Only whole groups of four letters were decoded. What lies under their bytes
	// are their own letters.
	base64.StdEncoding.Encode(text, bytes.Clone(text[:n]))
	return 0, false
}

// scanTooLarge says whether a frame is a plain append of more than MaxAudio. It
// spares a parser the work.
func scanTooLarge(frame []byte) (eventID []byte, yes bool) {
	text, eventID, ok := scanPlain(frame)
	return eventID, ok && base64.RawStdEncoding.DecodedLen(len(text)) > MaxAudio+3 && isBase64(text)
}

// scanPlain takes a plain event apart. What is in text is not looked at yet.
func scanPlain(frame []byte) (text, eventID []byte, ok bool) {
	s := scanner{rest: frame}
	if !s.is('{') {
		return nil, nil, false
	}
	var haveType, haveAudio, haveID bool
	for {
		key, fine := s.text()
		if !fine || !s.is(':') {
			return nil, nil, false
		}
		value, fine := s.text()
		if !fine {
			return nil, nil, false
		}
		switch {
		case string(key) == "type" && !haveType && string(value) == TypeAppend:
			haveType = true
		case string(key) == "audio" && !haveAudio:
			haveAudio, text = true, value
		case string(key) == "event_id" && !haveID:
			haveID, eventID = true, value
		default:
			return nil, nil, false
		}
		if s.is(',') {
			continue
		}
		if !s.is('}') || !s.atEnd() || !haveType || !haveAudio {
			return nil, nil, false
		}
		break
	}
	return text, eventID, len(eventID) <= maxID
}

func tooLarge(param string) *Error {
	return Wrong(CodeInvalidAudio, param, "Invalid '%s': it has more than 15 MiB of audio.", param)
}

// isBase64 says whether decoding in place will go well: what is decoded is lost
// when it fails half way.
func isBase64(b []byte) bool {
	body := b
	for range 2 {
		body = bytes.TrimSuffix(body, []byte("="))
	}
	for _, c := range body {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// decodeBase64 is for audio that came through a JSON parser. Padding may be
// missing.
func decodeBase64(s string) ([]byte, error) {
	if len(s)%4 != 0 {
		return base64.RawStdEncoding.DecodeString(s)
	}
	return base64.StdEncoding.DecodeString(s)
}

// scanner goes through plain JSON.
type scanner struct{ rest []byte }

func (s *scanner) skip() {
	for len(s.rest) > 0 {
		switch s.rest[0] {
		case ' ', '\t', '\r', '\n':
			s.rest = s.rest[1:]
		default:
			return
		}
	}
}

// is takes c, if it comes next.
func (s *scanner) is(c byte) bool {
	s.skip()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) atEnd() bool {
	s.skip()
	return len(s.rest) == 0
}

// text takes a string of plain ASCII without escapes.
func (s *scanner) text() (value []byte, ok bool) {
	if !s.is('"') {
		return nil, false
	}
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 {
		return nil, false
	}
	value = s.rest[:end]
	if len(value) < longText {
		for _, c := range value {
			if c < ' ' || c > '~' || c == '\\' {
				return nil, false
			}
		}
	}
	s.rest = s.rest[end+1:]
	return value, true
}

// longText is from where a text is only looked at by isBase64: nothing else in
// the event may be so long.
const longText = 512
