package lab_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"slipway/lab"
)

// BenchmarkColdLab is five nodes from nothing until each one's Engine answers.
// The peer is the same image started five times by hand, with an Engine as its program.
func BenchmarkColdLab(b *testing.B) {
	h := realHost(b)
	var took []time.Duration
	for i := range b.N {
		begun := time.Now()
		l := newLab(b, fmt.Sprintf("cold%d", i))
		eachNode(b, l, "docker version >/dev/null")
		took = append(took, time.Since(begun))
		remove(b, h, l.ID)
	}
	b.ReportMetric(float64(median(took)), "ns/op")
	b.ReportMetric(float64(5*time.Second), "goal")
	b.ReportMetric(float64(byHand(b, 5)), "peer")
}

// BenchmarkFirstDocker is what the first person to type "docker ps" on a node
// waits. The peer is an Engine that is started by hand in a container, without images.
func BenchmarkFirstDocker(b *testing.B) {
	var took []time.Duration
	h := realHost(b)
	for i := range b.N {
		l := newLab(b, fmt.Sprintf("first%d", i))
		for _, n := range l.Nodes {
			begun := time.Now()
			must(b, n, "docker ps")
			took = append(took, time.Since(begun))
		}
		remove(b, h, l.ID)
	}
	b.ReportMetric(float64(median(took)), "ns/op")
	b.ReportMetric(float64(1500*time.Millisecond), "goal")
	b.ReportMetric(float64(byHand(b, 1)), "peer")
}

