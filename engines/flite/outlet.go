package flite

import (
	"context"
	"sync"
)

// Audio is handed on in pieces of at least these lengths, in bytes: the first
// one early, the later ones long enough to be worth a write.
const (
	firstPiece = 2 * SampleRate * 20 / 1000
	laterPiece = 2 * SampleRate * 80 / 1000
)

// outlet is where a clause's audio waits for the caller. It is bounded by the
// length of a clause (see maxClause), so that the worker never waits for a slow
// caller. One goroutine writes, one takes.
type outlet struct {
	ready chan struct{} // one token: there is something to take

	mu    sync.Mutex // guards what follows
	pcm   []byte
	taken bool
	done  bool
	err   error
}

func newOutlet() *outlet { return &outlet{ready: make(chan struct{}, 1)} }

func (o *outlet) write(pcm []byte) {
	o.mu.Lock()
	o.pcm = append(o.pcm, pcm...)
	enough := len(o.pcm) >= laterPiece || !o.taken && len(o.pcm) >= firstPiece
	o.mu.Unlock()
	if enough {
		o.wake()
	}
}

// finish ends the clause: with all its audio, or with an error.
func (o *outlet) finish(err error) {
	o.mu.Lock()
	o.done, o.err = true, err
	o.mu.Unlock()
	o.wake()
}

func (o *outlet) wake() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// take waits for audio and gives all that is there. more is false once the
// clause is over.
func (o *outlet) take(ctx context.Context) (pcm []byte, more bool, err error) {
	select {
	case <-o.ready:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	pcm, o.pcm = o.pcm, nil
	o.taken = o.taken || len(pcm) > 0
	return pcm, !o.done, o.err
}
