package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"
)

// patience bounds every wait of these tests.
const patience = 90 * time.Second

// TestMain is also the program that fetches a page inside a container's network.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "fetch" {
		os.Exit(fetch(os.Args[2]))
	}
	code := m.Run()
	rig.remove()
	os.Exit(code)
}

func fetch(url string) int {
	c := http.Client{Timeout: 10 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer r.Body.Close()
	_, _ = io.Copy(os.Stdout, io.LimitReader(r.Body, 1<<16))
	return 0
}

// A rigging is two machines as far as Docker can tell: each has a network
// namespace, a host name and an Engine of its own.
type rigging struct {
	once     sync.Once
	err      error
	dir      string
	machines []*machine
	tool     string // the program, built with the race detector
}

// rig is shared by the tests of this package and made by the first that wants it.
var rig = &rigging{}

type machine struct {
	name, space, address, dir string
	daemon                    *exec.Cmd
	docker                    *client.Client
}

func theRig(t *testing.T) *rigging {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Engines; run without -short")
	}
	rig.once.Do(func() { rig.err = rig.make() })
	if rig.err != nil {
		t.Fatal(rig.err)
	}
	t.Cleanup(func() { rig.clear(t) })
	return rig
}

func run(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}

func (r *rigging) make() error {
	if err := run("../../scripts/install", "docker.io", "docker-compose", "docker-registry", "haproxy", "redis-server", "etcd-server", "iproute2", "iptables"); err != nil {
		return err
	}
	var err error
	if r.dir, err = os.MkdirTemp("", "tools"); err != nil {
		return err
	}
	r.tool = filepath.Join(r.dir, "workshop-tools")
	if err := run("go", "build", "-race", "-o", r.tool, "."); err != nil {
		return err
	}
	for _, v := range verbs() {
		if err := os.Symlink(r.tool, filepath.Join(r.dir, v.name)); err != nil {
			return err
		}
	}
	for i := range 2 {
		m := &machine{name: fmt.Sprintf("node%d", i+1), space: fmt.Sprintf("%s-%d", filepath.Base(r.dir), i+1), address: fmt.Sprintf("10.99.0.%d", i+1)}
		m.dir = filepath.Join(r.dir, m.name)
		r.machines = append(r.machines, m)
		if err := run("ip", "netns", "add", m.space); err != nil {
			return err
		}
	}
	one, two := r.machines[0], r.machines[1]
	if err := run("ip", "link", "add", "wire", "netns", one.space, "type", "veth", "peer", "name", "wire", "netns", two.space); err != nil {
		return err
	}
	images, err := r.images()
	if err != nil {
		return err
	}
	for _, m := range r.machines {
		for _, args := range []string{"link set lo up", "link set wire up", "addr add " + m.address + "/24 dev wire"} {
			if err := run("ip", append([]string{"-n", m.space}, strings.Fields(args)...)...); err != nil {
				return err
			}
		}
		if err := m.start(); err != nil {
			return err
		}
		for name, archive := range images {
			if err := m.load(name, archive); err != nil {
				return err
			}
		}
	}
	return nil
}

// start starts the machine's Engine (again).
func (m *machine) start() error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	// Names of its own, and mounts that go away with it.
	script := `hostname "$1"; mount --make-rprivate /; shift; exec dockerd "$@"`
	m.daemon = exec.Command("nsenter", "--net=/run/netns/"+m.space, "sh", "-c", script, "dockerd", m.name,
		"--host=unix://"+m.socket(), "--host=tcp://"+m.address+":55555", "--tls=false", "--data-root="+m.dir+"/data", "--exec-root="+m.dir+"/exec", "--pidfile="+m.dir+"/pid",
		"--bip="+map[string]string{"node1": "172.30.1.1/24", "node2": "172.30.2.1/24"}[m.name], "--storage-driver=vfs", "--cgroup-parent=/"+m.space)
	m.daemon.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
	f, err := os.OpenFile(m.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	m.daemon.Stdout, m.daemon.Stderr = f, f
	if err := m.daemon.Start(); err != nil {
		return err
	}
	if m.docker, err = client.NewClientWithOpts(client.WithHost("unix://"+m.socket()), client.WithAPIVersionNegotiation()); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if _, err = m.docker.Ping(context.Background()); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(m.dir + "/log")
			return fmt.Errorf("dockerd of %s does not answer: %w\n%s", m.name, err, said[max(0, len(said)-4000):])
		}
	}
}

func (m *machine) socket() string { return m.dir + "/s" }

// stop ends the Engine; its containers end with it.
func (m *machine) stop() {
	_ = m.docker.Close()
	_ = m.daemon.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(patience/2, func() { _ = m.daemon.Process.Kill() })
	defer kill.Stop()
	_ = m.daemon.Wait()
}

func (m *machine) load(name string, archive []byte) error {
	changes := map[string][]string{
		"hamba": {"ENTRYPOINT [\"/hamba\"]", "ENV PATH=/:/usr/sbin:/usr/bin HOME=/run", "VOLUME /run", "WORKDIR /run"},
		"rng":   {"ENTRYPOINT [\"/rng\"]", "EXPOSE 80/tcp"},
	}[name]
	answer, err := m.docker.ImageImport(context.Background(), image.ImportSource{Source: bytes.NewReader(archive), SourceName: "-"}, name+":latest", image.ImportOptions{Changes: changes})
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	return err
}

