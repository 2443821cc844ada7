package tunnel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is both ends of a connection through a tunnel.
func pair(t *testing.T) (near *Conn, far net.Conn) {
	t.Helper()
	a, b := net.Pipe()
	came := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		ended <- Server(context.Background(), b, func(ctx context.Context, c net.Conn) {
			came <- c
			<-t.Context().Done() // the test closes it
		})
	}()
	session, err := Client(a)
	if err != nil {
		t.Fatal(err)
	}
	near, err = session.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		session.Close()
		if err := <-ended; err != nil || !session.Ended() {
			t.Errorf("the tunnel ended with %v", err)
		}
	})
	for _, c := range []*Conn{near} {
		c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	far = <-came
	far.SetDeadline(time.Now().Add(20 * time.Second))
	return near, far
}

// One direction ends and the other goes on, whichever end begins.
func TestHalfClose(t *testing.T) {
	for name, turn := range map[string]bool{"outside first": false, "inside first": true} {
		t.Run(name, func(t *testing.T) {
			near, other := pair(t)
			a, b := net.Conn(near), other
			if turn {
				a, b = b, a
			}
			question := bytes.Repeat([]byte("what? "), 50_000)
			go func() {
				a.Write(question)
				a.(*Conn).CloseWrite()
			}()
			if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, question) {
				t.Fatalf("%d bytes of %d arrived, %v", len(got), len(question), err)
			}
			answer := bytes.Repeat([]byte("that. "), 50_000)
			go func() {
				b.Write(answer)
				b.(*Conn).CloseWrite()
			}()
			if got, err := io.ReadAll(a); err != nil || !bytes.Equal(got, answer) {
				t.Errorf("%d bytes of %d came back, %v", len(got), len(answer), err)
			}
			if _, err := a.Write([]byte("x")); err == nil {
				t.Error("writing after CloseWrite went well")
			}
		})
	}
}

// Who closes wakes those who wait at both ends.
func TestCloseEndsBothDirections(t *testing.T) {
	near, far := pair(t)
	read := make(chan error, 2)
	for _, c := range []net.Conn{near, far} {
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
	}
	near.Close()
	for range 2 {
		if err := <-read; !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a read that waited: %v", err)
		}
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after Close: %v", err)
	}
	near.Close()
}

// A full window holds the writer, and closing lets it go.
func TestWindow(t *testing.T) {
	near, _ := pair(t)
	wrote := make(chan int, 1)
	go func() {
		n, _ := near.Write(make([]byte, 1<<20))
		wrote <- n
	}()
	select {
	case n := <-wrote:
		t.Fatalf("%d bytes went out that nobody read", n)
	case <-time.After(100 * time.Millisecond):
	}
	near.Close()
	if n := <-wrote; n >= 1<<20 {
		t.Errorf("%d bytes went out", n)
	}
}

// A deadline in the middle of a piece loses nothing.
func TestReadingGoesOnAfterADeadline(t *testing.T) {
	near, far := pair(t)
	near.SetReadDeadline(time.Unix(1, 0))
	if _, err := near.Read(make([]byte, 1)); err == nil {
		t.Fatal("read something")
	}
	go far.Write([]byte("hello"))
	near.SetReadDeadline(time.Now().Add(20 * time.Second))
	var b [5]byte
	for i := range b {
		if _, err := near.Read(b[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if string(b[:]) != "hello" {
		t.Errorf("%q", b)
	}
}

// An end that doesn't answer is found out at once.
func TestClientRefusesASilentEnd(t *testing.T) {
	a, b := net.Pipe()
	b.Close()
	if _, err := Client(a); err == nil {
		t.Error("it speaks with nobody")
	}
}
