package main

import (
	"context"
	"strings"
	"time"

	"sori/audio"
	"sori/stage"
)

// trial is what the engines are asked to say and to hear.
const trial = "This is a test of the voice."

// notStarted is what is found about a stage when there are no engines.
func notStarted() finding {
	return found(warn, "", "not tried, for the engines are not there")
}

// trouble says why an engine failed in a trial.
func trouble(name stage.Name, err error) finding {
	return found(bad, "", "%s", stage.AsError(name, err).Message)
}

// lookTTS lets the engine speak.
func (s *surgery) lookTTS(ctx context.Context) finding {
	if s.engines == nil {
		return notStarted()
	}
	began := time.Now()
	var first time.Duration
	s.speech, s.speechRate = nil, 0
	for chunk, err := range s.engines.tts.Synthesize(ctx, stage.Speech{UserID: "doctor", Text: trial, Language: "en"}) {
		if err != nil {
			return trouble(stage.TTS, err)
		}
		if first == 0 {
			first = time.Since(began)
		}
		s.speech, s.speechRate = append(s.speech, chunk.PCM...), chunk.Rate
	}
	if len(s.speech) == 0 {
		return found(bad, "", "%s spoke %q without a sound", s.engines.tts.Engine(), trial)
	}
	length := audio.Duration(len(s.speech), s.speechRate)
	return found(fine, "", "%s spoke %.1f s, the first sound after %d ms, real-time factor %.2f", s.engines.tts.Engine(), length.Seconds(), first.Milliseconds(), factor(time.Since(began), length))
}

// lookATOT lets the engine hear what was spoken, or a second of silence.
func (s *surgery) lookATOT(ctx context.Context) finding {
	if s.engines == nil {
		return notStarted()
	}
	pcm, spoken := make([]byte, audio.Bytes(time.Second, audio.Rate)), false
	if len(s.speech) > 0 {
		rs, err := audio.NewResampler(s.speechRate, audio.Rate)
		if err != nil {
			return found(bad, "", "%v", err)
		}
		pcm, spoken = rs.Flush(rs.Append(nil, s.speech)), true
	}
	clip := audio.ClipOf(pcm)
	defer clip.Release()
	began, text := time.Now(), ""
	for t, err := range s.engines.atot.Transcribe(ctx, stage.Utterance{UserID: "doctor", Language: "en", Audio: clip}) {
		if err != nil {
			return trouble(stage.ATOT, err)
		}
		text = t.Text
	}
	worked := time.Since(began)
	took := worked.Milliseconds()
	switch {
	case !spoken:
		return found(fine, "", "%s listened to silence in %d ms", s.engines.atot.Engine(), took)
	case strings.TrimSpace(text) == "":
		return found(warn, "Does it know English?", "%s heard nothing in %q", s.engines.atot.Engine(), trial)
	}
	return found(fine, "", "%s heard %q in %d ms, real-time factor %.2f", s.engines.atot.Engine(), text, took, factor(worked, clip.Duration()))
}

// factor is the real-time factor: how long the work on a second of sound takes, in
// seconds. The engines' first call is slower than what comes after it.
func factor(work, sound time.Duration) float64 {
	return float64(work) / float64(max(sound, time.Millisecond))
}

// lookTTOT lets the engine answer.
func (s *surgery) lookTTOT(ctx context.Context) finding {
	if s.engines == nil {
		return notStarted()
	}
	began := time.Now()
	var first time.Duration
	letters := 0
	for text, err := range s.engines.ttot.Respond(ctx, stage.Prompt{UserID: "doctor", Text: "Hello.", Language: "en"}) {
		if err != nil {
			return trouble(stage.TTOT, err)
		}
		if first == 0 && strings.TrimSpace(text) != "" {
			first = time.Since(began)
		}
		letters += len(text)
	}
	if first > 0 {
		return found(fine, "", "%s began to answer after %d ms, and wrote %d letters in %d ms", s.engines.ttot.Engine(), first.Milliseconds(), letters, time.Since(began).Milliseconds())
	}
	return found(bad, "", "%s gave no answer", s.engines.ttot.Engine())
}
