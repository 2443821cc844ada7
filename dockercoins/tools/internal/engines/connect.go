package engines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/docker/docker/client"
)

// connect makes a client of a place. Nothing is dialed yet.
func connect(p place) (*client.Client, error) {
	u, err := url.Parse(p.url)
	if err != nil {
		return nil, fmt.Errorf("%q is not the address of an Engine", p.url)
	}
	options := []client.Opt{client.WithAPIVersionNegotiation()}
	switch u.Scheme {
	case "ssh":
		options = append(options, client.WithHost("http://docker.example"), client.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialSSH(ctx, u)
		}))
	case "unix", "tcp", "http", "https":
		options = append(options, client.WithHost(p.url))
		if p.tls != "" {
			options = append(options, client.WithTLSClientConfig(filepath.Join(p.tls, "ca.pem"), filepath.Join(p.tls, "cert.pem"), filepath.Join(p.tls, "key.pem")))
		}
	default:
		return nil, fmt.Errorf("%q is not the address of an Engine: it starts with unix://, tcp:// or ssh://", p.url)
	}
	return client.NewClientWithOpts(options...)
}

// dialSSH reaches the Engine of a machine through ssh, as the docker command
// does. The connection outlives ctx.
func dialSSH(_ context.Context, u *url.URL) (net.Conn, error) {
	args := []string{"-T", "-o", "ConnectTimeout=5", "-o", "BatchMode=yes"}
	if u.User != nil && u.User.Username() != "" {
		args = append(args, "-l", u.User.Username())
	}
	if u.Port() != "" {
		args = append(args, "-p", u.Port())
	}
	if u.Hostname() == "" || u.Hostname()[0] == '-' {
		return nil, fmt.Errorf("%s names no machine", u)
	}
	cmd := exec.Command("ssh", append(args, "--", u.Hostname(), "docker", "system", "dial-stdio")...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("ssh can't be started: %w", err)
	}
	return &pipeConn{Reader: out, WriteCloser: in, cmd: cmd}, nil
}

// pipeConn is a connection over a process. Deadlines are not kept: calls end by
// closing it, which the HTTP client does when a context ends.
type pipeConn struct {
	io.Reader
	io.WriteCloser
	cmd   *exec.Cmd
	close sync.Once
}

func (c *pipeConn) CloseWrite() error { return c.WriteCloser.Close() }

func (c *pipeConn) Close() error {
	c.close.Do(func() {
		_ = c.WriteCloser.Close()
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait() // it was killed
	})
	return nil
}

func (*pipeConn) LocalAddr() net.Addr              { return pipeAddr{} }
func (*pipeConn) RemoteAddr() net.Addr             { return pipeAddr{} }
func (*pipeConn) SetDeadline(time.Time) error      { return nil }
func (*pipeConn) SetReadDeadline(time.Time) error  { return nil }
func (*pipeConn) SetWriteDeadline(time.Time) error { return nil }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "ssh" }
func (pipeAddr) String() string  { return "ssh" }

// reason shortens what the Docker client says to what a person can use.
func reason(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("it does not answer in time")
	}
	if client.IsErrConnectionFailed(err) {
		return errors.New("nobody answers there")
	}
	return err
}
