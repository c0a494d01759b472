package llama

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// batchTokens is how many tokens one step computes at most. More would not
	// be faster on a processor, and a step is what others wait for.
	batchTokens = 128
	// sharedTokens is how much of a prompt a step takes while another reply is
	// on its way.
	sharedTokens = 16
)

// Options tune a Responder. The zero value is a good start for a small model
// beside a speech recogniser.
type Options struct {
	// Window is how many tokens a conversation may have, reply included: 2048
	// when 0, and never more than the model was made for.
	Window int
	// Conversations is how many replies are made at once, and how many
	// conversations stay cached: 4 when 0, at most 64. Their windows take memory.
	Conversations int
	// Threads is how many processors one step uses, 1 when 0. The threads of a
	// step wait for each other without sleeping, so with as many threads as
	// processors they and the recogniser stand in each other's way.
	Threads int
	// MaxTokens ends a reply: 400 when 0, at most half a window.
	MaxTokens int
	// Temperature is how freely words are chosen: 0.3 when 0. Below 0 the likeliest
	// word is always taken, and the same prompt gives the same reply.
	Temperature float64
	// Seed makes replies repeatable; 0 is a new one each time.
	Seed uint32
	// Instructions are used where a prompt has none; "" for a line that asks for
	// short spoken answers.
	Instructions string
	// Template replaces the file's chat template: a name that llama.cpp knows
	// ("chatml", "llama3", "gemma") or the template itself.
	Template string
	// Languages are those that the model answers in, as BCP 47 base tags; empty
	// when that is not known, which lets all through.
	Languages []string
	// Waiting is how many replies may wait for a conversation to become free, 64
	// when 0. One more is [stage.CodeBusy].
	Waiting int
	// Log hears of trouble, never of texts. nil is silence.
	Log *slog.Logger
	// Observe is called by the responder's loop at the end of each reply; it must
	// return at once. nil for nobody.
	Observe func(Usage)
}

// Usage is what a reply took.
type Usage struct {
	Prompt int // tokens of the prompt
	Cached int // of these, tokens that an earlier turn had computed
	Reply  int // tokens of the reply
	First  time.Duration
	Total  time.Duration
}

const defaultInstructions = "You are a friendly voice assistant. Your answers are read aloud: answer in one to three short, plain sentences, without lists, symbols or emoji."

