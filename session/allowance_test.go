package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sori/protocol"
	"sori/quota"
	"sori/session"
)

// limited opens a session of a user with limits.
func limited(t *testing.T, l quota.Limits) *rig {
	t.Helper()
	grant, err := quota.New(quota.Options{User: l}).Open(t.Context(), "10", "")
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, session.Options{Allowance: grant}, deps())
	r.configure()
	return r
}

// A turn over the limit is refused with what to do about it, and what was said
// for it is dropped; when the minute is over, turns go on.
func TestTurnsOverTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := limited(t, quota.Limits{Turns: 2})
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(10 * time.Second)
		r.send(protocol.Text{Text: "hi"})
		settle(10 * time.Second)
		r.send(protocol.Text{Text: "too many"})
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(10 * time.Second)
		if n := len(find[protocol.TurnDone](r)); n != 2 {
			t.Errorf("%d turns of 2", n)
		}
		problems := find[protocol.Problem](r)
		if len(problems) != 2 || problems[0].Code != protocol.ErrTurnQuota || problems[1].Code != protocol.ErrTurnQuota {
			t.Errorf("problems %+v", problems)
		}
		told := find[protocol.QuotaUpdated](r)
		// After ready, at each turn, and at each refusal.
		if len(told) != 5 || told[0].Quotas[0].Remaining != 2 || told[2].Quotas[0].Remaining != 0 || told[4].Quotas[0].ResetMS <= 0 {
			t.Errorf("told %+v", told)
		}
		settle(time.Minute)
		r.send(protocol.Text{Text: "again"})
		settle(10 * time.Second)
		if n := len(find[protocol.TurnDone](r)); n != 3 || len(r.store.turns) != 3 {
			t.Errorf("%d turns after the minute, %d kept", n, len(r.store.turns))
		}
		if ms := r.store.turns[2].InputMS; ms != 0 {
			t.Errorf("what was dropped is in a later turn: %d ms", ms)
		}
		r.check()
	})
}

func TestSpeechOfADayIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := limited(t, quota.Limits{Audio: 3 * time.Second})
		for range 4 {
			r.speak(2 * time.Second)
			r.send(protocol.Commit{})
			settle(20 * time.Second)
		}
		if n := len(find[protocol.TurnDone](r)); n == 0 || n == 4 {
			t.Errorf("%d turns of 2 s and their replies within 3 s", n)
		}
		problems := find[protocol.Problem](r)
		if len(problems) == 0 || problems[0].Code != protocol.ErrAudioQuota {
			t.Errorf("problems %+v", problems)
		}
		r.check()
	})
}
