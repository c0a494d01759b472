package session

import (
	"time"

	"sori/protocol"
	"sori/quota"
)

// Allowance says what a session's user may still do. It answers at once, from
// what is known. [quota.Grant] is one.
type Allowance interface {
	// Check says whether a turn may begin now: nil, or which limit stands against it.
	Check() *quota.LimitError
	// Turn counts a turn, of which so much speech was heard.
	Turn(heard time.Duration)
	// Spoken counts speech of a reply.
	Spoken(d time.Duration)
	// States tells how far the limits are used; none: nothing is limited.
	States() []quota.State
}

// barred says whether a limit stands against a turn now, and tells the client.
func (s *Session) barred() bool {
	if s.opts.Allowance == nil {
		return false
	}
	over := s.opts.Allowance.Check()
	if over == nil {
		return false
	}
	code := protocol.ErrTurnQuota
	if over.Name == quota.Audio {
		code = protocol.ErrAudioQuota
	}
	s.emit(protocol.Problem{Code: code, Message: over.Error()})
	s.tellQuota(0)
	return true
}

// drop forgets an utterance that may not be answered.
func (s *Session) drop() {
	s.dropDraft()
	s.dropped(DropQuota, s.utterance.Len())
	s.utterance.Reset()
	s.scribe.reset()
	if s.attention != nil {
		s.attention.ear.Reset()
	}
}

// spend counts a turn that begins.
func (s *Session) spend(turn int, e *entry) {
	if s.opts.Allowance == nil || e.say != "" {
		return
	}
	heard := time.Duration(0)
	if e.clip != nil {
		heard = e.clip.Duration()
	}
	s.opts.Allowance.Turn(heard)
	s.tellQuota(turn)
}

// tellQuota tells the client how far its limits are used.
func (s *Session) tellQuota(turn int) {
	if s.opts.Allowance == nil {
		return
	}
	states := s.opts.Allowance.States()
	if len(states) == 0 {
		return
	}
	e := protocol.QuotaUpdated{Quotas: make([]protocol.Quota, 0, len(states))}
	for _, st := range states {
		e.Quotas = append(e.Quotas, protocol.Quota{
			Name: string(st.Name), Limit: st.Limit, Remaining: st.Remaining, ResetMS: st.Reset.Milliseconds(),
		})
	}
	s.emitFor(turn, e)
}
