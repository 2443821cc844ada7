package exercises

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"slipway/internal/dockertest"
)

// mirrorUnder is a mirror of an Engine with what it published.
type mirrorUnder struct {
	*Mirror
	mu     sync.Mutex
	state  *DockerState
	topics []string
	more   chan struct{}
}

func mirrorOf(t *testing.T, host string, options ...func(*Mirror)) *mirrorUnder {
	t.Helper()
	c, err := client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	m := &mirrorUnder{state: &DockerState{}, more: make(chan struct{})}
	m.Mirror = NewMirror("node1", func() DockerClient { return c }, func(s *DockerState, topics []string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.state = s
		m.topics = append(m.topics, topics...)
		close(m.more)
		m.more = make(chan struct{})
	}, slog.New(slog.DiscardHandler))
	for _, option := range options {
		option(m.Mirror)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; c.Close() })
	return m
}

func (m *mirrorUnder) until(t *testing.T, what string, ok func(*DockerState) bool) *DockerState {
	t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		m.mu.Lock()
		state, more := m.state, m.more
		m.mu.Unlock()
		if ok(state) {
			return state
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("never: %s; the state is %s", what, shown(state))
		}
	}
}

func shown(d *DockerState) string {
	parts := []string{string(d.Engine), fmt.Sprint("filled=", d.Filled, " current=", d.Current, " ", d.Why)}
	for _, c := range d.Containers {
		parts = append(parts, fmt.Sprintf("%s[%s %d %s]", c.Name, c.State, c.ExitCode, c.Health))
	}
	for _, c := range d.Gone {
		parts = append(parts, "-"+c.Name)
	}
	return strings.Join(parts, " ")
}

func has1(name, state string) func(*DockerState) bool {
	return func(d *DockerState) bool {
		return d.Current && d.container(name, "").Exists && d.container(name, "").State == state
	}
}

func TestMirrorFollowsEvents(t *testing.T) {
	fake := dockertest.StartFake(t)
	before := fake.Run("old", "redis", nil, nil)
	fake.AddNetwork("n1", "front", "bridge")
	m := mirrorOf(t, fake.Host)
	m.SetEngine(EngineRunning)
	m.until(t, "filled", has1("old", "running"))

	id := fake.Run("rng", "rng:v1", map[string]string{labelService: "rng"}, []string{"8001:80"}, func(c *container.InspectResponse) {
		c.HostConfig.LogConfig = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m"}}
	})
	state := m.until(t, "rng runs", has1("rng", "running"))
	c := state.container("rng", "")
	if c.published(80) != 8001 || c.LogOptions["max-size"] != "1m" || c.Labels[labelService] != "rng" || c.Node != "node1" {
		t.Errorf("rng is %+v", c)
	}
	fake.Change(id, events.Action("health_status: healthy"), func(c *container.InspectResponse) {
		c.State.Health = &container.Health{Status: "healthy"}
	})
	m.until(t, "healthy", func(d *DockerState) bool { return d.container("rng", "").Health == "healthy" })
	fake.Change(id, "", func(c *container.InspectResponse) {
		settings := *c.NetworkSettings
		settings.Networks = map[string]*network.EndpointSettings{"front": {Aliases: []string{"rng"}}}
		c.NetworkSettings = &settings
	})
	fake.Emit(events.NetworkEventType, events.ActionConnect, "n1", map[string]string{"container": id, "name": "front"})
	m.until(t, "joined front", func(d *DockerState) bool { return strings.Join(d.network("front").Containers, ",") == "rng" })
	fake.Stop(id, 137)
	m.until(t, "stopped", func(d *DockerState) bool { return d.container("rng", "").ExitCode == 137 })
	fake.Remove(id, false)
	m.until(t, "gone", func(d *DockerState) bool {
		return !d.container("rng", "").Exists && len(d.Gone) == 1 && d.Gone[0].Name == "rng" && d.Gone[0].published(80) == 8001
	})
	fake.Flash("flash", "busybox", 3)
	m.until(t, "flash seen", func(d *DockerState) bool {
		return len(d.Gone) == 2 && d.Gone[1].Name == "flash" && d.Gone[1].ExitCode == 3 && d.Gone[1].Image == "busybox"
	})
	fake.AddImage("sha256:1", "rng:v2")
	m.until(t, "image", func(d *DockerState) bool { return d.image("rng:v2").Exists })
	fake.AddVolume("data")
	m.until(t, "volume", func(d *DockerState) bool { return d.volume("data").Exists })
	fake.Change(before, events.ActionRename, func(c *container.InspectResponse) { c.Name = "/new" })
	m.until(t, "renamed", has1("new", "running"))
	if calls := fake.Calls("events"); calls != 1 {
		t.Errorf("%d streams of events, expected 1", calls)
	}
}

