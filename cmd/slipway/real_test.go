package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"go.uber.org/goleak"

	"slipway/exercises"
	"slipway/lab"
	"slipway/workshop"
)

// The tests on real nodes have an installation of their own, at the same places
// every time: what a killed run left is removed by the next.
const (
	testName = "slipway-cmdtest"
	testRun  = "/run/slipway-cmdtest"
	testData = "/var/lib/slipway-cmdtest"
)

// TestMain is also the program inside the nodes, as the real one is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		main()
		return
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// realLab is a lab on a real Engine with a watcher, removed with the test.
func realLab(t *testing.T, book *exercises.Book, told func(workshop.Verdict)) (*lab.Host, *lab.Lab, *exercises.Watcher) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs an Engine; run without -short")
	}
	lock, err := os.OpenFile(testRun+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	host, err := lab.New(lab.Config{Name: testName, RunDir: testRun, DataDir: testData, CacheDir: "/var/cache/slipway"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	if err := host.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Purge(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := host.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	made, err := host.EnsureLab(t.Context(), lab.Owner{Lab: "ada", Session: "s", Participant: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	var nodes []exercises.Node
	for _, n := range made.Nodes {
		node, err := newLabNode(n)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(node.close)
		nodes = append(nodes, node)
	}
	watcher := exercises.NewWatcher(exercises.WatcherConfig{Book: book, Nodes: nodes, Verdict: told})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- watcher.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return host, made, watcher
}

// A node that sleeps, is cut off, and comes back in the middle of an exercise:
// what can't be told is said to be so, nothing is ever told as failed or
// regressed for it, and the work goes on.
func TestNodeAsleepCutOffRestarted(t *testing.T) {
	volume := func(id workshop.ExerciseID) exercises.Exercise {
		return exercises.Exercise{ID: id, File: "deck.md", Line: 1,
			Checks:   []exercises.Check{{That: fmt.Sprintf("node1.volume(%q).exists", id)}},
			Solution: []exercises.Act{{Text: "docker volume create " + string(id), Timeout: time.Minute}}}
	}
	book, problems, err := exercises.Compile(nodeNames, []exercises.Exercise{volume("first"), volume("second")})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	var mu sync.Mutex
	var wrong []string
	host, made, watcher := realLab(t, book, func(v workshop.Verdict) {
		mu.Lock()
		defer mu.Unlock()
		if v.State == workshop.Regressed {
			wrong = append(wrong, fmt.Sprintf("%+v", v))
		}
	})
	watcher.Open("first", "second")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	says := func(id workshop.ExerciseID, words string) {
		t.Helper()
		v, err := watcher.Await(ctx, id, func(v workshop.Verdict) bool {
			return len(v.Checks) > 0 && v.Checks[0].State == workshop.Unsure && strings.Contains(v.Checks[0].Reason, words)
		})
		if err != nil {
			t.Fatalf("%s is %+v, not %q", id, v, words)
		}
	}
	perform := func(id workshop.ExerciseID) {
		t.Helper()
		if err := watcher.Perform(ctx, exercises.Performance{Exercises: []workshop.ExerciseID{id}, Stage: theirTerminals{made}, Pace: time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
	says("first", "asleep")
	info, err := (&lab.Agent{Dial: made.Node("node1").Dial}).Info(ctx)
	if err != nil || info.Engine.State == "running" {
		t.Errorf("watching woke the Engine: %+v, %v", info, err)
	}
	perform("first")

	grace := 2
	if err := host.Docker().ContainerStop(ctx, made.Node("node1").Container, container.StopOptions{Timeout: &grace}); err != nil {
		t.Fatal(err)
	}
	says("second", "reach")
	if made, err = host.EnsureLab(ctx, made.Owner); err != nil {
		t.Fatal(err)
	}
	// What a sleeping Engine had is what it has: known again, without waking it.
	if v, err := watcher.Await(ctx, "second", func(v workshop.Verdict) bool { return v.Checks[0].State == workshop.Failing }); err != nil {
		t.Fatalf("the node is back, but the second is %+v", v)
	}
	perform("second")
	if v := watcher.Verdicts()["first"]; v.State != workshop.Solved {
		t.Errorf("the first one is %+v", v)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(wrong) > 0 {
		t.Errorf("told for what could not be seen: %s", wrong)
	}
}

// theirTerminals are those of a lab without a server.
type theirTerminals struct{ lab *lab.Lab }

func (o theirTerminals) OpenTerminal(ctx context.Context, node string, number int) (exercises.Terminal, error) {
	agent := &lab.Agent{Dial: o.lab.Node(node).Dial}
	opened, err := agent.OpenTerminal(ctx, lab.TerminalSpec{ID: fmt.Sprint("t", number)})
	if err != nil {
		return nil, err
	}
	return joinShell(ctx, agent, node, opened.ID)
}

func (o theirTerminals) OpenPort(context.Context, string, int) error { return nil }
