package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"slipway/store/storetest"
	"slipway/workshop"
)

// startRedis runs a real Redis in a folder until stop, and gives its address.
func startRedis(t *testing.T, dir string) (url string, stop func()) {
	t.Helper()
	socket := filepath.Join(dir, "redis.sock")
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
	var said bytes.Buffer
	server.Stdout = &said
	if err := server.Start(); err != nil {
		t.Fatalf("this test needs Debian's package redis-server: %v", err)
	}
	stop = func() {
		server.Process.Kill()
		server.Wait()
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			url = "unix://" + socket
			if r, err := OpenRedis(bg, url, "probe"); err == nil { // loaded its file
				r.Close()
				return url, stop
			}
		}
		if time.Now().After(end) {
			stop()
			t.Fatalf("Redis does not answer: %s", said.String())
		}
	}
}

type prefixed struct{ url, prefix string }

func (p prefixed) Open(t *testing.T) (storetest.Journal, func()) {
	t.Helper()
	r, err := OpenRedis(bg, p.url, p.prefix)
	if err != nil {
		t.Fatal(err)
	}
	return r, func() { r.Close() }
}

func TestRedisContract(t *testing.T) {
	url, stop := startRedis(t, t.TempDir())
	defer stop()
	var n atomic.Int64
	storetest.Run(t, func(t *testing.T) storetest.Place { return prefixed{url, fmt.Sprint("test", n.Add(1))} })
}

// TestRedisServersShare has two servers on one Redis: what one appends the other
// sees, and their numbers don't collide.
func TestRedisServersShare(t *testing.T) {
	url, stop := startRedis(t, t.TempDir())
	defer stop()
	var servers [2]*Redis
	for i := range servers {
		var err error
		if servers[i], err = OpenRedis(bg, url, "shared"); err != nil {
			t.Fatal(err)
		}
		defer servers[i].Close()
	}
	if _, err := servers[0].Append(bg, "s", workshop.Event{Kind: workshop.SessionCreated}); err != nil {
		t.Fatal(err)
	}
	const each = 200
	done := make(chan error, 2)
	for _, server := range servers {
		go func() {
			var err error
			for range each {
				_, e := server.Append(bg, "s", workshop.Event{Kind: workshop.Announced})
				err = errors.Join(err, e)
			}
			done <- err
		}()
	}
	ctx, cancel := context.WithTimeout(bg, 20*time.Second)
	defer cancel()
	enough := errors.New("enough")
	want := uint64(1)
	err := servers[1].Follow(ctx, "s", 1, func(e workshop.Event) error {
		if e.Seq != want {
			return fmt.Errorf("event %d where %d belongs", e.Seq, want)
		}
		if want++; want > 2*each+1 {
			return enough
		}
		return nil
	})
	if err != enough {
		t.Error(err)
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
	one, err1 := servers[0].Secret(bg, "ports")
	two, err2 := servers[1].Secret(bg, "ports")
	if errors.Join(err1, err2) != nil || len(one) != 32 || !bytes.Equal(one, two) {
		t.Errorf("secrets %x %x", one, two)
	}
}

// TestRedisAway kills Redis: acts fail with a sentence, and after its restart
// everything acknowledged is there and the same store goes on.
func TestRedisAway(t *testing.T) {
	dir := t.TempDir()
	url, stop := startRedis(t, dir)
	r, err := OpenRedis(bg, url, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Append(bg, "s", workshop.Event{Kind: workshop.SessionCreated}, workshop.Event{Kind: workshop.Announced, Text: "kept"}); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := r.Append(bg, "s", workshop.Event{Kind: workshop.Announced}); workshop.KindOf(err) != workshop.Unavailable {
		t.Errorf("append: %v", err)
	}
	if err := r.Follow(bg, "s", 1, func(workshop.Event) error { return nil }); workshop.KindOf(err) != workshop.Unavailable {
		t.Errorf("follow: %v", err)
	}
	_, stop = startRedis(t, dir)
	defer stop()
	if seqs, err := r.Append(bg, "s", workshop.Event{Kind: workshop.Announced, Text: "after"}); err != nil || seqs[0] != 3 {
		t.Errorf("append: %v %v", seqs, err)
	}
}

func TestRedisAddress(t *testing.T) {
	if _, err := OpenRedis(bg, "nonsense", "x"); workshop.KindOf(err) != workshop.Invalid {
		t.Errorf("got %v", err)
	}
	if _, err := OpenRedis(bg, "unix:///nowhere/redis.sock", "x"); workshop.KindOf(err) != workshop.Unavailable {
		t.Errorf("got %v", err)
	}
}
