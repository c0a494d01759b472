package atot

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"sori/clients/endpoint"
	"sori/clients/sse"
	"sori/stage"
)

// event is one event of a streamed transcript, in any of the shapes:
//
//	{"type": "transcript.text.delta", "delta": "…"}, then .done with "text"   OpenAI; llama.cpp leaves the text of .done empty
//	{"choices": [{"delta": {"content": "…"}}]}, then [DONE]                   vLLM
//	{"text": "…"} for each segment, up to the end of the stream               speaches
type event struct {
	Type    string          `json:"type"`
	Delta   *string         `json:"delta"`
	Text    *string         `json:"text"`
	Error   json.RawMessage `json:"error"`
	Choices []struct {
		Delta struct {
			Content *string `json:"content"`
		} `json:"delta"`
		FinishReason *string `json:"finish_reason"`
	} `json:"choices"`
}

// errLeft says that whoever takes the transcripts wants no more.
var errLeft = errors.New("the listener left")

// readEvents reads a streamed transcript.
func readEvents(r io.Reader, yield func(stage.Transcript) bool) (string, error) {
	events := sse.NewReader(r, maxAnswer)
	var t streamed
	for {
		e, err := events.Next()
		switch {
		case errors.Is(err, io.EOF):
			if !t.ended && !t.segments {
				return "", io.ErrUnexpectedEOF
			}
			return clean(t.text.String()), nil
		case errors.Is(err, sse.ErrTooLong):
			return "", &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "sends an event that is too long.", Err: err}
		case err != nil && t.ended:
			return clean(t.text.String()), nil
		case err != nil:
			return "", err
		}
		if string(e.Data) == "[DONE]" {
			return clean(t.text.String()), nil
		}
		grew, err := t.take(e.Data)
		if err != nil {
			if e.Cut {
				return "", io.ErrUnexpectedEOF
			}
			return "", err
		}
		if t.done {
			return clean(t.text.String()), nil
		}
		if grew && t.text.Len() <= maxPartial {
			if text := clean(t.text.String()); text != "" && !yield(stage.Transcript{Text: text}) {
				return "", errLeft
			}
		}
	}
}

// streamed is a transcript that is being put together.
type streamed struct {
	text     strings.Builder
	segments bool // it comes in segments, without a mark at the end
	ended    bool // the engine said that nothing more comes, though a [DONE] may
	done     bool // the engine gave the whole text
}

// take takes in one event and says whether text came with it.
func (t *streamed) take(data []byte) (grew bool, err error) {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return false, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "sends events that are no JSON of a transcript.", Err: err}
	}
	if e.Type == "error" && len(e.Error) == 0 {
		e.Error = json.RawMessage(`"an error event"`)
	}
	if err := endpoint.Reported(e.Error); err != nil {
		return false, err
	}
	before := t.text.Len()
	switch {
	case e.Type == "transcript.text.delta" && e.Delta != nil:
		t.text.WriteString(*e.Delta)
	case e.Type == "transcript.text.done":
		t.done = true
		if e.Text != nil && strings.TrimSpace(*e.Text) != "" {
			t.text.Reset()
			t.text.WriteString(*e.Text)
		}
	case len(e.Choices) > 0:
		c := e.Choices[0]
		if c.Delta.Content != nil {
			t.text.WriteString(*c.Delta.Content)
		}
		t.ended = t.ended || c.FinishReason != nil && *c.FinishReason != ""
	case e.Type == "" && e.Text != nil:
		t.segments = true
		t.text.WriteString(" " + *e.Text)
	}
	return t.text.Len() > before, nil
}
