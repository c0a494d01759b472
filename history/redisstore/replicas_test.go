package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sori/history"
	"sori/history/historytest"
	"sori/history/redisstore"
	"sori/history/redisstore/redistest"
)

// With replicas in the address a turn is acknowledged when a replica has it, too.
func TestReplicas(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := master.Replica(t)
	s := open(t, master.URL()+"?replicas=1", redisstore.Options{Timeout: time.Second})
	add := func(n int) error {
		t.Helper()
		return s.Append(t.Context(), historytest.Turn("10", n))
	}
	// A turn is added again until it is taken, as its keeper does: on a busy disk a
	// replica takes longer than a call.
	taken := func(n int) {
		t.Helper()
		err := add(n)
		for deadline := time.Now().Add(20 * time.Second); errors.Is(err, history.ErrUnavailable) && time.Now().Before(deadline); {
			err = add(n)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	taken(1)
	if n := replica.Do(t, "LLEN", "sori:{u:10}:turns"); n != int64(1) {
		t.Errorf("the replica has %v turns", n)
	}
	replica.Freeze(t)
	for range 2 { // the second time it is at the master already
		if err := add(2); !errors.Is(err, history.ErrUnavailable) || !strings.Contains(err.Error(), "not 1 of its replicas") {
			t.Errorf("without the replica: %v", err)
		}
	}
	replica.Thaw(t)
	taken(2)
	wantTurns(t, s, 1, 2)
}

func TestReplicasInACluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	s := open(t, cluster.URL()+"?replicas=1", redisstore.Options{Timeout: 400 * time.Millisecond})
	if err := s.Append(t.Context(), historytest.Turn("10", 1)); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("a cluster without replicas: %v", err)
	}
	wantTurns(t, s, 1)
}
