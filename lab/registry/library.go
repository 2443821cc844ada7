package registry

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/distribution/v3/manifest/ocischema"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Bounds of an archive.
const (
	maxEntries = 10_000
	maxJSON    = 4 << 20
)

// stamp is the file that says which archives the library was made of.
const stamp = "library.json"

// Load makes the library of archives as "docker save" writes them, by name what they hold:
// "redis:latest" becomes library/redis, where Docker looks for it. What the library
// held before and is in none of them goes. With the same archives as before (by name, size
// and time) it only looks. Several processes may call it at once.
func (r *Registry) Load(ctx context.Context, archives ...string) error {
	unlock, err := lockFile(filepath.Join(r.cfg.Dir, "library.lock"))
	if err != nil {
		return fmt.Errorf("registry: lock the library: %w", err)
	}
	defer unlock()
	wanted, err := describe(archives)
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	path := filepath.Join(r.cfg.Dir, stamp)
	if known, err := os.ReadFile(path); err == nil && bytes.Equal(known, wanted) {
		return nil
	}
	inside := within(ctx, &asking{space: r.library})
	var tags []string
	for _, a := range archives {
		loaded, err := r.loadArchive(inside, a)
		if err != nil {
			return fmt.Errorf("registry: fill the library from %s: %w", a, err)
		}
		tags = append(tags, loaded...)
	}
	if err := r.forgetOthers(inside, tags); err != nil {
		return fmt.Errorf("registry: clear the library: %w", err)
	}
	return os.WriteFile(path, wanted, 0o600)
}

