package images

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"slipway/workshop"
)

// A bundle is one file with all that costs a network to make: it is carried to
// a machine that has none. It is a tar, packed with zstd: first bundle.json, which
// says what follows, then the files of the cache folder as they are there.

const (
	bundleIndex   = "bundle.json"
	bundleVersion = 1
	maxBundled    = 1000    // files
	maxIndex      = 1 << 20 // bytes of bundle.json
	maxFile       = 8 << 30 // bytes of one file
	libraryFolder = "library"
)

// Cached is a file of the cache folder that a bundle carries.
type Cached struct {
	Name    string    // below the cache folder
	What    string    // in words
	Size    int64     // bytes; 0 when it is missing
	Made    time.Time // zero when it is missing
	Current bool      // this build of Slipway would use it
}

type bundle struct {
	Version int       `json:"version"`
	Arch    string    `json:"arch"`
	Files   []bundled `json:"files"`
}

type bundled struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// bundledName is what a bundle may carry: nothing else is ever written.
var bundledName = regexp.MustCompile(`^(base|small)-[0-9a-f]{12}\.tar$|^library/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.tar$`)

// List tells what the cache folder holds of what a bundle carries, and what is missing.
func List(cacheDir string) []Cached {
	current := []Cached{
		{Name: "base-" + baseRecipe().hash() + ".tar", What: "the nodes' Debian"},
		{Name: "small-" + smallHash() + ".tar", What: "small images and library"},
	}
	all := slices.Clone(current)
	for _, pattern := range []string{"base-*.tar", "small-*.tar", libraryFolder + "/*.tar"} {
		found, _ := filepath.Glob(filepath.Join(cacheDir, pattern))
		for _, path := range found {
			name, _ := filepath.Rel(cacheDir, path)
			if !bundledName.MatchString(name) || slices.ContainsFunc(current, func(c Cached) bool { return c.Name == name }) {
				continue
			}
			what := "of another version"
			if strings.HasPrefix(name, libraryFolder) {
				what = "more for the library"
			}
			all = append(all, Cached{Name: name, What: what})
		}
	}
	for i := range all {
		all[i].Current = i < len(current) || strings.HasPrefix(all[i].Name, libraryFolder)
		if info, err := os.Stat(filepath.Join(cacheDir, all[i].Name)); err == nil {
			all[i].Size, all[i].Made = info.Size(), info.ModTime()
		}
	}
	return all
}

// Library answers the paths of the archives that the labs' registry offers:
// the small images, and whatever "docker save" archives lie in the cache's
// folder "library". None when nothing is built yet.
func Library(cacheDir string) []string {
	var paths []string
	for _, c := range List(cacheDir) {
		if c.Current && c.Size > 0 && !strings.HasPrefix(c.Name, "base-") {
			paths = append(paths, filepath.Join(cacheDir, c.Name))
		}
	}
	return paths
}

// Export writes a bundle of all that is current in the cache folder. What is missing is
// an error: build it first.
func Export(ctx context.Context, cacheDir string, w io.Writer) error {
	index := bundle{Version: bundleVersion, Arch: runtime.GOARCH}
	for _, c := range List(cacheDir) {
		if !c.Current {
			continue
		}
		if c.Size == 0 {
			return workshop.Errorf(workshop.Unavailable, "The images are not built yet. \"slipway images build\" does it.")
		}
		sum, err := hashFile(filepath.Join(cacheDir, c.Name))
		if err != nil {
			return err
		}
		index.Files = append(index.Files, bundled{c.Name, c.Size, sum})
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	text, err := json.MarshalIndent(index, "", "  ")
	if err == nil {
		err = addToTar(ctx, t, bundleIndex, int64(len(text)), strings.NewReader(string(text)))
	}
	for _, f := range index.Files {
		if err == nil {
			err = addFile(ctx, t, cacheDir, f)
		}
	}
	if err != nil {
		z.Close()
		return fmt.Errorf("images: write the bundle: %w", err)
	}
	return errors.Join(t.Close(), z.Close())
}

func addFile(ctx context.Context, t *tar.Writer, cacheDir string, f bundled) error {
	file, err := os.Open(filepath.Join(cacheDir, f.Name))
	if err != nil {
		return err
	}
	defer file.Close()
	return addToTar(ctx, t, f.Name, f.Size, file)
}

func addToTar(ctx context.Context, t *tar.Writer, name string, size int64, content io.Reader) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: epoch, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := io.CopyN(t, reading{ctx, content}, size)
	return err
}

// reading fails when its context ends.
type reading struct {
	ctx context.Context
	r   io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Import fills the cache folder from a bundle and answers the names of what it
// brought. Each file is there whole and as it was bundled, or not at all.
func Import(ctx context.Context, cacheDir string, r io.Reader) ([]string, error) {
	b := &builder{Options{CacheDir: cacheDir, Progress: func(string) {}}}
	unlock, err := b.lockCache(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	z, err := zstd.NewReader(reading{ctx, r}, zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	index, err := readIndex(t)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range index.Files {
		h, err := t.Next()
		if err == nil && (h.Name != f.Name || h.Size != f.Size || h.Typeflag != tar.TypeReg) {
			err = fmt.Errorf("%s is where %s should be", h.Name, f.Name)
		}
		if err == nil {
			err = place(cacheDir, f, t)
		}
		if err != nil {
			if ctx.Err() != nil {
				return names, ctx.Err()
			}
			return names, workshop.Errorf(workshop.Invalid, "The bundle is damaged or cut off at %s. Copy it again.", f.Name).Because(err)
		}
		names = append(names, f.Name)
	}
	return names, nil
}

func readIndex(t *tar.Reader) (bundle, error) {
	var index bundle
	h, err := t.Next()
	if err != nil || h.Name != bundleIndex || h.Size > maxIndex {
		return index, workshop.Errorf(workshop.Invalid, "This is no bundle of Slipway's images: \"slipway images export\" writes one.").Because(err)
	}
	if err := json.NewDecoder(t).Decode(&index); err != nil {
		return index, workshop.Errorf(workshop.Invalid, "The bundle's index can't be read: the file is damaged.").Because(err)
	}
	switch {
	case index.Version != bundleVersion:
		return index, workshop.Errorf(workshop.Invalid, "The bundle is of version %d, and this Slipway reads %d: export it again with the same Slipway as here.", index.Version, bundleVersion)
	case index.Arch != runtime.GOARCH:
		return index, workshop.Errorf(workshop.Invalid, "The bundle was made on a machine with %s, and this one has %s.", index.Arch, runtime.GOARCH)
	case len(index.Files) == 0 || len(index.Files) > maxBundled:
		return index, workshop.Errorf(workshop.Invalid, "The bundle lists %d files, which can't be right.", len(index.Files))
	}
	for _, f := range index.Files {
		if !bundledName.MatchString(f.Name) || f.Size <= 0 || f.Size > maxFile {
			return index, workshop.Errorf(workshop.Invalid, "The bundle carries %q, which is none of Slipway's images.", f.Name)
		}
	}
	return index, nil
}

// place writes a file of the cache.
func place(cacheDir string, f bundled, content io.Reader) error {
	path := filepath.Join(cacheDir, f.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	defer os.Remove(path + ".part") // gone by then when all went well
	sum := sha256.New()
	_, err = io.CopyN(io.MultiWriter(out, sum), content, f.Size)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("its sum is %s, not %s", got, f.SHA256)
	}
	return os.Rename(path+".part", path)
}
