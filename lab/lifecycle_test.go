package lab_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"slipway/lab"
	"slipway/workshop"
)

func kill(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil || n < 2 {
		t.Fatalf("%q is no process id", pid)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// Several servers may ask for one lab at once, and get the same one.
func TestEnsureLabAtOnce(t *testing.T) {
	realHost(t)
	var wg sync.WaitGroup
	labs := make([]*lab.Lab, 4)
	for i := range labs {
		wg.Go(func() {
			other, err := lab.New(testConfig()) // a process of its own, but for the memory
			if err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			if err := other.Attach(t.Context()); err != nil {
				t.Error(err)
				return
			}
			labs[i], err = other.EnsureLab(t.Context(), lab.Owner{Lab: "race", Session: "s", Participant: "p"})
			if err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { realHost(t).Remove(context.Background(), "race") })
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, l := range labs[1:] {
		for i, n := range l.Nodes {
			if n.Container != labs[0].Nodes[i].Container {
				t.Errorf("%s was made twice", n.Name)
			}
		}
	}
}

// A node removed by hand is made again; a stopped one is started; both keep their address and volume.
func TestNodesComeBack(t *testing.T) {
	l := newLab(t, "back")
	h := realHost(t)
	must(t, l.Node("node1"), "docker volume create mine")
	ctx := t.Context()
	grace := 2
	if err := h.Docker().ContainerStop(ctx, l.Node("node1").Container, container.StopOptions{Timeout: &grace}); err != nil {
		t.Fatal(err)
	}
	if err := h.Docker().ContainerRemove(ctx, l.Node("node2").Container, container.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	found, err := h.Lab(ctx, "back")
	if err != nil {
		t.Fatal(err)
	}
	if n := found.Node("node1"); n == nil || n.State != "exited" || n.Address != l.Node("node1").Address {
		t.Errorf("the stopped node is %+v", n)
	}
	if len(found.Nodes) != 4 {
		t.Errorf("%d nodes are left, want 4", len(found.Nodes))
	}
	again, err := h.EnsureLab(ctx, l.Owner)
	if err != nil {
		t.Fatal(err)
	}
	if out := must(t, again.Node("node1"), "docker volume ls -q && ssh node2 hostname"); out != "mine\nnode2" {
		t.Errorf("after the repair node1 says %q", out)
	}
}

func TestSweep(t *testing.T) {
	h := realHost(t)
	kept, gone := newLab(t, "kept"), newLab(t, "gone")
	removed, err := h.Sweep(t.Context(), func(o lab.Owner) bool { return o.Participant == "kept" })
	if err != nil || len(removed) != 1 || removed[0] != gone.ID {
		t.Errorf("swept %v, %v", removed, err)
	}
	if _, err := h.Lab(t.Context(), gone.ID); workshop.KindOf(err) != workshop.Unknown {
		t.Errorf("the swept lab: %v", err)
	}
	if l, err := h.Lab(t.Context(), kept.ID); err != nil || len(l.Nodes) != 5 {
		t.Errorf("the kept lab: %+v, %v", l, err)
	}
}

// An Engine that isn't ours, known by its address alone: nodes are reached
// through its API.
func TestOtherEngine(t *testing.T) {
	realHost(t)
	cfg := testConfig()
	cfg.Name, cfg.RunDir, cfg.DataDir = "slipway-other", "/run/slipway-othertest", t.TempDir()
	t.Cleanup(func() { os.RemoveAll(cfg.RunDir) })
	cfg.Engine, cfg.Nodes = "unix://"+testRun+"/engine.sock", 2
	other, err := lab.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer other.Purge(context.Background())
	if g := other.Isolation(); g.Grade != lab.Fair || !g.UserNamespace {
		t.Errorf("isolation is %+v", g)
	}
	l, err := other.EnsureLab(t.Context(), lab.Owner{Lab: "far", Session: "s", Participant: "far"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range l.Nodes {
		info, err := (&lab.Agent{Dial: n.Dial}).Info(t.Context())
		if err != nil || info.Node != n.Name {
			t.Errorf("%s says %+v, %v", n.Name, info, err)
		}
	}
	if labs, err := realHost(t).Labs(t.Context()); err != nil || len(labs) != 0 {
		t.Errorf("the other installation's labs are taken for ours: %v, %v", labs, err)
	}
}

// The host keeps its Engine alive while it runs.
func TestRunRestartsEngine(t *testing.T) {
	h := realHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	killDaemon(t, "dockerd")
	eventually(t, 30*time.Second, "the Engine answers again", func() bool {
		_, err := h.Docker().Ping(t.Context())
		return err == nil
	})
}

// Who joins gets a lab that waits, at once; it is theirs by their id for
// everybody who asks, and another one waits soon.
func TestPool(t *testing.T) {
	realHost(t)
	cfg := testConfig()
	cfg.Warm = 1
	h, err := lab.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	stop := func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	waiting := func() (ready []string) {
		found, _ := filepath.Glob(testData + "/labs/warm-*/ready")
		for _, path := range found {
			text, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "owner.json"))
			if strings.Contains(string(text), `"lab":"warm-`) {
				ready = append(ready, filepath.Base(filepath.Dir(path)))
			}
		}
		return ready
	}
	eventually(t, 20*time.Second, "one lab waits", func() bool { return len(waiting()) == 1 })
	first := waiting()[0]
	if labs, err := h.Labs(t.Context()); err != nil || len(labs) != 0 {
		t.Errorf("a waiting lab is shown as somebody's: %v, %v", labs, err)
	}
	begun := time.Now()
	l, err := h.EnsureLab(t.Context(), lab.Owner{Lab: "ann", Session: "s", Participant: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 300*time.Millisecond {
		t.Errorf("taking a waiting lab took %v", took)
	}
	if l.ID != "ann" || l.Nodes[0].Lab != first {
		t.Errorf("ann got %s of %s, while %s waited", l.ID, l.Nodes[0].Lab, first)
	}
	eventually(t, 20*time.Second, "another lab waits", func() bool { return len(waiting()) == 1 })
	stop()
	found, err := realHost(t).Lab(t.Context(), "ann") // somebody who wasn't there
	if err != nil || found.Owner.Participant != "ann" || found.Nodes[4].Container != l.Nodes[4].Container {
		t.Errorf("ann's lab is found as %+v, %v", found, err)
	}
	if out := must(t, l.Node("node3"), "ssh node1 hostname"); out != "node1" {
		t.Errorf("in ann's lab ssh says %q", out)
	}
	if removed, err := h.Sweep(t.Context(), func(lab.Owner) bool { return false }); err != nil || !slices.Equal(removed, []string{"ann"}) {
		t.Errorf("swept %v, %v", removed, err)
	}
	for _, key := range waiting() {
		if err := h.Remove(context.Background(), key); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(testData + "/labs"); err != nil || len(left) != 0 {
		t.Errorf("records left: %v, %v", left, err)
	}
}

// Stop ends everything and Up brings it back; Purge leaves nothing. These are
// the last steps of an installation's life, so it is one of its own.
func TestStopAndPurge(t *testing.T) {
	realHost(t) // the cache is filled by now
	cfg := testConfig()
	cfg.Name, cfg.RunDir, cfg.DataDir, cfg.Nodes = "slipway-purge", "/run/slipway-purgetest", "/var/lib/slipway-purgetest", 2
	h, err := lab.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	t.Cleanup(func() { h.Purge(context.Background()) })
	if err := h.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	owner := lab.Owner{Lab: "last", Session: "s", Participant: "last"}
	l, err := h.EnsureLab(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&lab.Agent{Dial: l.Nodes[0].Dial}).Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := processesOf(t, cfg); len(left) > 0 {
		t.Errorf("after Stop these still run: %q", left)
	}
	os.RemoveAll(filepath.Join(cfg.RunDir, "labs")) // as a reboot does
	if err := h.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := h.EnsureLab(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if again.Nodes[0].Container != l.Nodes[0].Container {
		t.Error("the lab came back as another one")
	}
	if err := h.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	assertNoTrace(t, cfg)
	if err := h.Purge(t.Context()); err != nil {
		t.Errorf("a second purge: %v", err)
	}
}

func assertNoTrace(t *testing.T, cfg lab.Config) {
	t.Helper()
	for _, path := range []string{cfg.RunDir, cfg.DataDir} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there", path)
		}
	}
	for _, file := range []string{"/etc/subuid", "/etc/subgid", "/etc/passwd", "/etc/group", "/proc/self/mountinfo"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), cfg.Name+":") || strings.Contains(string(text), cfg.RunDir) {
			t.Errorf("%s still names the installation", file)
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/*/" + cfg.Name, "/sys/fs/cgroup/" + cfg.Name} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("control groups are left: %q", left)
		}
	}
	if left := processesOf(t, cfg); len(left) > 0 {
		t.Errorf("these still run: %q", left)
	}
}

// processesOf finds processes that name the installation's folders or sit in its groups.
func processesOf(t *testing.T, cfg lab.Config) []string {
	t.Helper()
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		line, _ := os.ReadFile(dir + "/cmdline")
		groups, _ := os.ReadFile(dir + "/cgroup")
		if strings.Contains(string(line), cfg.RunDir) || strings.Contains(string(groups), ":/"+cfg.Name+"/") {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
