package llama

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ebitengine/purego"
)

// cache is llama.cpp's context and the memory in it.
type cache struct{ ctx, mem uintptr }

// sequence is one conversation's place in the cache.
type sequence struct {
	id     int32
	cached []int32 // the tokens that the cache holds, in order
	// inherited is how many of them other conversations are known to begin with,
	// too: more in common with a prompt says that it belongs to this one.
	inherited int
	used      time.Time

	// What follows is for the reply on its way; job is nil while there is none.
	job     *job
	pending []int32 // tokens to compute, before the next word can be chosen
	chooser uintptr // of words
	text    runes
	usage   Usage
	before  int // the length of cached before the step that runs
	logits  int // the place of its last token in the batch, -1 when not computed
}

// loop makes the replies. All its fields belong to the goroutine of run, which
// is also the one that llama.cpp calls its callback on.
type loop struct {
	*Responder
	cache

	batch  batch
	places batchPlaces
	seqs   []*sequence
	now    []*job // those whose tokens are in the step that runs
	// priming says that the step that runs is for nobody yet.
	priming bool
	buf     [256]byte
}

// batchPlaces views the arrays of a batch.
type batchPlaces struct {
	token, pos, seqN []int32
	seq              []*int32
	logits           []int8
}

func newLoop(r *Responder, c cache) *loop {
	l := &loop{Responder: r, cache: c, batch: r.lib.batchInit(batchTokens, 0, 1)}
	l.places = batchPlaces{
		token: cSlice[int32](l.batch.Token, batchTokens), pos: cSlice[int32](l.batch.Pos, batchTokens),
		seqN: cSlice[int32](l.batch.SeqN, batchTokens), seq: cSlice[*int32](l.batch.Seq, batchTokens),
		logits: cSlice[int8](l.batch.Logits, batchTokens),
	}
	for i := range r.o.Conversations {
		l.seqs = append(l.seqs, &sequence{id: int32(i)})
	}
	r.lib.setAbort(c.ctx, purego.NewCallback(l.abandon), 0)
	return l
}

// run works until the responder is closed.
func (l *loop) run() {
	defer close(l.gone)
	defer l.lib.contextFree(l.ctx)
	defer l.lib.batchFree(l.batch)
	l.prime()
	for l.admit() {
		for _, s := range l.seqs {
			if s.job != nil && s.job.ctx.Err() != nil {
				l.end(s, context.Cause(s.job.ctx))
			}
		}
		if l.fill(); l.batch.Tokens > 0 {
			l.step()
		}
	}
	for _, s := range l.seqs {
		if s.job != nil {
			l.end(s, errClosed)
		}
	}
	for {
		select {
		case j := <-l.jobs:
			j.out.finish(errClosed)
		default:
			return
		}
	}
}

// admit gives waiting replies a sequence. It waits for one when nothing is to
// be done, and gives false when the loop is to end.
func (l *loop) admit() bool {
	for {
		if l.quitting() {
			return false
		}
		free, busy := l.free()
		switch {
		case !free:
			return true
		case busy:
			select {
			case j := <-l.jobs:
				l.begin(j)
			default:
				return true
			}
		default:
			select {
			case j := <-l.jobs:
				l.begin(j)
			case <-l.quit:
				return false
			}
		}
	}
}

// free says whether a sequence is idle and whether one is not.
func (l *loop) free() (free, busy bool) {
	for _, s := range l.seqs {
		free, busy = free || s.job == nil, busy || s.job != nil
	}
	return free, busy
}

// begin starts a reply.
func (l *loop) begin(j *job) {
	if err := j.ctx.Err(); err != nil {
		j.out.finish(context.Cause(j.ctx))
		return
	}
	s := l.take(j)
	s.job, s.pending, s.text, s.logits = j, j.prompt[len(s.cached):], runes{}, -1
	s.usage = Usage{Prompt: len(j.prompt), Cached: len(s.cached)}
	s.chooser = l.sampler()
}

// keep forgets what a sequence's cache holds beyond the first n tokens. Some
// models can't forget a part; then all goes.
func (l *loop) keep(s *sequence, n int) {
	if l.lib.memorySeqRemove(l.mem, s.id, int32(n), -1) {
		s.cached = s.cached[:n]
		return
	}
	l.lib.memorySeqRemove(l.mem, s.id, -1, -1)
	s.cached = s.cached[:0]
}

