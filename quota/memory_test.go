package quota_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sori/quota"
	"sori/quota/quotatest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	m := quota.NewMemory()
	quotatest.Run(t, func(*testing.T) quota.Ledger { return m })
}

func TestMemoryForgetsWithTheWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := quota.NewMemory()
		for _, step := range []struct {
			after    time.Duration
			turns    int64
			want     int64
			turnsEnd time.Duration
			audio    time.Duration
		}{
			{0, 2, 2, time.Minute, time.Second},
			{40 * time.Second, 1, 3, 20 * time.Second, 2 * time.Second},
			{20 * time.Second, 0, 0, 0, 3 * time.Second},
			{time.Second, 1, 1, time.Minute, 4 * time.Second},
			{24 * time.Hour, 0, 0, 0, time.Second},
		} {
			time.Sleep(step.after)
			got, err := m.Sync(t.Context(), "user:10", quota.Report{Process: "a", Turns: step.turns, Audio: time.Second})
			if err != nil || got.Turns != step.want || got.TurnsEnd != step.turnsEnd || got.Audio != step.audio {
				t.Errorf("%+v: %+v, %v", step, got, err)
			}
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := quota.NewMemory()
	report := func(account string, r quota.Report) quota.Totals {
		r.Process, r.TTL = "a", time.Hour
		got, err := m.Sync(t.Context(), account, r)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	report("user:held", quota.Report{Sessions: 1})
	for i := range 150_000 {
		report(fmt.Sprint("user:", i), quota.Report{Turns: 1})
	}
	if n := m.Rows(); n > 100_000 {
		t.Errorf("%d accounts are held", n)
	}
	got, err := m.Sync(t.Context(), "user:held", quota.Report{Process: "b", TTL: time.Hour})
	if err != nil || got.Elsewhere != 1 {
		t.Errorf("an account with a session was forgotten: %+v, %v", got, err)
	}
}
