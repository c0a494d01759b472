package session

import (
	"context"
	"encoding/binary"
	"time"

	"sori/protocol"
	"sori/session/ear"
	"sori/session/words"
)

// While sori talks, speech must be surer and longer to interrupt it: its own
// voice may come back through a loudspeaker.
const (
	talkingThreshold = 0.2 // added to the threshold
	talkingMinSpeech = 300 * time.Millisecond
	maxThreshold     = 0.95
)

// windowSamples is what a voice detector takes at once: 32 ms.
const windowSamples = 512

// attention listens to the sound for speech. Owned by the goroutine of Run.
type attention struct {
	detector  VoiceDetector
	ear       *ear.Ear
	window    []int16
	fill      int
	told      bool // that the detector failed
	lastFrame time.Time
	deafC     <-chan time.Time // when frames stop arriving in mid-speech
}

func (s *Session) newAttention() (*attention, error) {
	if s.deps.NewDetector == nil {
		return nil, errNoDetector
	}
	d, err := s.deps.NewDetector()
	if err != nil {
		return nil, err
	}
	return &attention{detector: d, ear: ear.New(ear.Settings{}), window: make([]int16, windowSamples)}, nil
}

// sounding says whether the reply is on its way out or being played.
func (s *Session) sounding() bool {
	t := s.turn
	return t != nil && t.queued && !t.cut && (!t.endSent || t.played != nil)
}

// interruptible says whether the user speaks over a reply and may take the floor.
func (s *Session) interruptible() bool { return s.sounding() && !s.settings.patient }

// attune sets the ear to what is configured and to whether sori talks.
func (s *Session) attune() {
	a := s.attention
	if a == nil {
		return
	}
	d := s.settings.detection
	set := ear.Settings{
		Threshold: float32(d.Threshold), MinSpeech: ms(d.MinSpeechMS), Pause: ear.DefaultPause, Silence: ms(d.SilenceMS),
	}
	if d.Mode == protocol.Semantic {
		set.Silence = patienceFor(d.Eagerness, true) // until the words are known
	}
	if s.sounding() {
		set.Threshold = min(set.Threshold+talkingThreshold, maxThreshold)
		set.MinSpeech = max(set.MinSpeech, talkingMinSpeech*time.Duration(1+2*s.turn.echoes))
	}
	a.ear.Set(set)
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// attend gives the sound to the detector, window by window, and heeds what the
// ear makes of it.
func (s *Session) attend(ctx context.Context, pcm []byte) {
	a := s.attention
	a.lastFrame = time.Now()
	for len(pcm) > 0 && s.attention == a {
		n := min(len(pcm)/2, windowSamples-a.fill)
		for i := range n {
			a.window[a.fill+i] = int16(binary.LittleEndian.Uint16(pcm[2*i:]))
		}
		a.fill += n
		s.samples += int64(n)
		s.gather(ctx, pcm[:2*n])
		pcm = pcm[2*n:]
		if a.fill == windowSamples {
			a.fill = 0
			s.heed(ctx, a.ear.Hear(s.detect()))
		}
	}
}

// detect asks the detector about the window. A detector that fails hears
// nothing, and the client is told once.
func (s *Session) detect() float32 {
	a := s.attention
	if s.sounding() && !a.ear.Speaking() && (s.turn.firstAudio.IsZero() || time.Since(s.turn.firstAudio) < s.opts.EchoGuard) {
		return 0
	}
	p, err := a.detector.Detect(a.window)
	if err != nil {
		if !a.told {
			a.told = true
			s.log().Warn("voice detector failed", "error", err)
			s.emit(protocol.Warning{Code: protocol.WarnDetector, Message: "The voice detector failed: the end of a turn is not found any more. End your utterances yourself."})
		}
		return 0
	}
	return p
}

// heed acts on a change that the ear heard.
func (s *Session) heed(ctx context.Context, c ear.Change) {
	a := s.attention
	switch c {
	case ear.Started:
		s.idleHeld = s.idleC.stop() || s.idleHeld
		if s.judging() { // the same speech goes on
			s.scribe.final = false
			a.deafC = time.After(s.opts.FrameGap)
			break
		}
		padding := a.ear.Onset() + ms(s.settings.detection.PrefixPaddingMS)
		s.utterance.KeepLast(padding)
		s.settleKeeping()
		s.scribe.reset()
		s.emit(protocol.SpeechStarted{AudioMS: max(0, s.heardMS()-padding.Milliseconds()), Over: s.interruptible()})
		a.deafC = time.After(s.opts.FrameGap)
		if s.interruptible() {
			s.handle(ctx, spoke{})
		}
	case ear.Paused:
		s.speculate(ctx)
		s.transcribeNow(ctx)
	case ear.Resumed:
		s.dropDraft()
	case ear.Stopped:
		s.speechOver(ctx)
	case ear.Nothing:
		if s.judging() { // what is judged is kept whole
			return
		}
		if !a.ear.Speaking() {
			if _, waits := s.phase.(held); waits && s.scribe.final {
				return // what was said is being judged: it may be a turn
			}
			s.utterance.KeepLast(a.ear.Onset() + ms(s.settings.detection.PrefixPaddingMS) + ear.Window)
			s.settleKeeping()
			return
		}
	}
	s.transcribeInPassing(ctx)
}

// heardMS is the position in all audio of the session.
func (s *Session) heardMS() int64 { return s.samples / 16 }

// checkFrames ends speech whose frames have stopped arriving: a muted microphone
// is silence, not a session that hangs.
func (s *Session) checkFrames(ctx context.Context) {
	a := s.attention
	a.deafC = nil
	if !a.ear.Speaking() || s.away {
		return
	}
	if gap := time.Since(a.lastFrame); gap < s.opts.FrameGap {
		a.deafC = time.After(s.opts.FrameGap - gap)
		return
	}
	if a.ear.End() == ear.Stopped {
		s.speechOver(ctx)
	}
}

// speechOver is called when the user has finished speaking.
func (s *Session) speechOver(ctx context.Context) {
	s.attention.deafC = nil
	if _, waits := s.phase.(held); waits {
		s.scribe.final = true // the judgement of what was said ends the hold, one way or the other
		s.scribe.voiced += s.attention.ear.Said()
		s.transcribeNow(ctx)
		return
	}
	end := s.heardMS() - s.attention.ear.Quiet().Milliseconds()
	if d := s.draft; d != nil && d.transcript != nil && isNoise(*d.transcript, d.job.entry.voiced) {
		s.discard(protocol.DiscardNoWords)
		return
	}
	s.emit(protocol.SpeechStopped{AudioMS: end})
	s.commit(ctx, false)
}

// isNoise says whether a transcript is none: it is empty, or what recognisers
// invent where there was hardly any speech.
func isNoise(text string, voiced time.Duration) bool {
	const brief = 400 * time.Millisecond
	return words.Count(text) == 0 || voiced < brief && words.Invented(text)
}

// discard forgets speech that makes no turn.
func (s *Session) discard(why protocol.Discard) {
	end := s.heardMS() - s.attention.ear.Quiet().Milliseconds()
	s.dropped(discardReason(why), s.utterance.Len())
	s.dropDraft()
	s.utterance.Reset()
	s.scribe.reset()
	s.attention.ear.Reset()
	s.emit(protocol.SpeechStopped{AudioMS: end, Discarded: why})
	s.awaitOn()
}