// common is how many tokens a and b begin with in common.
func common(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// fill makes the next step's batch: the last word of each reply on its way
// first, then as much of the prompts as there is room for.
func (l *loop) fill() {
	l.batch.Tokens = 0
	l.now = l.now[:0]
	room := batchTokens
	for _, s := range l.seqs {
		if s.job != nil && s.usage.Reply > 0 {
			room = sharedTokens
			l.add(s, len(s.pending))
		}
	}
	for _, s := range l.seqs {
		if s.job != nil && s.usage.Reply == 0 && room > 0 {
			n := min(len(s.pending), room)
			room -= n
			l.add(s, n)
		}
	}
}

// add puts a reply's next n tokens into the batch.
func (l *loop) add(s *sequence, n int) {
	s.logits, s.before = -1, len(s.cached)
	l.now = append(l.now, s.job)
	last := n == len(s.pending)
	if l.put(s, n); last && n > 0 {
		s.logits = int(l.batch.Tokens) - 1
		l.places.logits[s.logits] = 1
	}
}

// put puts a sequence's next n tokens into the batch, and asks nothing of them.
func (l *loop) put(s *sequence, n int) {
	for i := range n {
		at := l.batch.Tokens
		l.places.token[at] = s.pending[i]
		l.places.pos[at] = int32(len(s.cached) + i)
		l.places.seqN[at] = 1
		*l.places.seq[at] = s.id
		l.places.logits[at] = 0
		l.batch.Tokens++
	}
	s.pending, s.cached = s.pending[n:], append(s.cached, s.pending[:n]...)
}

// abandon tells llama.cpp, in the middle of a step, whether to leave it: when
// nobody waits for any of it.
func (l *loop) abandon(uintptr) uintptr {
	if l.quitting() {
		return 1
	}
	if l.priming {
		return 0
	}
	for _, j := range l.now {
		if j.ctx.Err() == nil {
			return 0
		}
	}
	return 1
}

// aborted is what llama_decode gives for a step that abandon ended.
const aborted = 2

// step computes the batch and chooses the next words.
func (l *loop) step() {
	l.lib.forget()
	code := l.lib.decode(l.ctx, l.batch)
	if code != 0 {
		l.fail(code)
		return
	}
	for _, s := range l.seqs {
		if s.job != nil && s.logits >= 0 {
			l.word(s)
		}
	}
}

// fail goes back to before a step that went wrong, and ends its replies.
func (l *loop) fail(code int32) {
	for _, s := range l.seqs {
		if s.job == nil || !slices.Contains(l.now, s.job) {
			continue
		}
		err := context.Cause(s.job.ctx)
		switch code {
		case aborted:
			l.keep(s, s.before)
			if err == nil {
				err = errClosed
			}
		default: // nobody knows what is in the cache now
			l.keep(s, 0)
			if err == nil {
				err = fmt.Errorf("llama.cpp could not compute the reply (%d)%s", code, l.lib.reason())
				l.o.Log.Error("a reply failed in llama.cpp", "code", code, "error", err)
			}
		}
		l.end(s, err)
	}
}

// word chooses the next word of a reply, which may be its end.
func (l *loop) word(s *sequence) {
	token := l.lib.samplerSample(s.chooser, l.ctx, int32(s.logits))
	s.logits = -1
	if s.usage.Reply == 0 {
		s.usage.First = time.Since(s.job.began)
	}
	if token < 0 || l.lib.vocabIsEOG(l.vocab, token) {
		l.end(s, nil)
		return
	}
	s.usage.Reply++
	s.job.out.write(s.text.push(l.piece(token, l.buf[:])))
	if s.usage.Reply >= l.o.MaxTokens || len(s.cached)+1 >= l.window {
		l.end(s, nil)
		return
	}
	s.pending = append(s.pending[:0:0], token)
}

// end finishes a reply and leaves its sequence to others, with what it cached.
func (l *loop) end(s *sequence, err error) {
	if err == nil {
		s.job.out.write(s.text.end())
	}
	s.usage.Total = time.Since(s.job.began)
	s.job.out.finish(err)
	if l.o.Observe != nil {
		l.o.Observe(s.usage)
	}
	l.lib.samplerFree(s.chooser)
	s.job, s.pending, s.chooser, s.used = nil, nil, 0, time.Now()
}
