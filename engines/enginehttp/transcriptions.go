package enginehttp

import (
	"net/http"
	"strings"

	"sori/audio"
)

// transcriptions hears a recording: POST /v1/audio/transcriptions.
func (a *atot) transcriptions(w http.ResponseWriter, r *http.Request) {
	up, done, err := a.readAudio(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer done()
	stream := up.fields["stream"] == "true" || up.fields["stream"] == "1"
	format := up.fields["response_format"]
	switch format {
	case "":
		format = "json"
	case "json", "text", "verbose_json":
	default:
		a.fail(w, r, badRequest("response_format", "The response_format %.40q is not supported: use json, text or verbose_json.", format))
		return
	}
	a.work(w, r, func(r *http.Request) error {
		if stream {
			return a.streamTranscript(w, r, up)
		}
		text, err := a.hear(r.Context(), up.fields["user"], up, func(string) error { return nil })
		if err != nil {
			return err
		}
		switch format {
		case "text":
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			return writeText(w, text+"\n")
		case "verbose_json":
			writeJSON(w, http.StatusOK, verboseTranscript(text, up))
		default:
			writeJSON(w, http.StatusOK, struct {
				Text string `json:"text"`
			}{text})
		}
		return nil
	})
}

// writeText answers with plain text. An error of writing is the client's leaving.
func writeText(w http.ResponseWriter, text string) error {
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(text))
	return nil
}

type verbose struct {
	Task     string    `json:"task"`
	Language string    `json:"language"`
	Duration float64   `json:"duration"` // seconds
	Text     string    `json:"text"`
	Segments []segment `json:"segments"`
}

type segment struct {
	ID    int     `json:"id"`
	Start float64 `json:"start"` // seconds
	End   float64 `json:"end"`
	Text  string  `json:"text"`
}

// verboseTranscript says what is known beyond the text. How sure the engine is
// is not known, so nothing is said of it.
func verboseTranscript(text string, up *uploadedAudio) verbose {
	v := verbose{Task: "transcribe", Language: up.fields["language"], Duration: audio.Duration(len(up.pcm), audio.Rate).Seconds(), Text: text, Segments: []segment{}}
	if v.Language == "" {
		v.Language = "english"
	}
	if strings.TrimSpace(text) != "" {
		v.Segments = append(v.Segments, segment{End: v.Duration, Text: text})
	}
	return v
}

type transcriptEvent struct {
	Type  string  `json:"type"`
	Delta *string `json:"delta,omitempty"`
	Text  *string `json:"text,omitempty"`
}

// streamTranscript answers with events as text is heard.
func (a *atot) streamTranscript(w http.ResponseWriter, r *http.Request, up *uploadedAudio) error {
	events := newEvents(w)
	text, err := a.hear(r.Context(), up.fields["user"], up, func(delta string) error {
		return events.send(transcriptEvent{Type: "transcript.text.delta", Delta: &delta})
	})
	if err == nil {
		err = events.send(transcriptEvent{Type: "transcript.text.done", Text: &text})
	}
	if err != nil && events.began {
		a.breakOff(r, err)
	}
	return err
}
