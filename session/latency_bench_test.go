package session_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

// Engines with latencies as one meets them: a transcript after 120 ms, a first
// token after 150 ms and one every 15 ms, first speech of a clause after 80 ms
// and speech at five times real time.
const (
	atotTime   = 120 * time.Millisecond
	firstToken = 150 * time.Millisecond
	nextToken  = 15 * time.Millisecond
	firstSound = 80 * time.Millisecond
)

const benchReply = "Yes, I can help you with that today. First, open the settings page and choose the audio tab. " +
	"Then select your microphone from the list. Speak a few words to check that the level moves. If it does not move, plug it in again."

func scripted() session.Deps {
	d := hands()
	d.ATOT = hears(atotTime, "can you help me with my microphone")
	words := strings.SplitAfter(benchReply, " ")
	d.TTOT = ttot{func(ctx context.Context, _ stage.Prompt) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			wait := firstToken
			for _, w := range words {
				if err := sleep(ctx, wait); err != nil || !yield(w, nil) {
					return
				}
				wait = nextToken
			}
		}
	}}
	d.TTS = tts{func(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
		return func(yield func(stage.Chunk, error) bool) {
			wait := firstSound
			for range len(strings.Fields(s.Text)) { // 300 ms of sound a word
				if err := sleep(ctx, wait); err != nil || !yield(stage.Chunk{PCM: make([]byte, 9600), Rate: 16000}, nil) {
					return
				}
				wait = 60 * time.Millisecond
			}
		}
	}}
	return d
}

// sequential is the same reply as a pipeline makes it that waits for each stage:
// the whole text, then the whole audio.
func sequential(ctx context.Context, d session.Deps) time.Duration {
	began := time.Now()
	exhaust(d.ATOT.Transcribe(ctx, stage.Utterance{}))
	exhaust(d.TTOT.Respond(ctx, stage.Prompt{}))
	exhaust(d.TTS.Synthesize(ctx, stage.Speech{Text: benchReply}))
	return time.Since(began)
}

// exhaust takes everything that a stage makes.
func exhaust[T any](stream iter.Seq2[T, error]) {
	for _, err := range stream {
		if err != nil {
			return
		}
	}
}

// BenchmarkConversation speaks in real time to a session and prints, in
// milliseconds: eot, from the end of speech to the decision that the turn is
// over; audio, from the end of speech to first audio; barge_in, from the first
// sound of an interruption to the last audio that left; and ratio, the time from
// the decision to first audio as a share of the sequential pipeline's.
//
//	go test -run '^$' -bench Conversation -benchtime 3x ./session
func BenchmarkConversation(b *testing.B) {
	for name, prudent := range map[string]bool{"speculating": false, "prudent": true} {
		b.Run(name, func(b *testing.B) {
			var eot, sound, barge, line time.Duration
			n := 0
			for b.Loop() {
				d := scripted()
				e, a, i := converseOnce(b, d, prudent)
				eot, sound, barge, line = eot+e, sound+a, barge+i, line+sequential(b.Context(), d)
				n++
			}
			each := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(n) }
			b.ReportMetric(each(eot), "ms/eot")
			b.ReportMetric(each(sound), "ms/audio")
			b.ReportMetric(each(barge), "ms/barge_in")
			b.ReportMetric(each(sound-eot)/each(line), "ratio/sequential")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// converseOnce says something, lets sori answer for a second and interrupts.
func converseOnce(b *testing.B, d session.Deps, prudent bool) (eot, sound, barge time.Duration) {
	b.Helper()
	ctx, end := context.WithCancel(b.Context())
	s := session.New(session.Options{Prudent: prudent}, d)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = s.Run(ctx)
	}()
	defer func() {
		end()
		<-over
	}()
	type seen struct {
		kind string
		at   time.Time
	}
	happened := make(chan seen, 4096)
	go func() {
		defer close(happened)
		for o := range s.Events() {
			happened <- seen{typeOf(o), time.Now()}
			o.Audio.Free()
		}
	}()
	push := func(d time.Duration, high byte) {
		frame := slices.Repeat([]byte{1, high}, 320)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range d / (20 * time.Millisecond) {
			f := audio.NewFrame(len(frame))
			copy(f.Data, frame)
			if err := s.Push(ctx, session.Input{Audio: f}); err != nil {
				b.Fatal(err)
			}
			<-tick.C
		}
	}
	det := protocol.DefaultTurnDetection()
	det.Mode = protocol.ServerVAD
	no := false
	if err := s.Push(ctx, session.Input{Message: protocol.Configure{TurnDetection: &det, Partials: &no}}); err != nil {
		b.Fatal(err)
	}
	push(time.Second, 0x20)
	spoken := time.Now()
	push(2*time.Second, 0)
	broke := time.Now()
	push(time.Second, 0x20)
	end()
	var last time.Time
	for h := range happened {
		switch {
		case h.kind == "turn.started" && eot == 0:
			eot = h.at.Sub(spoken)
		case h.kind == "audio" && sound == 0:
			sound = h.at.Sub(spoken)
		}
		if h.kind == "audio" {
			last = h.at
		}
	}
	return eot, sound, max(0, last.Sub(broke))
}
