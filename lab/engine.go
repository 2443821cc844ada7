package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"slipway/workshop"
)

// How long the Engine may take to answer after a start: a first start makes its
// folders and rules, one with two hundred nodes to adopt takes longer.
const engineStartTimeout = 90 * time.Second

// startEngine starts our Engine, or adopts the one that answers already. Its
// parts are two daemons of their own session in the pinned network namespace,
// so they outlive whoever started them.
func (h *Host) startEngine(ctx context.Context) error {
	if err := h.prepareDirs(); err != nil {
		return err
	}
	unlock, err := h.lock(ctx, "engine")
	if err != nil {
		return err
	}
	defer unlock()
	if h.healthy(ctx) {
		return nil
	}
	h.cfg.Progress("starting the lab Engine")
	if err := h.layEngine(ctx); err != nil {
		return err
	}
	if h.daemonPID("containerd") == 0 {
		// A dockerd that lost its containerd does not find its containers in the next;
		// one that begins anew does. Nodes notice neither.
		if err := h.endDaemon(ctx, "dockerd"); err != nil {
			return err
		}
		if err := h.launch(ctx, "containerd", "--config", h.cfg.runPath("containerd.toml")); err != nil {
			return err
		}
		if err := waitFor(ctx, 30*time.Second, func() bool { return dialable(h.cfg.runPath("containerd.sock")) }); err != nil {
			return h.engineError("containerd", err)
		}
	}
	if h.daemonPID("dockerd") == 0 {
		os.Remove(h.cfg.runPath("engine.pid")) // left by a reboot or a kill; dockerd would believe it
		if err := h.launch(ctx, "dockerd", h.dockerdArgs()...); err != nil {
			return err
		}
	}
	if err := waitFor(ctx, engineStartTimeout, func() bool { return h.healthy(ctx) }); err != nil {
		return h.engineError("dockerd", err)
	}
	return nil
}

// healthy reports whether both halves of our Engine answer: the API alone would
// still list containers that it can no longer start or enter.
func (h *Host) healthy(ctx context.Context) bool {
	return h.answers(ctx) && (!h.own || dialable(h.cfg.runPath("containerd.sock")))
}

// layEngine makes what the daemons need: id range, network namespace, folders
// and settings.
func (h *Host) layEngine(ctx context.Context) error {
	if _, err := h.ensureSubIDs(ctx); err != nil {
		return err
	}
	if err := h.ensureNetns(ctx); err != nil {
		return err
	}
	if err := h.remakeDoors(ctx); err != nil {
		return err
	}
	for _, dir := range []string{h.cfg.engineDir(), h.cfg.logDir()} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
	}
	h.tune()
	settings := map[string]string{
		"containerd.toml": fmt.Sprintf(containerdConfig, h.cfg.engineDir()+"/containerd", h.cfg.runPath("containerd"), h.cfg.runPath("containerd.sock")),
		// An empty file of our own keeps the machine's /etc/docker/daemon.json out.
		"engine.json": "{}\n",
	}
	for name, text := range settings {
		if err := os.WriteFile(h.cfg.runPath(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// containerdConfig turns off what nodes don't use: the Kubernetes interface
// (it would listen on TCP) and snapshotters that only log that they can't run.
const containerdConfig = `version = 2
root = %q
state = %q
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt",
]
[grpc]
  address = %q
`

func (h *Host) dockerdArgs() []string {
	return []string{
		"--config-file", h.cfg.runPath("engine.json"),
		"--data-root", filepath.Join(h.cfg.engineDir(), "docker"),
		"--exec-root", h.cfg.runPath("docker"),
		"--pidfile", h.cfg.runPath("engine.pid"),
		"--host", "unix://" + h.cfg.engineSocket(),
		"--containerd", h.cfg.runPath("containerd.sock"),
		"--userns-remap", h.cfg.Name,
		"--live-restore",
		"--bridge", "none", // every lab has a bridge of its own
		"--userland-proxy=false",
		"--storage-driver", "overlay2",
		"--default-address-pool", "base=" + h.cfg.Pool.String() + ",size=" + strconv.Itoa(labBits),
		"--exec-opt", "native.cgroupdriver=cgroupfs", // the same on every host; nodes sit under one group of ours
		"--cgroup-parent", h.cfg.cgroupParent(),
		"--log-opt", "max-size=1m", "--log-opt", "max-file=2",
		"--log-level", "warn",
		"--max-concurrent-downloads", "2",
	}
}

// launch starts a daemon in the Engine's network namespace, detached: a shell
// forks it and ends, so it belongs to nobody's process tree and leaves no zombie.
// Its pid is written beside the sockets.
func (h *Host) launch(ctx context.Context, daemon string, args ...string) error {
	path, err := exec.LookPath(daemon)
	if err != nil {
		return workshop.Errorf(workshop.Unavailable, "The program %s is not installed: run as root so that Slipway can install it, or install docker.io.", daemon).Because(err)
	}
	log, err := openLog(filepath.Join(h.cfg.logDir(), daemon+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	const script = `pid=$1; shift; setsid sh -c 'echo $$ >"$0" && exec "$@"' "$pid" "$@" </dev/null &`
	sh := append([]string{"-c", script, "sh", h.cfg.runPath(daemon + ".pid"),
		"nsenter", "--net=" + h.cfg.netns(), "--", path}, args...)
	cmd := exec.CommandContext(ctx, "sh", sh...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("lab: start %s: %w", daemon, err)
	}
	return nil
}

// daemonPID is the process id of our daemon, or 0 when it doesn't run. A pid
// whose command line doesn't name our run folder is somebody else's.
func (h *Host) daemonPID(daemon string) int {
	text, err := os.ReadFile(h.cfg.runPath(daemon + ".pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return 0
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.Contains(string(line), h.cfg.RunDir+"/") || !strings.Contains(string(line), daemon) {
		return 0
	}
	return pid
}

// engineError tells why the Engine doesn't come up, with the end of its log.
func (h *Host) engineError(daemon string, cause error) error {
	path := filepath.Join(h.cfg.logDir(), daemon+".log")
	tail := lastLines(path, 3)
	if tail != "" {
		cause = fmt.Errorf("%w; it said: %s", cause, tail)
	}
	return workshop.Errorf(workshop.Unavailable, "The lab Engine does not start. Its log is %s; \"slipway doctor\" tells what this machine lacks.", path).Because(cause)
}

// waitFor asks every 50 ms until ok or the time is over.
func waitFor(ctx context.Context, limit time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer within %v: %w", limit, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
