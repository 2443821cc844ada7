package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
)

// Real is a throw-away dockerd with nothing in it but the image app, whose
// one program is /app (see the folder app). It lives in a network namespace of
// its own, without a bridge and without touching any packet filter.
type Real struct {
	Host   string
	client Client
	dir    string
	daemon *exec.Cmd
}

// Client is what is needed of the Docker client to set up and clear away. It
// comes from the test, because clients are made in one room alone.
type Client interface {
	Ping(context.Context) (types.Ping, error)
	ImageImport(context.Context, image.ImportSource, string, image.ImportOptions) (io.ReadCloser, error)
	ContainerList(context.Context, container.ListOptions) ([]container.Summary, error)
	ContainerRemove(context.Context, string, container.RemoveOptions) error
	SwarmLeave(context.Context, bool) error
}

// realLimit bounds starting and stopping.
const realLimit = 60 * time.Second

// StartReal starts a dockerd that ends with the test and leaves nothing. It
// needs root and Debian's docker.io. connect makes a client of an address; the
// test closes it.
func StartReal(t testing.TB, connect func(host string) Client) *Real {
	t.Helper()
	dir, err := os.MkdirTemp("", "real")
	if err != nil {
		t.Fatal(err)
	}
	r := &Real{Host: "unix://" + filepath.Join(dir, "docker.sock"), dir: dir}
	r.client = connect(r.Host)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.remove(t) })
	ctx, cancel := context.WithTimeout(context.Background(), realLimit)
	defer cancel()
	if err := r.importApp(ctx, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return r
}

// Start starts the daemon (again) and waits until it answers.
func (r *Real) Start() error {
	args := []string{"--host", r.Host, "--data-root", r.dir + "/data", "--exec-root", r.dir + "/exec", "--pidfile", r.dir + "/pid",
		"--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs", "--cgroup-parent", "/" + filepath.Base(r.dir)}
	r.daemon = exec.Command("sh", append([]string{"-c", `ip link set lo up && exec dockerd "$@"`, "dockerd"}, args...)...)
	r.daemon.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	log, err := os.OpenFile(r.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	r.daemon.Stdout, r.daemon.Stderr = log, log
	if err := r.daemon.Start(); err != nil {
		return fmt.Errorf("starting dockerd (root and docker.io are needed): %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), realLimit)
	defer cancel()
	for {
		if _, err = r.client.Ping(ctx); err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			r.Stop()
			said, _ := os.ReadFile(r.dir + "/log")
			return fmt.Errorf("dockerd does not answer: %w\n%s", err, said)
		}
	}
}

// Stop ends the daemon as a shutdown does; containers end with it.
func (r *Real) Stop() {
	r.daemon.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(realLimit/2, func() { r.daemon.Process.Kill() })
	defer kill.Stop()
	r.daemon.Wait()
}

func (r *Real) remove(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), realLimit)
	defer cancel()
	r.client.SwarmLeave(ctx, true)
	all, _ := r.client.ContainerList(ctx, container.ListOptions{All: true})
	for _, c := range all {
		r.client.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true})
	}
	r.Stop()
	for _, mounted := range mountsBelow(r.dir) {
		syscall.Unmount(mounted, syscall.MNT_DETACH)
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + filepath.Base(r.dir))
	for _, group := range append(groups, "/sys/fs/cgroup/"+filepath.Base(r.dir)) {
		os.Remove(group) // its own group, empty by now
	}
	if err := os.RemoveAll(r.dir); err != nil {
		t.Errorf("what dockerd left: %v", err)
	}
}

// mountsBelow lists the mount points below a folder, deepest first.
func mountsBelow(dir string) []string {
	table, _ := os.ReadFile("/proc/self/mounts")
	var found []string
	for line := range strings.SplitSeq(string(table), "\n") {
		if parts := strings.Fields(line); len(parts) > 1 && strings.HasPrefix(parts[1], dir+"/") {
			found = append([]string{parts[1]}, found...)
		}
	}
	return found
}

// importApp makes the image app: one static program.
func (r *Real) importApp(ctx context.Context, dir string) error {
	program := filepath.Join(dir, "app")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "slipway/internal/dockertest/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the app: %w\n%s", err, said)
	}
	bytesOf, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	w.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(bytesOf))})
	w.Write(bytesOf)
	w.Close()
	answer, err := r.client.ImageImport(ctx, image.ImportSource{Source: &archive, SourceName: "-"}, "app:latest",
		image.ImportOptions{Changes: []string{`ENTRYPOINT ["/app"]`, `CMD ["wait"]`}})
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	return err
}
