package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// States of the node's Engine.
const (
	EngineStopped  = "stopped"
	EngineStarting = "starting"
	EngineRunning  = "running" // it answers
	EngineFailed   = "failed"
	EngineAsleep   = "asleep"
)

// EngineStatus is the state of the node's Engine and, if it failed, why.
type EngineStatus struct {
	State string `json:"state"`
	Error string `json:"error,omitempty"`
}

// Bounds of the Engine's life.
const (
	maxBackoff  = 30 * time.Second
	maxFailures = 5                // starts in a row before somebody must ask again
	steady      = time.Minute      // a run this long forgives earlier failures
	stopGrace   = 10 * time.Second // between asking it to stop and killing it
	pingEvery   = 20 * time.Millisecond
)

// engine runs the node's Engine from the first time it is wanted on.
type engine struct {
	cfg  EngineConfig
	log  *slog.Logger
	reap *reaper
	tell func(EngineStatus)

	mu      sync.Mutex
	status  EngineStatus
	attempt int           // starts begun
	process *os.Process   // of the present life
	users   int           // connections that keep it awake
	idle    time.Time     // since when there are none
	change  chan struct{} // closed and replaced when the status changes
	want    chan struct{}
}

func newEngine(cfg EngineConfig, log *slog.Logger, reap *reaper, tell func(EngineStatus)) *engine {
	return &engine{
		cfg: cfg, log: log, reap: reap, tell: tell, status: EngineStatus{State: EngineStopped},
		change: make(chan struct{}), want: make(chan struct{}, 1),
	}
}

// Status returns the present state.
func (e *engine) Status() EngineStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

func (e *engine) set(state string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := EngineStatus{State: state}
	if err != nil {
		next.Error = err.Error()
	}
	if state == EngineStarting {
		e.attempt++
	}
	e.become(next)
}

// become changes the status, under the lock.
func (e *engine) become(next EngineStatus) {
	if next == e.status {
		return
	}
	e.status = next
	close(e.change)
	e.change = make(chan struct{})
	e.tell(next)
}

// errNotRunning says that the Engine does not run and nobody asked to wake it.
type errNotRunning struct{ EngineStatus }

func (e errNotRunning) Error() string {
	if e.EngineStatus.Error != "" {
		return "the node's Engine does not run: " + e.EngineStatus.Error
	}
	return "the node's Engine is " + e.State
}

// Conn connects to the Engine. With wake it starts it first if need be and
// waits until it answers, and the connection keeps it awake until it is closed; without, it fails unless the Engine runs.
func (e *engine) Conn(ctx context.Context, wake bool) (net.Conn, error) {
	release := func() {}
	if wake {
		release = e.use()
	}
	conn, err := e.connect(ctx, wake)
	if err != nil {
		release()
		return nil, err
	}
	return &engineLine{conn, release}, nil
}

func (e *engine) connect(ctx context.Context, wake bool) (*net.UnixConn, error) {
	if err := e.await(ctx, wake); err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", e.cfg.Socket)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

// engineLine is a connection to the Engine that may keep it awake.
type engineLine struct {
	*net.UnixConn
	release func()
}

// Close closes the connection and lets the Engine sleep.
func (l *engineLine) Close() error {
	l.release()
	return l.UnixConn.Close()
}

func (e *engine) await(ctx context.Context, wake bool) error {
	first := -1
	for {
		e.mu.Lock()
		status, attempt, change := e.status, e.attempt, e.change
		e.mu.Unlock()
		if status.State == EngineRunning {
			return nil
		}
		if !wake {
			return errNotRunning{status}
		}
		if first < 0 {
			first = attempt
			if status.State == EngineStarting {
				first-- // this very attempt is the one to wait for
			}
		}
		if status.State == EngineFailed && attempt > first {
			return errNotRunning{status}
		}
		e.wake()
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wake has Run start the Engine.
func (e *engine) wake() {
	select {
	case e.want <- struct{}{}:
	default:
	}
}

// member reports whether the Engine is a member of a swarm. The others count on
// it, whether or not somebody here asks for it.
func (e *engine) member() bool {
	if e.cfg.Member == "" {
		return false
	}
	_, err := os.Stat(e.cfg.Member)
	return err == nil
}

// Run starts the Engine when it is wanted, and again when it dies, until ctx
// ends; then it stops it.
func (e *engine) Run(ctx context.Context) {
	failures := 0
	if e.member() {
		e.wake()
	}
	for {
		if failures == 0 || failures > maxFailures {
			select {
			case <-e.want:
			case <-ctx.Done():
				return
			}
		} else if !e.pause(ctx, failures) {
			return
		}
		began := time.Now()
		err := e.life(ctx)
		if ctx.Err() != nil {
			e.set(EngineStopped, nil)
			return
		}
		if errors.Is(err, errAsleep) {
			failures = 0
			continue
		}
		if time.Since(began) > steady {
			failures = 0
		}
		failures++
		e.log.Warn("the node's Engine ended", "err", err)
		e.set(EngineFailed, err)
	}
}

// pause waits before another start; somebody who wants the Engine now shortens
// the wait to its first length.
func (e *engine) pause(ctx context.Context, failures int) bool {
	least := time.NewTimer(e.cfg.Backoff)
	most := time.NewTimer(min(e.cfg.Backoff<<(failures-1), maxBackoff))
	defer least.Stop()
	defer most.Stop()
	select {
	case <-least.C:
	case <-ctx.Done():
		return false
	}
	select {
	case <-most.C:
	case <-e.want:
	case <-ctx.Done():
		return false
	}
	return true
}

func (e *engine) client() *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", e.cfg.Socket)
		},
	}}
}

func (e *engine) answers(ctx context.Context, c *http.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://engine/_ping", nil)
	if err != nil {
		return false
	}
	res, err := c.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 1<<10))
	return res.StatusCode == http.StatusOK
}

// fill loads the images that a node comes with, each once in its life.
func (e *engine) fill(ctx context.Context, c *http.Client) error {
	if e.cfg.Images == "" {
		return nil
	}
	tars, err := filepath.Glob(filepath.Join(e.cfg.Images, "*.tar"))
	if err != nil || len(tars) == 0 {
		return err
	}
	loaded := readStamp(e.cfg.Stamp)
	var errs []error
	for _, tar := range tars {
		mark, err := stampOf(tar)
		if err == nil && !loaded[mark] {
			if err = load(ctx, c, tar); err == nil {
				loaded[mark] = true
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("image %s: %w", filepath.Base(tar), err))
		}
	}
	return errors.Join(append(errs, writeStamp(e.cfg.Stamp, loaded))...)
}
