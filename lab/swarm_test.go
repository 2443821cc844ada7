package lab_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/lab"
)

// Images for services, on every node. Their names lead to the lab's registry,
// which is asked and has none, so that what was built is taken at once.
const (
	rngImage  = "127.0.0.1:5000/swarmtest/rng"
	echoImage = "127.0.0.1:5000/swarmtest/echo"
)

// playEcho is the program of the echo image: it answers each UDP packet to port
// 53 with its container's name.
func playEcho() int {
	conn, err := net.ListenPacket("udp4", ":53")
	if err != nil {
		return 1
	}
	name, _ := os.Hostname()
	for b := make([]byte, 1500); ; {
		if _, from, err := conn.ReadFrom(b); err == nil {
			conn.WriteTo([]byte(name+"\n"), from)
		}
	}
}

// newSwarm is a lab whose five nodes are one swarm and have the images.
func newSwarm(t *testing.T, id string) *lab.Lab {
	t.Helper()
	l := newLab(t, id)
	must(t, l.Node("node1"), "docker swarm init >/dev/null")
	token := must(t, l.Node("node1"), "docker swarm join-token -q worker")
	var all sync.WaitGroup
	for _, n := range l.Nodes {
		all.Go(func() {
			if n.Name != "node1" {
				run(t, n, "docker", "docker swarm join --token "+token+" node1:2377")
			}
			run(t, n, "docker", `set -e; git clone -q /srv/dockercoins.git ~/coins; export DOCKER_BUILDKIT=0
docker build -q -t `+rngImage+` ~/coins/rng
docker build -q -t `+rngImage+`:2 --label version=2 ~/coins/rng
mkdir ~/echo; cp /usr/local/bin/slipway ~/echo/
printf 'FROM tools\nCOPY slipway /slipway\nENTRYPOINT ["/slipway", "echo"]\n' >~/echo/Dockerfile
docker build -q -t `+echoImage+` ~/echo`)
		})
	}
	all.Wait()
	eventually(t, 30*time.Second, "five ready nodes", func() bool { return readyNodes(t, l) == 5 })
	for _, n := range l.Nodes {
		eventually(t, 60*time.Second, n.Name+" has heard of the other four", func() bool {
			return must(t, n, "docker network inspect -v ingress | jq '.[0].Peers | length'") == "5"
		})
	}
	return l
}

// explain logs, when a test has failed, what each node knows of the ingress and made of it.
func explain(t *testing.T, l *lab.Lab) {
	if !t.Failed() {
		return
	}
	for _, n := range l.Nodes {
		out, _ := run(t, n, "root", `sbox="nsenter --net=/var/run/docker/netns/ingress_sbox"
docker network inspect -v ingress | jq -c '.[0] | [.Peers, .Services]'
$sbox ip -4 -br address; $sbox nft list table ip slipway_swarm | grep dnat; nft list table ip slipway_swarm | grep dnat
for s in /var/run/docker/netns/1-*; do echo $s; nsenter --net=$s ip neighbour; nsenter --net=$s bridge fdb show dev vxlan0 | grep dst; done
curl -s "127.0.0.1:7947/gettable?nid=$(docker network inspect -f '{{.ID}}' ingress)&tname=overlay_peer_table&json" | jq -r '.details.entries[].value | @base64d'
grep -v ipvs.net /var/log/dockerd.log | grep -i 'peer\|neigh\|bulk' | tail; docker ps --format '{{.ID}} {{.Names}}'`)
		t.Logf("%s:\n%s", n.Name, out)
	}
}

func readyNodes(t *testing.T, l *lab.Lab) int {
	return strings.Count(must(t, l.Node("node1"), "docker node ls --format '{{.Status}}'"), "Ready")
}

// create makes a service and waits for its tasks, which the client would look
// at for five seconds more.
func create(t *testing.T, l *lab.Lab, tasks int, name, rest string) {
	t.Helper()
	must(t, l.Node("node1"), fmt.Sprintf("docker service create --detach --no-resolve-image --stop-grace-period 3s --name %s --replicas %d %s", name, tasks, rest))
	tasksRun(t, l, name, tasks)
}

func tasksRun(t *testing.T, l *lab.Lab, service string, tasks int) {
	t.Helper()
	eventually(t, 60*time.Second, fmt.Sprintf("%d tasks of %s", tasks, service), func() bool {
		out := must(t, l.Node("node1"), "docker service ps "+service+" --filter desired-state=running --format '{{.CurrentState}}'")
		return strings.Count(out, "Running") == tasks && strings.Count(out, "\n") == tasks-1
	})
}

