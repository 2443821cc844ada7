package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// cgroupDirs are the groups at a path below our parent group, one per
// controller on cgroup v1 and a single one on v2. Empty names the parent itself.
func (h *Host) cgroupDirs(path string) []string {
	below := filepath.Join(h.cfg.Name, path)
	dirs, _ := filepath.Glob(filepath.Join(cgroupRoot, "*", below)) // v1: one hierarchy a controller
	if single := filepath.Join(cgroupRoot, below); isDir(single) {  // v2
		dirs = append(dirs, single)
	}
	return slices.DeleteFunc(dirs, func(dir string) bool { return !isDir(dir) })
}

// nodeCgroups are the groups of a node. It stands below its lab; nodes of earlier
// builds stand beside.
func (h *Host) nodeCgroups(lab, container string) []string {
	return append(h.cgroupDirs(filepath.Join(lab, container)), h.cgroupDirs(container)...)
}

// handCgroups gives a node's groups to the node's root: it may make groups below
// and move its processes there, as its Engine must, but the limits of the node
// itself stay ours, because only the folder and its lists of processes change hands.
// It must be done again after every start, since the groups are made anew.
func (h *Host) handCgroups(lab, container string) error {
	root := h.remappedRoot()
	for _, dir := range h.nodeCgroups(lab, container) {
		for _, file := range []string{"", "cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"} {
			err := os.Lchown(filepath.Join(dir, file), root, root)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("lab: hand over the node's control group: %w", err)
			}
		}
	}
	h.limitLab(lab)
	return nil
}

// limitLab bounds what all nodes of a lab take together: twice what one of them may,
// so that five hogs of one person are no more than two. Processors are shared by the kernel,
// lab by lab, because each lab has a group.
func (h *Host) limitLab(lab string) {
	memory, pids := strconv.FormatInt(2*h.cfg.Limits.Memory, 10), strconv.FormatInt(2*h.cfg.Limits.PIDs, 10)
	limits := []struct{ file, value string }{
		{"memory.max", memory}, {"memory.swap.max", "0"}, {"pids.max", pids}, {"cgroup.max.descendants", "4096"}, // v2
		{"memory.limit_in_bytes", memory}, // v1, and pids.max too
	}
	for _, dir := range h.cgroupDirs(lab) {
		for _, l := range limits {
			path := filepath.Join(dir, l.file)
			if !fileExists(path) {
				continue // of another controller or version
			}
			if err := os.WriteFile(path, []byte(l.value), 0); err != nil {
				h.cfg.Log.Warn("a lab is not bounded", "lab", lab, "file", l.file, "err", err) // its nodes are
			}
		}
	}
}

// removeLabCgroups removes a lab's groups, once its nodes are gone. The
// kernel lets go of a group a moment after its last process. What can't be
// removed is an empty folder, and goes with the installation.
func (h *Host) removeLabCgroups(ctx context.Context, lab string) {
	if !h.own {
		return
	}
	err := waitFor(ctx, 5*time.Second, func() bool { return h.removeGroups(lab) == nil })
	if err != nil && ctx.Err() == nil {
		h.cfg.Log.Warn("control groups are left", "lab", lab, "err", err)
	}
}

// removeGroups removes groups with all below them, innermost first. They are
// folders that hold only the kernel's own files, so rmdir is enough and all that works.
func (h *Host) removeGroups(path string) error {
	var errs []error
	for _, top := range h.cgroupDirs(path) {
		var dirs []string
		_ = filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			if err := syscall.Rmdir(dirs[i]); err != nil && !errors.Is(err, syscall.ENOENT) {
				errs = append(errs, fmt.Errorf("lab: remove %s: %w", dirs[i], err))
			}
		}
	}
	return errors.Join(errs...)
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
