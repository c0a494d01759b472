package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"sori/audio"
	"sori/client"
	"sori/history"
	"sori/protocol"
)

// talkPrinter shows a conversation.
type talkPrinter interface {
	begin(n int, turn spoken)
	said() // from another goroutine
	event(m client.Message)
	end(a *client.Answer, file string)
	rate() int // of the reply's audio, Hz
}

func newTalkPrinter(c *console, asJSON bool) talkPrinter {
	if asJSON {
		return &jsonTalk{out: c.out, err: c.err}
	}
	return &humanTalk{out: c.out, err: c.err, start: time.Now()}
}

// outputRate is the rate of the audio that comes, as the server announces it.
type outputRate struct{ hz int }

func (o *outputRate) see(e protocol.Event) {
	if ready, ok := e.(protocol.Ready); ok {
		o.hz = ready.Output.Rate
	}
	if begin, ok := e.(protocol.AudioBegin); ok {
		o.hz = begin.Rate
	}
}

func (o *outputRate) rate() int {
	if o.hz == 0 {
		return protocol.DefaultRate
	}
	return o.hz
}

// jsonTalk prints the events as they came.
type jsonTalk struct {
	outputRate
	out, err io.Writer
}

func (*jsonTalk) begin(int, spoken) {}
func (*jsonTalk) said()             {}

func (j *jsonTalk) event(m client.Message) {
	j.see(m.Event)
	if m.Text == nil {
		return
	}
	line := bytes.NewBuffer(make([]byte, 0, len(m.Text)+1))
	if err := json.Compact(line, m.Text); err != nil {
		return // it was decoded before
	}
	line.WriteByte('\n')
	_, _ = j.out.Write(line.Bytes()) // nobody is there to be told
}

func (j *jsonTalk) end(a *client.Answer, _ string) {
	if a.Message.Event == nil {
		fmt.Fprintf(j.err, "sori: %s\n", refusal(a))
		return
	}
	if d, ok := a.Delay(); ok {
		fmt.Fprintf(j.err, "end of speech to first reply audio: %d ms\n", d.Milliseconds())
	}
}

// refusal says why there was no turn.
func refusal(a *client.Answer) string {
	if a.Problem == nil {
		return "the server said nothing about this turn"
	}
	return fmt.Sprintf("the server did not take the turn (%s): %s", a.Problem.Code, a.Problem.Message)
}

// humanTalk prints a line for each event.
type humanTalk struct {
	outputRate
	out, err io.Writer
	start    time.Time

	mu     sync.Mutex // said comes from another goroutine
	frames int        // of audio in this reply
	bytes  int
}

// line prints one line: seconds since the start, what, and more about it.
func (h *humanTalk) line(what, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := strings.TrimRight(fmt.Sprintf("%8.3f  %-14s  %s", time.Since(h.start).Seconds(), what, fmt.Sprintf(format, args...)), " ")
	fmt.Fprintln(h.out, text)
}

func (h *humanTalk) begin(n int, turn spoken) {
	if n > 0 {
		fmt.Fprintln(h.out)
	}
	switch {
	case len(turn.PCM) == 0:
		h.line("> typed", "%q", turn.Text)
	case turn.Fast:
		h.line("> sending", "%s, %s at %d Hz, as fast as it goes", turn.name, seconds(audio.Duration(len(turn.PCM), turn.Rate)), turn.Rate)
	default:
		h.line("> speaking", "%s, %s at %d Hz", turn.name, seconds(audio.Duration(len(turn.PCM), turn.Rate)), turn.Rate)
	}
	h.frames, h.bytes = 0, 0
}

func (h *humanTalk) said() { h.line("> end", "") }

func (h *humanTalk) event(m client.Message) {
	h.see(m.Event)
	if m.Audio != nil {
		h.frames++
		h.bytes += len(m.Audio)
		if h.frames == 1 {
			h.line("audio", "the first %d ms", audio.Duration(len(m.Audio), h.rate()).Milliseconds())
		}
		return
	}
	if m.Event == nil {
		h.line("?", "%s", m.Text)
		return
	}
	h.line(m.Event.Type(), "%s", h.about(m))
}

