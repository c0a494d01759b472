// Package quotatest holds what every ledger of package quota has to do.
package quotatest

import (
	"testing"
	"time"

	"sori/quota"
)

// Run tests the ledgers that open gives. Each call gives one more view of the
// same counts, as another process has it.
func Run(t *testing.T, open func(t *testing.T) quota.Ledger) {
	t.Helper()
	l, other := open(t), open(t)
	report := func(t *testing.T, on quota.Ledger, account string, r quota.Report) quota.Totals {
		t.Helper()
		if r.TTL == 0 {
			r.TTL = time.Minute
		}
		totals, err := on.Sync(t.Context(), account, r)
		if err != nil {
			t.Fatal(err)
		}
		return totals
	}
	t.Run("amounts add up, by account", func(t *testing.T) {
		t.Parallel()
		report(t, l, "user:sum", quota.Report{Process: "a", Turns: 2, Audio: 1500 * time.Millisecond, Bytes: 10})
		got := report(t, other, "user:sum", quota.Report{Process: "b", Turns: 1, Audio: 2 * time.Second, Bytes: -4})
		if got.Turns != 3 || got.Audio != 3500*time.Millisecond || got.Bytes != 6 {
			t.Errorf("%+v", got)
		}
		if got.TurnsEnd <= 50*time.Second || got.TurnsEnd > quota.TurnWindow || got.AudioEnd <= 23*time.Hour || got.AudioEnd > quota.AudioWindow {
			t.Errorf("the windows end in %v and %v", got.TurnsEnd, got.AudioEnd)
		}
		for _, account := range []string{"key:sum", "user:su", "user:sum}", "user:{sum"} {
			if got := report(t, l, account, quota.Report{Process: "a"}); got != (quota.Totals{}) {
				t.Errorf("%s: %+v", account, got)
			}
		}
	})
	t.Run("nothing is counted from nothing", func(t *testing.T) {
		t.Parallel()
		for range 2 {
			if got := report(t, l, "user:none", quota.Report{Process: "a"}); got != (quota.Totals{}) {
				t.Errorf("%+v", got)
			}
		}
	})
	t.Run("the amount kept is set, and never below nothing", func(t *testing.T) {
		t.Parallel()
		report(t, l, "user:kept", quota.Report{Process: "a", Bytes: 500})
		if got := report(t, other, "user:kept", quota.Report{Process: "b", Bytes: 30, Set: true}); got.Bytes != 30 {
			t.Errorf("set to 30: %+v", got)
		}
		if got := report(t, l, "user:kept", quota.Report{Process: "a", Bytes: -99}); got.Bytes != 0 {
			t.Errorf("99 of 30 gone: %+v", got)
		}
		if got := report(t, l, "user:kept", quota.Report{Process: "a", Bytes: 7}); got.Bytes != 7 {
			t.Errorf("and 7 more: %+v", got)
		}
	})
	t.Run("sessions up to the limit", func(t *testing.T) {
		t.Parallel()
		on := func(on quota.Ledger, process string, sessions, most int) quota.Totals {
			return report(t, on, "key:places", quota.Report{Process: process, Sessions: sessions, Most: most})
		}
		if got := on(l, "a", 2, 3); got.Refused || got.Elsewhere != 0 {
			t.Errorf("2 of 3: %+v", got)
		}
		if got := on(other, "b", 1, 3); got.Refused || got.Elsewhere != 2 {
			t.Errorf("3 of 3: %+v", got)
		}
		if got := on(other, "b", 2, 3); !got.Refused || got.Elsewhere != 2 {
			t.Errorf("4 of 3: %+v", got)
		}
		if got := on(l, "a", 2, 3); got.Refused || got.Elsewhere != 1 {
			t.Errorf("what was refused counts: %+v", got)
		}
		on(l, "a", 0, 0)
		if got := on(other, "b", 3, 3); got.Refused || got.Elsewhere != 0 {
			t.Errorf("places that were given back: %+v", got)
		}
		if got := on(other, "b", 2, 1); got.Refused {
			t.Errorf("fewer than before are refused: %+v", got)
		}
		if got := on(l, "c", 9, 0); got.Refused {
			t.Errorf("refused without a limit: %+v", got)
		}
	})
	t.Run("sessions of a process that is gone", func(t *testing.T) {
		t.Parallel()
		report(t, l, "user:gone", quota.Report{Process: "a", Sessions: 5, TTL: 30 * time.Millisecond})
		deadline := time.Now().Add(10 * time.Second)
		for report(t, other, "user:gone", quota.Report{Process: "b", Sessions: 1}).Elsewhere != 0 {
			if time.Now().After(deadline) {
				t.Fatal("they count for ever")
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}
