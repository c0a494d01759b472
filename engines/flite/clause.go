package flite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"sori/stage"
)

// Functions of flite that the package listens to.
const (
	// chunkFunction is audio_stream_chunk(wave *, start, size, last, info): size
	// samples from start on are ready.
	chunkFunction = "audio_stream_chunk"
	// treeFunction runs often before the first audio; a cancelled clause stops there.
	treeFunction = "cart_interpret"
)

// Fields of flite's cst_wave: type, sample_rate, num_samples, num_channels, samples.
const (
	waveRateOffset    = 4
	waveSamplesOffset = 16
)

type runKey struct{}

// run is one clause on its way. It is owned by the goroutine that runs the module.
type run struct {
	out *outlet
	cut trimmer
}

// hookFactory places the listeners when the module is compiled.
type hookFactory struct{ found bool }

// NewFunctionListener implements experimental.FunctionListenerFactory.
func (f *hookFactory) NewFunctionListener(def api.FunctionDefinition) experimental.FunctionListener {
	switch def.Name() {
	case chunkFunction:
		f.found = true
		return chunkHook{}
	case treeFunction:
		return stopHook{}
	}
	return nil
}

// stopHook ends a module whose context is over: a panic inside the module is
// an error of the call outside.
type stopHook struct{}

// Before implements experimental.FunctionListener.
func (stopHook) Before(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	if err := context.Cause(ctx); err != nil {
		panic(err)
	}
}

// After implements experimental.FunctionListener.
func (stopHook) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

// Abort implements experimental.FunctionListener.
func (stopHook) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// chunkHook takes the audio as flite makes it.
type chunkHook struct{ stopHook }

// Before implements experimental.FunctionListener.
func (h chunkHook) Before(ctx context.Context, m api.Module, def api.FunctionDefinition, params []uint64, si experimental.StackIterator) {
	h.stopHook.Before(ctx, m, def, params, si)
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		panic(errors.New("flite: audio outside of a clause"))
	}
	// Parameters are 32-bit; their upper halves hold anything.
	wave, start, size := uint32(params[0]), uint32(params[1]), uint32(params[2])
	rate, ok1 := m.Memory().ReadUint32Le(wave + waveRateOffset)
	samples, ok2 := m.Memory().ReadUint32Le(wave + waveSamplesOffset)
	pcm, ok3 := m.Memory().Read(samples+2*start, 2*size)
	if !ok1 || !ok2 || !ok3 || rate != SampleRate {
		panic(fmt.Errorf("flite: the module's audio is not what sori knows (rate %d)", rate))
	}
	if piece := r.cut.push(pcm); len(piece) > 0 {
		r.out.write(piece)
	}
}

// clause speaks one clause and says whether the caller wants more.
func (s *Synthesizer) clause(ctx context.Context, voice, text string, yield func(stage.Chunk, error) bool) bool {
	memory, err := s.acquire(ctx)
	if err != nil {
		yield(stage.Chunk{}, err)
		return false
	}
	ctx, stop := context.WithCancelCause(ctx)
	out := newOutlet()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { s.slabs <- memory }()
		out.finish(s.speak(ctx, memory, voice, text, out))
	}()
	defer func() {
		stop(errors.New("nobody listens any more"))
		<-done
	}()
	for {
		pcm, more, err := out.take(ctx)
		if len(pcm) > 0 && !yield(stage.Chunk{PCM: pcm, Rate: SampleRate}, nil) {
			return false
		}
		if err != nil {
			yield(stage.Chunk{}, stageError(ctx, err))
			return false
		}
		if !more {
			return true
		}
	}
}

// acquire waits for a free worker.
func (s *Synthesizer) acquire(ctx context.Context) (*slab, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, stageError(ctx, err)
	}
	select {
	case memory := <-s.slabs:
		return memory, nil
	case <-ctx.Done():
		return nil, stageError(ctx, context.Cause(ctx))
	}
}

// speak runs flite once, from the start of the module to its exit.
func (s *Synthesizer) speak(ctx context.Context, memory *slab, voice, text string, out *outlet) (err error) {
	r := &run{out: out, cut: newTrimmer(text)}
	ctx = context.WithValue(ctx, runKey{}, r)
	ctx = experimental.WithMemoryAllocator(ctx, memory)
	var complaint strings.Builder
	config := wazero.NewModuleConfig().
		WithName(""). // anonymous, so that several run at once
		WithArgs("flite", "-voice", voice, "-t", text, "-o", "stream").
		WithStderr(&limitedWriter{w: &complaint, left: 200}).
		WithStartFunctions()
	module, err := s.runtime.InstantiateModule(ctx, s.module, config)
	if err != nil {
		return fmt.Errorf("start the module: %w", err)
	}
	defer func() { err = errors.Join(err, module.Close(context.WithoutCancel(ctx))) }()
	_, err = module.ExportedFunction("_start").Call(ctx)
	if exit, ok := errors.AsType[*sys.ExitError](err); ok && exit.ExitCode() == 0 {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("run the module: %w (%s)", err, complaint.String())
	}
	if tail := r.cut.end(); len(tail) > 0 {
		out.write(tail)
	}
	return nil
}

// stageError says what a clause that broke off means for the caller.
func stageError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	e := *stage.AsError(stage.TTS, err)
	e.Engine = engineName
	return &e
}

// limitedWriter keeps the first bytes and drops the rest.
type limitedWriter struct {
	w    io.Writer
	left int
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if _, err := l.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}
