package lab_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/lab"
)

// One file fills a machine: with it alone in the cache, an Engine of its own gets
// all images, and nothing is made or fetched.
func TestBundleIsAllThatImagesNeed(t *testing.T) {
	from := realHost(t)
	path := filepath.Join(t.TempDir(), "bundle")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	begun := time.Now()
	if err := from.ExportImages(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB in %v", float64(info.Size())/1e6, time.Since(begun).Round(time.Second))
	if _, err := f.Seek(0, 0); err != nil {
		t.Fatal(err)
	}

	var said []string
	cfg := lab.Config{
		Name: "slipway-bundled", RunDir: "/run/slipway-bundled", DataDir: "/var/lib/slipway-bundled",
		CacheDir: filepath.Join("/var/lib/slipway-bundled", "cache"), Nodes: 1,
		Progress: func(line string) { said = append(said, line) },
	}
	to, err := lab.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	defer func() {
		if err := to.Purge(context.Background()); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(cfg.DataDir); err != nil {
			t.Error(err)
		}
	}()
	begun = time.Now()
	names, err := to.ImportImages(t.Context(), f)
	if err != nil || len(names) < 2 {
		t.Fatalf("%q, %v", names, err)
	}
	t.Logf("imported in %v", time.Since(begun).Round(time.Second))
	if err := to.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, line := range said {
		if strings.Contains(line, "making the nodes' Debian") || strings.Contains(line, "fetching") || strings.Contains(line, "building the image") {
			t.Errorf("something was made that the bundle has: %s", line)
		}
	}
	l, err := to.EnsureLab(t.Context(), lab.Owner{Lab: "alone", Session: "test", Participant: "alone"})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := (&lab.Agent{Dial: l.Nodes[0].Dial}).Info(t.Context()); err != nil || info.Node != "node1" {
		t.Errorf("its node: %+v, %v", info, err)
	}
	if len(to.LibraryArchives()) == 0 {
		t.Error("there is nothing for the library")
	}
}
