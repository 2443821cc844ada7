package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience bounds every wait of these tests.
const patience = 60 * time.Second

// TestMain fetches the real HAProxy when it isn't here.
func TestMain(m *testing.M) {
	if _, err := exec.LookPath("haproxy"); err != nil {
		if out, err := exec.Command("../../scripts/install", "haproxy").CombinedOutput(); err != nil {
			log.Fatalf("haproxy is needed: %v\n%s", err, out)
		}
	}
	goleak.VerifyTestMain(m)
}

// A balancing is a hamba that runs until the test ends.
type balancing struct {
	t    *testing.T
	h    hamba
	log  *lockedBuffer
	port string
	code chan int
}

// logWriter lets a buffer be written to, up to a megabyte.
type logWriter struct{ b *lockedBuffer }

func (w logWriter) Write(p []byte) (int, error) { w.b.add(p, 1<<20); return len(p), nil }

func startHamba(t *testing.T, args ...string) *balancing {
	t.Helper()
	b := &balancing{t: t, log: &lockedBuffer{}, port: freePort(t), code: make(chan int, 1)}
	b.h = hamba{dir: t.TempDir(), program: "haproxy", hosts: "/etc/hosts", patience: patience,
		stdout: logWriter{b.log}, stderr: logWriter{b.log}}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { b.code <- b.h.main(ctx, append([]string{"run"}, b.at(args)...)) }()
	t.Cleanup(func() {
		cancel()
		select {
		case code := <-b.code:
			if code != 0 {
				t.Errorf("hamba ended with %d: %s", code, b.log.text())
			}
		case <-time.After(patience):
			t.Error("hamba does not end")
		}
	})
	return b
}

// at puts where to listen in front of backends.
func (b *balancing) at(backends []string) []string {
	if len(backends) == 0 {
		return nil
	}
	return append([]string{"127.0.0.1:" + b.port}, backends...)
}

// reconfigure answers the exit code and what was said.
func (b *balancing) reconfigure(args ...string) (int, string) {
	var said lockedBuffer
	h := b.h
	h.stdout, h.stderr = logWriter{&said}, logWriter{&said}
	code := h.main(context.Background(), append([]string{"reconfigure"}, args...))
	return code, said.text()
}

func (b *balancing) must(backends ...string) {
	b.t.Helper()
	if code, said := b.reconfigure(b.at(backends)...); code != 0 {
		b.t.Fatalf("reconfigure %v: %d %s\nlog: %s", backends, code, said, b.log.text())
	}
}

// get asks through the balancer, with a connection of its own.
func (b *balancing) get() (string, error) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	r, err := c.Get("http://127.0.0.1:" + b.port + "/")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return string(text), err
}

