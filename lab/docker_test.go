package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
)

// engineSaying is a client of an Engine in whose place somebody answers every request with
// the same JSON, in pieces, without end when endless.
func engineSaying(t *testing.T, text string, endless bool) *http.Server {
	t.Helper()
	return &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/_ping") {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		for io.WriteString(w, text); endless; {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
				return
			}
		}
	})}
}

// A node's root answers in its Engine's place with something endless: the call
// fails before it costs the server its memory, and the client still works whole.
func TestAnEngineWithoutEnd(t *testing.T) {
	for name, c := range map[string]struct {
		says    string
		endless bool
		want    error
	}{
		"a list":          {"[]\n", false, nil},
		"a long list":     {"[" + strings.Repeat(" ", maxJSONLine-10) + "]\n", false, nil},
		"a list too long": {`[{"Id":"`, true, errEndlessLine},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("unix", t.TempDir()+"/s")
			if err != nil {
				t.Fatal(err)
			}
			server := engineSaying(t, c.says, c.endless)
			go server.Serve(l)
			defer server.Close()
			docker, err := NewDockerClient(dialUnix(l.Addr().String()))
			if err != nil {
				t.Fatal(err)
			}
			defer docker.Close()
			if _, err := docker.ContainerList(t.Context(), container.ListOptions{}); !errors.Is(err, c.want) {
				t.Errorf("listing: %v, want %v", err, c.want)
			}
			if !c.endless {
				return
			}
			_, failed := docker.Events(t.Context(), events.ListOptions{})
			if err := <-failed; !errors.Is(err, c.want) {
				t.Errorf("events: %v, want %v", err, c.want)
			}
		})
	}
}

// Streams that take over the connection go past the bounds.
func TestDockerClientHijacks(t *testing.T) {
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				req, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				if req.Method != "POST" {
					fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nApi-Version: 1.44\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
					return
				}
				fmt.Fprint(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello")
			}()
		}
	}()
	docker, err := NewDockerClient(dialUnix(l.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer docker.Close()
	line, err := docker.ContainerAttach(context.Background(), "x", container.AttachOptions{Stream: true, Stdout: true})
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	if b, err := io.ReadAll(line.Reader); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
}
