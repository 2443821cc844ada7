package balancer

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Gossip takes some six seconds to give up a node that vanished. So each node
// holds a line to the Engine of every other that has tasks for it: the kernel of a
// node whose Engine or whose first process dies closes its end at once.

// Bounds of the lines.
const (
	maxLines   = 64
	redial     = 500 * time.Millisecond
	dialWithin = 5 * time.Second
	// An Engine that comes back begins under another name in the gossip. Until
	// its old one is forgotten there, its old tasks are not to be trusted.
	distrust = 8 * time.Second
)

// lines are the lines to the other nodes, by their names in the gossip.
type lines struct {
	port int // of an Engine's API on the other nodes; 0 for no lines
	kick func()

	mu    sync.Mutex
	ends  map[string]context.CancelFunc
	lost  map[string]time.Time // since when
	alive sync.WaitGroup
}

func newLines(port int, kick func()) *lines {
	return &lines{port: port, kick: kick, ends: map[string]context.CancelFunc{}, lost: map[string]time.Time{}}
}

// want holds lines to these nodes and to no others.
func (l *lines) want(ctx context.Context, peers map[string]netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, end := range l.ends {
		if _, ok := peers[name]; !ok {
			end()
			delete(l.ends, name)
			delete(l.lost, name)
		}
	}
	for name, addr := range peers {
		if _, ok := l.ends[name]; ok || l.port == 0 || len(l.ends) == maxLines || ours(addr) {
			continue
		}
		line, end := context.WithCancel(ctx)
		l.ends[name] = end
		l.alive.Go(func() { l.hold(line, name, addr) })
	}
}

// ours reports whether an address is one of this node.
func ours(addr netip.Addr) bool {
	addrs, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(addr.AsSlice())
	})
}

// isLost reports whether a node's line broke and is not to be trusted again yet.
func (l *lines) isLost(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, lost := l.lost[name]
	return lost
}

// set notes that a line broke or holds. Only one that held once can break: a
// node that keeps its Engine to itself is no lost node.
func (l *lines) set(ctx context.Context, name string, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if lost {
		l.lost[name] = time.Now()
	} else {
		delete(l.lost, name)
	}
	l.kick()
}

func (l *lines) since(name string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, lost := l.lost[name]
	if !lost {
		return distrust
	}
	return time.Since(at)
}

// hold keeps a line until ctx ends.
func (l *lines) hold(ctx context.Context, name string, addr netip.Addr) {
	for ctx.Err() == nil {
		conn, err := l.dial(ctx, addr)
		if err == nil && pause(ctx, distrust-l.since(name)) {
			l.set(ctx, name, false)
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			io.CopyN(io.Discard, conn, 1) // nothing comes but the end
			stop()
			l.set(ctx, name, true)
		}
		if err == nil {
			conn.Close()
		}
		pause(ctx, redial)
	}
}

// dial connects to another node's Engine and hears it answer.
func (l *lines) dial(ctx context.Context, addr netip.Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 2}}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(l.port)))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	if _, err = io.WriteString(conn, "GET /_ping HTTP/1.1\r\nHost: engine\r\n\r\n"); err == nil {
		var res *http.Response
		if res, err = http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 16<<10)), nil); err == nil {
			_, err = io.Copy(io.Discard, res.Body)
		}
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// end ends all lines.
func (l *lines) end() {
	l.mu.Lock()
	for _, end := range l.ends {
		end()
	}
	l.mu.Unlock()
	l.alive.Wait()
}
