package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"sori/protocol"
)

// Server answers HTTP and holds the WebSocket connections.
type Server struct {
	// Static after construction.
	cfg      Config
	log      *slog.Logger
	engine   *gin.Engine
	registry *registry
	talkers  *talkers
	health   *health
	door     *door
	clients  *crowd         // connections of clients, also of those behind a proxy
	sockets  *crowd         // connections at the listener
	proxies  []netip.Prefix // may have any number of connections
	words    *words
	book     *book
	spec     func() ([]byte, error) // what /openapi.json gives, made when it is first asked for
	roster   *roster
	public   map[string]bool // routes that need no credential
	began    time.Time

	rooms    sync.Pool      // of *[aheadBytes]byte, for all connections
	work     sync.WaitGroup // goroutines of the server itself
	stopping atomic.Bool
}

// New makes a server. Nothing runs before [Server.Serve].
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	words, err := newWords()
	if err != nil {
		return nil, fmt.Errorf("server: the texts: %w", err)
	}
	if err := checkOrigins(cfg.Origins); err != nil {
		return nil, err
	}
	proxies, err := networks(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	s := &Server{
		spec:     sync.OnceValues(openapiJSON),
		public:   publicRoutes(),
		roster:   newRoster(),
		began:    time.Now(),
		words:    words,
		cfg:      cfg,
		log:      cfg.Log,
		registry: newRegistry(cfg.MaxSessions),
		talkers:  newTalkers(),
		book:     newBook(),
		health:   newHealth(cfg.Checks),
		door:     newDoor(cfg.Admission, cfg.Checks),
		clients:  newCrowd(cfg.Admission.MaxPerAddress),
		sockets:  newCrowd(cfg.Admission.MaxPerAddress),
		proxies:  proxies,
	}
	if s.engine, err = s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeHTTP answers one request. A WebSocket connection lives on after it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Sessions is the number of sessions at /ws now, those included whose client may
// come back.
func (s *Server) Sessions() int { return s.registry.count() }

// Serve answers on ln until ctx ends. Then it is not ready any more, asks all
// clients to come back elsewhere, lets the turns under way end, or go to another
// process, and returns: nil when that went well within Config.ShutdownTimeout. It closes ln, and can be called once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	// What runs here outlives ctx by the time that an orderly end takes.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer s.work.Wait()
	defer cancel()
	s.work.Go(func() { s.watch(base) })
	if s.cfg.Auth != nil {
		s.work.Go(func() { s.recheck(base) })
	}

	web := &http.Server{
		Handler:           s.engine,
		ReadHeaderTimeout: s.cfg.HandshakeTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      responseTimeout,
		IdleTimeout:       keepAliveTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	var door net.Listener = &crowdedListener{Listener: ln, crowd: s.sockets, trusted: s.proxies}
	if s.cfg.TLS != nil { // on top, so that net/http sees it, and bounds its handshakes
		door = tls.NewListener(door, s.cfg.TLS)
	}
	failed := make(chan error, 1)
	s.work.Go(func() { failed <- web.Serve(door) })

	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve on %s: %w", ln.Addr(), err), s.stop(ctx, web))
	case <-ctx.Done():
		err := s.stop(ctx, web)
		if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
}

// stop ends everything in order.
func (s *Server) stop(ctx context.Context, web *http.Server) error {
	s.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ShutdownTimeout)
	defer cancel()
	s.registry.shut(ending{protocol.CloseGoingAway, "The server stops."}, func(h *host) {
		h.drain(ending{protocol.CloseRestart, "The server restarts."})
	})
	s.talkers.shut(s.cfg.HandOverTimeout)
	gone := s.registry.wait(ctx) // meanwhile whoever asks is told that this process is not ready
	webErr := web.Shutdown(ctx)
	if webErr != nil {
		webErr = fmt.Errorf("requests were still under way at the end of %v: %w", s.cfg.ShutdownTimeout, webErr)
		web.Close() //nolint:errcheck,gosec // the error above says it all
	}
	if gone != nil {
		n := s.registry.count()
		s.registry.each((*conn).drop)
		s.talkers.each((*talker).drop)
		return errors.Join(webErr, fmt.Errorf("%d sessions were still under way at the end of %v: %w", n, s.cfg.ShutdownTimeout, gone))
	}
	return webErr
}
