package exercises

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/internal/dockertest"
	"slipway/workshop"
)

// From Docker's event to the verdict, and what a person is told on the way.
func TestWatcher(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	book := aBook(t, exercise("rng-up", `node1.service("rng").running == 1`),
		exercise("ten", `node1.service("rng").running == 10`), exercise("typed", `node1.ran("^docker version$")`))
	w, told := watch(t, book, nil, node)
	w.Open("rng-up", "ten", "typed")
	told.wait(t, "the mirror filled", func(v workshop.Verdict) bool {
		return v.Exercise == "rng-up" && v.Checks[0].Reason == "There is no service rng on node1."
	})

	id := fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
	v := told.waitState(t, "rng-up", workshop.Solved)
	if v.Checks[0].State != workshop.Passing {
		t.Errorf("solved as %+v", v)
	}
	told.wait(t, "the gap of ten", func(v workshop.Verdict) bool {
		return v.Exercise == "ten" && v.State == workshop.Failing && v.Checks[0].Reason == "The number of running containers of service rng on node1 is 1, expected 10." && v.Checks[0].Try == "Try."
	})
	node.typed("docker version", 0)
	told.waitState(t, "typed", workshop.Solved)

	fake.Stop(id, 137)
	if v := told.waitState(t, "rng-up", workshop.Regressed); !strings.Contains(v.Checks[0].Reason, "is 0, expected 1") {
		t.Errorf("regressed as %+v", v)
	}
	fake.Run("rng2", "rng", map[string]string{labelService: "rng"}, nil)
	told.waitState(t, "rng-up", workshop.Solved)
	if got := w.Verdicts()["rng-up"].State; got != workshop.Solved {
		t.Errorf("Verdicts says %s", got)
	}
}

// What nobody began is no news; what is open is told as pending.
func TestWatcherIsQuiet(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	book := aBook(t, exercise("one", `node1.service("rng").running == 1`), exercise("two", `node1.service("hasher").running == 1`))
	w, told := watch(t, book, nil, node)
	w.Open("one")
	v := told.wait(t, "one, pending, with its reason", func(v workshop.Verdict) bool { return v.Exercise == "one" && v.Checks[0].Reason != "" })
	if v.State != workshop.Pending {
		t.Errorf("told %+v", v)
	}
	fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
	told.wait(t, "one solved", func(v workshop.Verdict) bool {
		if v.Exercise == "two" {
			t.Errorf("nobody is at two, told %+v", v)
		}
		return v.State == workshop.Solved
	})
}

// Keep: an exercise whose next step undoes it stays solved. And what was
// solved before a restart of the server is, whatever can be seen.
func TestWatcherKeeps(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	kept := exercise("kept", `node1.service("rng").running == 1`)
	kept.Keep = true
	marker := exercise("marker", `node1.service("rng").running == 0 && node1.service("rng").exists`)
	known := map[workshop.ExerciseID]workshop.Verdict{"before": {Exercise: "before", State: workshop.Solved, Checks: []workshop.CheckVerdict{{State: workshop.Passing}}}}
	_, told := watch(t, aBook(t, kept, marker, exercise("before", `node2.service("x").running == 1`)), known, node)
	id := fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
	told.waitState(t, "kept", workshop.Solved)
	fake.Stop(id, 0)
	told.wait(t, "marker", func(v workshop.Verdict) bool {
		if v.Exercise != "marker" {
			t.Errorf("told %+v", v)
		}
		return v.State == workshop.Solved
	})
}

// Unknown is never failed.
func TestWatcherUnknown(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	node.engine = EngineAsleep
	w, told := watch(t, aBook(t, exercise("x", `node1.service("rng").running == 1`)), nil, node)
	w.Open("x")
	reason := func(part string) {
		t.Helper()
		told.wait(t, part, func(v workshop.Verdict) bool {
			if v.Checks[0].State == workshop.Failing {
				t.Errorf("told failing: %+v", v)
			}
			return v.Checks[0].State == workshop.Unsure && strings.Contains(v.Checks[0].Reason, part)
		})
	}
	reason("asleep")
	node.tell(NodeEvent{Engine: EngineStarting})
	reason("starting")
	node.tell(NodeEvent{Engine: EngineFailed})
	reason("stopped by itself")
	if n := fake.Calls("containers"); n != 0 {
		t.Errorf("an Engine that doesn't run was asked %d times", n)
	}
}

