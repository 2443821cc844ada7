package lab

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"slipway/lab/tunnel"
	"slipway/workshop"
)

// tunnel reaches an agent through the Engine's API alone: "slipway node tunnel"
// runs in the node, its input and output carry the connections. A node's tunnel is opened with the first
// connection, opened anew when it broke, and closed by [Host.Close].
func (h *Host) tunnel(ctx context.Context, n *Node) (net.Conn, error) {
	session, err := h.tunnelSession(ctx, n.Container)
	if err == nil {
		var conn *tunnel.Conn
		if conn, err = session.Open(); err == nil {
			return conn, nil
		}
	}
	return nil, workshop.Errorf(workshop.Unavailable, "%s does not answer. It may be starting; try again in a few seconds.", n.Name).Because(err)
}

func (h *Host) tunnelSession(ctx context.Context, node string) (*tunnel.Session, error) {
	h.tunnelMu.Lock()
	defer h.tunnelMu.Unlock()
	if s := h.tunnels[node]; s != nil && !s.Ended() {
		return s, nil
	}
	s, err := h.openTunnel(ctx, node)
	if err != nil {
		return nil, err
	}
	if h.tunnels == nil {
		h.tunnels = map[string]*tunnel.Session{}
	}
	h.tunnels[node] = s
	return s, nil
}

func (h *Host) openTunnel(ctx context.Context, node string) (*tunnel.Session, error) {
	exec, err := h.docker.ContainerExecCreate(ctx, node, container.ExecOptions{
		Cmd: append(append([]string{}, h.cfg.Command...), "tunnel"), AttachStdin: true, AttachStdout: true,
	})
	if err != nil {
		return nil, fmt.Errorf("lab: make a tunnel: %w", err)
	}
	line, err := h.docker.ContainerExecAttach(ctx, exec.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, fmt.Errorf("lab: open a tunnel: %w", err)
	}
	// A node whose agent doesn't run refuses here rather than at the first byte.
	s, err := tunnel.Client(newExecLine(line))
	if err != nil {
		return nil, fmt.Errorf("lab: the tunnel's other end: %w", err)
	}
	return s, nil
}

func (h *Host) closeTunnels() {
	h.tunnelMu.Lock()
	defer h.tunnelMu.Unlock()
	for _, s := range h.tunnels {
		s.Close()
	}
	h.tunnels = nil
}

// execLine is the input and output of a command in a node as one stream. The
// Engine sends output in frames; they are taken apart on the way.
type execLine struct {
	types.HijackedResponse
	out *io.PipeReader
}

func newExecLine(line types.HijackedResponse) *execLine {
	r, w := io.Pipe()
	go func() { // ends with the connection, which Close closes
		_, err := stdcopy.StdCopy(w, io.Discard, line.Reader)
		w.CloseWithError(err)
	}()
	return &execLine{line, r}
}

func (l *execLine) Read(p []byte) (int, error)  { return l.out.Read(p) }
func (l *execLine) Write(p []byte) (int, error) { return l.Conn.Write(p) }

// Close ends the line in both directions.
func (l *execLine) Close() error {
	l.out.Close()
	l.HijackedResponse.Close()
	return nil
}
