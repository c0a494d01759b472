package redistest_test

import (
	"testing"

	"go.uber.org/goleak"

	"sori/history/redisstore/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServerComesBackWithItsData(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Do(t, "SET", "a", "1")
	for name, down := range map[string]func(testing.TB){"stop": s.Stop, "kill": s.Kill} {
		down(t)
		s.Start(t)
		if got := s.Do(t, "GET", "a"); got != "1" {
			t.Errorf("%s: got %v", name, got)
		}
	}
	s.Freeze(t)
	s.Thaw(t)
	if got := s.Do(t, "GET", "a"); got != "1" {
		t.Errorf("frozen: got %v", got)
	}
}