// A node that is cut off makes unknown what was failing; its history comes
// back whole after the agent began anew.
func TestWatcherAfterACut(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	book := aBook(t, exercise("twice", `node1.commands.filter(c, c.line == "true").size() == 2`), exercise("marker", `node1.ran("^marker$")`), exercise("again", `node1.ran("^again$")`))
	_, told := watch(t, book, nil, node)
	node.typed("true", 0)
	node.typed("true", 0)
	told.waitState(t, "twice", workshop.Solved)
	node.cutOff(false)
	node.typed("marker", 0)
	told.waitState(t, "marker", workshop.Solved)
	node.cutOff(true)
	node.typed("again", 0)
	told.waitState(t, "again", workshop.Solved)
}

// Files and ports are looked at only while an exercise needs them.
func TestWatcherProbes(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	var asked atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, strings.TrimPrefix(r.URL.Path, "/"))
	}))
	defer web.Close()
	book := aBook(t, exercise("get", `node1.service("rng").running == 1 && node1.http(8001, "/ten").body == "ten"`),
		exercise("file", `node1.file("~/coins").dir`), exercise("seen", `node1.opened(8000)`), exercise("later", `node1.http(8002, "/").ok`))
	w, told := watch(t, book, nil, node)
	w.Open("get", "file", "seen")
	told.wait(t, "no file", func(v workshop.Verdict) bool {
		return v.Exercise == "file" && v.Checks[0].Reason == "There is no file ~/coins on node1."
	})
	node.setPort(8001, web.URL)
	if asked.Load() != 0 {
		t.Errorf("asked %d times though rng does not run", asked.Load())
	}
	fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
	told.waitState(t, "get", workshop.Solved)
	times := asked.Load()

	node.setFile("~/coins", File{Exists: true, Dir: true})
	node.typed("git clone", 0) // makes the watcher look at once
	began := time.Now()
	told.waitState(t, "file", workshop.Solved)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the file was seen after %v", took)
	}
	w.Opened("node1", 8000)
	told.waitState(t, "seen", workshop.Solved)
	if asked.Load() != times {
		t.Errorf("a solved exercise was measured again")
	}
}

// A cut way to a port is unknown; a closed port is failing.
func TestWatcherPortsAway(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	w, told := watch(t, aBook(t, exercise("get", `node1.http(8001, "/").ok`)), nil, node)
	w.Open("get")
	node.mu.Lock()
	node.away = true
	node.mu.Unlock()
	node.typed("look", 0)
	told.wait(t, "unknown", func(v workshop.Verdict) bool {
		return v.Checks[0].State == workshop.Unsure && strings.Contains(v.Checks[0].Reason, "can't be reached")
	})
	node.mu.Lock()
	node.away = false
	node.mu.Unlock()
	node.typed("look", 0)
	told.wait(t, "failing", func(v workshop.Verdict) bool {
		return v.Checks[0].State == workshop.Failing && strings.Contains(v.Checks[0].Reason, "connection refused")
	})
}

// A check with a mistake costs itself alone.
func TestWatcherWithAMistake(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	x := exercise("x", `node1.servce("rng").running == 1`)
	x.File, x.Line, x.Checks[0].Line = "deck.md", 10, 12
	book, problems, err := Compile([]string{"node1"}, []Exercise{x, exercise("y", `node1.ran("y")`)})
	if err != nil || len(problems) != 1 || problems[0].Error() != `deck.md:12: exercise x: a Node has no "servce"; did you mean "service"?` {
		t.Fatal(err, problems)
	}
	_, told := watch(t, book, nil, node)
	node.typed("y", 0)
	told.waitState(t, "y", workshop.Solved)
}

// An author's expression is judged against the lab as it is.
func TestTry(t *testing.T) {
	fake := dockertest.StartFake(t)
	fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
	node := newTestNode(t, "node1", fake.Host)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }))
	defer web.Close()
	node.setPort(8001, web.URL)
	w, told := watch(t, aBook(t, exercise("up", `node1.service("rng").running == 1`)), nil, node)
	told.waitState(t, "up", workshop.Solved)
	for source, want := range map[string]string{
		`node1.service("rng").running == 1 && node1.http(8001, "/a").body == "/a" && node1.http(8001, "/b").ok`: "passing ",
		`node1.http(8001, "/a").body == "b"`:                  `failing The body of GET /a on port 8001 of node1 is "/a", expected "b".`,
		`node1.http(8002, "/").ok`:                            "failing GET / on port 8002 of node1 does not answer: connection refused.",
		`node2.service("rng").running == 1`:                   "unknown node2 has not reported yet.",
		`node1.service("rng").runing == 1`:                    `a Service has no "runing"; did you mean "running"?`,
		`rate(node1.containers.size(), duration("5s")) > 1.0`: "unknown Measuring for another 5 s.",
	} {
		v, problems := w.Try(t.Context(), source, 0)
		got := string(v.State) + " " + v.Reason
		if len(problems) > 0 {
			got = problems[0].Message
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", source, got, want)
		}
	}
}

