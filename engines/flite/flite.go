package flite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"sori/stage"
)

// SampleRate is the rate of all speech, in Hz.
const SampleRate = 16000

// MaxText is the longest text, in bytes, that one call speaks.
const MaxText = 32 << 10

// DefaultVoice speaks where a call names no voice.
const DefaultVoice = "slt"

const engineName = "flite"

// Options tune a Synthesizer.
type Options struct {
	// Workers is how many clauses are synthesised at once; zero means as many as
	// there are processors. Each holds some 20 MB.
	Workers int
	// CacheDir is where the compiled module is kept between starts (some 20 MB).
	// Empty means that every start compiles it anew, which takes a fifth of a second.
	CacheDir string
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return o
}

// Synthesizer speaks English text. Its methods may be called from several
// goroutines; Close may not overlap with the others.
type Synthesizer struct {
	runtime wazero.Runtime
	cache   wazero.CompilationCache // nil without a folder for it
	module  wazero.CompiledModule

	// slabs holds one memory for each worker; to have one is to be allowed to run.
	slabs chan *slab
}

// Open compiles flite.wasm, or takes it from the cache, and speaks one word to
// see that it works. Close frees what it holds.
func Open(ctx context.Context, wasmPath string, o Options) (_ *Synthesizer, err error) {
	o = o.withDefaults()
	code, err := os.ReadFile(wasmPath)
	if err != nil {
		return nil, fmt.Errorf("flite: read the voice module (`sori models` fetches it): %w", err)
	}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(maxMemory / wasmPage).
		WithDebugInfoEnabled(false) // else a cancelled clause costs seconds, for a stack trace with source lines
	s := &Synthesizer{slabs: make(chan *slab, o.Workers)}
	if o.CacheDir != "" {
		s.cache, err = wazero.NewCompilationCacheWithDir(o.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("flite: open the compilation cache at %s (is it writable?): %w", o.CacheDir, err)
		}
		config = config.WithCompilationCache(s.cache)
	}
	s.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if _, err = wasi_snapshot_preview1.Instantiate(ctx, s.runtime); err != nil {
		return nil, fmt.Errorf("flite: prepare WASI: %w", err)
	}
	hooks := &hookFactory{}
	s.module, err = s.runtime.CompileModule(experimental.WithFunctionListenerFactory(ctx, hooks), code)
	if err != nil {
		return nil, fmt.Errorf("flite: compile %s (is the file whole?): %w", wasmPath, err)
	}
	if !hooks.found {
		return nil, fmt.Errorf("flite: %s has no function %s: it is not the module that sori knows", wasmPath, chunkFunction)
	}
	for range o.Workers {
		s.slabs <- &slab{}
	}
	if err = s.warmUp(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// warmUp speaks one word, so that the first caller does not wait for cold pages.
func (s *Synthesizer) warmUp(ctx context.Context) error {
	heard := 0
	for c, err := range s.Synthesize(ctx, stage.Speech{Text: "Hello."}) {
		if err != nil {
			return fmt.Errorf("flite: speak a first word: %w", err)
		}
		heard += len(c.PCM)
	}
	if heard == 0 {
		return errors.New("flite: the module ran but gave no audio")
	}
	return nil
}

// Close waits for the clauses that run and frees the module.
func (s *Synthesizer) Close(ctx context.Context) error {
	err := s.runtime.Close(ctx)
	if s.cache != nil {
		err = errors.Join(err, s.cache.Close(ctx))
	}
	return err
}

// Engine is the name that history and clients see.
func (*Synthesizer) Engine() string { return engineName }

// Languages are the base tags of the languages that it speaks.
func (*Synthesizer) Languages() []string { return []string{"en"} }

// Voices names the voices, the default first.
func (*Synthesizer) Voices() []string { return []string{DefaultVoice, "rms", "awb", "kal16"} }

// Synthesize speaks a text clause by clause. All chunks have SampleRate. A
// worker is held only while it computes, never while the caller is slow: at
// most one clause of audio waits for the caller. Breaking out of the loop, or
// ending ctx, stops the engine within milliseconds.
//
// Errors are *stage.Error: CodeLanguage for text that an English voice can't
// read, CodeRejected for an unknown voice or a text longer than MaxText.
func (s *Synthesizer) Synthesize(ctx context.Context, sp stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		voice, clauses, err := s.plan(sp)
		if err != nil {
			yield(stage.Chunk{}, err)
			return
		}
		if len(clauses) == 0 { // punctuation or emoji alone: a short rest
			yield(stage.Chunk{PCM: make([]byte, 2*restSamples), Rate: SampleRate}, nil)
			return
		}
		for _, text := range clauses {
			if !s.clause(ctx, voice, text, yield) {
				return
			}
		}
	}
}

// plan checks what is asked for and splits the text.
func (s *Synthesizer) plan(sp stage.Speech) (voice string, clauses []string, err error) {
	voice = strings.ToLower(strings.TrimSpace(sp.Voice))
	if voice == "" {
		voice = DefaultVoice
	}
	if voices := s.Voices(); !slices.Contains(voices, voice) {
		return "", nil, rejected("There is no voice %.40q. The voices are: %s.", sp.Voice, strings.Join(voices, ", "))
	}
	if len(sp.Text) > MaxText {
		return "", nil, rejected("The text has %d bytes; at most %d can be spoken at once.", len(sp.Text), MaxText)
	}
	if strings.TrimSpace(sp.Text) == "" {
		return "", nil, rejected("There is no text to speak.")
	}
	if !isEnglish(sp.Language) {
		return "", nil, languageError(fmt.Sprintf("The local voice speaks English only, not %.20q.", sp.Language))
	}
	plain, ok := Speakable(sp.Text)
	if !ok {
		return "", nil, languageError("The local voice speaks English only and can't read this text's script.")
	}
	return voice, splitClauses(plain), nil
}

func rejected(format string, args ...any) error {
	return &stage.Error{Stage: stage.TTS, Code: stage.CodeRejected, Message: fmt.Sprintf(format, args...), Engine: engineName}
}

func languageError(message string) error {
	return &stage.Error{Stage: stage.TTS, Code: stage.CodeLanguage, Message: message, Engine: engineName}
}

// isEnglish says whether a BCP 47 tag means English or nothing in particular.
func isEnglish(tag string) bool {
	base, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"), "-")
	switch base {
	case "", "en", "eng", "english", "und", "mul", "auto":
		return true
	}
	return false
}
