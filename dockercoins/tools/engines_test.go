package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"
)

func expect(t *testing.T, said string, code, wantCode int, want ...string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("exit code %d, want %d: %s", code, wantCode, said)
	}
	for _, w := range want {
		if !strings.Contains(said, w) {
			t.Errorf("no %q in: %s", w, said)
		}
	}
}

// quiet has a container listen on no address an ambassador could need.
var quiet = []string{"-listen", "127.0.0.1:81"}

// TestAmbassadors goes through the life of ambassadors over two Engines.
func TestAmbassadors(t *testing.T) {
	r := theRig(t)
	one, two := r.machines[0], r.machines[1]
	worker := one.run(t, "worker-1", box{service: "worker", command: quiet, hosts: []string{"rng:127.127.0.2", "ghost:127.127.0.3", "elsewhere:10.1.1.1", "shy:127.127.0.4"}})
	one.run(t, "rng-1", box{service: "rng", publish: true})
	two.run(t, "rng-2", box{service: "rng", publish: true})
	two.run(t, "shy-1", box{service: "shy"}) // has a port, but does not publish it

	said, code := r.do(t, nil, "configure-ambassadors")
	expect(t, said, code, 1, "run create-ambassadors first")
	said, code = r.do(t, nil, "create-ambassadors")
	expect(t, said, code, 0, "node1: worker-1 finds rng at 127.127.0.2", "3 ambassadors wanted, 0 were there already")
	said, code = r.do(t, nil, "create-ambassadors")
	expect(t, said, code, 0, "3 ambassadors wanted, 3 were there already")

	said, code = r.do(t, nil, "configure-ambassadors")
	expect(t, said, code, 1, "ambassador for rng: 127.127.0.2:80 → 10.99.0.1:", "10.99.0.2:",
		"ghost runs nowhere in the project p", "shy runs (shy-1 on node2), but publishes no TCP port")
	if got := one.answering(t, worker, "http://127.127.0.2/"); got != "rng-1 rng-2" {
		t.Errorf("behind the ambassador: %s", got)
	}
	if got := one.from(t, worker, "http://127.127.0.3/"); !strings.Contains(got, "refused") {
		t.Errorf("an ambassador of nobody answers: %s", got)
	}

	// A container that was restarted has a new network; its ambassadors follow.
	zero := 0
	if err := one.docker.ContainerRestart(t.Context(), worker, container.StopOptions{Timeout: &zero}); err != nil {
		t.Fatal(err)
	}
	said, code = r.do(t, nil, "create-ambassadors")
	expect(t, said, code, 0, "started an ambassador for rng again", "3 ambassadors wanted, 0 were there already")
	until(t, "the configuration of before", func() bool { return one.answering(t, worker, "http://127.127.0.2/") == "rng-1 rng-2" })

	// An Engine that is away stops nothing of the others.
	two.stop()
	said, code = r.do(t, nil, "configure-ambassadors")
	expect(t, said, code, 1, "10.99.0.2 is away: nobody answers there", "127.127.0.2:80 → 10.99.0.1:")
	if err := two.start(); err != nil {
		t.Fatal(err)
	}

	// A container that is gone leaves stale ambassadors.
	one.kill(t, worker)
	other := one.run(t, "worker-2", box{service: "worker", command: quiet, hosts: []string{"dice:127.127.0.2"}, labels: map[string]string{"ambassador.link.dice": "rng"}})
	said, code = r.do(t, nil, "create-ambassadors")
	expect(t, said, code, 0, "removed an ambassador for rng, its container is gone", "worker-2 finds dice at 127.127.0.2", "1 ambassador wanted, 0 were there already")
	said, code = r.do(t, nil, "configure-ambassadors")
	expect(t, said, code, 0, "ambassador for rng: 127.127.0.2:80 → ")
	if got := one.answering(t, other, "http://127.127.0.2/"); got != "rng-1" {
		t.Errorf("behind the alias: %s", got)
	}
	said, code = r.do(t, nil, "delete-ambassadors")
	expect(t, said, code, 0, "Removed 1 ambassador of the project p.")
	if left := one.ambassadors(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if left, err := one.docker.VolumeList(t.Context(), volume.ListOptions{}); err != nil || len(left.Volumes) > 0 {
		t.Errorf("volumes left: %d, %v", len(left.Volumes), err)
	}
}

// TestSwarmMeansAllNodes lets a manager tell where the others are.
func TestSwarmMeansAllNodes(t *testing.T) {
	r := theRig(t)
	one, two := r.machines[0], r.machines[1]
	if _, err := one.docker.SwarmInit(t.Context(), swarm.InitRequest{ListenAddr: one.address, AdvertiseAddr: one.address}); err != nil {
		t.Fatal(err)
	}
	s, err := one.docker.SwarmInspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := two.docker.SwarmJoin(t.Context(), swarm.JoinRequest{ListenAddr: two.address, AdvertiseAddr: two.address, RemoteAddrs: []string{one.address}, JoinToken: s.JoinTokens.Worker}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = two.docker.SwarmLeave(context.Background(), true)
		_ = one.docker.SwarmLeave(context.Background(), true)
	})
	one.run(t, "worker-1", box{service: "worker", command: quiet, hosts: []string{"rng:127.127.0.2"}})
	two.run(t, "worker-2", box{service: "worker", command: quiet, hosts: []string{"rng:127.127.0.2"}})
	said, code := r.do(t, []string{"ENGINES="}, "create-ambassadors")
	expect(t, said, code, 0, "node1: worker-1 finds rng", "node2: worker-2 finds rng")
}

