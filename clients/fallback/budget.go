package fallback

import "sync"

// A stage in trouble must not be given more work by those who try again: second
// tries are at most half of the calls under way, or a few.
const (
	extraShare = 2  // one second try for so many calls under way
	extraLeast = 16 // so many are always allowed
)

// budget counts the calls under way and the second tries among them: with
// another engine, or with the same one. Calls of many sessions share it.
type budget struct {
	mu    sync.Mutex
	calls int // under way
	extra int // second tries under way
}

// begin counts a call, end gives it back.
func (b *budget) begin() {
	b.mu.Lock()
	b.calls++
	b.mu.Unlock()
}

func (b *budget) end() {
	b.mu.Lock()
	b.calls--
	b.mu.Unlock()
}

// take asks for a second try. Every one that is granted is given back.
func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.extra >= extraLeast && b.extra*extraShare >= b.calls {
		return false
	}
	b.extra++
	return true
}

func (b *budget) give() {
	b.mu.Lock()
	b.extra--
	b.mu.Unlock()
}
