package lab_test

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/lab"
	"slipway/terminal"
)

// echoes is a terminal of a node in which every key comes back.
type echoes struct {
	tb   testing.TB
	fr   *terminal.FrameReader
	fw   *terminal.FrameWriter
	sent uint64
}

func newEchoes(tb testing.TB, n *lab.Node) *echoes {
	tb.Helper()
	agent := &lab.Agent{Dial: n.Dial}
	ctx, cancel := context.WithTimeout(tb.Context(), 30*time.Second)
	defer cancel()
	if _, err := agent.OpenTerminal(ctx, lab.TerminalSpec{ID: "echo", Command: []string{"sh", "-c", "stty raw -echo; printf ready; exec cat"}}); err != nil {
		tb.Fatal(err)
	}
	conn, err := agent.Attach(ctx, "echo", terminal.Attach{Client: "test", Role: terminal.RoleOwner, From: terminal.FromRepaint})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	e := &echoes{tb: tb, fr: terminal.NewFrameReader(bufio.NewReader(conn)), fw: terminal.NewFrameWriter(conn)}
	for text := ""; !strings.HasSuffix(text, "ready"); {
		text += e.output()
	}
	return e
}

func (e *echoes) output() string {
	e.tb.Helper()
	for {
		f, err := e.fr.Next()
		if err != nil {
			e.tb.Fatal(err)
		}
		if f.Kind == terminal.KindOutput || f.Kind == terminal.KindRepaint {
			end := f.Offset
			if f.Kind == terminal.KindOutput {
				end += uint64(len(f.Data))
			}
			e.fw.Write(terminal.Frame{Kind: terminal.KindAck, Offset: end})
			if len(f.Data) > 0 {
				return string(f.Data)
			}
		}
	}
}

// median is that of the times from a key to its echo, over a while.
func (e *echoes) median(during time.Duration) time.Duration {
	e.tb.Helper()
	var took []time.Duration
	for end := time.Now().Add(during); time.Now().Before(end); {
		begun := time.Now()
		e.fw.Write(terminal.Frame{Kind: terminal.KindInput, Offset: e.sent, Data: []byte("x")})
		e.sent++
		e.output()
		took = append(took, time.Since(begun))
		<-time.After(10 * time.Millisecond) // as fast as nobody types
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// greed is what one node may do to the others, each for some seconds.
var greed = map[string]string{
	"a fork bomb":   `bash -c 'b() { [ $SECONDS -lt 3 ] && { b | b & }; }; b' 2>/dev/null; sleep 3; true`,
	"a memory hog":  `timeout 3 sh -c 'head -c 6G /dev/zero | tail -c 6G >/dev/null'; true`,
	"a busy loop":   `for i in $(seq 64); do timeout 3 sh -c 'while :; do :; done' & done; wait`,
	"a log flood":   `docker run --rm --name flood -d tools sh -c 'yes 0123456789012345678901234567890123456789'; sleep 3; docker kill flood`,
	"a flood":       `timeout 3 sh -c 'ssh node2 "timeout 3 nc -lk -p 9 >/dev/null" & sleep 0.3; nc node2 9 </dev/zero'; true`,
	"a file writer": `timeout 3 dd if=/dev/zero of=/tmp/big bs=1M count=1000 status=none; rm -f /tmp/big`,
}

// What one node does is felt in no other lab: its people's keys still come back at
// once, and its own agent answers afterwards. (BenchmarkNeighbour holds it against L7's number.)
func TestGreed(t *testing.T) {
	greedy, other := newLab(t, "greedy"), newLab(t, "other")
	e := newEchoes(t, other.Nodes[0])
	must(t, greedy.Nodes[0], "docker ps")
	for name, script := range greed {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			go func() { defer close(done); run(t, greedy.Nodes[0], "docker", script) }()
			if took := e.median(2 * time.Second); took > 100*time.Millisecond {
				t.Errorf("in another lab an echo took %v", took)
			}
			<-done
			eventually(t, 20*time.Second, "the greedy node's agent answers", func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				_, err := (&lab.Agent{Dial: greedy.Nodes[0].Dial}).Info(ctx)
				return err == nil
			})
		})
	}
	if out := must(t, greedy.Nodes[0], "docker run -d --name loud tools sh -c 'yes 0123456789012345678901234567890123456789 | head -c 60M' >/dev/null; docker wait loud >/dev/null; sudo du -sm /var/lib/docker/containers | cut -f1"); len(out) > 2 || out > "45" {
		t.Errorf("a container's log of 60 MB takes %s MB", out)
	}
}

// A lab takes no more than two of its nodes may.
func TestLabIsBounded(t *testing.T) {
	l := newLab(t, "bounded")
	const script = `exec perl -e '
		for (1..5000) { $p = fork; last unless defined $p; if (!$p) { sleep 60; exit } }
		sleep 4; print scalar(() = glob("/proc/[0-9]*")); $SIG{TERM} = "IGNORE"; kill "TERM", -getpgrp' 2>/dev/null`
	const greedy = 3 // any two of them would do
	counts := make(chan int, greedy)
	for _, n := range l.Nodes[:greedy] {
		go func() {
			out, _ := run(t, n, "root", script)
			count := 0
			fmt.Sscan(out, &count)
			counts <- count
		}()
	}
	sum := 0
	for range greedy {
		sum += <-counts
	}
	if sum < lab.DefaultPIDs || sum > 2*lab.DefaultPIDs {
		t.Errorf("the nodes have %d processes together", sum)
	}
}

// On a disk that is almost full, who writes much is ended, and nobody else.
func TestDiskGuard(t *testing.T) {
	realHost(t)
	h, err := lab.New(testConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	lab.SetLowDisk(h, 1<<60)
	l := newLab(t, "filler")
	node := l.Nodes[0]
	slow := make(chan int, 1)
	go func() {
		_, code := run(t, l.Nodes[1], "docker", "for i in $(seq 80); do head -c 100k /dev/zero >>~/slow; sleep 0.1; done")
		slow <- code
	}()
	if err := h.Attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	out, code := run(t, node, "docker", "exec 2>/dev/null; dd if=/dev/zero of=/tmp/big bs=64k count=160k status=none; echo $?; stat -c %s /tmp/big; rm -f /tmp/big")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	var end, size int64
	if fmt.Sscan(out[max(0, lastLine(out)):], &end, &size); code != 0 || end != 137 || size >= 10<<30 {
		t.Errorf("who filled the disk ended with %d after %d bytes: %q", end, size, out)
	}
	if code := <-slow; code != 0 {
		t.Errorf("who wrote little ended with %d", code)
	}
}

// BenchmarkNeighbour is how much longer an echo takes while a node of another lab
// does its worst: the worst of all ways, as a multiple.
func BenchmarkNeighbour(b *testing.B) {
	greedy, other := newLab(b, "greedy"), newLab(b, "other")
	e := newEchoes(b, other.Nodes[0])
	must(b, greedy.Nodes[0], "docker ps")
	worst := 0.0
	for name, script := range greed {
		before := e.median(2 * time.Second)
		done := make(chan struct{})
		go func() { defer close(done); run(b, greedy.Nodes[0], "docker", script) }()
		times := float64(e.median(3*time.Second)) / float64(before)
		<-done
		b.Logf("%s: %v alone, %.2f times as long beside it", name, before, times)
		worst = max(worst, times)
	}
	for range b.N { // nothing more is measured
	}
	b.ReportMetric(worst, "value")
	b.ReportMetric(1.5, "goal")
	b.ReportMetric(0, "ns/op")
}