// images packs what the containers need: one of our services, and hamba with this machine's HAProxy.
func (r *rigging) images() (map[string][]byte, error) {
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		return nil, err
	}
	libraries, err := exec.Command("ldd", haproxy).Output()
	if err != nil {
		return nil, err
	}
	files := map[string][]string{"rng": {"rng"}, "hamba": {"hamba", haproxy}}
	for word := range strings.FieldsSeq(string(libraries)) {
		if strings.HasPrefix(word, "/") {
			files["hamba"] = append(files["hamba"], word)
		}
	}
	images := map[string][]byte{}
	for name, paths := range files {
		build := exec.Command("go", "build", "-o", filepath.Join(r.dir, name), "../"+name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, dir := range []string{"etc/", "tmp/", "run/"} {
			_ = w.WriteHeader(&tar.Header{Name: dir, Mode: 0o777, Typeflag: tar.TypeDir})
		}
		for _, p := range paths {
			at := p
			if !filepath.IsAbs(p) {
				at = filepath.Join(r.dir, p)
			}
			text, err := os.ReadFile(at)
			if err != nil {
				return nil, err
			}
			_ = w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(p, "/"), Mode: 0o755, Size: int64(len(text))})
			_, _ = w.Write(text)
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		images[name] = archive.Bytes()
	}
	return images, nil
}

// clear removes all containers.
func (r *rigging) clear(t *testing.T) {
	for _, m := range r.machines {
		all, err := m.docker.ContainerList(context.Background(), container.ListOptions{All: true})
		if err != nil {
			t.Error(err)
		}
		for _, c := range all {
			if err := m.docker.ContainerRemove(context.Background(), c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil && !client.IsErrNotFound(err) {
				t.Error(err)
			}
		}
	}
}

// remove leaves nothing behind.
func (r *rigging) remove() {
	for _, m := range r.machines {
		if m.docker != nil {
			_ = m.docker.SwarmLeave(context.Background(), true) // it may be in none
			m.stop()
		}
		groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + m.space)
		for _, group := range append(groups, "/sys/fs/cgroup/"+m.space) {
			_ = os.Remove(group) // its own group, empty by now
		}
		if err := run("ip", "netns", "del", m.space); err != nil {
			log.Print(err)
		}
	}
	if r.dir != "" {
		if err := os.RemoveAll(r.dir); err != nil {
			log.Print(err)
		}
	}
}

// A box is a container to be started.
type box struct {
	service string
	hosts   []string
	publish bool
	labels  map[string]string
	image   string
	command []string
}

// start runs a container of the project "p" on a machine.
func (m *machine) run(t *testing.T, name string, b box) string {
	t.Helper()
	labels := map[string]string{"com.docker.compose.project": "p", "com.docker.compose.service": b.service}
	for k, v := range b.labels {
		labels[k] = v
	}
	host := &container.HostConfig{ExtraHosts: b.hosts}
	if b.publish {
		host.PortBindings = nat.PortMap{"80/tcp": {{}}}
	}
	if b.image == "" {
		b.image = "rng"
	}
	made, err := m.docker.ContainerCreate(t.Context(), &container.Config{Image: b.image, Cmd: b.command, Labels: labels, Hostname: name, ExposedPorts: nat.PortSet{"80/tcp": {}}}, host, nil, nil, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.docker.ContainerStart(t.Context(), made.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

func (m *machine) kill(t *testing.T, id string) {
	t.Helper()
	if err := m.docker.ContainerRemove(t.Context(), id, container.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
}

// ambassadors lists those a machine has, running.
func (m *machine) ambassadors(t *testing.T) []string {
	t.Helper()
	all, err := m.docker.ContainerList(t.Context(), container.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range all {
		if c.Labels["ambassador.project"] == "p" {
			found = append(found, c.Labels["ambassador.service"]+" "+c.Labels["ambassador.bindaddr"])
		}
	}
	return found
}

// from fetches a page from inside a container's network: what was said, or the error.
func (m *machine) from(t *testing.T, id, url string) string {
	t.Helper()
	d, err := m.docker.ContainerInspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	out, _ := exec.CommandContext(t.Context(), "nsenter", "--target", fmt.Sprint(d.State.Pid), "--net", os.Args[0], "fetch", url).CombinedOutput()
	return string(out)
}

// both answers which containers answer at a url within several requests, by name.
func (m *machine) answering(t *testing.T, id, url string) string {
	t.Helper()
	seen := map[string]bool{}
	for range 6 {
		said := m.from(t, id, url)
		_, name, ok := strings.Cut(strings.TrimSpace(said), "container ")
		if !ok {
			return said
		}
		seen[name] = true
	}
	var names []string
	for _, name := range []string{"rng-1", "rng-2", "rng-3"} {
		if seen[name] {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// command is a tool to be run on the first machine.
func (r *rigging) command(ctx context.Context, env []string, name string, args ...string) *exec.Cmd {
	return r.on(ctx, r.machines[0], env, name, args...)
}

func (r *rigging) on(ctx context.Context, m *machine, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=/run/netns/" + m.space, filepath.Join(r.dir, name)}, args...)...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), append([]string{"HOME=" + r.dir, "COMPOSE_PROJECT_NAME=p", "DOCKER_HOST=unix://" + r.machines[0].socket(), "ENGINES=10.99.0.1,10.99.0.2"}, env...)...)
	return cmd
}

// tool runs one to its end: what it said, and its exit code.
func (r *rigging) do(t *testing.T, env []string, name string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := r.command(ctx, env, name, args...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s does not end: %s", name, out)
	}
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("DATA RACE")) {
		t.Fatalf("%s", out)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// until waits for something to become true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain: ", what)
		}
	}
}

func listening(m *machine, port string) func() bool {
	return func() bool {
		return exec.Command("nsenter", "--net=/run/netns/"+m.space, "sh", "-c", "ss -Htln | grep -q "+net.JoinHostPort("", port)+"'\\b'").Run() == nil
	}
}
