package server

import (
	"math"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// Load says how much one stage has to do.
type Load struct {
	Waiting int           // calls that wait for the first piece of an engine's answer
	First   time.Duration // what half of the recent calls waited for it at least; 0: too few to tell
	Engines int           // how many there are
	Resting []string      // those of them that are passed over, since they kept failing
	Serves  string        // the one that is asked first now
}

// Admission says when new work is turned away though there is a place for it.
// The zero value of a field means its default, a negative one: never.
type Admission struct {
	MaxWaiting int           // calls that wait at one stage; default 64
	MaxFirst   time.Duration // that half of the recent calls of one stage waited; default 15 s
	// MaxMemory is how many bytes the process should stay under: nothing new
	// begins above nine tenths of it. Default: what GOMEMLIMIT says, if anything.
	MaxMemory int64
	// MaxPerAddress is how many connections one address may have: of IPv6, one
	// network of 64 bits. The machine itself and trusted proxies may have any
	// number; what comes through a trusted proxy counts for its client. Default 256.
	MaxPerAddress int
}

const (
	defaultMaxWaiting    = 64
	defaultMaxFirst      = 15 * time.Second
	defaultMaxPerAddress = 256

	memoryShare = 0.9 // of MaxMemory, above which nothing new begins
	memoryEvery = 200 * time.Millisecond
	loadEvery   = 100 * time.Millisecond
)

func (a Admission) withDefaults() Admission {
	orDefault(&a.MaxWaiting, defaultMaxWaiting)
	orDefault(&a.MaxFirst, defaultMaxFirst)
	orDefault(&a.MaxPerAddress, defaultMaxPerAddress)
	if limit := debug.SetMemoryLimit(-1); a.MaxMemory == 0 && limit != math.MaxInt64 {
		a.MaxMemory = limit
	}
	return a
}

// door decides whether new work begins.
type door struct {
	limits Admission
	stages []func() Load
	used   func() uint64 // memory, in bytes

	mu       sync.Mutex
	loadAt   time.Time
	busy     time.Duration // how long to stay away because of the stages; 0: come in
	memoryAt time.Time
	full     bool // of memory
}

func newDoor(a Admission, checks []Check) *door {
	d := &door{limits: a, used: memoryUsed}
	for _, c := range checks {
		if c.Load != nil {
			d.stages = append(d.stages, c.Load)
		}
	}
	return d
}

// look says why new work does not begin now, as the code of a problem, and how
// long to stay away; "" lets it in.
func (d *door) look(now time.Time) (code string, away time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.memoryAt) >= memoryEvery {
		d.memoryAt = now
		d.full = d.limits.MaxMemory > 0 && float64(d.used()) > memoryShare*float64(d.limits.MaxMemory)
	}
	if d.full {
		return "memory_full", 10 * time.Second
	}
	if now.Sub(d.loadAt) >= loadEvery {
		d.loadAt, d.busy = now, 0
		for _, load := range d.stages {
			d.busy = max(d.busy, d.limits.stayAway(load()))
		}
	}
	if d.busy > 0 {
		return "engines_busy", d.busy
	}
	return "", 0
}

// stayAway is how long new work should stay away from a stage, 0 when it may come.
func (a Admission) stayAway(l Load) time.Duration {
	over := a.MaxWaiting > 0 && l.Waiting >= a.MaxWaiting || a.MaxFirst > 0 && l.First >= a.MaxFirst
	if !over {
		return 0
	}
	return min(max(l.First, 2*time.Second), 30*time.Second)
}

// memoryUsed is how much memory the process has of the system, in bytes, as
// GOMEMLIMIT counts it.
func memoryUsed() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// admit turns new work away while the engines or the memory have no room for it.
func (s *Server) admit(g *gin.Context) {
	code, away := s.door.look(time.Now())
	if code == "" {
		return
	}
	// Those who were turned away at once come back one after the other.
	away += rand.N(away/2 + time.Second)
	g.Header("Retry-After", strconv.Itoa(int(math.Ceil(away.Seconds()))))
	s.cfg.Observer.Refused(code)
	s.problem(g, http.StatusServiceUnavailable, code)
}

// admitSession is admit for a handshake. One that says that it comes to resume a
// session is let through: that is no new work. Whether it is true, the
// connection's first message shows (conn.crowded).
func (s *Server) admitSession(g *gin.Context) {
	if id := g.Query(resumeHint); id != "" && (s.registry.find(id) != nil || s.cfg.Directory != nil) {
		return
	}
	s.admit(g)
}

// resumeHint is the query parameter of a handshake that names the session which
// is going to be resumed.
const resumeHint = "resume"

// crowded says whether a connection that was let through to resume its session
// asks for a new one at a time when there are none.
func (c *conn) crowded() bool {
	if !c.returns {
		return false
	}
	code, _ := c.server.door.look(time.Now())
	if code != "" {
		c.server.cfg.Observer.Refused(code)
	}
	return code != ""
}

// crowd counts the connections of each address.
type crowd struct {
	most int // of one address; below 1: any number

	mu sync.Mutex
	by map[netip.Prefix]int
}

func newCrowd(most int) *crowd { return &crowd{most: most, by: make(map[netip.Prefix]int)} }

// enter counts a connection from addr. leave gives it back; it is nil when the
// address has too many.
func (c *crowd) enter(addr netip.Addr) (leave func()) {
	addr = addr.Unmap().WithZone("")
	if c.most < 1 || !addr.IsValid() || addr.IsLoopback() {
		return func() {}
	}
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	network, err := addr.Prefix(bits)
	if err != nil { // an address has at least so many
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[network] >= c.most {
		return nil
	}
	c.by[network]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.by[network]--; c.by[network] == 0 {
			delete(c.by, network)
		}
	})
}

// enter counts a connection of the request's client, and answers when it has too
// many. The caller gives it back with leave.
func (s *Server) enter(g *gin.Context) (leave func(), ok bool) {
	addr, err := netip.ParseAddr(g.ClientIP())
	if err != nil { // not over a network
		return func() {}, true
	}
	if leave = s.clients.enter(addr); leave != nil {
		return leave, true
	}
	g.Header("Retry-After", retryAfter)
	s.cfg.Observer.Refused("too_many_connections")
	s.problem(g, http.StatusTooManyRequests, "too_many_connections")
	return nil, false
}
