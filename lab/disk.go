package lab

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Labs share a disk, and most file systems can't tell them apart. What keeps one
// lab from filling it for all is this guard: when little is left, the programs in
// nodes that write most are ended, as the kernel does when memory runs out.
// Their nodes go on, so that people can remove what they wrote.

// lowDisk is how many bytes have to stay free; new labs are refused long before.
const lowDisk = MinFree / 2

// How often the guard looks, and for how long it watches who writes.
const (
	diskLook  = time.Second
	diskWatch = 200 * time.Millisecond
)

// heavyWriter is how many bytes in diskWatch make a program one that fills
// the disk; one that writes less may have other reasons, and can wait for the next look.
const heavyWriter = 4 << 20

// guardDisk guards until ctx ends.
func (h *Host) guardDisk(ctx context.Context) {
	if !h.own {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(diskLook):
		}
		if free, err := freeBytes(h.cfg.DataDir); err == nil && free < h.lowDisk {
			h.endWriters(ctx, free)
		}
	}
}

func freeBytes(dir string) (int64, error) {
	var fs syscall.Statfs_t
	err := syscall.Statfs(dir, &fs)
	return int64(fs.Bavail) * int64(fs.Bsize), err
}

// endWriters ends the programs in nodes that write most.
func (h *Host) endWriters(ctx context.Context, free int64) {
	before := h.written()
	select {
	case <-ctx.Done():
		return
	case <-time.After(diskWatch):
	}
	writers := h.written()
	for pid, w := range writers {
		w.bytes -= before[pid].bytes
		writers[pid] = w
	}
	for _, w := range heaviest(writers) {
		if h.endInNode(w) {
			h.cfg.Log.Warn("the disk is almost full; ended a program in a node that wrote much", "lab", w.lab, "free", free, "program", w.name, "written", w.bytes)
		}
	}
}

// endInNode ends a process that is still in its lab's group: by a handle, because
// another program may have got its number.
func (h *Host) endInNode(w writer) bool {
	p, err := os.FindProcess(w.pid)
	if err != nil {
		return false
	}
	defer p.Release()
	groups, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(w.pid), "cgroup"))
	return err == nil && strings.Contains(string(groups), h.cfg.cgroupParent()+"/"+w.lab+"/") && p.Kill() == nil
}

// writer is a process in a node.
type writer struct {
	pid       int
	lab, name string
	bytes     int64
}

// heaviest are those that write at least half as much as the one that writes most.
func heaviest(writers map[int]writer) []writer {
	var most []writer
	for _, w := range writers {
		if w.bytes >= heavyWriter {
			most = append(most, w)
		}
	}
	slices.SortFunc(most, func(a, b writer) int { return cmp.Compare(b.bytes, a.bytes) })
	for i, w := range most {
		if w.bytes < most[0].bytes/2 {
			return most[:i]
		}
	}
	return most
}

// written is what the processes in nodes have written in their lives. The
// agents, which write little, are left out: a node's end helps nobody.
func (h *Host) written() map[int]writer {
	all := map[int]writer{}
	for _, r := range h.records() {
		for _, pid := range pidsBelow(h.cgroupDirs(r.key)) {
			dir := filepath.Join("/proc", strconv.Itoa(pid))
			text, err := os.ReadFile(dir + "/io")
			if err != nil || isFirst(dir) {
				continue
			}
			name, _ := os.ReadFile(dir + "/comm")
			w := writer{pid: pid, lab: r.key, name: strings.TrimSpace(string(name))}
			for line := range strings.Lines(string(text)) {
				_, _ = fmt.Sscanf(line, "write_bytes: %d", &w.bytes) // of the other lines, nothing
			}
			all[pid] = w
		}
	}
	return all
}

// isFirst reports whether a process is the first of its node: in the innermost but
// one name space of process ids it has number 1, while containers in a node have two above.
func isFirst(dir string) bool {
	status, _ := os.ReadFile(dir + "/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			ids := strings.Fields(rest)
			return len(ids) == 2 && ids[1] == "1"
		}
	}
	return false
}
