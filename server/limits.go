package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// limiter counts events by key and refuses a key that had its share in the
// present window. It keeps a bounded number of keys: a flood of addresses
// makes it forget, never grow.
type limiter struct {
	share  int
	window time.Duration

	mu   sync.Mutex
	keys map[string]*tally
}

type tally struct {
	since time.Time
	n     int
}

const maxTallies = 20_000

func newLimiter(share int, window time.Duration) *limiter {
	return &limiter{share: share, window: window, keys: map[string]*tally{}}
}

// full says whether the key has used its share up.
func (l *limiter) full(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.keys[key]
	return t != nil && time.Since(t.since) < l.window && t.n >= l.share
}

// add counts one event and says whether it was within the share.
func (l *limiter) add(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	t := l.keys[key]
	if t == nil || now.Sub(t.since) >= l.window {
		if t == nil && len(l.keys) >= maxTallies {
			l.forget(now)
		}
		t = &tally{since: now}
		l.keys[key] = t
	}
	t.n++
	return t.n <= l.share
}

// forget drops what is over; when nothing is, a half of all, whichever.
func (l *limiter) forget(now time.Time) {
	for key, t := range l.keys {
		if now.Sub(t.since) >= l.window {
			delete(l.keys, key)
		}
	}
	for key := range l.keys {
		if len(l.keys) < maxTallies/2 {
			return
		}
		delete(l.keys, key)
	}
}

// addressOf is the address a request is counted under: IPv4 whole, of IPv6 the
// 64 bits that one household has.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if addr = addr.Unmap(); addr.Is6() {
		if prefix, err := addr.WithZone("").Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return addr.String()
}

// counter bounds how many of something each key has at once.
type counter struct {
	max int
	mu  sync.Mutex
	n   map[string]int
}

func newCounter(max int) *counter { return &counter{max: max, n: map[string]int{}} }

// take takes a place and gives the function that frees it, or false when all
// are taken.
func (c *counter) take(key string) (free func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[key] >= c.max {
		return nil, false
	}
	c.n[key]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.n[key]--; c.n[key] == 0 {
			delete(c.n, key)
		}
	}), true
}
