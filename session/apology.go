package session

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"sori/protocol"
	"sori/stage"
)

// apologyTime is how long TTS may take to begin an apology; after that it is
// shown and not spoken.
const apologyTime = 5 * time.Second

// Sorry is an [Options.Apology] in Korean or English: the session's language
// where it is one of them, else that of what was said.
func Sorry(language, said string) string {
	tag, _, _ := strings.Cut(strings.ToLower(language), "-")
	hangul := strings.ContainsFunc(said, func(r rune) bool { return unicode.Is(unicode.Hangul, r) })
	if tag == "ko" || tag != "en" && hangul {
		return "죄송합니다. 지금은 답변을 드릴 수 없습니다. 잠시 후 다시 말씀해 주세요."
	}
	return "I'm sorry, I can't answer that right now. Please try again in a moment."
}

// apologize tells the user in words, spoken where that is possible, that a turn
// failed without an answer. A reply that is written but can't be spoken is an
// answer; and to who said nothing there is nothing to say.
func (w *worker) apologize(ctx context.Context) {
	f := w.result.failure
	if f == nil || w.opts.Apology == nil || ctx.Err() != nil || f.Code == stage.CodeNoSpeech || f.Stage == stage.TTS {
		return
	}
	text := w.opts.Apology(w.settings.language, w.result.atotText)
	if text == "" {
		return
	}
	w.result.apology = text
	told := false
	tell := func(spoken bool) error {
		told = true
		return w.emit(ctx, protocol.Apology{Text: text, Spoken: spoken})
	}
	if !w.settings.mute {
		err := w.guard(stage.TTS, func() error { return w.sayAside(ctx, text, func() error { return tell(true) }) })
		if err != nil && !isStopped(ctx) {
			w.log.Warn("an apology can't be spoken", "error", err)
		}
	}
	if !told {
		_ = tell(false)
	}
}

// errSlowApology is the cause with which an apology that does not begin is given up.
var errSlowApology = errors.New("session: TTS did not begin the apology in time")

// sayAside speaks a text that is no part of the reply: neither its text, nor its
// recording, nor its length know of it. begin is called when the first of the
// sound is there.
func (w *worker) sayAside(ctx context.Context, text string, begin func() error) (err error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	late := time.AfterFunc(apologyTime, func() { giveUp(errSlowApology) })
	defer late.Stop()
	engine := engineFor(w.deps.TTS, w.settings.language)
	under, seen := w.deps.Observer.StageBegan(ctx, stage.TTS, engine)
	defer func() { w.endStage(ctx, seen, stage.TTS, engine, err) }()
	v := newVoice(w)
	s := stage.Speech{UserID: w.settings.user, SessionID: w.session, Text: text, Voice: w.settings.voice, Language: w.settings.language}
	for chunk, err := range w.deps.TTS.Synthesize(under, s) {
		if err != nil {
			return err
		}
		if len(chunk.PCM) == 0 {
			continue
		}
		if v.rate == 0 {
			if !late.Stop() {
				return errSlowApology
			}
			seen.First()
			if err := begin(); err != nil {
				return err
			}
			if err := w.captionAside(ctx, text); err != nil {
				return err
			}
		}
		if err := v.play(ctx, chunk); err != nil {
			return err
		}
		if v.limited {
			break
		}
	}
	if v.shape == nil {
		return &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Engine: engine, Message: "The TTS engine gave no audio."}
	}
	if err := v.pause(ctx); err != nil {
		return err
	}
	v.shaped = v.shape.Flush(v.shaped)
	return v.send(ctx, true)
}

// captionAside notes what sounds after the reply.
func (w *worker) captionAside(ctx context.Context, text string) error {
	select {
	case w.out <- turnOut{caption: &protocol.StagePartial{Stage: stage.TTS, Text: text, AudioMS: w.result.outputMS}, aside: true}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
