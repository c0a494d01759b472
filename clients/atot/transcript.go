package atot

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"sori/clients/endpoint"
	"sori/clients/sse"
	"sori/stage"
)

const (
	maxAnswer    = 1 << 20  // bytes of an answer
	maxPartial   = 16 << 10 // bytes of text up to which partial transcripts are given
	noSpeechOver = 0.8      // an engine that is so sure heard nobody
)

// readTranscript reads an answer of any shape. yield is given partial
// transcripts; when it returns false, the rest is not read.
func readTranscript(body io.Reader, media string, yield func(stage.Transcript) bool) (string, error) {
	r := bufio.NewReader(body)
	head, err := peek(r)
	if err != nil {
		return "", err
	}
	if sse.Looks(head, media) {
		return readEvents(r, yield)
	}
	all, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	return readWhole(all, media)
}

// peek gives the first bytes of a body without waiting for more than tell what
// it is.
func peek(r *bufio.Reader) ([]byte, error) {
	const enough = 16
	if _, err := r.Peek(1); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head, err := r.Peek(max(enough, r.Buffered()))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head, nil
}

// readWhole reads an answer that is no stream.
func readWhole(body []byte, media string) (string, error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(body), "\ufeff"))
	isJSON := media == "application/json" || strings.HasSuffix(media, "+json")
	switch {
	case strings.HasPrefix(text, "{"):
		return readObject([]byte(text))
	case strings.HasPrefix(text, `"`):
		var s string
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			return clean(s), nil
		}
	case strings.HasPrefix(text, "<") && strings.Contains(text, ">"):
		return "", &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with a web page instead of a transcript: check the path in --atot."}
	}
	if isJSON {
		return "", notJSON(body, errors.New("no JSON object"))
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }) {
		return "", &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with something that is no text."}
	}
	return clean(text), nil
}

func notJSON(body []byte, err error) error {
	if strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
		return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with a web page instead of a transcript: check the path in --atot."}
	}
	return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with JSON that is no transcript.", Err: err}
}

// readObject reads {"text"}, with or without the segments of verbose_json, and
// the seed's {"atot_text"}.
func readObject(body []byte) (string, error) {
	var answer struct {
		Text     *string         `json:"text"`
		ATOTText *string         `json:"atot_text"`
		Error    json.RawMessage `json:"error"`
		Segments []struct {
			NoSpeech *float64 `json:"no_speech_prob"`
		} `json:"segments"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", notJSON(body, err)
	}
	if err := endpoint.Reported(answer.Error); err != nil {
		return "", err
	}
	text := answer.Text
	if text == nil {
		text = answer.ATOTText
	}
	if text == nil {
		return "", &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with JSON that holds no transcript."}
	}
	for _, s := range answer.Segments {
		if s.NoSpeech == nil || *s.NoSpeech <= noSpeechOver {
			return clean(*text), nil
		}
	}
	if len(answer.Segments) > 0 {
		return "", nil
	}
	return clean(*text), nil
}

// clean trims a transcript and makes one space of all white space. Notes that
// whisper writes where nobody speaks are no words.
func clean(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	if len(text) > 40 || !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "(") {
		return text
	}
	switch strings.ToLower(strings.Trim(text, "[]() ")) {
	case "blank_audio", "blank audio", "silence", "no speech", "inaudible", "":
		return ""
	}
	return text
}
