package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sori/audio"
	"sori/stage"
)

// minV1Audio is the shortest recording: in less there is no word.
const minV1Audio = 100 * time.Millisecond

// transcription is what a caller wants of POST /v1/audio/transcriptions.
type transcription struct {
	*run

	format   string
	stream   bool
	language string
}

// The forms in which a transcript is given.
const (
	formatJSON    = "json"
	formatText    = "text"
	formatVerbose = "verbose_json"
	formatSRT     = "srt"
	formatVTT     = "vtt"
)

// transcriptions is POST /v1/audio/transcriptions: the configured ATOT hears.
func (s *Server) transcriptions(g *gin.Context) {
	q, err := s.readTranscription(g)
	defer q.close()
	if err == nil && (s.cfg.Engines == nil || s.cfg.Engines.ATOT == nil) {
		err = notSet(stage.ATOT)
	}
	if err != nil {
		s.failV1(g, err)
		return
	}
	grant, end, ok := s.begin(g, q.user)
	if !ok {
		return
	}
	defer end()
	pcm, err := s.readPCM(q.run)
	if err != nil {
		s.failV1(g, err)
		return
	}
	grant.Spoken(audio.Duration(len(pcm), audio.Rate))
	h := hearing{s: s, g: g, q: q, pcm: pcm}
	if q.stream {
		h.streamed()
	} else {
		h.whole()
	}
}

