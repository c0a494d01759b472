package session

import "sori/protocol"

// maxWaiting is how many committed turns may wait for the one that is stopping.
const maxWaiting = 8

// next says what happens when e happens in p: the phase after it, and what Run
// is to do, in this order. It is pure and total: it answers for every phase and
// every event. lastTurn is the number of the newest turn of the session.
func next(p phase, e event, lastTurn int) (phase, effects) {
	to, do := step(p, e, lastTurn)
	if to == nil {
		to = p // not boxed again: a frame that changes nothing allocates nothing
	}
	return to, do
}

// step is next, with nil for "the phase stays".
func step(p phase, e event, lastTurn int) (phase, effects) {
	switch p := p.(type) {
	case unready:
		return nextUnready(e)
	case idle:
		return nextIdle(e, lastTurn)
	case listening:
		return nextListening(p, e)
	case live:
		return nextLive(p, e)
	case held:
		return nextHeld(p, e)
	case stopping:
		return nextStopping(p, e)
	case keeping:
		return nextKeeping(p, e, lastTurn)
	case leaving:
		return nextLeaving(p, e)
	case gone:
	}
	return nil, effects{}
}

func nextUnready(e event) (phase, effects) {
	switch e.(type) {
	case configured:
		return idle{}, effects{configure{}}
	case heard, committed, queued, overheard, asked, typed, cleared:
		return nil, effects{refuse{protocol.ErrNotConfigured}}
	case ended:
		return gone{}, effects{leave{}}
	case cancelled, silenced, drained, kept, overdue, spoke, seized, dismissed:
	}
	return nil, effects{}
}

func nextIdle(e event, lastTurn int) (phase, effects) {
	switch e := e.(type) {
	case configured:
		return nil, effects{configure{}}
	case heard:
		return nil, effects{listen{}}
	case committed:
		if e.empty {
			return nil, effects{refuse{protocol.ErrNothingSaid}}
		}
		return live{lastTurn + 1}, effects{start{lastTurn + 1}}
	case queued:
		return nextIdle(committed(e), lastTurn)
	case overheard:
		if e.empty {
			return nil, effects{refuse{protocol.ErrNothingSaid}}
		}
		return listening{lastTurn + 1}, effects{start{lastTurn + 1}}
	case typed, asked:
		return live{lastTurn + 1}, effects{start{lastTurn + 1}}
	case cleared:
		return nil, effects{forget{}}
	case ended:
		return gone{}, effects{leave{}}
	case cancelled, silenced, drained, kept, overdue, spoke, seized, dismissed:
	}
	return nil, effects{}
}

// nextListening is for a turn without a reply: nothing takes the floor from it,
// and the next one waits until it is transcribed.
func nextListening(p listening, e event) (phase, effects) {
	switch e := e.(type) {
	case configured:
		return nil, effects{configure{}}
	case heard:
		return nil, effects{listen{}}
	case committed:
		return queue(p.turn, e.empty)
	case queued:
		return queue(p.turn, e.empty)
	case overheard:
		return queue(p.turn, e.empty)
	case typed:
		return queue(p.turn, false)
	case asked:
		if e.joins {
			return live(p), effects{answer{}}
		}
		return queue(p.turn, false)
	case cleared:
		return nil, effects{forget{}}
	case cancelled:
		if e.turn != 0 && e.turn != p.turn {
			return nil, effects{}
		}
		return stopping{turn: p.turn}, effects{kill{p.turn, protocol.CancelledByClient}}
	case drained:
		if e.turn != p.turn {
			return nil, effects{}
		}
		return keeping{turn: p.turn}, effects{keep{p.turn}}
	case ended:
		return leaving{p.turn, false}, effects{kill{p.turn, protocol.CancelledByEnd}}
	case silenced, spoke, kept, overdue, seized, dismissed:
	}
	return nil, effects{}
}

// queue puts what was committed behind a turn that goes on to its end.
func queue(turn int, empty bool) (phase, effects) {
	if empty {
		return nil, effects{refuse{protocol.ErrNothingSaid}}
	}
	return stopping{turn: turn, waiting: 1}, effects{enqueue{}}
}

func nextLive(p live, e event) (phase, effects) {
	switch e := e.(type) {
	case configured:
		return nil, effects{configure{}}
	case heard:
		return nil, effects{listen{}}
	case committed:
		if e.empty {
			return nil, effects{refuse{protocol.ErrNothingSaid}}
		}
		return supersede(p.turn, protocol.CancelledByNewTurn)
	case queued:
		return queue(p.turn, e.empty)
	case overheard:
		if e.floor && !e.empty {
			return supersede(p.turn, protocol.CancelledByNewTurn)
		}
		return queue(p.turn, e.empty)
	case asked:
		return queue(p.turn, false)
	case typed:
		return supersede(p.turn, protocol.CancelledByNewTurn)
	case cleared:
		return nil, effects{forget{}}
	case cancelled:
		if e.turn != 0 && e.turn != p.turn {
			return nil, effects{}
		}
		return stopping{turn: p.turn}, effects{kill{p.turn, protocol.CancelledByClient}}
	case silenced:
		if e.turn != 0 && e.turn != p.turn {
			return nil, effects{}
		}
		return stopping{turn: p.turn}, effects{hush{p.turn, protocol.CancelledByClient}}
	case drained:
		if e.turn != p.turn {
			return nil, effects{}
		}
		return keeping{turn: p.turn}, effects{keep{p.turn}}
	case ended:
		return leaving{p.turn, false}, effects{kill{p.turn, protocol.CancelledByEnd}}
	case spoke:
		return held(p), effects{hold{}}
	case kept, overdue, seized, dismissed:
	}
	return nil, effects{}
}

