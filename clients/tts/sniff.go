package tts

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"sori/clients/sse"
)

// headBytes is how much of a body is looked at: 10 ms of speech at the least.
const headBytes = 512

// kind is what a body is.
type kind int

const (
	barePCM kind = iota
	wav
	events // server-sent events that carry audio
	text   // JSON, HTML or another text: no speech
	mp3
	ogg
	flac
	aac
	webm
)

// String names the format for people.
func (k kind) String() string {
	return [...]string{"PCM", "WAV", "events", "text", "MP3", "Ogg", "FLAC", "AAC", "WebM"}[k]
}

// kindOf tells what a body is by its first bytes. media decides only where these
// could be anything, since PCM may begin with any bytes at all.
func kindOf(head []byte, media string) kind {
	switch {
	case bytes.HasPrefix(head, []byte("RIFF")), bytes.HasPrefix(head, []byte("RF64")):
		return wav
	case bytes.HasPrefix(head, []byte("OggS")):
		return ogg
	case bytes.HasPrefix(head, []byte("fLaC")):
		return flac
	case bytes.HasPrefix(head, []byte("ID3")):
		return mp3
	case bytes.HasPrefix(head, []byte("\x1aE\xdf\xa3")):
		return webm
	case isFrames(head, mp3Frame, media):
		return mp3
	case isFrames(head, aacFrame, media):
		return aac
	case sse.Looks(head, media) && isText(head):
		return events
	case looksWritten(head, media):
		return text
	}
	return barePCM
}

// looksWritten tells text from speech: all of it can be printed, and it begins
// as JSON or HTML do or says that it is text.
func looksWritten(head []byte, media string) bool {
	if !isText(head) {
		return false
	}
	said := strings.HasPrefix(media, "text/") || strings.Contains(media, "json") || strings.Contains(media, "xml")
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	return said || len(trimmed) > 0 && strings.ContainsRune(`{[<"`, rune(trimmed[0]))
}

// isText says whether head is printable UTF-8; a character may be cut at its end.
func isText(head []byte) bool {
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		switch {
		case r == utf8.RuneError && size == 1:
			return len(head) < utf8.UTFMax && !utf8.FullRune(head)
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f:
			return false
		}
		head = head[size:]
	}
	return true
}

// isFrames says whether head is a row of compressed frames. size gives the
// length of the frame at the beginning of a slice, 0 when there is none. One
// frame alone is only believed where the header does not speak of PCM: a loud
// first sample looks the same.
func isFrames(head []byte, size func([]byte) int, media string) bool {
	n := size(head)
	if n == 0 {
		return false
	}
	if n+7 <= len(head) {
		return size(head[n:]) > 0
	}
	return media == "audio/mpeg" || media == "audio/mp3" || media == "audio/aac" || media == "audio/aacp"
}

// mp3Frame gives the length of the MPEG layer III frame at the beginning of b.
func mp3Frame(b []byte) int {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 || b[1]&0x06 != 0x02 {
		return 0
	}
	version, rateIndex, bitrateIndex := b[1]>>3&3, b[2]>>2&3, b[2]>>4
	if version == 1 || rateIndex == 3 || bitrateIndex == 0 || bitrateIndex == 15 {
		return 0
	}
	rate := [...]int{44_100, 48_000, 32_000}[rateIndex]
	kbits := [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	factor := 72_000
	switch version {
	case 3: // MPEG 1
		kbits = [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
		factor = 144_000
	case 2: // MPEG 2
		rate /= 2
	case 0: // MPEG 2.5
		rate /= 4
	}
	return factor*kbits[bitrateIndex]/rate + int(b[2]>>1&1)
}

// aacFrame gives the length of the ADTS frame at the beginning of b.
func aacFrame(b []byte) int {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 || b[2]>>2&15 > 12 {
		return 0
	}
	n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if n < 7 {
		return 0
	}
	return n
}
