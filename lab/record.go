package lab

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// record is a lab as it is remembered in the data folder. Its key names
// everything of it on the Engine, for good; its owner may come later, for a lab
// that was made for the pool. Labels can't change, so this is where it is written.
type record struct {
	key   string
	owner Owner
}

// warmPrefix begins the keys of labs that were made for the pool.
const warmPrefix = "warm-"

// warm reports whether a lab waits in the pool: it is its own owner.
func (r record) warm() bool { return strings.HasPrefix(r.key, warmPrefix) && r.owner.Lab == r.key }

// warm is the same of a lab as it was found.
func (l *Lab) warm() bool {
	return strings.HasPrefix(l.ID, warmPrefix) && l.Owner.Participant == "" && l.Owner.Lab == l.ID
}

// records reads all records; what can't be read is left out.
func (h *Host) records() []record {
	entries, _ := os.ReadDir(h.cfg.labsDir())
	var all []record
	for _, e := range entries {
		if owner, ok := h.readOwner(e.Name()); ok {
			all = append(all, record{e.Name(), owner})
		}
	}
	return all
}

// keyOf finds the key of a lab by its id.
func (h *Host) keyOf(id string) (string, bool) {
	if owner, ok := h.readOwner(id); ok && owner.Lab == id {
		return id, true // most labs were made for their owner
	}
	for _, r := range h.records() {
		if r.owner.Lab == id {
			return r.key, true
		}
	}
	return "", false
}

func (h *Host) readOwner(key string) (Owner, bool) {
	text, err := os.ReadFile(filepath.Join(h.cfg.labKeep(key), "owner.json"))
	if err != nil {
		return Owner{}, false
	}
	var o Owner
	return o, json.Unmarshal(text, &o) == nil && o.Lab != ""
}

// writeOwner writes a record, whole or not at all.
func (h *Host) writeOwner(r record) error {
	dir := h.cfg.labKeep(r.key)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if known, ok := h.readOwner(r.key); ok && known == r.owner {
		return nil
	}
	text, err := json.Marshal(r.owner)
	if err != nil {
		return err
	}
	temp := filepath.Join(dir, "owner.json.new")
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return fmt.Errorf("lab: remember whose lab %s is: %w", r.key, err)
	}
	return os.Rename(temp, filepath.Join(dir, "owner.json"))
}
