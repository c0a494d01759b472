package child

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"
)

// Options say what to run. Args is needed; the zero value of all else stands
// for its default.
type Options struct {
	// Path is the program; empty for the running one.
	Path string
	// Args are its arguments, such as "engine", "all", "--fd", "3". The socket is
	// file descriptor 3.
	Args []string
	// Env is its environment; nil for this process's.
	Env []string
	// Network is the socket's: "unix" (the default: in a folder that only this
	// user can enter) or "tcp" (on 127.0.0.1).
	Network string
	// Nice is how much priority it gives up when it is ready, 1 to 19: 10 by default.
	Nice int
	// Grace is how long it may take to end when it is asked to: 5 s by default.
	// Then it is killed.
	Grace time.Duration
	// Pause and MaxPause bound the pauses before it is started again: 0.1 and
	// 5 s by default. A process that lived for Stable (10 s) ends a series.
	Pause, MaxPause, Stable time.Duration
	// Hung is how long a running process may give no answer at all, not even that
	// it is not ready, until it is killed and started again: 30 s by default.
	Hung time.Duration
	// Heard gets the health page, of up to 64 KiB, when a process is ready after its
	// start, and at times from then on. It is called by one goroutine at a time and
	// returns soon. nil for nobody.
	Heard func(page []byte)
	// Log hears what the process prints, and of its ends. nil is silence.
	Log *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if len(o.Args) == 0 {
		return o, errors.New("child: no arguments: it would be this program itself again")
	}
	if o.Path == "" {
		path, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("child: find this program's file: %w", err)
		}
		o.Path = path
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Network == "" {
		o.Network = "unix"
	}
	if o.Nice <= 0 {
		o.Nice = 10
	}
	or := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	or(&o.Grace, 5*time.Second)
	or(&o.Pause, 100*time.Millisecond)
	or(&o.MaxPause, 5*time.Second)
	or(&o.Stable, 10*time.Second)
	or(&o.Hung, 30*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Child is a process that is kept running.
type Child struct {
	o      Options
	socket *socket
	client *http.Client
	asking *http.Client // for the health page: it leaves no connection behind, which the process would wait for at its end
	stop   context.CancelFunc
	done   chan struct{} // closed when the supervisor's goroutine ended
	err    error         // of the end that Close asked for; set before done is closed

	closing sync.Once

	mu     sync.Mutex // guards status
	status Status
}

// Status is what is known of the process.
type Status struct {
	PID       int // 0 while it does not run
	StartedAt time.Time
	// Restarts is how often it was started again, Failures how many of its ends
	// came soon after its start, in a row.
	Restarts, Failures int
	// LastExit says how it ended last, and the last words that it printed; ""
	// before the first end.
	LastExit   string
	LastExitAt time.Time
	// NextStart is when it is started again, while it does not run.
	NextStart time.Time
}

// Start starts the process. ctx bounds the start only; Close ends the process.
func Start(ctx context.Context, o Options) (*Child, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := listen(ctx, o.Network)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &Child{o: o, socket: s, stop: stop, done: make(chan struct{})}
	c.client = &http.Client{Transport: &http.Transport{
		DialContext:            c.Dial,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}}
	c.asking = &http.Client{Transport: &http.Transport{DialContext: c.Dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true}}
	first := make(chan error, 1)
	go c.supervise(running, first)
	if err := <-first; err != nil {
		<-c.done
		stop()
		return nil, errors.Join(err, s.close())
	}
	return c, nil
}

// Close asks the process to end, kills it after the grace, and waits for that.
// An error says that it had to be killed. Calling it again does nothing.
func (c *Child) Close() error {
	c.closing.Do(func() {
		c.stop()
		<-c.done
		c.client.CloseIdleConnections()
		c.err = errors.Join(c.err, c.socket.close())
	})
	return c.err
}

// Status says how the process is.
func (c *Child) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Host is what stands for the process in a URL: "http://" + Host().
func (c *Child) Host() string { return c.socket.host }

// Client gives a client whose connections all go to the process.
func (c *Child) Client() *http.Client { return c.client }

// Dial connects to the process where address is its Host (with or without a
// port), and to any other address as usual. It fits http.Transport's DialContext.
func (c *Child) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	if host, _, err := net.SplitHostPort(address); c.socket.network == "unix" && (address == c.socket.host || err == nil && host == c.socket.host) {
		return d.DialContext(ctx, c.socket.network, c.socket.address)
	}
	return d.DialContext(ctx, network, address)
}

// supervise runs the process again and again until ctx ends. first gets the
// outcome of the first start.
func (c *Child) supervise(ctx context.Context, first chan<- error) {
	defer close(c.done)
	// The kernel kills the process when the thread that started it ends, so this
	// goroutine keeps its thread for as long as it lives.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pause := c.o.Pause
	for {
		began := time.Now()
		p, err := c.start(ctx)
		if first != nil {
			first <- err
			first = nil
			if err != nil {
				return
			}
		}
		if err == nil {
			err = c.attend(ctx, p)
		}
		if ctx.Err() != nil {
			c.err = p.failure(err)
			c.note(func(s *Status) { s.PID = 0 })
			return
		}
		lived := time.Since(began)
		if lived >= c.o.Stable {
			pause = c.o.Pause
		}
		exit := p.exit(err)
		c.note(func(s *Status) {
			s.PID = 0
			s.Restarts++
			s.Failures++
			if lived >= c.o.Stable {
				s.Failures = 1
			}
			s.LastExit, s.LastExitAt = exit, time.Now()
			s.NextStart = time.Now().Add(pause)
		})
		c.o.Log.WarnContext(ctx, "the engine process ended and is started again", "exit", exit, "lived", lived, "pause", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, c.o.MaxPause)
	}
}

func (c *Child) note(change func(*Status)) {
	c.mu.Lock()
	change(&c.status)
	c.mu.Unlock()
}
