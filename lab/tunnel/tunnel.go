// Package tunnel carries any number of connections over one byte stream, for
// Engines that are reached by their API alone. Both ends of it are here: one
// inside the node ([Server]), one outside ([Client]).
//
// It is yamux with a window of 256 KiB and a sign of life every 20 s. Inside a
// yamux stream bytes come in pieces, each with its length in front, an unsigned
// 16-bit big-endian integer; a length of 0 says that nothing more will be sent.
// That is how one direction ends while the other goes on. A stream that yamux ends
// without it was given up: the other end gives it up too.
package tunnel

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
)

// maxPiece bounds a piece: what is sent at once, and what a sender keeps.
const maxPiece = 32 << 10

func config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.KeepAliveInterval = 20 * time.Second
	c.MaxStreamWindowSize = 256 << 10
	c.LogOutput = io.Discard
	return c
}

// Session is the end of a tunnel that opens connections. It is safe for
// concurrent use.
type Session struct{ mux *yamux.Session }

// Client begins a tunnel and waits until the other end answers. It owns line
// from then on, also when it fails.
func Client(line io.ReadWriteCloser) (*Session, error) {
	mux, err := yamux.Client(line, config())
	if err != nil {
		line.Close()
		return nil, err
	}
	if _, err := mux.Ping(); err != nil {
		mux.Close()
		return nil, err
	}
	return &Session{mux}, nil
}

// Open opens a connection. It can be half closed by CloseWrite.
func (s *Session) Open() (*Conn, error) {
	stream, err := s.mux.OpenStream()
	if err != nil {
		return nil, err
	}
	return &Conn{Stream: stream}, nil
}

// Ended reports whether the tunnel is of no use any more.
func (s *Session) Ended() bool { return s.mux.IsClosed() }

// Close ends the tunnel with all its connections.
func (s *Session) Close() error { return s.mux.Close() }

// Server calls serve, each time in a goroutine of its own, with every
// connection that the other end opens. It returns when the other end hangs up or ctx ends, and
// all calls have returned; line is closed then.
func Server(ctx context.Context, line io.ReadWriteCloser, serve func(context.Context, net.Conn)) error {
	mux, err := yamux.Server(line, config())
	if err != nil {
		line.Close()
		return err
	}
	defer mux.Close()
	stop := context.AfterFunc(ctx, func() { mux.Close() })
	defer stop()
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		stream, err := mux.AcceptStream()
		if err != nil {
			return nil // the other side left, which is how a tunnel ends
		}
		calls.Go(func() {
			c := &Conn{Stream: stream}
			defer c.Close()
			serve(ctx, c)
		})
	}
}

// Conn is a connection through a tunnel.
type Conn struct {
	*yamux.Stream

	reading sync.Mutex
	head    [2]byte
	got     int  // bytes of head
	left    int  // bytes of the present piece
	ended   bool // the other end sends nothing more

	writing sync.Mutex
	piece   []byte
	done    bool // we send nothing more

	closed atomic.Bool
}

// Read reads what was sent; io.EOF says that the other end half closed,
// io.ErrUnexpectedEOF that it closed.
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for c.left == 0 {
		if c.ended {
			return 0, io.EOF
		}
		n, err := c.Stream.Read(c.head[c.got:])
		if c.got += n; err != nil {
			return 0, c.reason(err)
		}
		if c.got == len(c.head) {
			c.got, c.left = 0, int(binary.BigEndian.Uint16(c.head[:]))
			c.ended = c.left == 0
		}
	}
	n, err := c.Stream.Read(p[:min(len(p), c.left)])
	if c.left -= n; err != nil {
		return n, c.reason(err)
	}
	return n, nil
}

func (c *Conn) reason(err error) error {
	switch {
	case c.closed.Load():
		return net.ErrClosed
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write sends all of p, or fails. A failed one leaves the connection of no use.
func (c *Conn) Write(p []byte) (sent int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for len(p) > 0 {
		if c.done {
			return sent, os.ErrClosed
		}
		n := min(len(p), maxPiece)
		c.piece = binary.BigEndian.AppendUint16(c.piece[:0], uint16(n))
		c.piece = append(c.piece, p[:n]...)
		if _, err := c.Stream.Write(c.piece); err != nil {
			c.done = true // where a piece was cut, no other can begin
			return sent, c.reason(err)
		}
		sent, p = sent+n, p[n:]
	}
	return sent, nil
}

// CloseWrite tells the other end that nothing more will be sent. Reading goes on.
func (c *Conn) CloseWrite() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.done {
		return nil
	}
	c.done = true
	_, err := c.Stream.Write([]byte{0, 0})
	return err
}

// Close ends the connection in both directions. Reads and writes that wait return.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	err := c.Stream.Close()
	c.Stream.SetReadDeadline(time.Unix(1, 0)) // yamux would read on until the other end closes
	return err
}