func BenchmarkEventToVerdict(b *testing.B) {
	fake := dockertest.StartFake(b)
	node := newTestNode(b, "node1", fake.Host)
	all := []Exercise{exercise("x", `node1.containers.exists(c, c.name == "never")`, `node1.service("rng").running % 2 == 1`)}
	for i := range 60 {
		all = append(all, exercise(workshop.ExerciseID(fmt.Sprint("other", i)), `node2.service("rng").running == 1`))
	}
	_, told := watch(b, aBook(b, all...), nil, node)
	id := fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
	passing := func(want workshop.State) func(workshop.Verdict) bool {
		return func(v workshop.Verdict) bool { return len(v.Checks) == 2 && v.Checks[1].State == want }
	}
	told.wait(b, "first", passing(workshop.Passing))
	for b.Loop() {
		fake.Stop(id, 0)
		told.wait(b, "stopped", passing(workshop.Failing))
		fake.Remove(id, false)
		id = fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
		told.wait(b, "runs", passing(workshop.Passing))
	}
}

// What an instructor decides holds whatever the lab's state does, also in the
// next life of the server, until it is taken back.
func TestDecided(t *testing.T) {
	fake := dockertest.StartFake(t)
	node := newTestNode(t, "node1", fake.Host)
	book := aBook(t, exercise("x", `node1.service("rng").running == 1`), exercise("other", `node1.ran("^other")`))
	w, told := watch(t, book, nil, node)
	v := workshop.Verdict{Exercise: "x", State: workshop.Solved, Override: "Shown on paper.", Attempts: 2}
	w.Decided(v)
	fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
	node.typed("other", 0)
	told.wait(t, "the other one alone", func(one workshop.Verdict) bool {
		if one.Exercise == "x" {
			t.Errorf("told in spite of the decision: %+v", one)
		}
		return one.Exercise == "other" && one.State == workshop.Solved
	})
	if got := w.Verdicts()["x"]; !reflect.DeepEqual(got, v) {
		t.Errorf("decided is %+v", got)
	}
	later, toldLater := watch(t, book, map[workshop.ExerciseID]workshop.Verdict{"x": v}, newTestNode(t, "node1", fake.Host))
	later.Decided(workshop.Verdict{Exercise: "x", State: workshop.Pending, Attempts: 2})
	if got := toldLater.waitState(t, "x", workshop.Solved); got.Override != "" || got.Attempts != 2 {
		t.Errorf("after it was taken back: %+v", got)
	}
}

// An author sees what each part was, and a measurement is waited for.
func TestTrySees(t *testing.T) {
	fake := dockertest.StartFake(t)
	fake.Run("rng", "rng", map[string]string{labelService: "rng"}, nil)
	node := newTestNode(t, "node1", fake.Host)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }))
	defer web.Close()
	node.setPort(8001, web.URL)
	w, told := watch(t, aBook(t, exercise("up", `node1.service("rng").running == 1`)), nil, node)
	told.waitState(t, "up", workshop.Solved)
	got, problems := w.Try(t.Context(), `node1.service("rng").running == 2 && node1.ran("x") || !(node1.http(8001, "/").status in [500]) && held(duration("1s"), node1.containers.exists(c, c.running))`, 5*time.Second)
	if len(problems) > 0 || got.State != workshop.Passing {
		t.Fatalf("%+v %v", got, problems)
	}
	seen := ""
	for _, s := range got.Seen {
		seen += s.Part + " = " + s.Value + "\n"
	}
	for _, want := range []string{"node1.service(\"rng\").running = 1\n", "1 containers: rng running\n", "node1.ran(\"x\") = not looked at\n",
		"node1.http(8001, \"/\").status = 200\n", `body "hello"`, "node1.containers.exists(c, c.running) = true\n"} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not in\n%s", want, seen)
		}
	}
	if got, _ := w.Try(t.Context(), `rate(node1.containers.size(), duration("1s")) < 1.0`, 5*time.Second); got.State != workshop.Passing {
		t.Errorf("a measured one is %+v", got)
	}
}
