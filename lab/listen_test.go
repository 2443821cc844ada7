package lab

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A node's root may put anything where the registry's socket belongs. Binding replaces what
// it can and follows nothing.
func TestListenInAHostileDoor(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	for name, put := range map[string]func(at string) error{
		"nothing":            func(string) error { return nil },
		"an old socket":      func(at string) error { l, err := net.Listen("unix", at); keepSocket(l); return err },
		"a link to a file":   func(at string) error { return os.Symlink(outside, at) },
		"a link to nothing":  func(at string) error { return os.Symlink(empty, at) },
		"a link to a folder": func(at string) error { return os.Symlink(filepath.Dir(outside), at) },
		"a file":             func(at string) error { return os.WriteFile(at, nil, 0o644) },
		"a hard link":        func(at string) error { return os.Link(outside, at) },
		"a folder":           func(at string) error { return os.Mkdir(at, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			door, _ := os.MkdirTemp("", "door")
			defer os.RemoveAll(door)
			at := filepath.Join(door, registrySocket)
			if err := put(at); err != nil {
				t.Fatal(err)
			}
			l := listenAt(t, door)
			accepted(t, l, at)
			if !l.there() {
				t.Error("the socket isn't there")
			}
			if text, err := os.ReadFile(outside); string(text) != "precious" {
				t.Errorf("the file outside is %q, %v", text, err)
			}
			if _, err := os.Lstat(empty); err == nil {
				t.Error("something was made outside")
			}
			l.Close()
			if _, err := os.Lstat(at); err == nil {
				t.Error("the socket was left")
			}
		})
	}
}

func keepSocket(l net.Listener) {
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
		u.Close()
	}
}

func listenAt(t *testing.T, door string) *doorListener {
	t.Helper()
	dir, err := os.Open(door)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenIn(dir, os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func accepted(t *testing.T, l net.Listener, at string) {
	t.Helper()
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Write([]byte("hello"))
			c.Close()
		}
	}()
	c, err := net.DialTimeout("unix", at, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var b [5]byte
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(b[:]); err != nil || string(b[:]) != "hello" {
		t.Errorf("read %q, %v", b, err)
	}
}

// Closing takes away only the socket that was made, not what came in its place.
func TestListenerKnowsItsSocket(t *testing.T) {
	door, _ := os.MkdirTemp("", "door")
	defer os.RemoveAll(door)
	at := filepath.Join(door, registrySocket)
	l := listenAt(t, door)
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	if l.there() {
		t.Error("it believes its socket is there")
	}
	if err := os.WriteFile(at, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l.there() {
		t.Error("it takes a file for its socket")
	}
	l.Close()
	if text, _ := os.ReadFile(at); string(text) != "theirs" {
		t.Error("it took away what is not its own")
	}
	// A folder that isn't empty can't be replaced, and says so.
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(at, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(door)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if l, err := listenIn(dir, os.Getuid()); err == nil {
		l.Close()
		t.Error("it listens at a folder")
	}
}

// Serving ends with its context, and goes on when the node took the socket away.
func TestServeUntilLost(t *testing.T) {
	door, _ := os.MkdirTemp("", "door")
	defer os.RemoveAll(door)
	ctx, cancel := context.WithCancel(t.Context())
	serve := func(ctx context.Context, l net.Listener) error {
		<-ctx.Done()
		return l.Close()
	}
	time.AfterFunc(0, cancel)
	if err := new(Node).serveUntilLost(ctx, listenAt(t, door), serve); err != nil {
		t.Error(err)
	}
	l := listenAt(t, door)
	l.Close()
	if err := new(Node).serveUntilLost(t.Context(), l, func(context.Context, net.Listener) error { return nil }); err != nil {
		t.Error(err)
	}
}
