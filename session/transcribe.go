package session

import (
	"context"
	"io"
	"time"

	"sori/protocol"
	"sori/stage"
)

// The gate that keeps an utterance without speech away from ATOT, which would
// invent words for it: this many windows must be at least this likely speech.
const (
	gateWindow      = 512 // samples, 32 ms
	gateWindows     = 3
	gateProbability = 0.5
)

// transcribe is the ATOT stage.
func (w *worker) transcribe(ctx context.Context) (string, error) {
	engine := engineFor(w.deps.ATOT, w.settings.language)
	if err := w.emit(ctx, protocol.StageStarted{Stage: stage.ATOT, Engine: engine}); err != nil {
		return "", err
	}
	began := time.Now()
	if speech, err := w.holdsSpeech(); err != nil {
		w.log.Warn("voice detector failed", "error", err)
		_ = w.emit(ctx, protocol.Warning{Code: protocol.WarnDetector, Message: "The voice detector failed, so the utterance goes to ATOT unchecked: words may be heard where there are none."})
	} else if !speech {
		return "", noSpeech()
	}
	w.result.engines.ATOT = engine
	text, err := w.askATOT(ctx)
	if err != nil {
		return "", err
	}
	w.result.timings.ATOTDone = w.since(time.Now())
	if isNoise(text, w.voiced()) {
		return "", noSpeech()
	}
	_ = w.emit(ctx, protocol.StageDone{Stage: stage.ATOT, Text: text, TookMS: millis(time.Since(began))})
	return text, nil
}

// askATOT gives the engine's final words.
func (w *worker) askATOT(ctx context.Context) (text string, err error) {
	engine := &w.result.engines.ATOT
	under, seen := w.deps.Observer.StageBegan(ctx, stage.ATOT, *engine)
	defer func() { w.endStage(ctx, seen, stage.ATOT, *engine, err) }()
	u := stage.Utterance{UserID: w.settings.user, SessionID: w.session, Language: w.settings.language, Audio: w.entry.clip}
	for t, err := range w.deps.ATOT.Transcribe(w.watch(under, engine), u) {
		if err != nil {
			return "", err
		}
		if text == "" {
			seen.First()
		}
		text = t.Text
		if t.Final {
			break
		}
		if err := w.emit(ctx, protocol.StagePartial{Stage: stage.ATOT, Text: text}); err != nil {
			return "", err
		}
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return text, nil
}

func noSpeech() *stage.Error {
	return &stage.Error{Stage: stage.ATOT, Code: stage.CodeNoSpeech, Message: "I heard no speech in this. Check the microphone and its level, then say it again."}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// voiced is how much speech the utterance holds; a lot, where nobody can tell.
func (w *worker) voiced() time.Duration {
	if w.entry.voiced > 0 {
		return w.entry.voiced
	}
	return w.opts.MaxUtterance
}

// holdsSpeech asks the voice detector about the utterance, window by window, and
// stops at the first real speech.
func (w *worker) holdsSpeech() (bool, error) {
	if w.deps.NewDetector == nil {
		return true, nil
	}
	d, err := w.deps.NewDetector()
	if err != nil {
		return false, err
	}
	defer d.Close()
	window := make([]int16, gateWindow)
	found := 0
	for at := 0; ; at += gateWindow {
		n := w.entry.clip.ReadSamples(window, at)
		if n == 0 {
			return false, nil
		}
		clear(window[n:])
		p, err := d.Detect(window)
		if err != nil {
			return false, err
		}
		if p >= gateProbability {
			if found++; found >= gateWindows {
				return true, nil
			}
		}
	}
}

// save writes a recording and gives its path. It is done also for a turn that
// was stopped: what the user said is kept.
func (w *worker) save(ctx context.Context, kind string, clip wavFile) *string {
	if w.deps.Recordings == nil {
		return nil
	}
	select {
	case <-w.confirmed:
	case <-ctx.Done():
		select {
		case <-w.confirmed: // it became a turn, and was stopped
		default:
			return nil
		}
	}
	r, _ := clip.WAV()
	defer r.Close()
	c, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	path, err := w.deps.Recordings.Save(c, w.settings.user, w.id, kind, r)
	if err != nil {
		w.log.Error("recording not written", "kind", kind, "error", err)
		_ = w.emit(ctx, protocol.Warning{Code: protocol.WarnRecording, Message: "The recording of the " + kind + " could not be written, so the turn is kept without it."})
		return nil
	}
	return &path
}

// wavFile is audio that can be read as a WAV file.
type wavFile interface {
	WAV() (r io.ReadCloser, size int64)
}
