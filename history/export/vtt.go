package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"sori/history"
)

// leastCue is how long a caption stands at least.
const leastCue = time.Second

// VTT writes turns, oldest first, as WebVTT captions with the speakers' names.
// The time begins with the first turn's speech.
func VTT(w io.Writer, turns []history.Turn) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, "WEBVTT\n")
	var begin time.Time
	if len(turns) > 0 {
		begin = spokenFrom(&turns[0])
	}
	n := 0
	cue := func(speaker, text string, from time.Time, length time.Duration) {
		if text = caption(text); text == "" {
			return
		}
		n++
		at := max(0, from.Sub(begin))
		fmt.Fprintf(out, "\n%d\n%s --> %s\n<v %s>%s\n", n, stamp(at), stamp(at+max(length, leastCue)), speaker, text)
	}
	for i := range turns {
		t := &turns[i]
		cue("User", t.ATOTText, spokenFrom(t), millis(t.InputMS))
		length := t.OutputMS
		if t.HeardMS != nil {
			length = *t.HeardMS
		}
		cue("sori", t.TTOTText, t.StartedAt.Add(firstSound(t)), millis(length))
	}
	// The first error of a write stays with the writer.
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write captions: %w", err)
	}
	return nil
}

// spokenFrom is when the user began to speak: a turn starts when that is over.
func spokenFrom(t *history.Turn) time.Time { return t.StartedAt.Add(-millis(t.InputMS)) }

// firstSound is when the reply began to sound, after the turn's start.
func firstSound(t *history.Turn) time.Duration {
	for _, ms := range []*float64{t.Timings.AudioFirst, t.Timings.TTSFirst, t.Timings.TTOTFirst} {
		if ms != nil {
			return time.Duration(*ms * float64(time.Millisecond))
		}
	}
	return 0
}

func millis(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// caption makes a text fit for a cue: one line, with the marks of WebVTT escaped.
func caption(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(strings.Join(strings.Fields(text), " "))
}

// stamp is a time as WebVTT writes it.
func stamp(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
