package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"slipway/workshop"
)

// filled is a cache folder with something in place of each image.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, c := range List(dir) {
		write(t, filepath.Join(dir, c.Name), strings.Repeat(c.Name, 10_000))
	}
	write(t, filepath.Join(dir, "library", "more.tar"), "an image of the operator's")
	write(t, filepath.Join(dir, "base-000000000000.tar"), "of another version")
	write(t, filepath.Join(dir, "picked-1", "x"), "not bundled")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func exported(t *testing.T, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Export(t.Context(), dir, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBundleFillsAnEmptyCache(t *testing.T) {
	from, to := filled(t), t.TempDir()
	names, err := Import(t.Context(), to, bytes.NewReader(exported(t, from)))
	if err != nil || len(names) != 3 {
		t.Fatalf("import: %q, %v", names, err)
	}
	for _, c := range List(from) {
		was, _ := os.ReadFile(filepath.Join(from, c.Name))
		is, err := os.ReadFile(filepath.Join(to, c.Name))
		if c.Current && (err != nil || !bytes.Equal(was, is)) {
			t.Errorf("%s: %v", c.Name, err)
		}
		if !c.Current && err == nil {
			t.Errorf("%s of another version was carried", c.Name)
		}
	}
	if got := Library(to); len(got) != 2 {
		t.Errorf("library: %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(to, "*.part")); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestExportNeedsAllImages(t *testing.T) {
	dir := filled(t)
	os.Remove(filepath.Join(dir, "small-"+smallHash()+".tar"))
	if err := Export(t.Context(), dir, io.Discard); workshop.KindOf(err) != workshop.Unavailable {
		t.Errorf("without the small images: %v", err)
	}
}

// forged is a bundle of anything.
func forged(t *testing.T, index any, files ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z, _ := zstd.NewWriter(&b)
	w := tar.NewWriter(z)
	text, _ := json.Marshal(index)
	for _, h := range append([]tar.Header{{Name: bundleIndex, Size: int64(len(text)), Typeflag: tar.TypeReg}}, files...) {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		content := bytes.Repeat([]byte("x"), int(h.Size))
		if h.Name == bundleIndex {
			content = text
		}
		w.Write(content)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func TestImportRefuses(t *testing.T) {
	whole := exported(t, filled(t))
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 0x40
	entry := func(name string) bundle {
		return bundle{bundleVersion, runtime.GOARCH, []bundled{{name, 3, strings.Repeat("0", 64)}}}
	}
	x := func(name string) tar.Header { return tar.Header{Name: name, Size: 3, Typeflag: tar.TypeReg} }
	for name, text := range map[string][]byte{
		"nothing":             nil,
		"noise":               []byte(strings.Repeat("no bundle", 1000)),
		"half":                whole[:len(whole)/2],
		"a flipped bit":       flipped,
		"another version":     forged(t, bundle{2, runtime.GOARCH, entry("base-0123456789ab.tar").Files}),
		"another processor":   forged(t, bundle{1, "abacus", entry("base-0123456789ab.tar").Files}),
		"no files":            forged(t, bundle{1, runtime.GOARCH, nil}),
		"a way out":           forged(t, entry("../../evil.tar"), x("../../evil.tar")),
		"a way out below":     forged(t, entry("library/../../evil.tar"), x("library/../../evil.tar")),
		"an absolute path":    forged(t, entry("/tmp/evil.tar"), x("/tmp/evil.tar")),
		"the lock":            forged(t, entry("lock"), x("lock")),
		"a wrong sum":         forged(t, entry("base-0123456789ab.tar"), x("base-0123456789ab.tar")),
		"another file":        forged(t, entry("base-0123456789ab.tar"), x("small-0123456789ab.tar")),
		"a link":              forged(t, entry("base-0123456789ab.tar"), tar.Header{Name: "base-0123456789ab.tar", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}),
		"a file that's short": forged(t, bundle{1, runtime.GOARCH, []bundled{{"base-0123456789ab.tar", 4, ""}}}, x("base-0123456789ab.tar")),
	} {
		dir := filepath.Join(t.TempDir(), "deep", "cache")
		os.MkdirAll(dir, 0o755)
		if _, err := Import(t.Context(), dir, bytes.NewReader(text)); workshop.KindOf(err) != workshop.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		left, _ := os.ReadDir(dir)
		for _, e := range left {
			if e.Name() != "lock" && !(name == "half" || name == "a flipped bit") {
				t.Errorf("%s left %s", name, e.Name())
			}
		}
		if found, _ := filepath.Glob(filepath.Join(dir, "..", "..", "*evil*")); found != nil {
			t.Errorf("%s wrote %q", name, found)
		}
	}
}
