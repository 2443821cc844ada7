package main

import (
	"context"
	"fmt"
	"net"
	"sync"

	"slipway/lab"
	"slipway/terminal"
	"slipway/workshop"
)

// shell is a terminal of a node as a plain stream: what is written is typed,
// what it shows is read. One goroutine may read while another writes.
type shell struct {
	id      string
	conn    net.Conn
	frames  *terminal.FrameReader
	pending []byte // shown and not yet read
	after   uint64 // what lies before this offset is not read

	mu    sync.Mutex // guards out and typed
	out   *terminal.FrameWriter
	typed uint64
}

// openShell attaches to a terminal as its owner, from its beginning.
func openShell(ctx context.Context, agent *lab.Agent, node, id string) (*shell, error) {
	return attachShell(ctx, agent, node, id, 0)
}

func attachShell(ctx context.Context, agent *lab.Agent, node, id string, from int64) (*shell, error) {
	at := terminal.Attach{Client: "hands-" + workshop.NewID(), Role: terminal.RoleOwner, From: from}
	conn, err := agent.Attach(ctx, id, at)
	if err != nil {
		return nil, err
	}
	return &shell{id: terminalKey(node, id), conn: conn, frames: terminal.NewFrameReader(conn), out: terminal.NewFrameWriter(conn)}, nil
}

// ID is the terminal's id, as command marks have it.
func (s *shell) ID() string { return s.id }

// Close detaches and ends a Read that waits. The shell itself goes on.
func (s *shell) Close() error { return s.conn.Close() }

// Write types bytes.
func (s *shell) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for done := 0; done < len(p); {
		part := p[done:min(done+terminal.MaxData, len(p))]
		if err := s.out.Write(terminal.Frame{Kind: terminal.KindInput, Offset: s.typed, Data: part}); err != nil {
			return done, err
		}
		s.typed += uint64(len(part))
		done += len(part)
	}
	return len(p), nil
}

// Read gives what the terminal shows.
func (s *shell) Read(p []byte) (int, error) {
	for len(s.pending) == 0 {
		f, err := s.frames.Next()
		if err != nil {
			return 0, err
		}
		switch f.Kind {
		case terminal.KindPart:
			if s.after == 0 {
				s.pending = append(s.pending, f.Data...)
			}
		case terminal.KindOutput, terminal.KindRepaint:
			if f.Kind == terminal.KindOutput && f.Offset >= s.after || s.after == 0 {
				s.pending = append(s.pending, f.Data...)
			}
			if err := s.acknowledge(f); err != nil {
				return 0, err
			}
		case terminal.KindExit:
			return 0, fmt.Errorf("the shell ended with code %d", f.Code)
		}
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

// acknowledge lets more output come. A repaint is not output: its offset is
// where it brings the terminal to.
func (s *shell) acknowledge(f terminal.Frame) error {
	drawn := f.Offset
	if f.Kind == terminal.KindOutput {
		drawn += uint64(len(f.Data))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(terminal.Frame{Kind: terminal.KindAck, Offset: drawn})
}