// until waits for something to become true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain: ", what)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// backendServer answers its name.
func backendServer(t *testing.T, name string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestBothFormsBalanceEvenly(t *testing.T) {
	one, two := backendServer(t, "one"), backendServer(t, "two")
	host, port, _ := net.SplitHostPort(two)
	b := startHamba(t, one, host, port)
	until(t, "an answer", func() bool { _, err := b.get(); return err == nil })
	count := map[string]int{}
	for range 40 {
		said, err := b.get()
		if err != nil {
			t.Fatal(err)
		}
		count[said]++
	}
	if count["one"] != 20 || count["two"] != 20 {
		t.Errorf("not round robin: %v", count)
	}
}

// TestNoRequestIsLost changes the configuration again and again under load.
func TestNoRequestIsLost(t *testing.T) {
	one, two, three := backendServer(t, "one"), backendServer(t, "two"), backendServer(t, "three")
	b := startHamba(t, one)
	until(t, "an answer", func() bool { _, err := b.get(); return err == nil })
	var asked, failed atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := b.get(); err != nil {
					failed.Add(1)
					t.Error(err)
				}
				asked.Add(1)
			}
		})
	}
	// A slow answer that began before all changes has to arrive as well.
	begun, slow := make(chan struct{}), make(chan error, 1)
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		fmt.Fprint(w, "slow")
	}))
	defer s.Close()
	side := startHamba(t, strings.TrimPrefix(s.URL, "http://"))
	until(t, "a connection", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+side.port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	go func() {
		said, err := side.get()
		if err == nil && said != "slow" {
			err = errors.New("got " + said)
		}
		slow <- err
	}()
	<-begun
	side.must(one)
	for i := range 10 {
		b.must([][]string{{one, two}, {two, three}, {one, two, three}, {three}}[i%4]...)
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
	cancel()
	wg.Wait()
	if asked.Load() < 200 || failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
}

func TestABadConfigurationChangesNothing(t *testing.T) {
	one := backendServer(t, "one")
	b := startHamba(t, one)
	until(t, "an answer", func() bool { _, err := b.get(); return err == nil })
	if err := put(newPath(b.h.dir), "global\n  such is life\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "a word in the log", func() bool { return strings.Contains(b.log.text(), "not good, nothing was changed") })
	if !strings.Contains(b.log.text(), "unknown keyword 'such'") {
		t.Errorf("HAProxy's reason is not in the log: %s", b.log.text())
	}
	if said, err := b.get(); said != "one" || err != nil {
		t.Errorf("got %q, %v", said, err)
	}
	// Arguments that make no sense are refused at once, and never handed down.
	if code, said := b.reconfigure("80", "rng1"); code != 2 || !strings.Contains(said, "has no port") {
		t.Errorf("got %d %s", code, said)
	}
	// An address this machine does not have passes the validation and fails at the start.
	code, said := b.reconfigure("192.0.2.1:80", one)
	if code != 1 || !strings.Contains(said, "stays as it was") {
		t.Errorf("got %d %s", code, said)
	}
	if said, err := b.get(); said != "one" || err != nil {
		t.Errorf("after a failed start: got %q, %v", said, err)
	}
}

func TestWaitsForAConfiguration(t *testing.T) {
	b := startHamba(t)
	until(t, "a word in the log", func() bool { return strings.Contains(b.log.text(), "no configuration yet") })
	var out bytes.Buffer
	h := b.h
	h.stdout, h.stderr = &out, &out
	if code := h.main(t.Context(), []string{"showconfig"}); code != 1 || !strings.Contains(out.String(), "no configuration yet") {
		t.Errorf("showconfig: %d %s", code, out.String())
	}
	b.must(backendServer(t, "late"))
	if said, err := b.get(); said != "late" || err != nil {
		t.Errorf("got %q, %v", said, err)
	}
	out.Reset()
	if code := h.main(t.Context(), []string{"showconfig"}); code != 0 || !strings.Contains(out.String(), "bind 127.0.0.1:"+b.port) {
		t.Errorf("showconfig: %d %s", code, out.String())
	}
}

func TestNobodyTakesItUp(t *testing.T) {
	var out bytes.Buffer
	h := hamba{dir: t.TempDir(), program: "haproxy", hosts: "/etc/hosts", patience: 100 * time.Millisecond, stdout: &out, stderr: &out}
	if code := h.main(t.Context(), []string{"reconfigure", "8000 10.0.0.1:80"}); code != 1 || !strings.Contains(out.String(), "nobody took") {
		t.Errorf("got %d %s", code, out.String())
	}
	if left, _ := filepath.Glob(h.dir + "/haproxy.*"); len(left) != 1 || left[0] != newPath(h.dir) {
		t.Errorf("left behind: %v", left)
	}
}

func TestComesBackAfterACrashAndARestart(t *testing.T) {
	one := backendServer(t, "one")
	dir := t.TempDir()
	for range 2 { // the second run finds the volume of the first
		b := &balancing{t: t, log: &lockedBuffer{}}
		bal := newBalancer(dir, "haproxy", logWriter{b.log})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		if _, err := os.Stat(currentPath(dir)); err != nil {
			b.port = freePort(t)
			c, _ := parse(b.at([]string{one}), "")
			if err := put(newPath(dir), render(c, dir, hostsFile(""))); err != nil {
				t.Fatal(err)
			}
		} else {
			text, _ := readConfig(currentPath(dir))
			_, after, _ := strings.Cut(text, "bind 127.0.0.1:")
			b.port, _, _ = strings.Cut(after, "\n")
		}
		go func() { ended <- bal.run(ctx) }()
		until(t, "an answer", func() bool { _, err := b.get(); return err == nil })
		until(t, "hamba to know of it", func() bool { return strings.Contains(b.log.text(), "in force") })
		pid := askPID(socketPath(dir))
		p, _ := os.FindProcess(pid)
		if pid == 0 || p.Kill() != nil {
			t.Fatalf("HAProxy %d can't be killed", pid)
		}
		until(t, "another HAProxy", func() bool { now := askPID(socketPath(dir)); return now != 0 && now != pid })
		if said, err := b.get(); said != "one" || err != nil {
			t.Errorf("got %q, %v", said, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestStatisticsAndUnknownNames(t *testing.T) {
	one, admin := backendServer(t, "one"), freePort(t)
	b := startHamba(t)
	other := *b
	other.h.admin = "127.0.0.1:" + admin
	other.must(one, "no-such-name.invalid", "80", one) // a name nobody knows, and a backend named twice
	if said, err := b.get(); said != "one" || err != nil {
		t.Errorf("got %q, %v", said, err)
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	r, err := c.Get("http://" + other.h.admin + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	page, _ := io.ReadAll(r.Body)
	for _, name := range []string{"no-such-name.invalid-80", strings.ReplaceAll(one, ":", "-"), strings.ReplaceAll(one, ":", "-") + "-2"} {
		if !bytes.Contains(page, []byte(name)) {
			t.Errorf("the page of statistics does not name %s", name)
		}
	}
}

func TestRender(t *testing.T) {
	c, err := parse(strings.Fields("80 rng1 80 redis 6379 10.0.0.1 80"), "9000")
	if err != nil {
		t.Fatal(err)
	}
	text := render(c, "/run", hostsFile("127.0.0.1 localhost\n127.127.0.2 redis # an added host\n"))
	for _, want := range []string{
		"mode tcp", "maxconn 256", "timeout connect 5s", "timeout client 50s", "timeout server 50s", "bind *:80",
		"server rng1-80 rng1:80 maxconn 32 check resolvers dns resolve-prefer ipv4 init-addr libc,none\n",
		"server redis-6379 redis:6379 maxconn 32 check\n", "server 10.0.0.1-80 10.0.0.1:80 maxconn 32 check\n",
		"listen admin\n  mode http\n  bind *:9000\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if strings.Contains(render(config{bind: "*:80"}, "/run", hostsFile("")), "resolvers") {
		t.Error("resolvers although there is no name")
	}
}