// about says what is in an event.
func (h *humanTalk) about(m client.Message) string {
	switch e := m.Event.(type) {
	case protocol.Ready:
		return fmt.Sprintf("user %q, %s; atot %s, ttot %s, tts %s", e.User, e.Language, e.Engines.ATOT, e.Engines.TTOT, e.Engines.TTS)
	case protocol.TurnStarted:
		if e.Source == protocol.FromText {
			return fmt.Sprintf("turn %d", m.Head.Turn)
		}
		return fmt.Sprintf("turn %d, %s of speech", m.Head.Turn, milliseconds(e.InputMS))
	case protocol.StageStarted:
		return e.Engine
	case protocol.StagePartial:
		return fmt.Sprintf("%q", e.Text)
	case protocol.StageDone:
		return fmt.Sprintf("%q in %.0f ms", e.Text, e.TookMS)
	case protocol.StageFailed:
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	case protocol.AudioBegin:
		return fmt.Sprintf("%s at %d Hz", e.Encoding, e.Rate)
	case protocol.AudioEnd:
		return fmt.Sprintf("%s in %d frames", milliseconds(e.MS), h.frames)
	case protocol.TurnDone:
		return "record " + e.Record.ID
	case protocol.TurnCancelled:
		return fmt.Sprintf("%s, record %s", e.Reason, e.Record.ID)
	case protocol.TurnFailed:
		return fmt.Sprintf("%s %s: %s", e.Stage, e.Code, e.Message)
	case protocol.Apology:
		return fmt.Sprintf("%q", e.Text)
	case protocol.Cleared:
		return milliseconds(e.InputMS)
	case protocol.Warning:
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	case protocol.Problem:
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	case protocol.Pong:
		return e.ID
	case protocol.SpeechStarted:
		return "at " + milliseconds(e.AudioMS)
	case protocol.SpeechPartial:
		return fmt.Sprintf("%q", e.Text)
	case protocol.SpeechStopped:
		if e.Discarded != "" {
			return fmt.Sprintf("at %s, no turn: %s", milliseconds(e.AudioMS), e.Discarded)
		}
		return "at " + milliseconds(e.AudioMS)
	case protocol.ReplyPaused, protocol.ReplyResumed:
	case protocol.ReplyCorrected:
		return fmt.Sprintf("heard %s: %q", milliseconds(e.HeardMS), e.Heard)
	case protocol.ToolCall:
		return fmt.Sprintf("%s %s", e.Name, e.Arguments)
	}
	return ""
}

func (h *humanTalk) end(a *client.Answer, file string) {
	fmt.Fprintln(h.out)
	if a.Message.Event == nil {
		fmt.Fprintf(h.err, "sori: %s\n", refusal(a))
		return
	}
	if steps := waterfall(a.Record.Timings); steps != "" {
		fmt.Fprintf(h.out, "server, after the end of speech: %s\n", steps)
	}
	if d, ok := a.Delay(); ok {
		fmt.Fprintf(h.out, "end of speech to first reply audio: %d ms\n", d.Milliseconds())
	}
	if file != "" {
		fmt.Fprintf(h.out, "the reply, %s, is in %s\n", seconds(audio.Duration(len(a.Audio), h.rate())), file)
	}
	if e, ok := a.Message.Event.(protocol.TurnFailed); ok {
		fmt.Fprintf(h.err, "sori: the turn failed at %s (%s): %s\n", e.Stage, e.Code, e.Message)
	}
	if e, ok := a.Message.Event.(protocol.TurnCancelled); ok {
		fmt.Fprintf(h.err, "sori: the turn was cancelled (%s)\n", e.Reason)
	}
}

// waterfall writes the steps of a turn in order.
func waterfall(t history.Timings) string {
	var steps []string
	for _, s := range []struct {
		name string
		at   *float64
	}{
		{"decision", t.Decision},
		{"transcript", t.ATOTDone},
		{"first word", t.TTOTFirst},
		{"first clause", t.ClauseFirst},
		{"its audio", t.TTSFirst},
		{"sent", t.AudioFirst},
		{"end", t.End},
	} {
		if s.at != nil {
			steps = append(steps, fmt.Sprintf("%s %.0f ms", s.name, *s.at))
		}
	}
	return strings.Join(steps, ", ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// milliseconds writes ms as seconds.
func milliseconds(ms int64) string { return seconds(time.Duration(ms) * time.Millisecond) }
