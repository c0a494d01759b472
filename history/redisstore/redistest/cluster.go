package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// slots is how many hash slots a Redis Cluster has.
const slots = 16384

// Cluster is a Redis Cluster of masters without replicas.
type Cluster struct {
	Nodes []*Server
}

// StartCluster runs a cluster of n nodes until the test ends.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	c := &Cluster{}
	bus := make([]int, n) // the ports on which the nodes gossip
	for i := range n {
		bus[i] = freePort(t)
		c.Nodes = append(c.Nodes, Start(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus[i]), "--cluster-node-timeout", "2000"))
	}
	first := c.Nodes[0]
	for i, node := range c.Nodes {
		node.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		node.Do(t, "CLUSTER", "ADDSLOTSRANGE", i*slots/n, (i+1)*slots/n-1)
		if i > 0 {
			first.Do(t, "CLUSTER", "MEET", "127.0.0.1", node.port, bus[i])
		}
	}
	for _, node := range c.Nodes {
		node.awaitCluster(t, n)
	}
	return c
}

// URL is the cluster's address as sori's --store takes it.
func (c *Cluster) URL() string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr()
	}
	return "redis+cluster://" + strings.Join(addrs, ",")
}

func (s *Server) awaitCluster(t testing.TB, n int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		info := fmt.Sprint(s.Do(t, "CLUSTER", "INFO"))
		if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", n)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("redistest: the cluster does not form: %s", info)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Do sends one command to the server and gives its answer.
func (s *Server) Do(t testing.TB, args ...any) any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), Protocol: 2, DisableIdentity: true})
	answer, err := client.Do(ctx, args...).Result()
	if e := client.Close(); e != nil {
		t.Error(e)
	}
	if err != nil {
		t.Fatalf("redistest: %v: %v", args, err)
	}
	return answer
}
