package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// pipes is a listener whose connections are in memory, so that time in tests is
// ours.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// pipeSocket runs one socket whose other end the test holds. ended gives why
// it ended.
func pipeSocket(t *testing.T, out <-chan []byte) (conn *websocket.Conn, ended chan error) {
	t.Helper()
	s := &Server{}
	ended = make(chan error, 1)
	listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	front := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sock, err := s.accept(w, r, binaryMessages, 1024)
		if err != nil {
			t.Error(err)
			return
		}
		ended <- sock.run(context.Background(), out, func([]byte) error { return nil }, func() {})
	})}
	go front.Serve(listener)
	t.Cleanup(func() { front.Close() })
	d := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		return ours, nil
	}}
	conn, _, err := d.Dial("ws://pipe/", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, ended
}

func TestPingsKeepASilentPersonConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, ended := pipeSocket(t, make(chan []byte))
		pings := 0
		answer := conn.PingHandler()
		conn.SetPingHandler(func(text string) error { pings++; return answer(text) })
		go func() {
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					return
				}
			}
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case err := <-ended:
			t.Errorf("ended after %d pings: %v", pings, err)
		default:
		}
		if pings != 180 && pings != 179 {
			t.Errorf("%d pings in an hour", pings)
		}
	})
}

func TestABrowserThatIsGoneIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ended := pipeSocket(t, make(chan []byte)) // reads nothing, answers nothing
		began := time.Now()
		if err := <-ended; err == nil {
			t.Error("ended without a reason")
		}
		if after := time.Since(began); after > pongWait+pingEvery+writeWait {
			t.Errorf("noticed after %v", after)
		}
	})
}

func TestABrowserThatDoesNotReadIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := make(chan []byte, 1)
		out <- make([]byte, 1<<10)
		_, ended := pipeSocket(t, out)
		began := time.Now()
		<-ended
		if after := time.Since(began); after > writeWait+2*closeWait {
			t.Errorf("left after %v", after)
		}
	})
}

func TestCloseReasonsFit(t *testing.T) {
	for _, text := range []string{"", "short", "ééééééééé"} {
		if got := clip(text, 5); len(got) > 5 || got != text[:len(got)] {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	if got := clip("aéé", 2); got != "a" {
		t.Errorf("a character was cut: %q", got)
	}
}