func scale(t *testing.T, l *lab.Lab, service string, tasks int) {
	t.Helper()
	must(t, l.Node("node1"), fmt.Sprintf("docker service scale --detach %s=%d", service, tasks))
}

// client asks port 8001 on 127.0.0.1 of a node, each time by a new connection.
func client(n *lab.Node) *http.Client {
	return &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&lab.Agent{Dial: n.Dial}).DialPort(ctx, 8001)
		},
	}}
}

func answer(c *http.Client) (string, error) {
	res, err := c.Get("http://node:8001/")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return strings.TrimSpace(string(b)), err
}

// answers counts who answers so many questions; the first that fails ends them.
func answers(n *lab.Node, questions int) (map[string]int, error) {
	who := map[string]int{}
	c := client(n)
	for range questions {
		a, err := answer(c)
		if err != nil {
			return who, fmt.Errorf("127.0.0.1:8001 of %s: %w", n.Name, err)
		}
		who[a]++
	}
	return who, nil
}

// fair fails unless each of so many tasks got its equal share of nine questions each.
func fair(t *testing.T, from string, who map[string]int, tasks int) {
	t.Helper()
	for a, times := range who {
		if times < 8 || times > 10 || a == "" {
			t.Errorf("from %s: %q answered %d of %d questions: %v", from, a, times, 9*tasks, who)
		}
	}
	if len(who) != tasks {
		t.Errorf("from %s: %d tasks answer, want %d: %v", from, len(who), tasks, who)
	}
}

// followed waits until exactly so many tasks answer at every node, and fails if
// that takes longer than the goal allows.
func followed(t *testing.T, l *lab.Lab, tasks int) {
	t.Helper()
	begun := time.Now()
	for _, n := range l.Nodes {
		if n.State != "running" {
			continue
		}
		eventually(t, 10*time.Second, fmt.Sprintf("%d tasks answer at %s", tasks, n.Name), func() bool {
			who, err := answers(n, 2*tasks)
			return err == nil && len(who) == tasks
		})
	}
	took := time.Since(begun).Round(time.Millisecond)
	t.Logf("%d tasks answer at every node after %v", tasks, took)
	if took > 2*time.Second { // one for the rules, and for asking five nodes
		t.Errorf("following took %v", took)
	}
}

// load asks nodes all the time until stop is called, which answers when each
// failed question was asked.
func load(t *testing.T, nodes ...*lab.Node) (stop func() (asked int, failed []time.Time)) {
	ctx, end := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var mu sync.Mutex
	var asked int
	var failed []time.Time
	for _, n := range nodes {
		c := client(n)
		all.Go(func() {
			for ctx.Err() == nil {
				at := time.Now()
				_, err := answer(c)
				mu.Lock()
				asked++
				if err != nil {
					t.Logf("asked %s at %s: %v", n.Name, at.Format("05.000"), err)
					failed = append(failed, at)
				}
				mu.Unlock()
				time.Sleep(5 * time.Millisecond) // the pace of the load
			}
		})
	}
	return func() (int, []time.Time) {
		end()
		all.Wait()
		return asked, failed
	}
}

// unharmed fails if any question under load did.
func unharmed(t *testing.T, what string, stop func() (int, []time.Time)) {
	t.Helper()
	asked, failed := stop()
	t.Logf("%s: %d questions, %d failed", what, asked, len(failed))
	if len(failed) > 0 || asked < 50 {
		t.Errorf("%s lost %d of %d questions", what, len(failed), asked)
	}
}

