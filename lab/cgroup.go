package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const cgroupRoot = "/sys/fs/cgroup"

// cgroupDirs are the groups of one name below our parent group, one per
// controller on cgroup v1 and a single one on v2. Empty names the parent itself.
func (h *Host) cgroupDirs(name string) []string {
	below := filepath.Join(h.cfg.Name, name)
	dirs, _ := filepath.Glob(filepath.Join(cgroupRoot, "*", below)) // v1: one hierarchy a controller
	if single := filepath.Join(cgroupRoot, below); isDir(single) {  // v2
		dirs = append(dirs, single)
	}
	return slices.DeleteFunc(dirs, func(dir string) bool { return !isDir(dir) })
}

// handCgroups gives a node's groups to the node's root: it may make groups below
// and move its processes there, as its Engine must, but the limits of the node
// itself stay ours, because only the folder and its lists of processes change hands.
// It must be done again after every start, since the groups are made anew.
func (h *Host) handCgroups(container string) error {
	root := h.remappedRoot()
	for _, dir := range h.cgroupDirs(container) {
		for _, file := range []string{"", "cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"} {
			err := os.Lchown(filepath.Join(dir, file), root, root)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("lab: hand over the node's control group: %w", err)
			}
		}
	}
	return nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