// BenchmarkWarmJoin is taking a lab from the pool, until a terminal of it shows its prompt.
func BenchmarkWarmJoin(b *testing.B) {
	realHost(b)
	cfg := testConfig()
	cfg.Warm = 1
	h, err := lab.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	if err := h.Attach(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	var took []time.Duration
	for i := range max(b.N, 3) {
		waitWarm(b)
		begun := time.Now()
		l, err := h.EnsureLab(b.Context(), lab.Owner{Lab: fmt.Sprintf("join%d", i), Session: "s", Participant: "p"})
		if err != nil {
			b.Fatal(err)
		}
		prompt(b, l.Nodes[0])
		took = append(took, time.Since(begun))
	}
	cancel()
	<-done
	h.Sweep(context.Background(), func(lab.Owner) bool { return false })
	for _, path := range warmLabs() {
		remove(b, h, filepath.Base(filepath.Dir(path)))
	}
	b.ReportMetric(float64(median(took)), "ns/op")
	b.ReportMetric(float64(300*time.Millisecond), "goal")
}

// BenchmarkUnusedNode is the memory that a node costs which nobody has used, in
// MB: its processes and the kernel's part, and the shim outside. The peer is a node
// with its Engine running.
func BenchmarkUnusedNode(b *testing.B) {
	l := newLab(b, "unused")
	var unused, used []float64
	for _, n := range l.Nodes {
		unused = append(unused, nodeMemory(b, n))
	}
	eachNode(b, l, "docker ps")
	for _, n := range l.Nodes {
		used = append(used, nodeMemory(b, n))
	}
	for range b.N { // nothing more is measured
	}
	slices.Sort(unused)
	slices.Sort(used)
	b.ReportMetric(unused[len(unused)/2], "value")
	b.ReportMetric(used[len(used)/2], "peer")
	b.ReportMetric(20, "goal")
	b.ReportMetric(0, "ns/op")
}

func median(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}

func remove(b *testing.B, h *lab.Host, id string) {
	b.Helper()
	if err := h.Remove(context.Background(), id); err != nil {
		b.Fatal(err)
	}
}

// eachNode runs a script on all nodes of a lab at once.
func eachNode(tb testing.TB, l *lab.Lab, script string) {
	var all sync.WaitGroup
	for _, n := range l.Nodes {
		all.Go(func() {
			if out, code := run(tb, n, "docker", script); code != 0 {
				tb.Errorf("%s: %s", n.Name, out)
			}
		})
	}
	all.Wait()
}

// byHand starts containers with an Engine as their program, as one would without
// us, and answers the time until all of them answer.
func byHand(b *testing.B, count int) time.Duration {
	b.Helper()
	docker := realHost(b).Docker()
	begun := time.Now()
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() {
			made, err := docker.ContainerCreate(b.Context(), &container.Config{Image: "slipway/node:latest", Cmd: []string{"dockerd"}},
				&container.HostConfig{CapAdd: []string{"ALL"}, SecurityOpt: []string{"seccomp=unconfined", "apparmor=unconfined"},
					MaskedPaths: []string{}, ReadonlyPaths: []string{}, NetworkMode: "none",
					Tmpfs: map[string]string{"/run": ""}, Binds: []string{"/var/lib/docker"}}, nil, nil, fmt.Sprintf("by-hand-%d", i))
			if err == nil {
				defer docker.ContainerRemove(context.Background(), made.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
				err = docker.ContainerStart(b.Context(), made.ID, container.StartOptions{})
			}
			if err != nil {
				b.Error(err)
				return
			}
			if out, code := run(b, &lab.Node{Container: made.ID}, "root", "for i in $(seq 600); do docker version >/dev/null 2>&1 && exit; sleep 0.05; done; exit 1"); code != 0 {
				b.Errorf("by hand: %s", out)
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

func warmLabs() []string {
	found, _ := filepath.Glob(testData + "/labs/warm-*/ready")
	return slices.DeleteFunc(found, func(path string) bool {
		owner, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "owner.json"))
		return !strings.Contains(string(owner), `"lab":"warm-`)
	})
}

func waitWarm(b *testing.B) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); len(warmLabs()) == 0; {
		if time.Now().After(deadline) {
			b.Fatal("no lab waits after a minute")
		}
		<-time.After(20 * time.Millisecond)
	}
}

// prompt waits until a new terminal of a node shows one.
func prompt(b *testing.B, n *lab.Node) {
	b.Helper()
	agent := &lab.Agent{Dial: n.Dial}
	if _, err := agent.OpenTerminal(b.Context(), lab.TerminalSpec{ID: "t1", Cols: 80, Rows: 24}); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	err := agent.Events(ctx, 1, func(e lab.NodeEvent) error {
		if e.Mark != nil && e.Mark.Kind == "prompt" {
			return errPrompted
		}
		return nil
	})
	if err != errPrompted {
		b.Fatal(err)
	}
}

var errPrompted = fmt.Errorf("the prompt is there")

// nodeMemory is what a node takes, without the caches that the kernel drops
// when others need room.
func nodeMemory(b *testing.B, n *lab.Node) float64 {
	b.Helper()
	out, code := run(b, n, "root", `cd /sys/fs/cgroup; if [ -f memory.stat ]; then
		awk '$1 == "anon" || $1 == "kernel" { s += $2 } END { print s }' memory.stat
	else
		awk '$1 == "total_rss" { s += $2 } END { print s }' memory/memory.stat; cat memory/memory.kmem.usage_in_bytes
	fi`)
	sum := 0.0
	for _, field := range strings.Fields(out) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil || code != 0 {
			b.Fatalf("%q", out)
		}
		sum += v
	}
	return sum/1e6 + shimMemory(b, n)
}

// shimMemory is the part of the process outside that holds a node which no other shares.
func shimMemory(b *testing.B, n *lab.Node) float64 {
	b.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		line, _ := os.ReadFile(path)
		if !strings.Contains(string(line), "containerd-shim") || !strings.Contains(string(line), n.Container) {
			continue
		}
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "smaps_rollup"))
		sum := 0.0
		for l := range strings.Lines(string(text)) {
			if f := strings.Fields(l); len(f) > 1 && strings.HasPrefix(f[0], "Private_") {
				v, _ := strconv.ParseFloat(f[1], 64)
				sum += v * 1024 / 1e6
			}
		}
		return sum
	}
	b.Fatal("no shim holds the node")
	return 0
}