// What happened during a cut is seen after it; the state says that it is old
// meanwhile.
func TestMirrorAfterACut(t *testing.T) {
	fake := dockertest.StartFake(t)
	id := fake.Run("web", "web", nil, nil)
	m := mirrorOf(t, fake.Host)
	m.SetEngine(EngineRunning)
	m.until(t, "filled", has1("web", "running"))
	fake.Change(id, events.ActionUpdate, func(c *container.InspectResponse) { c.HostConfig.Memory = 1 })

	fake.Fail(3)
	fake.CutEvents()
	old := m.until(t, "said to be old", func(d *DockerState) bool { return !d.Current })
	if old.known() || old.Why == "" || len(old.Containers) != 1 {
		t.Errorf("during the cut: %s", shown(old))
	}
	fake.Remove(id, true)
	fake.Run("after", "web", nil, nil)
	state := m.until(t, "healed", has1("after", "running"))
	if state.container("web", "").Exists || len(state.Gone) != 1 || state.Gone[0].Name != "web" {
		t.Errorf("after the cut: %s", shown(state))
	}
}

// An Engine that hangs makes unknown what can't be seen, and doesn't keep the
// mirror from ending or from healing.
func TestMirrorOfAHungEngine(t *testing.T) {
	fake := dockertest.StartFake(t)
	id := fake.Run("web", "web", nil, nil)
	m := mirrorOf(t, fake.Host, func(m *Mirror) { m.limit = 300 * time.Millisecond })
	m.SetEngine(EngineRunning)
	m.until(t, "filled", has1("web", "running"))
	fake.Hang()
	fake.Stop(id, 1) // the event comes, the inspection hangs
	if d := m.until(t, "said to be old", func(d *DockerState) bool { return !d.Current }); d.known() {
		t.Errorf("during the hang: %s", shown(d))
	}
	fake.Heal()
	m.until(t, "healed", has1("web", "exited"))
}

// A sleeping Engine is not asked; what was seen stays known.
func TestMirrorOfASleeper(t *testing.T) {
	fake := dockertest.StartFake(t)
	fake.Run("web", "web", nil, nil)
	m := mirrorOf(t, fake.Host)
	m.SetEngine(EngineAsleep)
	if d := m.until(t, "asleep", func(d *DockerState) bool { return d.Engine == EngineAsleep }); d.known() {
		t.Errorf("an Engine nobody looked at is known: %s", shown(d))
	}
	if n := fake.Calls("containers") + fake.Calls("events"); n != 0 {
		t.Errorf("a sleeping Engine was asked %d times", n)
	}
	m.SetEngine(EngineRunning)
	m.until(t, "awake", has1("web", "running"))
	m.SetEngine(EngineAsleep)
	if d := m.until(t, "asleep again", func(d *DockerState) bool { return d.Engine == EngineAsleep }); !d.known() {
		t.Errorf("what was seen before the sleep isn't known: %s", shown(d))
	}
	m.SetEngine(EngineFailed)
	if d := m.until(t, "failed", func(d *DockerState) bool { return d.Engine == EngineFailed }); d.known() {
		t.Errorf("the state of an Engine that failed is known: %s", shown(d))
	}
}

// A swarm converges without events of its tasks.
func TestMirrorOfAManager(t *testing.T) {
	fake := dockertest.StartFake(t)
	fake.AddNetwork("n1", "coins", "overlay")
	m := mirrorOf(t, fake.Host)
	m.SetEngine(EngineRunning)
	m.until(t, "no swarm", func(d *DockerState) bool { return d.Current && !d.Swarm.Active })
	replicas := uint64(2)
	node := swarm.Node{ID: "m1", Description: swarm.NodeDescription{Hostname: "node1"}, Status: swarm.NodeStatus{State: "ready"}, ManagerStatus: &swarm.ManagerStatus{Leader: true}}
	service := swarm.Service{ID: "s1"}
	service.Spec.Name = "web"
	service.Spec.Labels = map[string]string{labelStack: "coins"}
	service.Spec.Mode.Replicated = &swarm.ReplicatedService{Replicas: &replicas}
	service.Spec.TaskTemplate.Networks = []swarm.NetworkAttachmentConfig{{Target: "n1"}}
	tasks := func(state swarm.TaskState) []swarm.Task {
		return []swarm.Task{{ID: "t1", ServiceID: "s1", NodeID: "m1", Slot: 1, DesiredState: "running", Status: swarm.TaskStatus{State: state}}}
	}
	fake.SetSwarm([]swarm.Node{node}, []swarm.Service{service}, tasks("preparing"))
	fake.Emit(events.ServiceEventType, events.ActionCreate, "s1", nil)
	m.until(t, "service there", func(d *DockerState) bool { return d.Swarm.Active && len(d.Swarm.Services) == 1 })
	fake.SetSwarm([]swarm.Node{node}, []swarm.Service{service}, tasks("running"))
	state := m.until(t, "task runs", func(d *DockerState) bool { return d.Swarm.Services[0].Tasks[0].State == "running" })
	s := state.Swarm.Services[0]
	if s.Replicas != 2 || s.Stack != "coins" || strings.Join(s.Networks, ",") != "coins" || s.Tasks[0].Node != "node1" || !state.Swarm.Nodes[0].Leader {
		t.Errorf("service %+v of swarm %+v", s, state.Swarm)
	}
}
