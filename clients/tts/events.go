package tts

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"

	"sori/clients/endpoint"
	"sori/clients/sse"
	"sori/stage"
)

// maxEvent is how many bytes one event may have: 8 s of speech at 48 kHz.
const maxEvent = 1 << 20

// eventAudio reads the audio out of a stream of speech.audio.delta events, which
// ends with speech.audio.done. It belongs to one goroutine.
type eventAudio struct {
	events *sse.Reader
	audio  []byte // decoded and not yet read
	err    error
}

func newEventAudio(r io.Reader) *eventAudio {
	return &eventAudio{events: sse.NewReader(r, maxEvent)}
}

// Read gives the next audio. A stream without its last event ends with
// io.ErrUnexpectedEOF.
func (a *eventAudio) Read(p []byte) (int, error) {
	for len(a.audio) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		a.audio, a.err = a.next()
	}
	n := copy(p, a.audio)
	a.audio = a.audio[n:]
	return n, nil
}

// next gives the audio of the next event; there may be none in it.
func (a *eventAudio) next() ([]byte, error) {
	e, err := a.events.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	case errors.Is(err, sse.ErrTooLong):
		return nil, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "sends an event that is too long.", Err: err}
	case err != nil:
		return nil, err
	case string(e.Data) == "[DONE]":
		return nil, io.EOF
	}
	var event struct {
		Type  string          `json:"type"`
		Audio string          `json:"audio"`
		Delta string          `json:"delta"` // where some servers put the audio
		Error json.RawMessage `json:"error"`
	}
	if err = json.Unmarshal(e.Data, &event); err != nil {
		if e.Cut {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "sends events that are no JSON of speech.", Err: err}
	}
	if err = endpoint.Reported(event.Error); err != nil {
		return nil, err
	}
	if event.Type == "speech.audio.done" {
		return nil, io.EOF
	}
	encoded := event.Audio
	if encoded == "" {
		encoded = event.Delta
	}
	pcm, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "sends events whose audio is no base64.", Err: err}
	}
	return pcm, nil
}

// reported finds an error object in a JSON answer.
func reported(body []byte) error {
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &answer) == nil {
		return endpoint.Reported(answer.Error)
	}
	return nil // no JSON object: then it reports nothing
}