// Services are reached as they are with IPVS, on nodes that have none.
func TestSwarmServices(t *testing.T) {
	l := newSwarm(t, "services")
	defer explain(t, l)
	manager, node2, node5 := l.Node("node1"), l.Node("node2"), l.Node("node5")
	create(t, l, 3, "rng", "--publish 8001:80 "+rngImage)

	t.Run("published on every node", func(t *testing.T) {
		followed(t, l, 3)
		for _, n := range l.Nodes {
			who, err := answers(n, 27)
			if err != nil {
				t.Error(err)
			}
			fair(t, "127.0.0.1 of "+n.Name, who, 3)
			all := strings.Split(must(t, n, `for i in 1 2 3 4 5; do for k in 1 2 3; do curl -sS -m 3 http://node$i:8001/; done; done`), "\n")
			slices.Sort(all)
			if len(all) != 15 || len(slices.Compact(slices.Clone(all))) != 3 {
				t.Errorf("%s asks every node's address and hears %v", n.Name, all)
			}
		}
		if out := must(t, node2, "docker run --rm tools curl -sS -m 3 http://"+l.Node("node4").Address+":8001/ http://"+node2.Address+":8001/ http://172.17.0.1:8001/"); strings.Count(out, "rng") != 3 {
			t.Errorf("a container that is in no network of the service hears %q", out)
		}
	})
	t.Run("scaling", func(t *testing.T) {
		stop := load(t, manager, node5)
		scale(t, l, "rng", 6)
		tasksRun(t, l, "rng", 6)
		followed(t, l, 6)
		scale(t, l, "rng", 2)
		eventually(t, 20*time.Second, "two tasks are left", func() bool { who, err := answers(node5, 12); return err == nil && len(who) == 2 })
		unharmed(t, "scaling", stop)
		scale(t, l, "rng", 0)
		eventually(t, 20*time.Second, "nobody answers", func() bool { _, err := answer(client(node5)); return err != nil })
		scale(t, l, "rng", 5)
		tasksRun(t, l, "rng", 5)
		followed(t, l, 5)
	})
	t.Run("rolling update", func(t *testing.T) {
		stop := load(t, manager, node5)
		must(t, manager, "docker service update --detach --quiet --no-resolve-image --update-parallelism 2 --image "+rngImage+":2 rng")
		eventually(t, 60*time.Second, "the update is complete", func() bool {
			return must(t, manager, "docker service inspect -f '{{.UpdateStatus.State}}' rng") == "completed"
		})
		unharmed(t, "a rolling update", stop)
	})
	t.Run("drain", func(t *testing.T) {
		stop := load(t, manager, l.Node("node3"))
		must(t, manager, "docker node update --availability drain node3")
		tasksRun(t, l, "rng", 5)
		eventually(t, 20*time.Second, "node3 has no tasks", func() bool { return must(t, l.Node("node3"), "docker ps -q") == "" })
		unharmed(t, "draining", stop)
		must(t, manager, "docker node update --availability active node3")
	})
	t.Run("an Engine killed", func(t *testing.T) { loseNode(t, l, node5, func() { killEngine(t, node5) }) })
	t.Run("a node lost", func(t *testing.T) {
		loseNode(t, l, node5, func() {
			node5.State = "exited" // as the lab would find it
			if err := realHost(t).Docker().ContainerKill(t.Context(), node5.Container, "KILL"); err != nil {
				t.Fatal(err)
			}
		})
		if _, err := realHost(t).EnsureLab(t.Context(), l.Owner); err != nil {
			t.Fatal(err)
		}
		node5.State = "running"
		eventually(t, 30*time.Second, "node5 is ready again without being asked", func() bool { return readyNodes(t, l) == 5 })
	})
	t.Run("a way the Engine failed to set", func(t *testing.T) {
		space := `space=/var/run/docker/netns/1-$(docker network inspect -f '{{slice .ID 0 10}}' ingress); `
		count := `nsenter --net=$space bridge fdb show dev vxlan0 | grep -c 'dst.*permanent'; nsenter --net=$space ip neighbour show dev vxlan0 nud permanent | wc -l`
		left, _ := run(t, manager, "root", space+`nsenter --net=$space bash -c 'ip neighbour flush dev vxlan0 nud permanent
bridge fdb show dev vxlan0 | grep dst | while read -r mac _ via _; do bridge fdb del "$mac" dev vxlan0 dst "$via" self; done'; `+count)
		if left != "0\n0" {
			t.Fatalf("the ways could not be removed: %q", left)
		}
		eventually(t, 10*time.Second, "all tasks answer again", func() bool { who, err := answers(manager, 20); return err == nil && len(who) == 10 })
	})
	t.Run("nothing is left", func(t *testing.T) {
		must(t, manager, "docker service rm rng")
		for _, n := range l.Nodes {
			eventually(t, 20*time.Second, "port 8001 is shut at "+n.Name, func() bool { _, err := answer(client(n)); return err != nil })
		}
		for _, n := range slices.Backward(l.Nodes) {
			must(t, n, "docker swarm leave --force")
		}
		for _, n := range l.Nodes {
			eventually(t, 10*time.Second, "no rule is left at "+n.Name, func() bool {
				out := must(t, n, "sudo nft list tables; sudo iptables -S DOCKER-USER")
				return !strings.Contains(out, "slipway") && !strings.Contains(out, "published")
			})
		}
	})
}