// supersede stops a turn for the one that was just committed. Its transcription
// may finish: what the user said is not lost.
func supersede(turn int, why protocol.CancelReason) (phase, effects) {
	return stopping{turn: turn, waiting: 1}, effects{hush{turn, why}, enqueue{}}
}

// resume is queue for a reply that waits: it goes on.
func resume(turn int, empty bool) (phase, effects) {
	if empty {
		return nil, effects{refuse{protocol.ErrNothingSaid}}
	}
	return stopping{turn: turn, waiting: 1}, effects{release{}, enqueue{}}
}

// nextHeld is nextLive while the user speaks over the reply.
func nextHeld(p held, e event) (phase, effects) {
	switch e := e.(type) {
	case committed:
		if e.empty {
			return nil, effects{refuse{protocol.ErrNothingSaid}}
		}
		return supersede(p.turn, protocol.CancelledByBargeIn)
	case overheard:
		if e.floor && !e.empty {
			return supersede(p.turn, protocol.CancelledByBargeIn)
		}
		return resume(p.turn, e.empty)
	case queued:
		return resume(p.turn, e.empty)
	case asked:
		return resume(p.turn, false)
	case seized:
		return stopping{turn: p.turn}, effects{hush{p.turn, protocol.CancelledByBargeIn}}
	case dismissed:
		return live(p), effects{release{}}
	case spoke:
		return nil, effects{}
	case configured, heard, typed, cleared, cancelled, silenced, drained, kept, overdue, ended:
		return nextLive(live(p), e)
	}
	return nil, effects{}
}

func nextStopping(p stopping, e event) (phase, effects) {
	switch e := e.(type) {
	case configured:
		return nil, effects{configure{}}
	case heard:
		return nil, effects{listen{}}
	case committed:
		if e.empty {
			return nil, effects{refuse{protocol.ErrNothingSaid}}
		}
		return orRefuse(stopping{p.turn, p.waiting + 1}, p.waiting)
	case queued:
		return nextStopping(p, committed(e))
	case overheard:
		return nextStopping(p, committed{e.empty})
	case typed:
		return orRefuse(stopping{p.turn, p.waiting + 1}, p.waiting)
	case asked:
		if e.joins {
			return nil, effects{answerWaiting{}}
		}
		return nextStopping(p, typed{})
	case silenced:
		if e.turn != 0 && e.turn != p.turn {
			return nil, effects{}
		}
		return nil, effects{hush{p.turn, protocol.CancelledByClient}}
	case cleared:
		return nil, effects{forget{}}
	case cancelled:
		if e.turn != 0 && e.turn != p.turn {
			return nil, effects{}
		}
		return nil, effects{kill{p.turn, protocol.CancelledByClient}}
	case drained:
		if e.turn != p.turn {
			return nil, effects{}
		}
		return keeping(p), effects{keep{p.turn}}
	case overdue:
		if e.turn != p.turn {
			return nil, effects{}
		}
		return nil, effects{kill{p.turn, protocol.CancelledByNewTurn}}
	case ended:
		return leaving{p.turn, false}, effects{kill{p.turn, protocol.CancelledByEnd}}
	case kept, spoke, seized, dismissed:
	}
	return nil, effects{}
}

// orRefuse queues what was committed, unless as many wait as may.
func orRefuse(to phase, waiting int) (phase, effects) {
	if waiting == maxWaiting {
		return nil, effects{refuse{protocol.ErrTooManyTurns}}
	}
	return to, effects{enqueue{}}
}

func nextKeeping(p keeping, e event, lastTurn int) (phase, effects) {
	switch e := e.(type) {
	case configured:
		return nil, effects{configure{}}
	case heard:
		return nil, effects{listen{}}
	case committed:
		if e.empty {
			return nil, effects{refuse{protocol.ErrNothingSaid}}
		}
		return orRefuse(keeping{p.turn, p.waiting + 1}, p.waiting)
	case queued:
		return nextKeeping(p, committed(e), lastTurn)
	case overheard:
		return nextKeeping(p, committed{e.empty}, lastTurn)
	case typed:
		return orRefuse(keeping{p.turn, p.waiting + 1}, p.waiting)
	case asked:
		if e.joins {
			return nil, effects{answerWaiting{}}
		}
		return nextKeeping(p, typed{}, lastTurn)
	case cleared:
		return nil, effects{forget{}}
	case kept:
		if e.turn != p.turn {
			return nil, effects{}
		}
		switch n := lastTurn + 1; {
		case p.waiting == 0:
			return idle{}, effects{conclude{p.turn}}
		case p.waiting == 1 && e.then == listens:
			return listening{n}, effects{conclude{p.turn}, startWaiting{n, false}}
		case p.waiting == 1:
			return live{n}, effects{conclude{p.turn}, startWaiting{n, false}}
		default:
			return stopping{n, p.waiting - 1}, effects{conclude{p.turn}, startWaiting{n, e.then == speaks}}
		}
	case ended:
		return leaving{p.turn, true}, effects{}
	case cancelled, silenced, drained, overdue, spoke, seized, dismissed:
	}
	return nil, effects{}
}

func nextLeaving(p leaving, e event) (phase, effects) {
	switch e := e.(type) {
	case drained:
		if e.turn != p.turn || p.keeping { // as in keeping: a timer of its playback may still run
			return nil, effects{}
		}
		return leaving{p.turn, true}, effects{keep{p.turn}}
	case kept:
		if e.turn != p.turn {
			return nil, effects{}
		}
		return gone{}, effects{conclude{p.turn}, keepWaiting{}, leave{}}
	case configured, heard, committed, queued, overheard, asked, typed, cleared, cancelled, silenced, overdue, spoke, seized, dismissed, ended:
	}
	return nil, effects{}
}
