package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// Stop ends all nodes and our Engine. Labs keep their files, containers and
// images, and come back when they are asked for. On somebody else's Engine only
// our nodes end.
func (h *Host) Stop(ctx context.Context) error {
	if h.answers(ctx) {
		h.cfg.Progress("stopping the nodes")
		err := h.stopNodes(ctx)
		if !h.own {
			return err
		}
		if err != nil { // the rest of the way down does without the Engine's help
			h.cfg.Log.Warn("not all nodes could be stopped in order", "err", err)
		}
	}
	if !h.own {
		return nil
	}
	h.cfg.Progress("stopping the lab Engine")
	unlock, err := h.lockIfThere(ctx, "engine")
	if err != nil {
		return err
	}
	defer unlock()
	// dockerd first, so that it sees its containers end through containerd.
	for _, daemon := range []string{"dockerd", "containerd"} {
		if err := h.endDaemon(ctx, daemon); err != nil {
			return err
		}
	}
	return h.killLeftovers(ctx)
}

// lockIfThere locks when the run folder exists; without one nothing runs.
func (h *Host) lockIfThere(ctx context.Context, name string) (func(), error) {
	if !isDir(h.cfg.runPath("locks")) {
		return func() {}, nil
	}
	return h.lock(ctx, name)
}

func (h *Host) stopNodes(ctx context.Context) error {
	running, err := h.docker.ContainerList(ctx, container.ListOptions{
		Filters: filters.NewArgs(filters.Arg("label", labelHost+"="+h.cfg.Name)),
	})
	if err != nil {
		return h.unreachable(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(running))
	gate := make(chan struct{}, 16)
	grace := 5 // seconds for an agent to stop its Engine and save its shells
	for i, c := range running {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			errs[i] = ignoreGone(h.docker.ContainerStop(ctx, c.ID, container.StopOptions{Timeout: &grace}))
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// endDaemon asks a daemon of ours to end, and makes it after 15 seconds.
func (h *Host) endDaemon(ctx context.Context, daemon string) error {
	pid := h.daemonPID(daemon)
	if pid == 0 {
		return nil
	}
	_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended by itself
	if waitFor(ctx, 15*time.Second, func() bool { return !alive(pid) }) == nil {
		return nil
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	if err := waitFor(ctx, 5*time.Second, func() bool { return !alive(pid) }); err != nil {
		return fmt.Errorf("lab: %s (process %d) does not end: %w", daemon, pid, err)
	}
	return nil
}

// alive reports whether a process runs; one that only waits to be reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// killLeftovers ends what an Engine that died before us left running: the
// processes in our control groups, and the shims that hold them.
func (h *Host) killLeftovers(ctx context.Context) error {
	left := func() []int { return append(h.shims(), h.groupPIDs()...) }
	return waitFor(ctx, 20*time.Second, func() bool {
		pids := left()
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone is as good
		}
		return len(pids) == 0
	})
}

// groupPIDs are the processes in our control groups.
func (h *Host) groupPIDs() []int { return pidsBelow(h.cgroupDirs("")) }

// pidsBelow are the processes in groups and all groups below them.
func pidsBelow(groups []string) []int {
	var pids []int
	for _, top := range groups {
		_ = filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Name() == "cgroup.procs" {
				text, _ := os.ReadFile(path)
				for field := range strings.FieldsSeq(string(text)) {
					if pid, err := strconv.Atoi(field); err == nil && pid > 1 && alive(pid) {
						pids = append(pids, pid)
					}
				}
			}
			return nil
		})
	}
	return pids
}

// shims are containerd's per-container processes of our Engine, known by its
// socket on their command line.
func (h *Host) shims() []int {
	entries, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var pids []int
	for _, path := range entries {
		line, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(line), "containerd-shim") || !strings.Contains(string(line), h.cfg.runPath("containerd.sock")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Purge removes every trace: labs, Engine, its data, network namespace, id
// range, control groups and run folder. What others keep in the data folder
// stays, and so does a cache that was chosen or that another installation uses. A purge that was interrupted can be repeated.
func (h *Host) Purge(ctx context.Context) error {
	if !h.own {
		err := h.removeMatching(ctx, filters.NewArgs(filters.Arg("label", labelHost+"="+h.cfg.Name)))
		return errors.Join(err, h.leaveCache(), os.RemoveAll(h.cfg.labsDir()), os.RemoveAll(h.cfg.RunDir))
	}
	if err := h.Stop(ctx); err != nil {
		return err
	}
	h.cfg.Progress("removing the lab Engine and all labs")
	h.untune()
	for _, dir := range []string{h.cfg.RunDir, h.cfg.engineDir()} {
		if err := unmountBelow(dir); err != nil {
			return err
		}
	}
	errs := []error{
		h.removeSubIDs(ctx),
		h.removeGroups(""),
		h.leaveCache(),
		os.RemoveAll(h.cfg.engineDir()),
		os.RemoveAll(h.cfg.labsDir()),
		os.RemoveAll(h.cfg.RunDir),
	}
	// Only when nothing of anybody is left in them. The last ones are folders that
	// any dockerd or containerd makes.
	for _, dir := range []string{h.cfg.DataDir, "/run/docker/plugins", "/run/docker", "/run/containerd/s", "/run/containerd"} {
		_ = os.Remove(dir)
	}
	return errors.Join(errs...)
}

// leaveCache removes the default cache when nobody else uses it.
func (h *Host) leaveCache() error {
	_ = os.Remove(h.cfg.cacheUser())
	if h.cfg.keepCache {
		return nil
	}
	if others, _ := os.ReadDir(filepath.Dir(h.cfg.cacheUser())); len(others) > 0 {
		return nil
	}
	return os.RemoveAll(h.cfg.CacheDir)
}

// unmountBelow unmounts everything at and below a folder, innermost first.
func unmountBelow(dir string) error {
	points := mounts(dir)
	for i := len(points) - 1; i >= 0; i-- {
		if err := syscall.Unmount(points[i], syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("lab: unmount %s: %w", points[i], err)
		}
	}
	return nil
}
