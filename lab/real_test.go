package lab_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"slipway/lab"
)

// newLab makes a lab of the shared installation and removes it with the test.
func newLab(t testing.TB, id string) *lab.Lab {
	t.Helper()
	h := realHost(t)
	begun := time.Now()
	l, err := h.EnsureLab(t.Context(), lab.Owner{Lab: id, Session: "test", Participant: id})
	if err != nil {
		t.Fatalf("lab %s: %v", id, err)
	}
	t.Logf("lab %s: %d nodes in %v", id, len(l.Nodes), time.Since(begun).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := h.Remove(context.Background(), id); err != nil {
			t.Errorf("remove lab %s: %v", id, err)
		}
	})
	return l
}

// run runs a script on a node and answers what it said and its exit code.
func run(t testing.TB, n *lab.Node, user, script string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	docker := realHost(t).Docker()
	exec, err := docker.ContainerExecCreate(ctx, n.Container, container.ExecOptions{
		User: user, Cmd: []string{"bash", "-lc", script}, WorkingDir: "/tmp", AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	line, err := docker.ContainerExecAttach(ctx, exec.ID, container.ExecAttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, line.Reader); err != nil {
		t.Fatal(err)
	}
	result, err := docker.ContainerExecInspect(ctx, exec.ID)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String()), result.ExitCode
}

// must runs a script as the person on a node, which has to succeed.
func must(t testing.TB, n *lab.Node, script string) string {
	t.Helper()
	out, code := run(t, n, "docker", script)
	if code != 0 {
		t.Fatalf("%s: exit code %d from:\n%s\nit said:\n%s", n.Name, code, script, out)
	}
	return out
}

func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// A person's nodes run Docker whole: images, builds, Compose, ports that the
// other nodes and the server reach, ssh between nodes.
func TestNodesAreDockerHosts(t *testing.T) {
	l := newLab(t, "hosts")
	node1, node2 := l.Node("node1"), l.Node("node2")

	if out := must(t, node1, "docker run --rm redis redis-cli --version"); !strings.HasPrefix(out, "redis-cli") {
		t.Errorf("the lab's redis says %q", out)
	}
	if out := must(t, node1, "docker run --rm hamba debugconfig 80 rng1 80 rng2 81"); !strings.Contains(out, "rng2:81") {
		t.Errorf("the balancer would tell haproxy:\n%s", out)
	}
	must(t, node1, "docker run --rm tools sh -c 'curl --version && tcpdump --version && ab -V && jq --version && ip address' >/dev/null 2>&1")
	if out := must(t, node1, "ssh node2 hostname && ssh node5 whoami && ssh root@node3 whoami"); out != "node2\ndocker\nroot" {
		t.Errorf("ssh between nodes says %q", out)
	}
	if out := must(t, node1, "id -nG && sudo id -u && docker compose version --short && docker-compose version --short && docker version -f '{{.Server.Version}}'"); !strings.Contains(out, "docker sudo\n0\n2.") {
		t.Errorf("the person's rights and tools: %q", out)
	}
	must(t, node1, "git clone -q /srv/dockercoins.git ~/dockercoins && cd ~/dockercoins && docker compose up -d --quiet-pull 2>&1")
	eventually(t, 30*time.Second, "hashes are counted and seen from node2", func() bool {
		out, _ := run(t, node2, "docker", "curl -s http://node1:8000/json")
		return strings.Contains(out, `"hashes":"`) && !strings.Contains(out, `"hashes":"0"`)
	})
	answer := get(t, node1, 8000, "/json")
	if !strings.Contains(answer, "200 OK") || !strings.Contains(answer, `"coins"`) {
		t.Errorf("port 8000 through the agent: %q", answer)
	}
	docker, err := lab.NewDockerClient(func(ctx context.Context) (net.Conn, error) {
		return (&lab.Agent{Dial: node1.Dial}).EngineConn(ctx, true)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer docker.Close()
	running, err := docker.ContainerList(t.Context(), container.ListOptions{})
	if err != nil || len(running) != 5 {
		t.Errorf("the node's Engine through its agent: %d containers, %v", len(running), err)
	}
	if out := must(t, node1, "docker run --rm --memory 64m --cpus 0.5 --pids-limit 50 redis cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true"); !strings.Contains(out, "67108864") {
		t.Errorf("a nested container's memory limit: %q", out)
	}
}

// get asks a port of a node through its agent, as the server does.
func get(t *testing.T, n *lab.Node, port int, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := (&lab.Agent{Dial: n.Dial}).DialPort(ctx, port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: node\r\n\r\n", path)
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSwarmOfFive(t *testing.T) {
	l := newLab(t, "swarm")
	manager := l.Node("node1")
	must(t, manager, `docker swarm init >/dev/null
token=$(docker swarm join-token -q worker)
for n in 2 3 4 5; do ssh node$n docker swarm join --token $token node1:2377 & done; wait`)
	eventually(t, 30*time.Second, "five ready nodes", func() bool {
		return strings.Count(must(t, manager, "docker node ls --format '{{.Status}}'"), "Ready") == 5
	})
	must(t, manager, "docker network create -d overlay --attachable across >/dev/null")
	must(t, l.Node("node5"), "docker run -d --name store --network across redis")
	eventually(t, 30*time.Second, "an overlay from node1 to node5", func() bool {
		out, _ := run(t, manager, "docker", "timeout 5 docker run --rm --network across redis redis-cli -h store ping")
		return out == "PONG"
	})
}

// What root in a node tries against the host, the product and other labs, and fails.
func TestIsolation(t *testing.T) {
	a, b := newLab(t, "iso-a"), newLab(t, "iso-b")
	node := a.Node("node1")
	listener, err := net.Listen("tcp", "0.0.0.0:0") // a service of the host, on all its addresses
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	must(t, b.Node("node1"), "sudo -b nc -lk -p 7777 </dev/null >/dev/null 2>&1; sleep 0.2; nc -z node1 7777")
	must(t, a.Node("node2"), "sudo -b nc -lk -p 7777 </dev/null >/dev/null 2>&1; sleep 0.2; nc -z localhost 7777")
	if _, code := run(t, node, "root", "nc -w 2 -z node2 7777"); code != 0 {
		t.Fatal("nodes of one lab don't reach each other, so the attempts below prove nothing")
	}
	hostAddresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	escapes := map[string]string{
		"make a block device":         "mknod /tmp/disk b 254 0",
		"make a character device":     "mknod /tmp/mem c 1 1",
		"see the host's disk":         "ls /dev/vda /dev/sda /dev/nvme0n1 2>/dev/null | grep .",
		"mount a disk":                "mount -t ext4 /dev/vda /mnt || mount -t ext4 /dev/sda1 /mnt",
		"write sysctl of the machine": "echo x > /proc/sys/kernel/core_pattern",
		"write below /sys":            "echo 1 > /sys/kernel/mm/ksm/run",
		"press sysrq":                 "echo h > /proc/sysrq-trigger",
		"load a module":               "perl -e 'exit(syscall(313, 0, 0, 0) == 0 ? 0 : ($!{EPERM} ? 1 : 0))'",
		"use bpf":                     "perl -e 'exit(syscall(321, 0, 0, 0) == -1 && $!{EPERM} ? 1 : 0)'",
		"watch with perf":             "perl -e 'exit(syscall(298, 0, 0, -1, -1, 0) == -1 && $!{EPERM} ? 1 : 0)'",
		"use the key rings":           "perl -e 'exit(syscall(250, 0, -3, 1) == -1 && $!{ENOSYS} ? 1 : 0)'",
		"set the clock":               "date -s '2001-01-01'",
		"set the node's memory limit": "cd /sys/fs/cgroup; if [ -d memory ]; then echo -1 > memory/memory.limit_in_bytes; else echo max > memory.max; fi",
		"use a release agent":         "echo /bin/sh > /sys/fs/cgroup/memory/release_agent",
		"allow oneself devices":       "echo 'a *:* rwm' > /sys/fs/cgroup/devices/devices.allow",
		"read the host's Engine":      "ls /run/slipway-labtest /run/engine.sock /run/slipway/../engine.sock",
		"see processes of the host":   "ls -d /proc/[0-9]* | wc -l | awk '{exit $1 > 200 ? 0 : 1}'",
		"be privileged in Docker":     "docker run --rm --privileged -v /:/host --pid=host --network=host redis sh -c 'mknod /tmp/x b 254 0'",
		"reach another lab":           "nc -w 2 -z " + b.Node("node1").Address + " 7777",
		"reach the internet's names":  "timeout 3 getent hosts debian.org",
	}
	for i, address := range hostAddresses {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			escapes[fmt.Sprintf("reach the host, address %d", i)] = fmt.Sprintf("nc -w 2 -z %s %d", ip.IP, port)
		}
	}
	gateway := node.Address[:strings.LastIndex(node.Address, ".")] + ".1"
	escapes["reach the host by the gateway"] = fmt.Sprintf("nc -w 2 -z %s %d", gateway, port)
	escapes["reach the host's loopback"] = fmt.Sprintf("nc -w 2 -z 127.0.0.1 %d", port)
	for name, script := range escapes {
		t.Run(name, func(t *testing.T) {
			if out, code := run(t, node, "root", script); code == 0 {
				t.Errorf("it worked:\n%s\n%s", script, out)
			}
		})
	}
	t.Run("be root on the host", func(t *testing.T) {
		out, _ := run(t, node, "root", "cat /proc/self/uid_map")
		if fields := strings.Fields(out); len(fields) != 3 || fields[1] == "0" {
			t.Errorf("uid_map is %q", out)
		}
	})
}

// The Engine is killed; nodes and what runs in them don't notice, and the next
// one that attaches starts an Engine that adopts them.
func TestEngineKilled(t *testing.T) {
	l := newLab(t, "killed")
	h := realHost(t)
	node := l.Node("node1")
	must(t, node, "docker run -d --name store redis")
	booted := must(t, node, "stat -c %Y /proc/1")
	for _, daemon := range []string{"dockerd", "containerd"} {
		killDaemon(t, daemon)
		info, err := (&lab.Agent{Dial: node.Dial}).Info(t.Context())
		if err != nil || info.Node != "node1" {
			t.Fatalf("with %s dead the agent says %+v, %v", daemon, info, err)
		}
		if err := h.Attach(t.Context()); err != nil {
			t.Fatalf("attach after %s was killed: %v", daemon, err)
		}
		if again := must(t, node, "docker exec store redis-cli ping && stat -c %Y /proc/1"); again != "PONG\n"+booted {
			t.Errorf("after %s was killed: %q, before it began at %s", daemon, again, booted)
		}
	}
	same, err := h.EnsureLab(t.Context(), l.Owner)
	if err != nil {
		t.Fatal(err)
	}
	for i := range l.Nodes {
		if same.Nodes[i].Container != l.Nodes[i].Container || same.Nodes[i].Address != l.Nodes[i].Address {
			t.Errorf("%s is not the same: %+v, was %+v", l.Nodes[i].Name, same.Nodes[i], l.Nodes[i])
		}
	}
}

func killDaemon(t *testing.T, daemon string) {
	t.Helper()
	text, err := os.ReadFile(testRun + "/" + daemon + ".pid")
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(string(text))
	line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	if !strings.Contains(string(line), testRun) {
		t.Fatalf("process %s is not the test's %s: %q", pid, daemon, line)
	}
	kill(t, pid)
	eventually(t, 10*time.Second, daemon+" is gone", func() bool {
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		return len(line) == 0
	})
}