// A daemon is a tool that runs until the test ends.
type daemon struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (d *daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.Write(p)
}
func (d *daemon) text() string { d.mu.Lock(); defer d.mu.Unlock(); return d.said.String() }

// background runs a tool until the test ends, or until stop is called.
func (r *rigging) background(t *testing.T, m *machine, env []string, name string, args ...string) (d *daemon, stop func()) {
	t.Helper()
	d = &daemon{}
	cmd := r.on(context.Background(), m, env, name, args...)
	cmd.Stdout, cmd.Stderr = d, d
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
			defer kill.Stop()
			if err := cmd.Wait(); err != nil {
				t.Errorf("%s %v: %v: %s", name, args, err, d.text())
			}
		})
	}
	t.Cleanup(stop)
	return d, stop
}

// TestWatch scales a service with no command run afterwards.
func TestWatch(t *testing.T) {
	r := theRig(t)
	one, two := r.machines[0], r.machines[1]
	d, _ := r.background(t, one, nil, "ambassador", "watch")
	until(t, "the watch to begin", func() bool { return strings.Contains(d.text(), "Watching 2 Engines") })
	worker := one.run(t, "worker-1", box{service: "worker", command: quiet, hosts: []string{"rng:127.127.0.2"}})
	until(t, "a word on what is missing", func() bool { return strings.Contains(d.text(), "rng runs nowhere") })
	one.run(t, "rng-1", box{service: "rng", publish: true})
	until(t, "the first", func() bool { return one.answering(t, worker, "http://127.127.0.2/") == "rng-1" })
	until(t, "a good word", func() bool { return strings.Contains(d.text(), "All is well again.") })
	second := two.run(t, "rng-2", box{service: "rng", publish: true})
	until(t, "the second", func() bool { return one.answering(t, worker, "http://127.127.0.2/") == "rng-1 rng-2" })
	two.kill(t, second)
	until(t, "the first alone", func() bool { return one.answering(t, worker, "http://127.127.0.2/") == "rng-1" })

	// A balancer of one's own is configured as well, over the network it shares.
	balancer := one.run(t, "rng0-1", box{service: "rng0", image: "hamba", command: []string{"run"},
		labels: map[string]string{"ambassador.service": "rng", "ambassador.bindaddr": "0.0.0.0"}})
	until(t, "the balancer", func() bool { return one.answering(t, balancer, "http://127.0.0.1/") == "rng-1" })

	// An Engine goes away and comes back.
	two.stop()
	until(t, "a word on the Engine that is away", func() bool { return strings.Contains(d.text(), "node2 is away") })
	if err := two.start(); err != nil {
		t.Fatal(err)
	}
	two.run(t, "rng-3", box{service: "rng", publish: true})
	until(t, "one on the Engine that came back", func() bool { return one.answering(t, worker, "http://127.127.0.2/") == "rng-1 rng-3" })
}

// TestThreeTiers has each machine announce what it runs, and follow what others
// announce, over a real redis and a real etcd.
func TestThreeTiers(t *testing.T) {
	r := theRig(t)
	one, two := r.machines[0], r.machines[1]
	for name, store := range map[string]struct {
		url, port string
		program   []string
	}{
		"redis": {"redis://10.99.0.1:6399", "6399", []string{"redis-server", "--port", "6399", "--bind", "10.99.0.1", "--protected-mode", "no", "--save", ""}},
		"etcd":  {"etcd://10.99.0.1:2379", "2379", []string{"etcd", "--data-dir", filepath.Join(r.dir, "etcd-data"), "--listen-client-urls", "http://10.99.0.1:2379", "--advertise-client-urls", "http://10.99.0.1:2379", "--listen-peer-urls", "http://10.99.0.1:2380"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { r.clear(t) })
			for i, word := range store.program[:1] {
				path, err := exec.LookPath(word)
				if err != nil {
					t.Fatal(err)
				}
				store.program[i] = path
			}
			_ = os.Remove(filepath.Join(r.dir, name))
			if err := os.Symlink(store.program[0], filepath.Join(r.dir, name)); err != nil {
				t.Fatal(err)
			}
			server := r.on(context.Background(), one, nil, name, store.program[1:]...)
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
			until(t, "the store", listening(one, store.port))

			env := []string{"AMBASSADOR_STORE=" + store.url, "ENGINES="}
			at2 := append(env, "DOCKER_HOST=tcp://10.99.0.2:55555")
			env = append(env, "DOCKER_HOST=tcp://10.99.0.1:55555")
			r.background(t, one, env, "ambassador", "register")
			_, stop := r.background(t, two, at2, "ambassador", "register")
			d, _ := r.background(t, one, env, "ambassador", "follow")
			worker := one.run(t, "worker-1", box{service: "worker", command: quiet, hosts: []string{"rng:127.127.0.2"}})
			one.run(t, "rng-1", box{service: "rng", publish: true})
			two.run(t, "rng-2", box{service: "rng", publish: true})
			until(t, "both", func() bool { return one.answering(t, worker, "http://127.127.0.2/") == "rng-1 rng-2" })
			stop() // it takes back what it announced
			until(t, "the one that is still announced", func() bool { return one.answering(t, worker, "http://127.127.0.2/") == "rng-1" })
			_ = server.Process.Kill()
			until(t, "a word on the silent store", func() bool { return strings.Contains(d.text(), "the store does not answer") })
			if got := one.answering(t, worker, "http://127.127.0.2/"); got != "rng-1" {
				t.Errorf("without the store: %s", got)
			}
		})
	}
}
