package session

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/stage"
)

// voice is the TTS stage of one turn: it speaks clause by clause, brings the
// sound to the client's rate and cuts it into frames.
//
// Owned by the goroutine of job.run.
type voice struct {
	*worker

	began   time.Time
	rate    int          // of the engine's audio, Hz
	tempo   *audio.Tempo // of the clause; nil: as the engine speaks
	shape   *audio.Resampler
	shaped  []byte   // at the client's rate, less than a frame
	made    [][]byte // what was spoken, at the engine's rate; only for a recording
	bytes   int      // in made
	limit   int      // of bytes
	spoken  strings.Builder
	limited bool
}

func newVoice(w *worker) *voice { return &voice{worker: w} }

// speak says the clauses as they come. After a failure, or at the limit of a
// reply, it takes the rest without speaking it, so that the reply is written to
// its end all the same.
func (v *voice) speak(ctx context.Context, clauses <-chan string) {
	silent := false
	for c := range clauses {
		if silent || v.limited || ctx.Err() != nil {
			continue
		}
		if err := v.guard(stage.TTS, func() error { return v.say(ctx, c) }); err != nil {
			v.fail(ctx, stage.AsError(stage.TTS, err))
			silent = true
		}
	}
}

// say speaks one clause.
func (v *voice) say(ctx context.Context, c string) (err error) {
	engine := engineFor(v.deps.TTS, v.settings.language)
	if v.began.IsZero() {
		v.began = time.Now()
		v.result.engines.TTS = engine
		v.result.timings.ClauseFirst = v.since(v.began)
		if err := v.emit(ctx, protocol.StageStarted{Stage: stage.TTS, Engine: engine}); err != nil {
			return err
		}
	}
	under, seen := v.deps.Observer.StageBegan(ctx, stage.TTS, engine)
	defer func() { v.endStage(ctx, seen, stage.TTS, v.result.engines.TTS, err) }()
	begun := false
	s := stage.Speech{UserID: v.settings.user, SessionID: v.session, Text: c, Voice: v.settings.voice, Language: v.settings.language}
	for chunk, err := range v.deps.TTS.Synthesize(v.watch(under, &v.result.engines.TTS), s) {
		if err != nil {
			return err
		}
		if len(chunk.PCM) == 0 {
			continue
		}
		if !begun {
			begun = true
			seen.First()
			if err := v.begin(ctx, c); err != nil {
				return err
			}
		}
		if err := v.play(ctx, chunk); err != nil {
			return err
		}
		if v.limited {
			return nil
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := v.pause(ctx); err != nil {
		return err
	}
	if !begun {
		return &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Engine: engine, Message: "The TTS engine gave no audio."}
	}
	return nil
}

// begin notes that the clause sounds from here on.
func (v *voice) begin(ctx context.Context, c string) error {
	if v.result.timings.TTSFirst == nil {
		v.result.timings.TTSFirst = v.since(time.Now())
	}
	if v.spoken.Len() > 0 {
		v.spoken.WriteByte(' ')
	}
	v.spoken.WriteString(c)
	select {
	case v.out <- turnOut{caption: &protocol.StagePartial{Stage: stage.TTS, Text: c, AudioMS: v.ms()}}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ms is the length of what was made so far.
func (v *voice) ms() int64 {
	if v.rate == 0 {
		return 0
	}
	return int64(v.bytes) * 1000 / int64(2*v.rate)
}

// play brings a chunk to the client's rate and sends full frames.
func (v *voice) play(ctx context.Context, c stage.Chunk) error {
	if c.Rate != v.rate {
		if v.rate != 0 || c.Rate <= 0 {
			return &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Message: "The TTS engine changed its sample rate within a reply."}
		}
		shape, err := audio.NewResampler(c.Rate, v.settings.output.Rate)
		if err != nil {
			return &stage.Error{Stage: stage.TTS, Code: stage.CodeBadReply, Message: "The TTS engine speaks at a sample rate that sori can't use.", Err: err}
		}
		v.rate, v.shape = c.Rate, shape
		v.limit = int(v.opts.MaxReply.Seconds()*float64(c.Rate)) * 2
	}
	if s := v.settings.speed; v.tempo == nil && s != 0 && s != 1 {
		v.tempo = audio.NewTempo(v.rate, s)
	}
	pcm := c.PCM
	if v.tempo != nil {
		pcm = v.tempo.Append(nil, pcm)
	}
	return v.sound(ctx, pcm)
}

// pause ends a clause: what its tempo holds back is sent.
func (v *voice) pause(ctx context.Context) error {
	if v.tempo == nil {
		return nil
	}
	rest := v.tempo.Flush(nil)
	v.tempo = nil
	return v.sound(ctx, rest)
}

// sound takes in what is spoken, at the engine's rate.
func (v *voice) sound(ctx context.Context, pcm []byte) error {
	if v.limited {
		return nil
	}
	if v.bytes+len(pcm) >= v.limit {
		pcm = pcm[:(v.limit-v.bytes)&^1]
		v.limited = true
		_ = v.emit(ctx, protocol.Warning{Code: protocol.WarnReplyLimit, Message: "The reply reached its limit of " + v.opts.MaxReply.String() + " and was cut there."})
	}
	if v.deps.Recordings != nil {
		v.made = append(v.made, bytes.Clone(pcm))
	}
	v.bytes += len(pcm)
	v.shaped = v.shape.Append(v.shaped, pcm)
	return v.send(ctx, false)
}

// A frame is longer than it has to be where there is more to send: each costs
// its way through sori and to the client. It is never longer than longestFrame,
// and not larger than roomyFrame, in bytes, which a borrowed frame has room for.
const (
	longestFrame = 100 * time.Millisecond
	roomyFrame   = 4 << 10
)

// send cuts what was shaped into frames and hands out the full ones; with last,
// also what is left.
func (v *voice) send(ctx context.Context, last bool) error {
	rate := v.settings.output.Rate
	least := bytesOf(v.opts.Frame, rate)
	most := max(least, min(bytesOf(longestFrame, rate), roomyFrame))
	rest := v.shaped
	for len(rest) >= least || (last && len(rest) > 0) {
		n := min(most, len(rest))
		f := audio.NewFrame(n)
		copy(f.Data, rest)
		rest = rest[n:]
		if err := v.hand(ctx, f); err != nil {
			return err
		}
	}
	v.shaped = append(v.shaped[:0], rest...)
	return nil
}

func (v *voice) hand(ctx context.Context, f *audio.Frame) error {
	select {
	case v.out <- turnOut{audio: f}:
		return nil
	case <-ctx.Done():
		f.Free()
		return context.Cause(ctx)
	}
}

// finish sends the rest, says what was spoken and keeps the recording.
func (v *voice) finish(ctx context.Context) {
	if v.shape != nil {
		v.shaped = v.shape.Flush(v.shaped)
		_ = v.send(ctx, true)
	}
	r := &v.result
	r.spoken, r.outputMS = v.spoken.String(), v.ms()
	if v.began.IsZero() || v.bytes == 0 {
		return
	}
	if ctx.Err() == nil {
		r.timings.TTSDone = v.since(time.Now())
		_ = v.emit(ctx, protocol.StageDone{Stage: stage.TTS, Text: r.spoken, TookMS: millis(time.Since(v.began)), AudioMS: r.outputMS})
	}
	r.outputWAV = v.save(ctx, "reply", v)
}

// WAV is what was spoken as a file.
func (v *voice) WAV() (io.ReadCloser, int64) {
	head := audio.WAVHeader(v.rate, 1, v.bytes)
	parts := make([]io.Reader, 0, len(v.made)+1)
	parts = append(parts, bytes.NewReader(head[:]))
	for _, p := range v.made {
		parts = append(parts, bytes.NewReader(p))
	}
	return io.NopCloser(io.MultiReader(parts...)), int64(len(head) + v.bytes)
}
