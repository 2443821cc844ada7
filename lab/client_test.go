package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"slipway/terminal"
)

// answering is an agent that answers every request with the same bytes. The
// client against the real agent is tested beside the agent.
func answering(t *testing.T, answer string) *Agent {
	return &Agent{Dial: func(ctx context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		go func() {
			defer theirs.Close()
			buf := make([]byte, 4096)
			for n := 0; !strings.Contains(string(buf[:n]), "\r\n\r\n"); {
				m, err := theirs.Read(buf[n:])
				if n += m; err != nil {
					return
				}
			}
			io.WriteString(theirs, answer)
		}()
		return ours, nil
	}}
}

func TestAgentErrors(t *testing.T) {
	for answer, want := range map[string]struct{ kind, message string }{
		"HTTP/1.1 503 x\r\nConnection: close\r\n\r\n{\"error\":{\"kind\":\"engine\",\"message\":\"It sleeps.\"}}": {AgentEngine, "It sleeps."},
		"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nnot json":                                                  {"internal", "the node's agent answered 500 Oops"},
		"HTTP/1.1 426 x\r\nContent-Length: 2\r\n\r\n{}":                                                           {"internal", "the node's agent answered 426 x"},
	} {
		a := answering(t, answer)
		_, err := a.EngineConn(t.Context(), false)
		if !IsAgentError(err, want.kind) || err.Error() != want.message {
			t.Errorf("%q: %v", answer, err)
		}
		if _, err := a.Info(t.Context()); !IsAgentError(err, want.kind) {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestAnAgentThatTalksNonsense(t *testing.T) {
	for _, answer := range []string{"", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{{{"} {
		a := answering(t, answer)
		if _, err := a.Info(t.Context()); err == nil {
			t.Errorf("%q: Info found nothing wrong", answer)
		}
		if _, err := a.Attach(t.Context(), "t", terminal.Attach{}); err == nil {
			t.Errorf("%q: Attach found nothing wrong", answer)
		}
		if err := a.Events(t.Context(), 1, func(NodeEvent) error { return nil }); err == nil {
			t.Errorf("%q: Events found nothing wrong", answer)
		}
	}
}

func TestAnAgentThatSaysNothingIsGivenUp(t *testing.T) {
	why := errors.New("the person left")
	silent := &Agent{Dial: func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		go io.Copy(io.Discard, theirs)
		return ours, nil
	}}
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
	if _, err := silent.Info(ctx); !errors.Is(err, why) {
		t.Errorf("Info: %v", err)
	}
	if err := silent.Events(ctx, 0, func(NodeEvent) error { return nil }); !errors.Is(err, why) {
		t.Errorf("Events: %v", err)
	}
}

func TestStreamsBeginWithWhatWasReadAhead(t *testing.T) {
	a := answering(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: slipway-dial/1\r\n\r\nhello from inside")
	conn, err := a.DialPort(t.Context(), 80)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if b, err := io.ReadAll(conn); err != nil || string(b) != "hello from inside" {
		t.Errorf("%q, %v", b, err)
	}
}

// A node's root may put any program in the place of the agent.
func TestAnAgentThatNeverEndsItsHead(t *testing.T) {
	read := 0
	a := &Agent{Dial: func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		go io.Copy(io.Discard, theirs)
		go func() {
			io.WriteString(theirs, "HTTP/1.1 200 OK\r\n")
			for {
				n, err := io.WriteString(theirs, "X: "+strings.Repeat("x", 1000)+"\r\n")
				if read += n; err != nil {
					theirs.Close()
					return
				}
			}
		}()
		return ours, nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := a.Info(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("after a head of %d bytes: %v", read, err)
	}
}
