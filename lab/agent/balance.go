package agent

import (
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"

	"slipway/lab/agent/balancer"
)

// balance keeps the services of swarm mode reachable for as long as the Engine
// runs, each time it does.
func (a *agent) balance(ctx context.Context) {
	if a.cfg.Engine.Namespaces == "" {
		return
	}
	for ctx.Err() == nil {
		status, change := a.engine.watch()
		life, end := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if status.State == EngineRunning {
				a.balanceOne(life)
			}
		}()
		select {
		case <-change:
		case <-ctx.Done():
		}
		end()
		<-done
	}
}

// balanceOne does so for one life of the Engine.
func (a *agent) balanceOne(ctx context.Context) {
	balancer.Run(ctx, balancer.Config{
		Engine:     func(ctx context.Context) (net.Conn, error) { return a.engine.Conn(ctx, false) },
		Diagnostic: a.cfg.Engine.Diagnostic,
		Open:       a.engine.openDiagnostic,
		PeerPort:   a.cfg.Engine.PeerPort,
		Namespaces: a.cfg.Engine.Namespaces,
		Run: func(c *exec.Cmd) error {
			if err := a.reaper.Start(c); err != nil {
				return err
			}
			return a.reaper.Wait(c)
		},
		Log: a.cfg.Log,
	})
}

// watch returns the present state and a channel that is closed when it changes.
func (e *engine) watch() (EngineStatus, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status, e.change
}

// unasked marks what the Engine logs about each question to its diagnostic
// port. The balancer asks many.
var unasked = []byte("component=diagnostic")

// maxLine bounds a line of the Engine's log that is held back for its end.
const maxLine = 64 << 10

// quieter passes on whole lines, without those that answer the balancer.
type quieter struct {
	to      io.Writer
	partial []byte
}

func (q *quieter) Write(p []byte) (int, error) {
	q.partial = append(q.partial, p...)
	for {
		end := bytes.IndexByte(q.partial, '\n') + 1
		if end == 0 && len(q.partial) > maxLine {
			end = len(q.partial)
		}
		if end == 0 {
			return len(p), nil
		}
		if !bytes.Contains(q.partial[:end], unasked) {
			if _, err := q.to.Write(q.partial[:end]); err != nil {
				return 0, err
			}
		}
		q.partial = append(q.partial[:0], q.partial[end:]...)
	}
}

// flush passes on a last line that has no end.
func (q *quieter) flush() {
	if len(q.partial) > 0 {
		q.to.Write(append(q.partial, '\n'))
	}
	q.partial = nil
}
