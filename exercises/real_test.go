package exercises

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"

	"slipway/internal/dockertest"
	"slipway/workshop"
)

// realEngine is a real Engine and a client of it.
type realEngine struct {
	*dockertest.Real
	Client *client.Client
}

func startReal(t *testing.T) *realEngine {
	t.Helper()
	r := &realEngine{}
	r.Real = dockertest.StartReal(t, func(host string) dockertest.Client {
		c, err := client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
		if err != nil {
			t.Fatal(err)
		}
		r.Client = c
		return c
	})
	t.Cleanup(func() { r.Client.Close() })
	return r
}

// run makes and starts a container of the image app.
func run(t *testing.T, r *realEngine, name string, config container.Config, host container.HostConfig) string {
	t.Helper()
	config.Image = "app"
	if host.NetworkMode == "" {
		host.NetworkMode = "none"
	}
	made, err := r.Client.ContainerCreate(t.Context(), &config, &host, nil, nil, name)
	if err == nil {
		err = r.Client.ContainerStart(t.Context(), made.ID, container.StartOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// Everything the language says of Docker, against a real one: set up by
// events while the watcher looks on, each condition true at the end, and the
// opposite of each not.
func TestLanguageOnARealEngine(t *testing.T) {
	real := startReal(t)
	node := newTestNode(t, "node1", real.Host)
	conditions := []string{
		`node1.engine == "running"`,
		`node1.service("rng").running == 2 && node1.service("rng").containers.size() == 2 && node1.service("rng").images == ["app"]`,
		`node1.service("stopped").exitCodes == [3] && node1.service("stopped").running == 0`,
		`node1.project("coins").services == ["rng", "stopped"] && node1.project("coins").running == ["rng"] && node1.project("coins").service("rng").exists`,
		`node1.container("full").exists && node1.container("full").state == "running" && node1.container("full").command == "/app deaf"`,
		`node1.container("full").env.exists(e, e == "A=B") && node1.container("full").hostname == "box" && node1.container("full").labels["a"] == "b"`,
		`node1.container("full").logDriver == "json-file" && node1.container("full").logOptions["max-size"] == "1m"`,
		`node1.container("full").restartPolicy == "on-failure" && node1.container("full").memory == 67108864`,
		`node1.container("full").networks == ["front"] && node1.container("full").networkMode == "front"`,
		`node1.container("full").extraHosts == ["redis:10.1.2.3"] && "full" in node1.network("front").containers`,
		`node1.container("full").mounts.exists(m, m.volume == "data" && m.target == "/data" && !m.readOnly && m.type == "volume")`,
		`node1.container("full").startedAt > timestamp("2020-01-01T00:00:00Z") && node1.container("full").createdAt <= node1.container("full").startedAt`,
		`node1.container("well").health == "healthy"`,
		`node1.container("paused").state == "paused"`,
		`node1.container("renamed").exists && !node1.container("misnamed").exists`,
		`node1.gone.exists(c, c.name == "passing" && c.autoRemove && c.exitCode == 7)`,
		`node1.image("app").exists && node1.image("app:v2").tags == ["app:latest", "app:v2"] && node1.image("app").size > 1000`,
		`node1.network("front").driver == "bridge" && node1.network("front").internal && node1.network("front").subnets.size() == 1`,
		`node1.volume("data").exists && node1.volume("data").labels["a"] == "b"`,
		`node1.containers.all(c, c.node == "node1") && lab.containers.size() == node1.containers.size()`,
		`lab.service("rng").running == 2`,
		`node1.swarm.active && node1.swarm.manager && node1.swarm.nodes.size() == 1 && node1.swarm.nodes[0].ready && node1.swarm.nodes[0].leader`,
		`node1.swarm.service("idle").exists && node1.swarm.service("idle").replicas == 0 && node1.swarm.service("idle").image.startsWith("app")`,
		`node1.swarm.stacks == ["coins"]`,
	}
	var all []Exercise
	for i, that := range conditions {
		all = append(all, exercise(workshop.ExerciseID("c"+itoa(i)), that), exercise(workshop.ExerciseID("not"+itoa(i)), "!("+that+")"))
	}
	book, problems, err := Compile([]string{"node1"}, all)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	w, told := watch(t, book, nil, node)
	settle(t, real)
	become := func(id workshop.ExerciseID, what string, ok func(workshop.Verdict) bool) {
		t.Helper()
		if !ok(w.Verdicts()[id]) {
			told.wait(t, what, func(workshop.Verdict) bool { return ok(w.Verdicts()[id]) })
		}
	}
	for i, that := range conditions {
		become(workshop.ExerciseID("c"+itoa(i)), that+" holds", solved)
		become(workshop.ExerciseID("not"+itoa(i)), "the opposite of "+that+" does not hold", func(v workshop.Verdict) bool {
			return v.State != workshop.Solved
		})
	}
}

// settle brings the real Engine into the state the conditions speak of.
func settle(t *testing.T, r *realEngine) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	compose := func(service, n string) map[string]string {
		return map[string]string{labelProject: "coins", labelService: service, labelNumber: n, labelOneOff: "False"}
	}
	run(t, r, "coins-rng-1", container.Config{Labels: compose("rng", "1")}, container.HostConfig{})
	run(t, r, "coins-rng-2", container.Config{Labels: compose("rng", "2")}, container.HostConfig{})
	oneOff := compose("rng", "1")
	oneOff[labelOneOff] = "True"
	run(t, r, "coins-rng-run", container.Config{Labels: oneOff}, container.HostConfig{})
	run(t, r, "coins-stopped-1", container.Config{Labels: compose("stopped", "1"), Cmd: []string{"exit", "3"}}, container.HostConfig{})
	_, err := r.Client.NetworkCreate(ctx, "front", network.CreateOptions{Driver: "bridge", Internal: true})
	must(err)
	_, err = r.Client.VolumeCreate(ctx, volume.CreateOptions{Name: "data", Labels: map[string]string{"a": "b"}})
	must(err)
	run(t, r, "full", container.Config{Cmd: []string{"deaf"}, Env: []string{"A=B"}, Hostname: "box", Labels: map[string]string{"a": "b"}},
		container.HostConfig{NetworkMode: "front", ExtraHosts: []string{"redis:10.1.2.3"}, Binds: []string{"data:/data"},
			LogConfig:     container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m"}},
			RestartPolicy: container.RestartPolicy{Name: "on-failure"}, Resources: container.Resources{Memory: 64 << 20}})
	run(t, r, "well", container.Config{Healthcheck: &container.HealthConfig{Test: []string{"CMD", "/app", "true"}, Interval: 200 * time.Millisecond}}, container.HostConfig{})
	must(r.Client.ContainerPause(ctx, run(t, r, "paused", container.Config{}, container.HostConfig{})))
	must(r.Client.ContainerRename(ctx, run(t, r, "misnamed", container.Config{}, container.HostConfig{}), "renamed"))
	run(t, r, "passing", container.Config{Cmd: []string{"exit", "7"}}, container.HostConfig{AutoRemove: true})
	must(r.Client.ImageTag(ctx, "app", "app:v2"))
	_, err = r.Client.SwarmInit(ctx, swarm.InitRequest{ListenAddr: "127.0.0.1:2377", AdvertiseAddr: "127.0.0.1"})
	must(err)
	none := uint64(0)
	spec := swarm.ServiceSpec{Annotations: swarm.Annotations{Name: "idle", Labels: map[string]string{labelStack: "coins"}}}
	spec.TaskTemplate.ContainerSpec = &swarm.ContainerSpec{Image: "app"}
	spec.Mode.Replicated = &swarm.ReplicatedService{Replicas: &none}
	_, err = r.Client.ServiceCreate(ctx, spec, swarm.ServiceCreateOptions{})
	must(err)
}

// A real Engine that is restarted in the middle: unknown meanwhile, and right
// again after.
func TestMirrorOfARealEngineRestarted(t *testing.T) {
	real := startReal(t)
	m := mirrorOf(t, real.Host)
	m.SetEngine(EngineRunning)
	id := run(t, real, "web", container.Config{}, container.HostConfig{})
	m.until(t, "web runs", has1("web", "running"))
	real.Stop()
	if d := m.until(t, "away", func(d *DockerState) bool { return !d.Current }); d.known() || !strings.Contains(d.Why, "doesn't answer") {
		t.Errorf("while it is away: %s", shown(d))
	}
	if err := real.Start(); err != nil {
		t.Fatal(err)
	}
	m.until(t, "web has ended", has1("web", "exited"))
	if err := real.Client.ContainerRemove(context.Background(), id, container.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	m.until(t, "web is gone", func(d *DockerState) bool { return len(d.Containers) == 0 && len(d.Gone) == 1 })
	if _, err := real.Client.ImageRemove(context.Background(), "app", image.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	m.until(t, "image is gone", func(d *DockerState) bool { return !d.image("app").Exists })
}
