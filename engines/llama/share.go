package llama

import (
	"slices"
	"time"
)

// worthCopying is how many tokens two conversations have to begin with in common
// for one to take them from the other: a copy moves all of a window.
const worthCopying = 16

// take gives an idle sequence to a prompt, with as much of its beginning as is in
// the cache: its own conversation's, or else a copy of what another conversation
// begins with, which is the instructions. The conversation that was idle for
// longest makes room.
func (l *loop) take(j *job) *sequence {
	// The last token is always computed: what comes after it is asked for.
	most := len(j.prompt) - 1
	var own, idle, like *sequence
	ownShare, likeShare := 0, 0
	for _, s := range l.seqs {
		n := min(common(s.cached, j.prompt), most)
		if j.fresh { // so this is nobody's own
			s.inherited = max(s.inherited, n)
		}
		if n > likeShare {
			like, likeShare = s, n
		}
		if s.job != nil {
			continue
		}
		if n > s.inherited && n > ownShare {
			own, ownShare = s, n
		}
		if idle == nil || s.used.Before(idle.used) {
			idle = s
		}
	}
	if own != nil {
		l.keep(own, ownShare)
		return own
	}
	if like == nil || like != idle && likeShare < worthCopying {
		likeShare = 0
	} else if like != idle {
		l.keep(idle, 0)
		// All of it, for llama.cpp copies no part into another window.
		l.lib.memorySeqCopy(l.mem, like.id, idle.id, -1, -1)
		idle.cached = slices.Clone(like.cached)
	}
	l.keep(idle, likeShare)
	idle.inherited = len(idle.cached)
	return idle
}

// prime computes what conversations with the usual instructions begin with, so
// that their first turns are not slower than the others. A job that comes
// meanwhile waits no longer than it would have taken without.
func (l *loop) prime() {
	if len(l.opening) < worthCopying {
		return
	}
	s := l.seqs[0]
	s.pending = l.opening
	l.priming = true
	defer func() { l.priming, s.pending, s.inherited, s.used = false, nil, len(s.cached), time.Now() }()
	for len(s.pending) > 0 && !l.quitting() {
		l.batch.Tokens = 0
		l.now = l.now[:0]
		l.put(s, min(len(s.pending), batchTokens))
		if code := l.lib.decode(l.ctx, l.batch); code != 0 {
			l.keep(s, 0) // it is computed when it is needed
			return
		}
	}
}

func (l *loop) quitting() bool {
	select {
	case <-l.quit:
		return true
	default:
		return false
	}
}
