package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/workshop"
)

func TestFoldersOnTheWayMustBePassable(t *testing.T) {
	root := t.TempDir() // passable itself, or no test here could use it
	closed := filepath.Join(root, "closed")
	if err := os.MkdirAll(filepath.Join(closed, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := root; dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o001 == 0 {
			t.Fatalf("%s: %v; give TMPDIR a folder others may pass through", dir, err)
		}
	}
	if err := checkPassable(filepath.Join(closed, "data")); err != nil {
		t.Errorf("an open way is refused: %v", err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	err := checkPassable(filepath.Join(closed, "data"))
	if workshop.KindOf(err) != workshop.Invalid || !strings.Contains(workshop.MessageOf(err), "chmod o+x "+closed) {
		t.Errorf("got %v", err)
	}
}