func (o Options) withDefaults() Options {
	number := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	number(&o.Window, 2048)
	number(&o.Conversations, 4)
	o.Conversations = min(o.Conversations, 64)
	number(&o.Threads, 1)
	number(&o.MaxTokens, 400)
	number(&o.Waiting, 64)
	if o.Temperature == 0 {
		o.Temperature = 0.3
	}
	if o.Instructions == "" {
		o.Instructions = defaultInstructions
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Responder answers prompts with a model. Its methods may be called from many
// goroutines, but none after Close.
type Responder struct {
	lib      *Library
	o        Options
	name     string
	template string
	guard    *strings.Replacer
	window   int
	opening  []int32 // the tokens that prompts with the usual instructions begin with
	free     func() uint64

	model, vocab uintptr

	jobs chan *job // in
	stop func()    // ends the loop; may be called twice
	gone chan struct{}
	quit chan struct{}
}

// Open loads a model, sees that it can chat, and makes its conversations. What
// is wrong with a file is an error in words; nothing else is touched by it.
func (l *Library) Open(path string, o Options) (*Responder, error) {
	return l.open(path, o, Available)
}

func (l *Library) open(path string, o Options, free func() uint64) (*Responder, error) {
	o = o.withDefaults()
	if err := inspect(path, o, free); err != nil {
		return nil, err
	}
	r := &Responder{
		lib: l, o: o, name: Name(path), free: free,
		jobs: make(chan *job, o.Waiting), gone: make(chan struct{}), quit: make(chan struct{}),
	}
	r.stop = sync.OnceFunc(func() { close(r.quit) })
	l.forget()
	p := l.modelDefaults()
	p.GPULayers = 0
	if r.model = l.modelLoad(path, p); r.model == 0 {
		return nil, fmt.Errorf("llama: %s can't be loaded%s", path, l.reason())
	}
	if err := r.prepare(path); err != nil {
		l.modelFree(r.model)
		return nil, err
	}
	return r, nil
}

// Inspect says, without loading it, what speaks against a file: that it is no
// GGUF file, or cut off, holds a base model, or is too large for the memory that
// is free.
func Inspect(path string, o Options) error { return inspect(path, o, Available) }

func inspect(path string, o Options, free func() uint64) error {
	h, err := ReadHeader(path)
	if err != nil {
		return err
	}
	if !h.Template && o.Template == "" {
		return fmt.Errorf("llama: %s has no chat template: it is a base model, which goes on with a text and answers nobody; take the instruction-tuned one of its family (\"-it\", \"-instruct\" or \"-chat\" in the name)", filepath.Base(path))
	}
	return fits(filepath.Base(path), uint64(h.Size), free(), "take a smaller model, or a smaller quantization of it")
}

// prepare reads what is needed from the loaded model and starts the loop.
func (r *Responder) prepare(path string) error {
	l := r.lib
	if !l.modelHasDecoder(r.model) || l.modelHasEncoder(r.model) {
		return fmt.Errorf("llama: %s is no model for chats", path)
	}
	r.vocab = l.modelVocab(r.model)
	if r.template = r.o.Template; r.template == "" {
		r.template = l.modelTemplate(r.model, nil)
	}
	if _, err := r.render([]message{{"system", "a"}, {"user", "b"}}); err != nil {
		return fmt.Errorf("llama: %s has a chat template of a form that llama.cpp's own list does not have; name one that fits (chatml fits many): %w", path, err)
	}
	r.guard = r.controlTexts()
	c, err := r.openCache(path)
	if err != nil {
		return err
	}
	if r.opening, err = r.usualOpening(); err != nil {
		r.lib.contextFree(c.ctx)
		return err
	}
	go newLoop(r, c).run()
	return nil
}

// openCache makes the context, with a window for each conversation.
func (r *Responder) openCache(path string) (cache, error) {
	l, o := r.lib, r.o
	window := o.Window
	if trained := int(l.modelCtxTrain(r.model)); trained > 0 {
		window = min(window, trained)
	}
	if err := fits(filepath.Base(path)+" with its conversations", r.cacheBytes(window), r.free(), "make their windows smaller, or fewer"); err != nil {
		return cache{}, err
	}
	p := l.contextDefaults()
	p.Ctx, p.SeqMax = uint32(window*o.Conversations), uint32(o.Conversations)
	p.Batch, p.UBatch = batchTokens, batchTokens
	p.Threads, p.ThreadsBatch = int32(o.Threads), int32(o.Threads)
	p.OutputsMax = uint32(o.Conversations)
	l.forget()
	ctx := l.contextInit(r.model, p)
	if ctx == 0 {
		return cache{}, fmt.Errorf("llama: %s can't be made ready%s", path, l.reason())
	}
	r.window = int(l.contextCtxSeq(ctx))
	r.o.MaxTokens = min(o.MaxTokens, r.window/2)
	if r.window < 64 {
		l.contextFree(ctx)
		return cache{}, fmt.Errorf("llama: %s has a window of %d tokens, too few to talk", path, r.window)
	}
	return cache{ctx: ctx, mem: l.contextMemory(ctx)}, nil
}

// cacheBytes is about what the windows take: a key and a value of 16 bits for
// each layer.
func (r *Responder) cacheBytes(window int) uint64 {
	l := r.lib
	heads := max(l.modelHeads(r.model), 1)
	width := uint64(l.modelEmbd(r.model)) * uint64(max(l.modelHeadsKV(r.model), 1)) / uint64(heads)
	return 2 * 2 * width * uint64(l.modelLayers(r.model)) * uint64(window) * uint64(r.o.Conversations)
}

// controlTexts takes the model's control tokens apart, so that nobody can say
// one: a space goes behind the first character of their texts.
func (r *Responder) controlTexts() *strings.Replacer {
	var pairs []string
	for t := range r.lib.vocabTokens(r.vocab) {
		if !r.lib.vocabIsControl(r.vocab, t) {
			continue
		}
		if text := r.lib.vocabText(r.vocab, t); len(text) > 1 {
			pairs = append(pairs, text, text[:1]+" "+text[1:])
		}
	}
	return strings.NewReplacer(pairs...)
}

// Name is the engine's name for a file: what a GGUF file calls itself is often
// the name of the run that trained it.
func Name(path string) string {
	return "llama.cpp " + strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// Engine is the name that history and clients see.
func (r *Responder) Engine() string { return r.name }

// Languages are those that the model answers in; empty when that is not known.
func (r *Responder) Languages() []string { return r.o.Languages }

// Window is how many tokens a conversation may have.
func (r *Responder) Window() int { return r.window }

// Close ends the replies that run, with an error, and frees the model.
func (r *Responder) Close() {
	r.stop()
	<-r.gone
	if r.model != 0 {
		r.lib.modelFree(r.model)
		r.model = 0
	}
}

var errClosed = errors.New("llama: closed")

// sampler makes the chain that chooses the words of one reply.
func (r *Responder) sampler() uintptr {
	l := r.lib
	chain := l.samplerChain(true)
	// Small models fall into loops without it.
	l.samplerAdd(chain, l.samplerPenalties(l.vocabTokens(r.vocab), 64, 1.1, 0, 0))
	if r.o.Temperature < 0 {
		l.samplerAdd(chain, l.samplerGreedy())
		return chain
	}
	seed := r.o.Seed
	for seed == 0 || seed == math.MaxUint32 { // the largest asks llama.cpp for one of its own
		seed = rand.Uint32()
	}
	l.samplerAdd(chain, l.samplerTopK(40))
	l.samplerAdd(chain, l.samplerTopP(0.9, 1))
	l.samplerAdd(chain, l.samplerMinP(0.05, 1))
	l.samplerAdd(chain, l.samplerTemp(float32(r.o.Temperature)))
	l.samplerAdd(chain, l.samplerDist(seed))
	return chain
}
