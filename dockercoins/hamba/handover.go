package main

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// How a configuration travels through the volume: "new" is put there whole by
// anyone, the balancer renames it to "chk" while it looks at it, to "cfg" when it
// is in force, and tells the outcome in "outcome".
func newPath(dir string) string     { return filepath.Join(dir, "haproxy.new") }
func checkPath(dir string) string   { return filepath.Join(dir, "haproxy.chk") }
func currentPath(dir string) string { return filepath.Join(dir, "haproxy.cfg") }
func outcomePath(dir string) string { return filepath.Join(dir, "haproxy.outcome") }
func socketPath(dir string) string  { return filepath.Join(dir, "haproxy.sock") }

// maxConfig is the most we read of a configuration, in bytes.
const maxConfig = 1 << 20

// An outcome says what became of the configuration with that id.
type outcome struct {
	ID   string
	Good bool
	Said string // what HAProxy said about it when it was not good
}

const idMark = "# hamba "

// sign puts an id of its own in front of a configuration.
func sign(text string) (signed, id string) {
	id = rand.Text()
	return idMark + id + "\n" + text, id
}

// unsign is the way back. Configurations written by hand have no id.
func unsign(signed string) (text, id string) {
	first, rest, _ := strings.Cut(signed, "\n")
	if id, ok := strings.CutPrefix(first, idMark); ok {
		return rest, id
	}
	return signed, ""
}

// put writes a file whole or not at all.
func put(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func (o outcome) save(dir string) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return put(outcomePath(dir), string(text))
}

// await waits for the outcome of one configuration; it is false when nobody
// took it up in time.
func await(dir, id string, patience time.Duration) (outcome, bool) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(25 * time.Millisecond) {
		var o outcome
		text, err := os.ReadFile(outcomePath(dir))
		if err == nil && json.Unmarshal(text, &o) == nil && o.ID == id {
			return o, true
		}
	}
	return outcome{}, false
}
