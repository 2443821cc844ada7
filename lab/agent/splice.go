package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// maxConns bounds the connections of one listener.
const maxConns = 512

// halfCloser is a connection whose sending side can be closed alone.
type halfCloser interface{ CloseWrite() error }

// splice copies both ways until both sides are done, one fails or ctx ends,
// and closes both. An end in one direction is passed on as such.
func splice(ctx context.Context, a, b net.Conn) {
	var once sync.Once
	shut := func() { once.Do(func() { a.Close(); b.Close() }) }
	stop := context.AfterFunc(ctx, shut)
	defer stop()
	defer shut()
	var both sync.WaitGroup
	oneWay := func(to, from net.Conn) {
		_, err := io.Copy(to, from)
		h, ok := to.(halfCloser)
		if err != nil || !ok || h.CloseWrite() != nil {
			shut()
		}
	}
	both.Go(func() { oneWay(a, b) })
	both.Go(func() { oneWay(b, a) })
	both.Wait()
}

// accept serves every connection of l in a goroutine of its own until ctx
// ends, and returns when all of them have ended.
func accept(ctx context.Context, l net.Listener, log *slog.Logger, serve func(context.Context, net.Conn)) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var conns sync.WaitGroup
	defer conns.Wait()
	room := make(chan struct{}, maxConns)
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			log.Warn("a connection could not be accepted", "err", err)
			select {
			case <-time.After(50 * time.Millisecond): // out of descriptors, say
			case <-ctx.Done():
			}
			continue
		}
		select {
		case room <- struct{}{}:
		default:
			c.Close()
			continue
		}
		conns.Go(func() {
			defer func() { <-room }()
			defer c.Close()
			serve(ctx, c)
		})
	}
}

// listenUnix listens on a socket file, replacing one that is left over.
func listenUnix(path string, mode os.FileMode) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// engineConn carries one connection of the node's people to the Engine,
// holding it until the Engine answers.
func (e *engine) engineConn(ctx context.Context, c net.Conn) {
	to, err := e.Conn(ctx, true)
	if err != nil {
		if ctx.Err() == nil {
			refuse(c, err)
		}
		return
	}
	splice(ctx, c, to)
}

// refuse answers an Engine request the way an Engine would, so that the docker
// command prints the reason.
func refuse(c net.Conn, reason error) {
	c.SetDeadline(time.Now().Add(2 * time.Second))
	var head [4096]byte
	c.Read(head[:])
	body, _ := json.Marshal(map[string]string{"message": reason.Error()})
	fmt.Fprintf(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nApi-Version: 1.44\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if h, ok := c.(halfCloser); ok {
		h.CloseWrite()
		io.Copy(io.Discard, io.LimitReader(c, 1<<20))
	}
}

// forward carries connections to a unix socket outside.
func forward(socket string) func(context.Context, net.Conn) {
	return func(ctx context.Context, c net.Conn) {
		d := net.Dialer{Timeout: 5 * time.Second}
		to, err := d.DialContext(ctx, "unix", socket)
		if err != nil {
			return // nobody serves it now; the caller sees a closed connection
		}
		splice(ctx, c, to)
	}
}
