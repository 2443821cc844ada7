package agent

import (
	"context"
	"io"
	"net"
	"time"

	"slipway/lab/tunnel"
)

// Tunnel carries the agent's door over one byte stream, for Engines that are
// reached by their API alone: every connection that the other side opens becomes
// one to the agent's socket. It returns when the other side hangs up or
// ctx ends; rw is closed then.
func Tunnel(ctx context.Context, rw io.ReadWriteCloser, socket string) error {
	return tunnel.Server(ctx, rw, func(ctx context.Context, c net.Conn) {
		d := net.Dialer{Timeout: 5 * time.Second}
		to, err := d.DialContext(ctx, "unix", socket)
		if err != nil {
			return
		}
		splice(ctx, c, to)
	})
}
