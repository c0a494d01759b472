package server

import (
	"context"
	"encoding/json"
	"time"

	"github.com/coder/websocket"

	"sori/audio"
	"sori/protocol"
	"sori/session"
	"sori/session/resume"
)

// enter begins to use a lease: what was said so far goes into the shared log.
func (h *host) enter(l lease) {
	p := &h.pump
	p.lease = l.Lease
	h.fence.Store(l.Fence())
	h.save(p.state)
	for _, m := range p.replay.held() {
		h.logMessage(m)
	}
}

// logMessage adds a message to the shared log.
func (h *host) logMessage(m saying) {
	if l := h.pump.lease; l != nil {
		l.Append(resume.Message{Seq: m.seq, Binary: m.kind == websocket.MessageBinary, Data: append([]byte(nil), m.data.Data...)})
	}
}

// terminal says whether an event is the end of a turn.
func terminal(e protocol.Event) bool {
	switch e.(type) {
	case protocol.TurnDone, protocol.TurnCancelled, protocol.TurnFailed:
		return true
	}
	return false
}

// record brings what is about to be said to the shared log first, so that an heir
// does not say it once more. Where that can't be in a moment it is said all the
// same.
func (h *host) record() {
	l := h.pump.lease
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	if err := l.Flush(ctx); err != nil {
		h.log().Debug("the end of a turn is told before it is in the shared log", "error", err)
	}
}

// recordTimeout is how long the end of a turn waits for the shared log.
const recordTimeout = 250 * time.Millisecond

// save notes in the directory where the session stands.
func (h *host) save(st *session.State) {
	l := h.pump.lease
	if st != nil {
		h.pump.state = st
	}
	if l == nil || st == nil {
		return
	}
	data, err := json.Marshal(st)
	if err != nil {
		h.log().Error("session's state can't be written", "error", err)
		return
	}
	l.Save(data)
}

// release gives the session up: for the next process, or for good.
func (h *host) release() {
	p := &h.pump
	select {
	case l := <-h.leased: // it came too late
		h.enter(l)
	default:
	}
	if p.lease == nil {
		return
	}
	l := p.lease
	p.lease = nil
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	if err := l.Release(ctx, !p.yielded && !p.taken); err != nil {
		h.log().Warn("session was not given up in order; its lease runs out", "error", err)
	}
}

// releaseTimeout bounds writing what is under way to the directory.
const releaseTimeout = 5 * time.Second

// borrowed is a message of another process.
func borrowed(m resume.Message) saying {
	f := audio.NewFrame(len(m.Data))
	copy(f.Data, m.Data)
	kind := websocket.MessageText
	if m.Binary {
		kind = websocket.MessageBinary
	}
	return saying{seq: m.Seq, kind: kind, data: f}
}