// readTranscription reads the form and finds its file.
func (s *Server) readTranscription(g *gin.Context) (*transcription, error) {
	q := &transcription{run: &run{user: s.userOf(principal(g)), caller: principal(g)}, format: formatJSON}
	media, params, err := mime.ParseMediaType(g.GetHeader("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return q, &requestError{status: http.StatusUnsupportedMediaType, code: "multipart_wanted", err: err}
	}
	if g.Request.ContentLength > s.cfg.MaxUpload {
		return q, &http.MaxBytesError{Limit: s.cfg.MaxUpload} // before any of it is read
	}
	g.Request.Body = http.MaxBytesReader(g.Writer, g.Request.Body, s.cfg.MaxUpload)
	if err := q.takeMultipart(bufio.NewReaderSize(g.Request.Body, 4096), params["boundary"]); err != nil {
		return q, err
	}
	q.language = s.cfg.Session.Language
	return q, q.takeOptions()
}

// takeOptions reads the fields of the form that are OpenAI's.
func (q *transcription) takeOptions() error {
	field := func(name string) string {
		if v := q.form.Value[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	if q.audio == nil {
		return &fieldError{"file", "The form holds no file. Send the recording as the field \"file\"."}
	}
	if q.configure.Language != nil {
		q.language = *q.configure.Language
	}
	if f := field("response_format"); f != "" {
		q.format = f
	}
	switch q.format {
	case formatJSON, formatText, formatVerbose, formatSRT, formatVTT:
	default:
		return &fieldError{"response_format", "The response_format is json, text, verbose_json, srt or vtt."}
	}
	switch field("stream") {
	case "", "false", "0", "False":
	case "true", "1", "True":
		q.stream = true
	default:
		return &fieldError{"stream", "The field stream is true or false."}
	}
	for _, g := range append(q.form.Value["timestamp_granularities[]"], q.form.Value["timestamp_granularities"]...) {
		if g != "segment" {
			return &fieldError{"timestamp_granularities", "Times are told of segments, not of words."}
		}
	}
	return nil
}

// readPCM reads a recording whole, at 16,000 Hz.
func (s *Server) readPCM(r *run) ([]byte, error) {
	source, err := r.openAudio()
	if err != nil {
		return nil, err
	}
	limited := bound(source, maxV1Audio)
	to, err := audio.NewResampler(source.rate(), audio.Rate)
	if err != nil {
		return nil, badAudio(err)
	}
	var pcm []byte
	buf := make([]byte, uploadFrame)
	for {
		n, err := limited.read(buf)
		pcm = to.Append(pcm, buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if pcm = to.Flush(pcm); len(pcm) < audio.Bytes(minV1Audio, audio.Rate) {
		return nil, &requestError{status: http.StatusUnprocessableEntity, code: "bad_audio", args: []any{"it is shorter than 100 ms"}}
	}
	return pcm, nil
}

// hearing is one recording being heard.
type hearing struct {
	s   *Server
	g   *gin.Context
	q   *transcription
	pcm []byte
}

// stretch is a stretch of a recording with what was said in it.
type stretch struct {
	from, to int // bytes
	text     string
}

// hear gives the stretches in which somebody speaks, each once it is heard.
func (h *hearing) hear(done func(p stretch) error) error {
	parts, err := h.s.stretches(h.g.Request.Context(), h.pcm, h.q.stream || h.q.format != formatJSON && h.q.format != formatText)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.text, err = h.transcribe(h.pcm[p.from:p.to]); err != nil {
			return err
		}
		if p.text = strings.TrimSpace(p.text); p.text == "" {
			continue
		}
		if err := done(p); err != nil {
			return err
		}
	}
	return nil
}

func (h *hearing) transcribe(pcm []byte) (string, error) {
	clip := audio.ClipOf(pcm)
	defer clip.Release()
	ctx := h.g.Request.Context()
	u := stage.Utterance{UserID: h.q.user, Language: h.q.language, Audio: clip}
	for t, err := range h.s.cfg.Engines.ATOT.Transcribe(ctx, u) {
		if err != nil {
			if e, ok := errors.AsType[*stage.Error](err); ok && e.Code == stage.CodeNoSpeech {
				return "", nil // silence is no error here
			}
			return "", stage.AsError(stage.ATOT, err)
		}
		if t.Final {
			return t.Text, nil
		}
	}
	return "", ctx.Err()
}

// whole answers with the transcript in one piece.
func (h *hearing) whole() {
	var parts []stretch
	err := h.hear(func(p stretch) error {
		parts = append(parts, p)
		return nil
	})
	allowWriting(h.g, responseTimeout)
	if err != nil {
		h.s.failV1(h.g, err)
		return
	}
	text, seconds := textOf(parts), audio.Duration(len(h.pcm), audio.Rate).Seconds()
	switch h.q.format {
	case formatText:
		h.g.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(text+"\n"))
	case formatSRT:
		h.g.Data(http.StatusOK, "application/x-subrip; charset=utf-8", captions(parts, false))
	case formatVTT:
		h.g.Data(http.StatusOK, "text/vtt; charset=utf-8", captions(parts, true))
	case formatVerbose:
		h.s.json(h.g, verboseOf(parts, text, h.q.language, seconds))
	default:
		h.s.json(h.g, transcriptJSON{text, durationUsage{"duration", seconds}})
	}
}

func textOf(parts []stretch) string {
	all := make([]string, len(parts))
	for i, p := range parts {
		all[i] = p.text
	}
	return strings.Join(all, " ")
}

type transcriptJSON struct {
	Text  string        `json:"text"`
	Usage durationUsage `json:"usage"`
}

type durationUsage struct {
	Type    string  `json:"type"`
	Seconds float64 `json:"seconds"`
}

type verboseJSON struct {
	Task     string        `json:"task"`
	Language string        `json:"language"`
	Duration float64       `json:"duration"` // s
	Text     string        `json:"text"`
	Segments []segmentJSON `json:"segments"`
	Usage    durationUsage `json:"usage"`
}

type segmentJSON struct {
	ID    int     `json:"id"`
	Start float64 `json:"start"` // s
	End   float64 `json:"end"`
	Text  string  `json:"text"`
}

// verboseOf says what is known beyond the text. How sure the engine is, is not,
// so nothing is said of it.
func verboseOf(parts []stretch, text, language string, seconds float64) verboseJSON {
	v := verboseJSON{
		Task: "transcribe", Language: language, Duration: seconds, Text: text,
		Segments: make([]segmentJSON, len(parts)), Usage: durationUsage{"duration", seconds},
	}
	for i, p := range parts {
		v.Segments[i] = segmentJSON{i, audio.Duration(p.from, audio.Rate).Seconds(), audio.Duration(p.to, audio.Rate).Seconds(), p.text}
	}
	return v
}

// captions are the parts as SubRip or WebVTT.
func captions(parts []stretch, vtt bool) []byte {
	var b strings.Builder
	point := ","
	if vtt {
		point = "."
		b.WriteString("WEBVTT\n\n")
	}
	at := func(n int) string {
		ms := audio.Duration(n, audio.Rate).Milliseconds()
		return fmt.Sprintf("%02d:%02d:%02d%s%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, point, ms%1000)
	}
	for i, p := range parts {
		text := strings.ReplaceAll(p.text, "-->", "->")
		if vtt {
			text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
		} else {
			fmt.Fprintf(&b, "%d\n", i+1)
		}
		fmt.Fprintf(&b, "%s --> %s\n%s\n\n", at(p.from), at(p.to), text)
	}
	return []byte(b.String())
}

type transcriptDelta struct {
	Type  string `json:"type"`
	Delta string `json:"delta"`
}

type transcriptDone struct {
	Type  string        `json:"type"`
	Text  string        `json:"text"`
	Usage durationUsage `json:"usage"`
}

// streamed answers with events. What is heard so far may change until the end of
// a stretch, so that each is one delta: what was sent can't be taken back.
func (h *hearing) streamed() {
	events := v1Stream{g: h.g}
	var parts []stretch
	err := h.hear(func(p stretch) error {
		delta := p.text
		if len(parts) > 0 {
			delta = " " + delta
		}
		parts = append(parts, p)
		return events.send(transcriptDelta{"transcript.text.delta", delta})
	})
	if err == nil {
		seconds := audio.Duration(len(h.pcm), audio.Rate).Seconds()
		err = events.send(transcriptDone{"transcript.text.done", textOf(parts), durationUsage{"duration", seconds}})
	}
	if err == nil {
		return
	}
	if events.began {
		h.s.breakOff(h.g, &events, err)
		return
	}
	allowWriting(h.g, v1Write)
	h.s.failV1(h.g, err)
}
