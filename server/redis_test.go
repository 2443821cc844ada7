package server

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"slipway/store"
	"slipway/workshop"
)

// TestServersOnOneRedis: people join at one server and go on at another as if it
// were the same, and a server that goes away takes nothing with it.
func TestServersOnOneRedis(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "redis.sock")
	redis := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "yes")
	var said bytes.Buffer
	redis.Stdout = &said
	if err := redis.Start(); err != nil {
		t.Fatalf("this test needs Debian's package redis-server: %v", err)
	}
	t.Cleanup(func() { redis.Process.Kill(); redis.Wait() })
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(said.String())
		}
	}
	a := newWorld(t, func(c *Config) { c.Journal = shared(t, socket) })
	b := newWorld(t, func(c *Config) { c.Journal = shared(t, socket); c.Labs = a.labs; c.Secret = a.server.cfg.Secret })
	key := a.server.Sessions()[0].Secret
	code := a.server.Sessions()[0].JoinCode

	ada := a.browser().enter("/api/join", map[string]string{"code": code, "name": "Ada"})
	there := b.browser()
	there.setCookie(ada.cookie())
	if answer, text := there.do("GET", "/api/deck", nil); answer.StatusCode != 200 {
		t.Fatalf("the other server doesn't know Ada at once: %s %s", answer.Status, text)
	}
	jo := b.browser().enter("/api/instructor", map[string]string{"key": key})
	board := jo.socket("/api/events")
	var p workshop.Progress
	next(t, board, "snapshot", &p)
	if p.People[ada.me.ID] == nil {
		t.Error("the board at the other server lacks Ada")
	}
	ada.must("POST", "/api/status", map[string]string{"status": "help"})
	var e workshop.Event
	for e.Kind != workshop.StatusChanged {
		e = workshop.Event{}
		next(t, board, "event", &e)
	}
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	one := ada.tab("node1", "t1", "tab", -1)
	one.type_("x=there\r")
	one.until("x=there")
	a.stop()
	two := there.tab("node1", "t1", "tab", int64(one.next))
	two.type_("echo still-$x\r")
	two.until("still-there")
}

// shared opens one more connection to the journal in Redis and makes its session
// when there is none.
func shared(t *testing.T, socket string) Journal {
	t.Helper()
	ctx := context.Background()
	r, err := store.OpenRedis(ctx, "unix://"+socket, "slipway")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if ids, err := r.Sessions(ctx); err != nil {
		t.Fatal(err)
	} else if len(ids) == 0 {
		session := workshop.Session{ID: "shared", Workshop: "course", Title: "Shared", JoinCode: workshop.NewJoinCode(), Secret: workshop.NewSecret()}
		if _, err := r.Append(ctx, session.ID, workshop.Event{Kind: workshop.SessionCreated, Session: &session}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}
