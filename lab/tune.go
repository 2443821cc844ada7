package lab

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tunables are bounds of the kernel that are counted for all nodes together,
// because the remapped users of all nodes count as few users of the host. Their
// usual values end at some thirty Engines or two hundred nodes.
var tunables = []struct {
	path  string
	least int
	why   string
}{
	{"/proc/sys/fs/inotify/max_user_instances", 8192, "an Engine watches with four"},
	{"/proc/sys/fs/inotify/max_user_watches", 65536, "editors and Engines watch files"},
	{"/proc/sys/kernel/keys/maxkeys", 4000, "every node has a session key ring"},
	{"/proc/sys/kernel/keys/maxbytes", 400000, "goes with it"},
}

// tune raises the bounds that are too low and remembers what they were. A
// host that doesn't let us works, with fewer labs.
func (h *Host) tune() {
	before := map[string]int{}
	if text, err := os.ReadFile(h.tuneFile()); err == nil {
		_ = json.Unmarshal(text, &before) // damaged: then nothing is put back
	}
	for _, t := range tunables {
		now, err := readNumber(t.path)
		if err != nil || now >= t.least {
			continue
		}
		if err := os.WriteFile(t.path, []byte(strconv.Itoa(t.least)), 0o644); err != nil {
			h.cfg.Log.Warn("a bound of the kernel is low and can't be raised", "path", t.path, "value", now, "err", err)
			continue
		}
		before[t.path] = now
	}
	if len(before) > 0 {
		text, _ := json.Marshal(before) // a map of numbers
		_ = os.WriteFile(h.tuneFile(), text, 0o600)
	}
}

// untune puts back what tune raised, unless somebody changed it since.
func (h *Host) untune() {
	var before map[string]int
	text, err := os.ReadFile(h.tuneFile())
	if err != nil || json.Unmarshal(text, &before) != nil {
		return
	}
	for _, t := range tunables {
		if was, ok := before[t.path]; ok {
			if now, err := readNumber(t.path); err == nil && now == t.least {
				_ = os.WriteFile(t.path, []byte(strconv.Itoa(was)), 0o644)
			}
		}
	}
}

func (h *Host) tuneFile() string { return filepath.Join(h.cfg.engineDir(), "tuned.json") }

func readNumber(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
