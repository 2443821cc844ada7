package terminal

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// cutConn breaks after a number of bytes, in whichever direction they go, in
// the middle of whatever is under way.
type cutConn struct {
	net.Conn
	mu   sync.Mutex
	left int
}

func (c *cutConn) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, c.left)
	c.left -= n
	if c.left == 0 {
		c.Conn.Close()
	}
	return n
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return c.take(n), err
}

func (c *cutConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	n := min(len(p), c.left)
	c.mu.Unlock()
	n, err := c.Conn.Write(p[:n])
	c.take(n)
	return n, err
}

// page is a client that comes back after every cut, as a browser's page does.
type page struct {
	drawn    strings.Builder
	next     uint64
	born     int64
	input    string
	received uint64
}

// visit attaches once over a link that breaks after some bytes.
func (p *page) visit(t *testing.T, tm *Terminal, rnd *rand.Rand, done func() bool) {
	ours, theirs := socketPair(t)
	link := &cutConn{Conn: ours, left: 1 + rnd.IntN(20_000)}
	served := make(chan error, 1)
	go func() {
		served <- tm.Serve(context.Background(), theirs, Attach{Client: "page", Role: RoleOwner, From: int64(p.next), Born: p.born})
	}()
	defer func() { ours.Close(); <-served }()
	fr, fw := NewFrameReader(bufio.NewReader(link)), NewFrameWriter(link)
	sent := p.received
	for !done() {
		link.SetReadDeadline(time.Now().Add(patience))
		f, err := fr.Next()
		if err != nil {
			return
		}
		switch f.Kind {
		case KindHello:
			p.received, p.born, sent = f.Hello.InputReceived, f.Hello.Born, f.Hello.InputReceived
		case KindOutput:
			if f.Offset != p.next {
				t.Fatalf("output at %d, want %d", f.Offset, p.next)
			}
			p.drawn.Write(f.Data)
			p.next += uint64(len(f.Data))
			fw.Write(Frame{Kind: KindAck, Offset: p.next})
		case KindRepaint, KindExit:
			t.Fatalf("unexpected frame %q", byte(f.Kind))
		}
		if rnd.IntN(4) == 0 {
			fw.Write(Frame{Kind: KindResize, Cols: uint16(20 + rnd.IntN(100)), Rows: uint16(5 + rnd.IntN(40))})
		}
		if sent < uint64(len(p.input)) {
			// Sometimes again from before, as a page that is not sure would.
			from := sent - uint64(rnd.IntN(int(min(sent-p.received, 50)+1)))
			n := min(sent-from+1+uint64(rnd.IntN(700)), uint64(len(p.input))-from) // something new in any case: it waits for the echo
			fw.Write(Frame{Kind: KindInput, Offset: from, Data: []byte(p.input[from : from+n])})
			sent = max(sent, from+n)
		}
	}
}

func TestNothingIsLostOrDoubledOverLinksThatBreakAtAnyByte(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 42))
		// What is typed comes back, so one comparison shows both directions.
		tm := start(t, Options{Command: []string{"sh", "-c", "stty raw -echo; printf ready; exec cat"}, Window: 16 << 10})
		p := &page{}
		p.visit(t, tm, rand.New(rand.NewPCG(0, 0)), func() bool { return strings.HasSuffix(p.drawn.String(), "ready") })
		for !strings.HasSuffix(p.drawn.String(), "ready") {
			p.visit(t, tm, rnd, func() bool { return strings.HasSuffix(p.drawn.String(), "ready") })
		}
		var input strings.Builder
		for i := range 20_000 {
			fmt.Fprintf(&input, "%d é日😀\n", i)
		}
		p.input = input.String()
		want := len("ready") + len(p.input)
		visits := 0
		for p.drawn.Len() < want {
			visits++
			p.visit(t, tm, rnd, func() bool { return p.drawn.Len() >= want })
			if visits > 10_000 {
				t.Fatal("no progress")
			}
		}
		if p.drawn.String() != "ready"+p.input {
			t.Errorf("seed %d: what was drawn over %d links is not what was typed", seed, visits)
		}
		tm.Close()
	}
}
