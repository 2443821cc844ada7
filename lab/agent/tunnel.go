package agent

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// Tunnel carries the agent's door over one byte stream, for Engines that are
// reached by their API alone: every stream that the other side opens becomes a
// connection to the agent's socket. It returns when the other side hangs up or
// ctx ends; rw is closed then.
func Tunnel(ctx context.Context, rw io.ReadWriteCloser, socket string) error {
	s, err := yamux.Server(rw, TunnelConfig())
	if err != nil {
		return err
	}
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	var streams sync.WaitGroup
	defer streams.Wait()
	for {
		c, err := s.Accept()
		if err != nil {
			return nil // the other side left, which is how a tunnel ends
		}
		streams.Go(func() {
			defer c.Close()
			d := net.Dialer{Timeout: 5 * time.Second}
			to, err := d.DialContext(ctx, "unix", socket)
			if err != nil {
				return
			}
			splice(ctx, tunnelled{c}, to)
		})
	}
}

// TunnelConfig is what both ends of a tunnel agree on: windows of 256 KiB and
// a sign of life every 20 seconds.
func TunnelConfig() *yamux.Config {
	c := yamux.DefaultConfig()
	c.KeepAliveInterval = 20 * time.Second
	c.MaxStreamWindowSize = 256 << 10
	c.LogOutput = io.Discard
	return c
}

// tunnelled is a stream of a tunnel. Its Close ends the sending side alone
// until the other side has closed too.
type tunnelled struct{ net.Conn }

// CloseWrite tells the other side that nothing more will come.
func (t tunnelled) CloseWrite() error { return t.Close() }