func killEngine(t *testing.T, n *lab.Node) {
	if out, code := run(t, n, "root", "kill -9 $(cat /run/docker.pid)"); code != 0 {
		t.Fatal(out)
	}
}

// loseNode fails when questions are lost later than a second after a node was.
func loseNode(t *testing.T, l *lab.Lab, gone *lab.Node, lose func()) {
	t.Helper()
	scale(t, l, "rng", 10)
	tasksRun(t, l, "rng", 10)
	followed(t, l, 10)
	running := func() string {
		return must(t, l.Node("node1"), "docker service ps rng --filter desired-state=running --filter node="+gone.Name+" --format '{{.ID}} {{.CurrentState}}'")
	}
	before := strings.Fields(running())
	if len(before) == 0 {
		t.Fatalf("%s has no task to lose", gone.Name)
	}
	stop := load(t, l.Node("node1"), l.Node("node2"))
	lose()
	lost := time.Now()
	eventually(t, 60*time.Second, "the manager gives its tasks up", func() bool { return !strings.Contains(running(), before[0]) })
	tasksRun(t, l, "rng", 10)
	followed(t, l, 10)
	asked, failed := stop()
	t.Logf("%d questions, %d failed", asked, len(failed))
	for _, at := range failed {
		if at.Sub(lost) > time.Second {
			t.Errorf("a question failed that was asked %v after the loss", at.Sub(lost))
		}
	}
}

// Virtual IPs lead to all tasks, in their own network only, from any node that
// has a container there.
func TestSwarmVirtualIPs(t *testing.T) {
	l := newSwarm(t, "vips")
	defer explain(t, l)
	manager := l.Node("node1")
	must(t, manager, "docker network create -d overlay --attachable one >/dev/null; docker network create -d overlay --attachable two >/dev/null")
	create(t, l, 3, "a", "--network one "+rngImage)
	create(t, l, 2, "b", "--network two "+rngImage)
	create(t, l, 2, "both", "--network one --network two "+rngImage)
	vip := func(service string) string {
		out := must(t, manager, "docker service inspect -f '{{range .Endpoint.VirtualIPs}}{{.Addr}} {{end}}' "+service)
		return strings.Split(strings.Fields(out)[0], "/")[0]
	}
	ask := func(n *lab.Node, network, name string) map[string]int {
		t.Helper()
		out, _ := run(t, n, "docker", "docker run --rm --network "+network+" tools sh -c 'sleep 1; for i in 1 2 3 4 5 6; do curl -s -m 2 http://"+name+"/ || break; done'")
		who := map[string]int{}
		for line := range strings.SplitSeq(out, "\n") {
			if line != "" {
				who[line]++
			}
		}
		return who
	}
	for _, n := range []*lab.Node{manager, l.Node("node4")} {
		for _, c := range []struct {
			network, name string
			tasks         int
		}{
			{"one", "a", 3}, {"two", "b", 2}, {"one", "both", 2}, {"two", "both", 2}, {"one", vip("a"), 3},
			{"one", "b", 0}, {"two", "a", 0}, {"two", vip("a"), 0}, {"one", vip("b"), 0},
		} {
			who := ask(n, c.network, c.name)
			if len(who) != c.tasks {
				t.Errorf("%s in network %s asks %s and hears %v, want %d tasks", n.Name, c.network, c.name, who, c.tasks)
			}
			for a, times := range who {
				if times != 6/c.tasks {
					t.Errorf("%s asks %s: %q answered %d times of 6", n.Name, c.name, a, times)
				}
			}
		}
	}
	must(t, manager, "docker run -d --name watch --network one tools sleep 600")
	scale(t, l, "a", 5)
	tasksRun(t, l, "a", 5)
	eventually(t, time.Second, "five tasks behind a's virtual IP", func() bool {
		out := must(t, manager, "docker exec watch sh -c 'for i in 1 2 3 4 5; do curl -s -m 2 http://a/; done' | sort -u")
		return strings.Count(out, "rng") == 5
	})
}

