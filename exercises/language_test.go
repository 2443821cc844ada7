package exercises

import (
	"strings"
	"testing"
	"time"

	"slipway/workshop"
)

var fiveNodes = []string{"node1", "node2", "node3", "node4", "node5"}

func newLanguage(t testing.TB) *Language {
	t.Helper()
	l, err := NewLanguage(fiveNodes)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A wrong name is told with its line and the nearest right one.
func TestCompileErrors(t *testing.T) {
	l := newLanguage(t)
	for source, want := range map[string]string{
		`node1.service("rng").runing == 1`:                                 `1: a Service has no "runing"; did you mean "running"?`,
		`node1.servce("rng").running == 1`:                                 `1: a Node has no "servce"; did you mean "service"?`,
		`nod1.containers.size() == 0`:                                      `1: "nod1" is unknown; did you mean "node1"?`,
		`node1.containers.exists(c, c.helth == "healthy")`:                 `1: a Container has no "helth"; did you mean "health"?`,
		`lab.nodes.all(n, n.containers.all(c, c.sate == "x"))`:             `1: a Container has no "sate"; did you mean "state"?`,
		"node1.service(\"rng\").running == 1 &&\n node1.htp(80, \"/\").ok": `2: a Node has no "htp"; did you mean "http"?`,
		`node1.service("rng").running == "1"`:                              `1: == can't stand between int and string`,
		`node1.service(1).exists`:                                          `1: service of a Node is used as service(name)`,
		`node1.service`:                                                    `1: service of a Node is a function: write service(name)`,
		`node1.containers().size() == 0`:                                   `1: containers of a Node is a property: write it without ()`,
		`node1.service("rng").running`:                                     `1: a check must be true or false, this is a number: compare it with something`,
		`node1.ran("(")`:                                                   "1: \"(\" is no pattern: error parsing regexp: missing closing ): `(`",
		`lab.nodes.all(n, n.speed() > 1.0)`:                                `1: held, once, rate and speed can't be used inside all, exists, map or filter: write them once for each node`,
		`sha265("x") == ""`:                                                `1: "sha265" is unknown; did you mean "sha256"?`,
		`true || "` + strings.Repeat("x", maxExpression) + `" == ""`:       `1: a check may have 4096 characters, this one has 4112`,
		`node1.network("front").xyzzy`:                                     `1: a Network has no "xyzzy"`,
		`Container{name: "x"}.exists`:                                      `1: a Container comes from the lab, it can't be made in a check`,
		`node1.service("rng").running = 1`:                                 `1: compare with ==, not with =`,
		`rate(node1.json(8000, "/json").hashes, duration("ten")) > 1.0`:    `1: invalid duration argument (column 49)`,
		`node1.service("rng").containers.size() == 1 && node1.image("rng").taggs.size() == 0`: `1: an Image has no "taggs"; did you mean "tags"?`,
	} {
		_, problems := l.Compile(source)
		if len(problems) == 0 {
			t.Errorf("%s: compiles", source)
			continue
		}
		if got := itoa(problems[0].Line) + ": " + problems[0].Message; got != want {
			t.Errorf("%s:\n got %s\nwant %s", source, got, want)
		}
	}
}

// aWorld has one Compose project on node1, a sleeping node2 and a node3 that
// is cut off.
func aWorld() *world {
	w := newWorld(fiveNodes)
	rng := &Container{Exists: true, ID: strings.Repeat("ab12", 16), Name: "coins-rng-1", Node: "node1", Image: "coins-rng", State: "running",
		Labels: map[string]string{labelProject: "coins", labelService: "rng", labelNumber: "1"},
		Ports:  []*Port{{80, 8001, "0.0.0.0", "tcp"}}, Attachments: []Attachment{{"coins_default", []string{"rng"}, "10.0.0.2"}}}
	worker := &Container{Exists: true, ID: strings.Repeat("cd34", 16), Name: "coins-worker-1", Node: "node1", Image: "coins-worker", State: "exited", ExitCode: 137,
		Labels: map[string]string{labelProject: "coins", labelService: "worker"}}
	w.docker["node1"] = &DockerState{Engine: EngineRunning, Filled: true, Current: true, Containers: []*Container{rng, worker}, Swarm: &Swarm{State: "inactive"},
		Images: []*Image{{Exists: true, ID: "sha256:0123456789", Tags: []string{"redis:latest"}}}}
	w.docker["node2"].Engine = EngineAsleep
	w.docker["node3"] = &DockerState{Engine: EngineCutOff, Filled: true}
	w.docker["node4"] = &DockerState{Engine: EngineRunning, Filled: true, Current: true, Swarm: &Swarm{}}
	w.docker["node5"] = &DockerState{Engine: EngineAsleep, Filled: true, Containers: []*Container{{Exists: true, Name: "old", Node: "node5", State: "exited"}}}
	w.commands["node1"] = []*Command{
		{Line: "docker compose up -d", Node: "node1", Done: true},
		{Line: "curl localhost:8001", Node: "node1", Done: true, ExitCode: 7},
		{Line: "vmstat 3", Node: "node1", ExitCode: -1},
	}
	w.commands["node2"] = []*Command{{Line: "docker version", Node: "node2", Done: true}}
	w.results[Probe{Node: "node1", Kind: ProbeGet, Port: 8001, Path: "/10"}] = result{value: &Answer{Status: 200, Body: "0123456789"}}
	w.results[Probe{Node: "node1", Kind: ProbeGet, Port: 8002, Path: "/"}] = result{value: &Answer{Error: "connection refused"}}
	w.results[Probe{Node: "node1", Kind: ProbeGet, Port: 8000, Path: "/json"}] = result{value: &Answer{Status: 200, Body: `{"hashes":"12","coins":null}`}}
	w.results[Probe{Node: "node1", Kind: ProbePost, Port: 8002, Path: "/", Body: "hello"}] = result{value: &Answer{Status: 500, Body: "oops"}}
	w.results[Probe{Node: "node1", Kind: ProbeFile, Path: "~/coins"}] = result{value: &File{Path: "~/coins", Exists: true, Dir: true}}
	w.results[Probe{Node: "node1", Kind: ProbeFile, Path: "~/none"}] = result{value: &File{Path: "~/none"}}
	w.results[Probe{Node: "node1", Kind: ProbeTCP, Port: 9}] = result{value: false}
	w.results[Probe{Node: "node1", Kind: ProbeLatency, Port: 8001, Path: "/"}] = result{value: 123.456}
	return w
}

var judgedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// What doesn't hold says what was expected, what was seen and where; what
// can't be told says why.
func TestReasons(t *testing.T) {
	l := newLanguage(t)
	for source, want := range map[string]string{
		`node1.service("rng").running == 1`:                                             "passing",
		`node1.service("rng").published(80) == 8001`:                                    "passing",
		`node1.http(8001, "/10").size == 10`:                                            "passing",
		`node1.json(8000, "/json").hashes == "12"`:                                      "passing",
		`node1.image("redis").exists && !node1.image("nginx").exists`:                   "passing",
		`node1.container("ab12ab").name == "coins-rng-1"`:                               "passing",
		`node1.project("coins").running == ["rng"]`:                                     "passing",
		`node1.ran("^docker compose up") && node1.busy("vmstat") && lab.ran("version")`: "passing",
		`node5.container("old").exists`:                                                 "passing",
		`node2.engine == "asleep"`:                                                      "passing",
		`lab.service("rng").running == 1 || lab.nodes.size() == 5`:                      "passing",
		`sha256("hello").startsWith("2cf24dba")`:                                        "passing",
		`node1.containers.exists(c, c.aliases("coins_default") == ["rng"])`:             "passing",

		`node1.service("rng").running == 10`:                                           "failing The number of running containers of service rng on node1 is 1, expected 10.",
		`10 <= node1.service("rng").running`:                                           "failing The number of running containers of service rng on node1 is 1, expected at least 10.",
		`node1.service("hasher").running == 1`:                                         "failing There is no service hasher on node1.",
		`node1.service("hasher").exists`:                                               "failing There is no service hasher on node1.",
		`!node1.container("coins-rng-1").exists`:                                       "failing Container coins-rng-1 on node1 is still there.",
		`node1.container("coins-worker-1").running`:                                    "failing Container coins-worker-1 on node1 is exited, expected running.",
		`node1.service("worker").exitCodes == [0]`:                                     "failing The list of exit codes of service worker on node1 is 137, expected 0.",
		`node1.service("rng").running == 1 && node1.service("rng").published(80) == 9`: "failing The host port for container port 80 of service rng on node1 is 8001, expected 9.",
		`["rng", "worker"].all(s, node1.service(s).running == 1)`:                      "failing The number of running containers of service worker on node1 is 0, expected 1.",
		`node1.containers.exists(c, c.health == "healthy")`:                            "failing None of the containers of node1 (2 there) fits: c.health == \"healthy\".",
		`node1.containers.filter(c, c.running).size() == 2`:                            "failing The number of `node1.containers.filter(c, c.running)` is 1, expected 2.",
		`node1.ran("^curl .*8001")`:                                                    "failing `curl localhost:8001` on node1 ended with exit code 7, expected 0.",
		`node1.ran("vmstat")`:                                                          "failing `vmstat 3` is still running on node1.",
		`node1.ran("docker version")`:                                                  "failing `docker version` was typed on node2, expected on node1.",
		`node1.ran("httping")`:                                                         "failing Not typed on node1 yet.",
		`!node1.busy("vmstat")`:                                                        "failing On node1 a shell is still busy with `vmstat 3`.",
		`node1.http(8002, "/").status == 200`:                                          "failing GET / on port 8002 of node1 does not answer: connection refused.",
		`node1.http(8002, "/").ok`:                                                     "failing GET / on port 8002 of node1 does not answer: connection refused.",
		`node1.post(8002, "/", "hello").ok`:                                            "failing POST / on port 8002 of node1 answers with status 500, expected 200.",
		`node1.post(8002, "/", "hello").body == sha256("x")`:                           "failing The body of POST / on port 8002 of node1 is \"oops\", expected \"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\" (`sha256(\"x\")`).",
		`node1.file("~/coins").dir && node1.file("~/none").exists`:                     "failing There is no file ~/none on node1.",
		`node1.tcp(9)`:                           "failing Nothing accepts connections on port 9 of node1.",
		`node1.latency(8001, "/") < 50.0`:        "failing The latency in ms of GET / on port 8001 of node1 is 123.46, expected less than 50.",
		`node1.json(8000, "/json").nothing == 1`: "failing There is no \"nothing\" in what was read.",
		`node1.service("rng").exists && !node1.container("coins-rng-1").running`: "failing Container coins-rng-1 on node1 is running, expected not to be.",
		`!node1.file("~/coins").dir`:                              "failing File ~/coins on node1 is a folder, expected not to be.",
		`node1.container("coins-rng-1").tty`:                      "failing Container coins-rng-1 on node1 is not started with -t.",
		`node1.swarm.active`:                                      "failing The swarm as node1 sees it is not active.",
		`node1.service("hasher").exists || node1.tcp(9)`:          "failing There is no service hasher on node1. Or: Nothing accepts connections on port 9 of node1.",
		`node1.container("coins-rng-1").image.contains("hasher")`: "failing The image of container coins-rng-1 on node1 is \"coins-rng\", expected something that contains \"hasher\".",
		`node1.containers[7].exists`:                              "failing This can't be judged: index out of bounds: 7.",

		`node2.service("rng").running == 1`:               "unknown The Engine of node2 is asleep: it starts with the first docker command there.",
		`node2.containers.exists(c, c.running)`:           "unknown The Engine of node2 is asleep: it starts with the first docker command there.",
		`node2.swarm.nodes.size() == 5`:                   "unknown The Engine of node2 is asleep: it starts with the first docker command there.",
		`node3.service("rng").running == 1`:               "unknown node3 can't be reached at the moment.",
		`!lab.containers.exists(c, c.name == "x")`:        "unknown node3 can't be reached at the moment.",
		`node1.http(8009, "/").ok`:                        "unknown Looking at port 8009 on node1 (/) ...",
		`node1.speed() >= 9.0`:                            "unknown Measuring for another 10 s.",
		`node2.service("x").running == 1 && node1.tcp(9)`: "failing Nothing accepts connections on port 9 of node1.",
	} {
		e, problems := l.Compile(source)
		if e == nil {
			t.Errorf("%s: %v", source, problems)
			continue
		}
		j := e.judge(t.Context(), aWorld(), newMemory(), judgedAt)
		if got := strings.TrimSpace(string(j.State) + " " + j.Reason); got != want {
			t.Errorf("%s:\n got %s\nwant %s", source, got, want)
		}
	}
}

// Over time: held, once and rate remember between judgings.
func TestOverTime(t *testing.T) {
	l := newLanguage(t)
	w, m := aWorld(), newMemory()
	judge := func(e *Expression, after time.Duration) judgement {
		return e.judge(t.Context(), w, m, judgedAt.Add(after))
	}
	h, _ := l.Compile(`held(duration("5s"), node1.service("rng").running == 1)`)
	first := judge(h, 0)
	if first.State != workshop.Failing || !first.again.Equal(judgedAt.Add(5*time.Second)) {
		t.Errorf("held at first: %v, again at %v", first.CheckVerdict, first.again)
	}
	if got := judge(h, 5*time.Second); got.State != workshop.Passing {
		t.Errorf("held after 5 s: %v", got.CheckVerdict)
	}
	r, _ := l.Compile(`node1.speed() >= 3.2 && node1.speed() <= 3.4`)
	var got judgement
	for i := range 21 { // flushed once in 1.2 s: a staircase
		at := time.Duration(i) * samplePeriod
		w.results[Probe{Node: "node1", Kind: ProbeGet, Port: 8000, Path: "/json"}] = result{at: judgedAt.Add(at),
			value: &Answer{Status: 200, Body: `{"hashes":"` + itoa(4*int(at.Seconds()/1.2)) + `"}`}}
		got = judge(r, at)
	}
	if got.State != workshop.Passing {
		t.Errorf("speed of a staircase: %v", got.CheckVerdict)
	}
	o, _ := l.Compile(`once(node1.service("rng").running == 1) && node1.service("rng").running == 0`)
	judge(o, 0)
	w.docker["node1"] = &DockerState{Engine: EngineRunning, Filled: true, Current: true}
	if got := judge(o, 0); got.State != workshop.Passing {
		t.Errorf("once: %v", got.CheckVerdict)
	}
	if got := judge(h, 6*time.Second); got.State != workshop.Failing {
		t.Errorf("held after a break: %v", got.CheckVerdict)
	}
}

// No expression can starve others: work is bounded.
func TestCostLimit(t *testing.T) {
	l := newLanguage(t)
	e, problems := l.Compile(`[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, a+b+c+d+e+f > 0))))))`)
	if e == nil {
		t.Fatal(problems)
	}
	began := time.Now()
	j := e.judge(t.Context(), aWorld(), newMemory(), judgedAt)
	if took := time.Since(began); j.State != workshop.Unsure || !strings.Contains(j.Reason, "too much work") || took > 2*judgingLimit {
		t.Errorf("%v after %v", j.CheckVerdict, took)
	}
}

func BenchmarkJudge(b *testing.B) {
	l := newLanguage(b)
	e, _ := l.Compile(`node1.service("rng").running == 1 && node1.service("rng").published(80) == 8001`)
	w := aWorld()
	for b.Loop() {
		e.judge(b.Context(), w, newMemory(), judgedAt)
	}
}
