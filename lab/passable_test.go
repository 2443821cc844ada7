package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/workshop"
)

func TestFoldersOnTheWayMustBePassable(t *testing.T) {
	root := t.TempDir()
	if err := os.Chmod(filepath.Dir(root), 0o711); err != nil { // made for its owner alone
		t.Fatal(err)
	}
	closed := filepath.Join(root, "closed")
	if err := os.MkdirAll(filepath.Join(closed, "data"), 0o755); err != nil {
		t.Fatal(err)
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