// UDP goes the same ways, and a sender that never pauses is led away from a
// task that is gone.
func TestSwarmUDP(t *testing.T) {
	l := newSwarm(t, "udp")
	defer explain(t, l)
	manager := l.Node("node1")
	create(t, l, 3, "echo", "--publish 5353:53/udp "+echoImage)
	create(t, l, 2, "rng", "--publish 5353:80/tcp "+rngImage) // the same number, another protocol
	for _, n := range []*lab.Node{manager, l.Node("node5")} {
		eventually(t, 5*time.Second, "three tasks answer by UDP at "+n.Name, func() bool {
			out := must(t, n, "for i in 1 2 3 4 5 6; do echo x | timeout 1 nc -u -w 1 127.0.0.1 5353; done | sort -u; true")
			return len(strings.Fields(out)) == 3
		})
		if out := must(t, n, "curl -sS -m 3 http://127.0.0.1:5353/"); !strings.HasPrefix(out, "rng") {
			t.Errorf("TCP port 5353 of %s answers %q", n.Name, out)
		}
	}
	// One sender, one source port, all the time.
	must(t, manager, `cat >/tmp/sender <<'X'
while :; do (while sleep 0.05; do echo x; done) | nc -u -p 4444 127.0.0.1 5353 >>/tmp/heard; sleep 0.1; done
X
setsid bash /tmp/sender </dev/null >/dev/null 2>&1 &`)
	var first string
	eventually(t, 5*time.Second, "the sender is answered", func() bool {
		first = must(t, manager, "tail -n 1 /tmp/heard 2>/dev/null; true")
		return first != ""
	})
	scale(t, l, "echo", 0)
	eventually(t, 20*time.Second, "nobody answers", func() bool {
		out, _ := run(t, manager, "docker", ": >/tmp/heard; sleep 0.3; cat /tmp/heard")
		return out == ""
	})
	scale(t, l, "echo", 2)
	tasksRun(t, l, "echo", 2)
	eventually(t, 2*time.Second, "the sender has another task", func() bool {
		out, _ := run(t, manager, "docker", "tail -n 1 /tmp/heard")
		return out != "" && out != first
	})
}

// What people do in swarm mode beside services.
func TestSwarmTools(t *testing.T) {
	l := newSwarm(t, "tools")
	defer explain(t, l)
	manager := l.Node("node1")
	must(t, manager, `cat >~/stack.yml <<'X'
version: "3.8"
services:
  rng:
    image: `+rngImage+`
    ports: ["8001:80"]
    deploy: {replicas: 2, endpoint_mode: vip}
  redis:
    image: redis
X
docker stack deploy --resolve-image never -c ~/stack.yml coins`)
	tasksRun(t, l, "coins_rng", 2)
	followed(t, l, 2)
	out := must(t, manager, `docker context create two --docker host=ssh://docker@node2 >/dev/null 2>&1
docker context create three --docker host=tcp://node3:55555 >/dev/null 2>&1
docker --context two info -f '{{.Name}} {{.Swarm.LocalNodeState}}'
docker --context three info -f '{{.Name}} {{.Swarm.LocalNodeState}}'
DOCKER_HOST=tcp://node4:55555 docker info -f '{{.Name}}'`)
	if out != "node2 active\nnode3 active\nnode4" {
		t.Errorf("contexts lead to %q", out)
	}
	must(t, manager, "docker stack rm coins")
	// Only the manager may look at the swarm; a worker that leaves is down, and may come back.
	if out, code := run(t, l.Node("node3"), "docker", "docker node ls"); code == 0 {
		t.Errorf("a worker lists nodes: %s", out)
	}
	must(t, l.Node("node3"), "docker swarm leave")
	eventually(t, 20*time.Second, "node3 is down", func() bool { return readyNodes(t, l) == 4 })
	token := must(t, manager, "docker swarm join-token -q manager")
	must(t, l.Node("node3"), "docker swarm join --token "+token+" node1:2377")
	eventually(t, 20*time.Second, "node3 is a manager", func() bool {
		out, _ := run(t, l.Node("node3"), "docker", "docker node ls --format '{{.Hostname}} {{.Status}}'")
		return strings.Count(out, "Ready") == 5
	})
	create(t, l, 3, "again", "--publish 8001:80 "+rngImage)
	followed(t, l, 3)
}
