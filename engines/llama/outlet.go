package llama

import (
	"context"
	"strings"
	"sync"
)

// outlet is where a reply waits for its reader. Its bound is the longest reply,
// so that the loop never waits for a slow reader. One goroutine writes, one
// takes.
type outlet struct {
	ready chan struct{} // one token: there is something to take

	mu   sync.Mutex // guards what follows
	text strings.Builder
	done bool
	err  error
}

func newOutlet() *outlet { return &outlet{ready: make(chan struct{}, 1)} }

func (o *outlet) write(text string) {
	if text == "" {
		return
	}
	o.mu.Lock()
	o.text.WriteString(text)
	o.mu.Unlock()
	o.wake()
}

// finish ends the reply: whole, or with an error.
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

// take waits for text and gives all that is there. more is false once the reply
// is over.
func (o *outlet) take(ctx context.Context) (text string, more bool, err error) {
	select {
	case <-o.ready:
	case <-ctx.Done():
		return "", false, context.Cause(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	text = o.text.String()
	o.text.Reset()
	return text, !o.done, o.err
}
