//go:build e2e

package e2e_test

import (
	"context"
	"testing"
	"time"

	"sori/history/redisstore/redistest"
)

// The master of a Redis dies behind Sentinel, with turns that its replica never
// got, and the replica is promoted: conversations go on, and what was
// acknowledged is in history, once and in order, for it was not acknowledged by
// the master alone, and no session moves before its holder told the new master
// where it stands.
func TestFailoverUnderACrowd(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := master.Replica(t)
	url := "redis+sentinel://" + master.Sentinel(t) + "/0?master_name=main&replicas=1"
	crowdOn(t, url, 12, 12, func(ctx context.Context, st *scene) {
		replica.Do(st.t, "REPLICAOF", "127.0.0.1", "1") // nobody is there: the link is broken
		pause(ctx, time.Second)
		master.Kill(st.t)
		began := time.Now()
		replica.AwaitMaster(st.t)
		st.t.Logf("promoted after %v", time.Since(began).Round(time.Millisecond))
		pause(ctx, time.Second)
		st.balancer.cut() // sessions move over the new master
		pause(ctx, time.Second)
		master.Start(st.t)
		master.Follow(st.t, replica)
		pause(ctx, time.Second)
	}, "--lease-time", "6s") // longer than a failover: nobody's session is free meanwhile
}

// On a Redis Cluster of three masters whole conversations move between two
// processes.
func TestACrowdOnARedisCluster(t *testing.T) {
	t.Parallel()
	crowdOn(t, redistest.StartCluster(t, 3).URL(), 8, 8, func(ctx context.Context, st *scene) {
		for _, to := range []int{0, 1, 0} {
			st.balancer.lead(st.two[to].addr)
			st.balancer.cut()
			pause(ctx, time.Second)
		}
	})
}
