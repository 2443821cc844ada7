package server

import (
	"context"
	"errors"
	"html/template"
	"io"
	"log"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"slipway/workshop"
)

// Server is one server of one or several sessions. Make it with [New].
type Server struct {
	cfg   Config
	log   *slog.Logger
	quiet *log.Logger // for libraries that would log what people send

	routes http.Handler
	pages  *template.Template
	built  manifest
	zipped *zipped

	tries    *limiter // wrong codes and keys, by address
	commands *limiter // by person
	lookups  *limiter // of unknown cookies in the journal, by address
	sockets  *counter // by person
	apps     *counter // requests to apps, by lab

	appTransport *http.Transport
	writeBuffers sync.Pool

	mu       sync.Mutex
	sessions []*session // those of the journal, in order of their ids

	closing context.Context // ends when Run does: sockets then say goodbye
	goAway  context.CancelCauseFunc
	guests  guests // sockets and proxied requests
	ready   atomic.Bool
}

// New makes a server. It reads nothing yet and starts nothing.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Listener == nil, cfg.Journal == nil, cfg.Decks == nil, cfg.Labs == nil:
		return nil, errors.New("server: a listener, a journal, decks and labs are needed")
	case len(cfg.Secret) < 16:
		return nil, errors.New("server: the secret has less than 16 bytes")
	case len(cfg.Nodes) == 0 || len(cfg.Nodes) > 255:
		return nil, errors.New("server: between 1 and 255 nodes are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxPeople == 0 {
		cfg.MaxPeople = 2000
	}
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, quiet: log.New(io.Discard, "", 0),
		pages: pages, built: readManifest(cfg.Web), zipped: &zipped{files: map[string][]byte{}},
		tries:    newLimiter(10, time.Minute),
		commands: newLimiter(200, 10*time.Second),
		lookups:  newLimiter(120, time.Minute),
		sockets:  newCounter(socketsOf),
		apps:     newCounter(appsAtOnce),
	}
	s.closing, s.goAway = context.WithCancelCause(context.Background())
	s.appTransport = s.newAppTransport()
	s.routes = s.mux()
	return s, nil
}

// Run serves until ctx ends, then goes away in this order: no new connections,
// requests under way get a moment, sockets are closed with 1001, and the
// watchers and recorders end. Labs and their shells stay. It is called once; what
// it started has ended when it returns. The journal is the caller's to close.
func (s *Server) Run(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		s.goAway(errGoingAway)
		s.cfg.Listener.Close()
		if ctx.Err() != nil {
			return nil // told to end before it began
		}
		return err
	}
	// Watchers outlive the sockets: what people do until the last moment is told.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var workers sync.WaitGroup
	for _, session := range s.allSessions() {
		workers.Go(func() { session.follow(work) })
		workers.Go(func() { session.tellPresence(work) })
		workers.Go(func() { s.keepLabs(work, session) })
		if s.cfg.Casts != nil {
			workers.Go(func() { s.record(work, session) })
		}
	}
	front := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          s.quiet,
	}
	served := make(chan error, 1)
	s.ready.Store(true)
	go func() { served <- front.Serve(s.cfg.Listener) }()
	var err error
	select {
	case err = <-served: // the listener broke
	case <-ctx.Done():
	}
	s.ready.Store(false)
	s.shutdown(front)
	if err == nil {
		<-served
	}
	stopWork()
	workers.Wait()
	s.appTransport.CloseIdleConnections()
	return err
}

// shutdown ends what browsers have open.
func (s *Server) shutdown(front *http.Server) {
	s.goAway(errGoingAway)
	moment, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if front.Shutdown(moment) != nil {
		front.Close()
	}
	s.guests.wait()
}

// load folds the journals there are.
func (s *Server) load(ctx context.Context) error {
	ids, err := s.cfg.Journal.Sessions(ctx)
	if err != nil {
		return err
	}
	var sessions []*session
	var broken error
	for _, id := range ids {
		session := newSession(id, s.cfg.Journal, s.log)
		if err := session.load(ctx); err != nil {
			// One that can't be read doesn't keep the others from going on.
			s.log.Error("a session is left out: its journal can't be read", "session", string(id), "err", err)
			broken = errors.Join(broken, err)
			continue
		}
		sessions = append(sessions, session)
	}
	if len(sessions) == 0 && broken != nil {
		return broken
	}
	s.mu.Lock()
	s.sessions = sessions
	s.mu.Unlock()
	return nil
}

func (s *Server) allSessions() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions // replaced whole, never changed
}

// keepLabs asks for the labs of everyone who is in, as after a restart.
func (s *Server) keepLabs(ctx context.Context, session *session) {
	if session.facts().Ended {
		return
	}
	for _, who := range session.attendees() {
		if err := s.cfg.Labs.Prepare(ctx, session.id, who); err != nil && ctx.Err() == nil {
			s.log.Error("a lab could not be asked for", "session", string(session.id), "participant", string(who), "err", err)
		}
	}
}

// Reload tells every page that a deck changed.
func (s *Server) Reload() {
	for _, session := range s.allSessions() {
		session.tellAll(map[string]bool{"reload": true})
	}
}

// Sessions tells what the server serves, for status lines.
func (s *Server) Sessions() []workshop.Session {
	var list []workshop.Session
	for _, session := range s.allSessions() {
		list = append(list, session.facts().Session)
	}
	return list
}

// guests counts handlers that [http.Server.Shutdown] doesn't wait for, since
// their connections were taken over.
type guests struct {
	mu     sync.Mutex
	n      int
	closed bool
	empty  chan struct{} // made by wait
}

func (g *guests) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.n++
	return true
}

func (g *guests) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n--; g.n == 0 && g.closed {
		close(g.empty)
	}
}

// wait lets nobody in any more and returns when all have left.
func (g *guests) wait() {
	g.mu.Lock()
	if !g.closed {
		g.closed, g.empty = true, make(chan struct{})
		if g.n == 0 {
			close(g.empty)
		}
	}
	empty := g.empty
	g.mu.Unlock()
	<-empty
}

// stay registers a socket: its context ends when the server goes away. Call
// leave at the end.
func (s *Server) stay() (ctx context.Context, leave func()) {
	if !s.guests.enter() {
		return s.closing, func() {} // it has ended, so the caller does at once
	}
	return s.closing, s.guests.leave
}

// stayWith does the same for a request with a context of its own.
func (s *Server) stayWith(parent context.Context) (ctx context.Context, leave func()) {
	_, out := s.stay()
	ctx, cancel := context.WithCancel(parent)
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel(); out() }
}

func (s *Server) healthz(w http.ResponseWriter, r *http.Request, c caller) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "ok\n")
	return nil
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request, c caller) error {
	if !s.ready.Load() {
		return workshop.Errorf(workshop.Unavailable, "The server is starting or going away.")
	}
	if len(s.allSessions()) == 0 {
		return workshop.Errorf(workshop.Unavailable, "No session is open yet.")
	}
	return s.healthz(w, r, c)
}