func lockFile(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// describe tells archives from others without reading them.
func describe(archives []string) ([]byte, error) {
	type archive struct {
		Name       string
		Size, Time int64
	}
	all := []archive{}
	for _, a := range archives {
		info, err := os.Stat(a)
		if err != nil {
			return nil, err
		}
		all = append(all, archive{filepath.Base(a), info.Size(), info.ModTime().UnixNano()})
	}
	return json.Marshal(all)
}

// archive is an open "docker save".
type archive struct {
	file    *os.File
	entries map[string]entry
}

type entry struct {
	offset, size int64
	link         string // another entry that has the content
}

// openArchive finds out where in the file everything is.
func openArchive(name string) (*archive, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	a := &archive{f, map[string]entry{}}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err == nil && len(a.entries) >= maxEntries {
			err = fmt.Errorf("it has more than %d files", maxEntries)
		}
		var at int64
		if err == nil {
			at, err = f.Seek(0, io.SeekCurrent)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		e := entry{offset: at, size: h.Size}
		if h.Typeflag == tar.TypeSymlink {
			e.link = path.Join(path.Dir(h.Name), h.Linkname)
		}
		a.entries[path.Clean(h.Name)] = e
	}
}

// open reads a file of the archive.
func (a *archive) open(name string) (*io.SectionReader, error) {
	e, ok := a.entries[path.Clean(name)]
	if ok && e.link != "" {
		e, ok = a.entries[e.link]
	}
	if !ok {
		return nil, fmt.Errorf("it lacks %s: is it from \"docker save\"?", name)
	}
	return io.NewSectionReader(a.file, e.offset, e.size), nil
}

func (a *archive) json(name string, to any) error {
	f, err := a.open(name)
	if err != nil {
		return err
	}
	if f.Size() > maxJSON {
		return fmt.Errorf("%s is too large", name)
	}
	return json.NewDecoder(f).Decode(to)
}

// loadArchive puts all images of an archive into the library and answers what they
// are called there.
func (r *Registry) loadArchive(ctx context.Context, name string) ([]string, error) {
	a, err := openArchive(name)
	if err != nil {
		return nil, err
	}
	defer a.file.Close()
	var images []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := a.json("manifest.json", &images); err != nil {
		return nil, err
	}
	var tags []string
	for _, image := range images {
		for _, tag := range image.RepoTags {
			named, err := reference.ParseNormalizedNamed(tag)
			if err != nil {
				return nil, err
			}
			if err := r.loadImage(ctx, a, named, image.Config, image.Layers); err != nil {
				return nil, fmt.Errorf("%s: %w", tag, err)
			}
			tags = append(tags, libraryName(named))
		}
	}
	return tags, nil
}

// libraryName is what an image is called in the library: without a host, with a tag.
func libraryName(named reference.Named) string {
	tag := "latest"
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return reference.Path(named) + ":" + tag
}

func (r *Registry) loadImage(ctx context.Context, a *archive, named reference.Named, config string, layers []string) error {
	name, err := reference.WithName(reference.Path(named))
	if err != nil {
		return err
	}
	repository, err := r.names.Repository(ctx, name)
	if err != nil {
		return err
	}
	blobs := repository.Blobs(ctx)
	m := ocischema.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	if m.Config, err = a.blob(ctx, blobs, config); err != nil {
		return err
	}
	m.Config.MediaType = v1.MediaTypeImageConfig
	for _, layer := range layers {
		d, err := a.blob(ctx, blobs, layer)
		if err != nil {
			return err
		}
		m.Layers = append(m.Layers, d)
	}
	made, err := ocischema.FromStruct(m)
	if err != nil {
		return err
	}
	manifests, err := repository.Manifests(ctx)
	if err != nil {
		return err
	}
	id, err := manifests.Put(ctx, made)
	if err != nil {
		return err
	}
	tag := libraryName(named)[len(name.Name())+1:]
	return repository.Tags(ctx).Tag(ctx, tag, v1.Descriptor{Digest: id})
}

// blob stores a file of the archive and answers what to call it. Layers stay as
// they are: unpacking is what takes a node time, not a few bytes more on a local socket.
func (a *archive) blob(ctx context.Context, blobs distribution.BlobStore, name string) (v1.Descriptor, error) {
	f, err := a.open(name)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{Size: f.Size(), MediaType: v1.MediaTypeImageLayer}
	var magic [2]byte
	if _, err := f.ReadAt(magic[:], 0); err == nil && magic == [2]byte{0x1f, 0x8b} {
		d.MediaType = v1.MediaTypeImageLayerGzip
	}
	if d.Digest, err = digest.FromReader(f); err != nil {
		return d, err
	}
	if _, err := blobs.Stat(ctx, d.Digest); err == nil {
		return d, nil
	}
	w, err := blobs.Create(ctx)
	if err != nil {
		return d, err
	}
	defer w.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return d, err
	}
	if _, err := io.Copy(w, f); err != nil {
		return d, errors.Join(err, w.Cancel(ctx))
	}
	_, err = w.Commit(ctx, d)
	return d, err
}

// forgetOthers takes the library's other tags away, and what only they had.
func (r *Registry) forgetOthers(ctx context.Context, keep []string) error {
	known, err := r.list(ctx, r.library)
	if err != nil {
		return err
	}
	r.library.busy.Lock()
	defer r.library.busy.Unlock()
	for _, repository := range known {
		named, err := reference.WithName(repository.Name)
		if err != nil {
			return err
		}
		found, err := r.names.Repository(ctx, named)
		if err != nil {
			return err
		}
		left := 0
		for _, tag := range repository.Tags {
			if slices.Contains(keep, repository.Name+":"+tag.Name) {
				left++
				continue
			}
			if err := found.Tags(ctx).Untag(ctx, tag.Name); err != nil {
				return err
			}
		}
		if left > 0 {
			continue
		}
		for _, part := range []string{"_manifests", "_layers", "_uploads"} { // other repositories may lie below its name
			if err := r.library.remove("docker/registry/v2/repositories/" + repository.Name + "/" + part); err != nil {
				return err
			}
		}
	}
	if _, err := r.library.root.Stat("docker/registry/v2/repositories"); err != nil {
		return nil
	}
	return storage.MarkAndSweep(ctx, driver{}, r.names, storage.GCOpts{RemoveUntagged: true, Quiet: true})
}
