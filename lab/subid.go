package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

const (
	subIDCount = 65536
	subIDFirst = 1 << 20 // above what useradd gives people by default on a fresh machine
)

// ensureSubIDs makes the user whose subordinate ids the nodes' users are, and
// answers the first of them. The user can't log in and owns nothing else.
func (h *Host) ensureSubIDs(ctx context.Context) (int, error) {
	name := h.cfg.Name
	if _, err := user.Lookup(name); err != nil {
		out, err := exec.CommandContext(ctx, "useradd", "--system", "--no-create-home",
			"--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", name).CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("lab: make the user %s: %w: %s", name, err, strings.TrimSpace(string(out)))
		}
	}
	ranges := append(readSubIDs("/etc/subuid"), readSubIDs("/etc/subgid")...)
	first := chooseSubIDs(name, ranges)
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		if !slices.Contains(readSubIDs(file), subRange{name, first, subIDCount}) {
			if err := editSubIDs(file, name, fmt.Sprintf("%s:%d:%d\n", name, first, subIDCount)); err != nil {
				return 0, err
			}
		}
	}
	h.mu.Lock()
	h.subID = first
	h.mu.Unlock()
	return first, nil
}

// remappedRoot is the host's id of root in a node.
func (h *Host) remappedRoot() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subID == 0 {
		for _, r := range readSubIDs("/etc/subuid") {
			if r.name == h.cfg.Name {
				h.subID = r.first
			}
		}
	}
	return h.subID
}

// removeSubIDs takes back what ensureSubIDs did.
func (h *Host) removeSubIDs(ctx context.Context) error {
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		if err := editSubIDs(file, h.cfg.Name, ""); err != nil {
			return err
		}
	}
	if _, err := user.Lookup(h.cfg.Name); err != nil {
		return nil
	}
	out, err := exec.CommandContext(ctx, "userdel", h.cfg.Name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("lab: remove the user %s: %w: %s", h.cfg.Name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

type subRange struct {
	name         string
	first, count int
}

// readSubIDs reads name:first:count lines; lines it can't read are left out.
func readSubIDs(file string) []subRange {
	text, _ := os.ReadFile(file)
	var ranges []subRange
	for line := range strings.Lines(string(text)) {
		parts := strings.Split(strings.TrimSpace(line), ":")
		if len(parts) != 3 {
			continue
		}
		first, err1 := strconv.Atoi(parts[1])
		count, err2 := strconv.Atoi(parts[2])
		if err1 == nil && err2 == nil {
			ranges = append(ranges, subRange{parts[0], first, count})
		}
	}
	return ranges
}

// chooseSubIDs answers the start of name's range, or of the first gap that is
// wide enough and taken by nobody.
func chooseSubIDs(name string, taken []subRange) int {
	for _, r := range taken {
		if r.name == name && r.count == subIDCount {
			return r.first
		}
	}
	first := subIDFirst
	slices.SortFunc(taken, func(a, b subRange) int { return a.first - b.first })
	for _, r := range taken {
		if first < r.first+r.count && r.first < first+subIDCount {
			first = (r.first + r.count + subIDCount - 1) / subIDCount * subIDCount
		}
	}
	return first
}

// editSubIDs replaces name's lines in a file by one line ("" removes them),
// through a new file so that a reader never sees half of it.
func editSubIDs(file, name, line string) error {
	old, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	var text strings.Builder
	for l := range strings.Lines(string(old)) {
		if !strings.HasPrefix(l, name+":") {
			text.WriteString(strings.TrimSuffix(l, "\n") + "\n")
		}
	}
	text.WriteString(line)
	if text.String() == string(old) {
		return nil
	}
	temp := file + ".slipway"
	if err := os.WriteFile(temp, []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, file)
}
