package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"iter"
	"sync"
	"time"

	"sori/audio"
	"sori/history"
	"sori/protocol"
	"sori/server"
	"sori/session"
	"sori/stage"
)

// seedSteps are the services of the seed's page, in this process. A func that is
// set takes a service's place.
type seedSteps struct {
	store *fakeStore
	mu    sync.Mutex
	saved map[string][]byte

	pull    func(user string) (server.Heard, error)
	respond func(p stage.Prompt) iter.Seq2[string, error]
	speak   func(s stage.Speech) iter.Seq2[stage.Chunk, error]
	keep    func(history.Turn) (error, error)
}

func (f *seedSteps) steps() *server.Steps {
	return &server.Steps{
		PullATOT:   func(_ context.Context, user string) (server.Heard, error) { return f.doPull(user) },
		ATOTEngine: "atot-8000",
		TTOT:       ttotFake{f}, TTS: ttsFake{f}, History: f, Recordings: f,
	}
}

func (f *seedSteps) doPull(user string) (server.Heard, error) {
	if f.pull != nil {
		return f.pull(user)
	}
	return server.Heard{UserID: user, InputWAV: "/static/uploads/abc123.wav", Text: "변환된 텍스트"}, nil
}

type ttotFake struct{ f *seedSteps }

func (ttotFake) Engine() string { return "ttot-8002" }

func (t ttotFake) Respond(_ context.Context, p stage.Prompt) iter.Seq2[string, error] {
	if t.f.respond != nil {
		return t.f.respond(p)
	}
	return words("생성된 ", "응답")
}

func words(all ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, w := range all {
			if !yield(w, nil) {
				return
			}
		}
	}
}

type ttsFake struct{ f *seedSteps }

func (ttsFake) Engine() string { return "tts-8004" }

func (t ttsFake) Synthesize(_ context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	if t.f.speak != nil {
		return t.f.speak(s)
	}
	return func(yield func(stage.Chunk, error) bool) {
		_ = yield(stage.Chunk{PCM: make([]byte, 4800), Rate: 24_000}, nil) && yield(stage.Chunk{PCM: []byte(s.Text + s.Text), Rate: 24_000}, nil)
	}
}

func failing[T any](e *stage.Error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		yield(zero, e)
	}
}

func (f *seedSteps) Keep(_ context.Context, t history.Turn) (delayed, err error) {
	if f.keep != nil {
		return f.keep(t)
	}
	f.store.append(t)
	return nil, nil
}

func (f *seedSteps) Recent(ctx context.Context, user string, n int) ([]history.Turn, error) {
	return f.store.Recent(ctx, user, n)
}

func (f *seedSteps) Save(_ context.Context, user, turn, kind string, wav io.Reader) (string, error) {
	data, err := io.ReadAll(wav)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.saved == nil {
		f.saved = make(map[string][]byte)
	}
	path := "/users/" + user + "/recordings/" + turn + "-" + kind + ".wav"
	f.saved[path] = data
	return path, nil
}

// talker is a session that answers one turn as a real one would, and keeps what
// it was sent.
type talker struct {
	*fakeSession

	mu     sync.Mutex
	config protocol.Configure
	heard  []byte

	fail *stage.Error // the stage that fails
}

func newTalker() *talker {
	t := &talker{fakeSession: newFakeSession()}
	t.run = func(ctx context.Context, f *fakeSession) error { return t.converse(ctx, f) }
	return t
}

func (t *talker) converse(ctx context.Context, f *fakeSession) error {
	defer close(f.out)
	for {
		select {
		case <-ctx.Done():
			return nil
		case in := <-f.in:
			t.take(f, in)
		}
	}
}

func (t *talker) take(f *fakeSession, in session.Input) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if in.Audio != nil {
		t.heard = append(t.heard, in.Audio.Data...)
		in.Audio.Free()
		return
	}
	switch m := in.Message.(type) {
	case protocol.Configure:
		t.config = m
		f.say(protocol.Ready{Session: f.id})
	case protocol.Commit:
		if len(t.heard) < 3200 {
			f.say(protocol.Problem{Code: protocol.ErrNothingSaid, Message: "Too little."})
			return
		}
		t.turn(f, "you said this")
	case protocol.Text:
		t.turn(f, m.Text)
	}
}

func (t *talker) turn(f *fakeSession, said string) {
	rec := history.Turn{ID: "turn-1", UserID: *t.config.User, Number: 1, Status: history.Done, InputMS: 100}
	fails := func(name stage.Name) bool {
		if t.fail == nil || t.fail.Stage != name {
			return false
		}
		f.say(protocol.StageFailed{Stage: name, Code: t.fail.Code, Message: t.fail.Message})
		rec.Status = history.Failed
		f.say(protocol.TurnFailed{Stage: name, Code: t.fail.Code, Message: t.fail.Message, Record: rec})
		return true
	}
	f.say(protocol.TurnStarted{ID: rec.ID})
	if len(t.heard) > 0 {
		rec.InputWAV = new("/users/" + rec.UserID + "/recordings/in.wav")
		f.say(protocol.StageStarted{Stage: stage.ATOT, Engine: "ear"})
		if fails(stage.ATOT) {
			return
		}
		f.say(protocol.StagePartial{Stage: stage.ATOT, Text: "you"})
		f.say(protocol.StageDone{Stage: stage.ATOT, Text: said, TookMS: 5})
	}
	rec.ATOTText = said
	f.say(protocol.StageStarted{Stage: stage.TTOT, Engine: "brain"})
	if fails(stage.TTOT) {
		return
	}
	f.say(protocol.StagePartial{Stage: stage.TTOT, Text: "I see."})
	f.say(protocol.StageDone{Stage: stage.TTOT, Text: "I see."})
	rec.TTOTText = "I see."
	f.say(protocol.StageStarted{Stage: stage.TTS, Engine: "mouth"})
	if fails(stage.TTS) {
		return
	}
	rate := audio.Rate
	if t.config.Output != nil {
		rate = t.config.Output.Rate
	}
	f.say(protocol.AudioBegin{Format: protocol.Format{Encoding: protocol.EncodingPCM, Rate: rate}})
	for range 3 {
		a := audio.NewFrame(640)
		clear(a.Data)
		f.out <- session.Output{Audio: a}
	}
	f.say(protocol.StageDone{Stage: stage.TTS, Text: "I see.", AudioMS: 60})
	f.say(protocol.AudioEnd{Bytes: 1920, MS: 60})
	rec.OutputWAV = new("/users/" + rec.UserID + "/recordings/out.wav")
	rec.OutputMS = 60
	f.say(protocol.TurnDone{Record: rec})
}

// wavOf makes a WAV file of ms of a quiet tone.
func wavOf(rate, channels, ms int) []byte {
	samples := rate * ms / 1000
	var b bytes.Buffer
	b.Write(audio.AppendHeader(nil, rate, channels, samples*channels*2))
	for i := range samples * channels {
		_ = binary.Write(&b, binary.LittleEndian, int16(i%50*100))
	}
	return b.Bytes()
}

// slow reads r byte by byte, with a pause before each.
type slow struct {
	r     io.Reader
	pause time.Duration
}

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.r.Read(p[:1])
}
