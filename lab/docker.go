package lab

import (
	"context"
	"net"

	"github.com/docker/docker/client"
)

// NewDockerClient makes a client of the Engine that dial reaches: our own, or
// the one inside a node through its agent. The API version is negotiated with
// the first call. Close it when done: it keeps idle connections.
func NewDockerClient(dial func(context.Context) (net.Conn, error)) (*client.Client, error) {
	return client.NewClientWithOpts(
		client.WithHost("tcp://engine.invalid:2375"), // never resolved: dial is asked instead
		client.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }),
		client.WithAPIVersionNegotiation(),
	)
}

// dialUnix makes a dialer of a Unix socket's path.
func dialUnix(path string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}
