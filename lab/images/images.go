package images

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"slipway/workshop"
)

//go:embed all:node all:small all:payload
var recipes embed.FS

const (
	nodeRepository = "slipway/node"
	baseRepository = "slipway/base"
	latest         = nodeRepository + ":latest"
	imageLabel     = "slipway.image" // on everything that is built here
)

// Options say where images are built and what goes into them.
type Options struct {
	Docker   *client.Client    // of the Engine that hosts the nodes
	CacheDir string            // must exist; holds packed images
	Binary   string            // path of the slipway program for the nodes
	Progress func(line string) // hears what takes long; not nil
}

// Set is what Prepare made or found.
type Set struct {
	Node string // reference of the node image
}

// Prepare makes sure that the node image is on the Engine. Several processes may
// call it at once, also for several Engines on one cache folder: what is missing is
// made by one of them. With nothing to do it takes some tens of milliseconds, most of them for
// reading the program.
func Prepare(ctx context.Context, o Options) (Set, error) {
	b := &builder{o}
	ref, err := b.node(ctx)
	if err != nil {
		return Set{}, err
	}
	return Set{Node: ref}, nil
}

// Newest is the reference of the node image that Prepare made last.
func Newest(ctx context.Context, docker *client.Client) (string, error) {
	if _, err := docker.ImageInspect(ctx, latest); err != nil {
		return "", workshop.Errorf(workshop.Unavailable, "The node image is missing. \"slipway up\" builds it.").Because(err)
	}
	return latest, nil
}

type builder struct{ Options }

// node builds the node image: the program last, because it changes most.
func (b *builder) node(ctx context.Context) (string, error) {
	binary, err := hashFile(b.Binary)
	if err != nil {
		return "", fmt.Errorf("images: read the slipway program: %w", err)
	}
	ref := nodeRepository + ":" + short(hashTree("node", "payload")+baseRecipe().hash()+smallHash()+binary)
	if ok, err := b.there(ctx, ref); ok || err != nil {
		return ref, err
	}
	unlock, err := b.lockCache(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if ok, err := b.there(ctx, ref); ok || err != nil { // somebody made it meanwhile
		return ref, err
	}
	base, err := b.base(ctx)
	if err != nil {
		return "", err
	}
	archive, err := b.small(ctx)
	if err != nil {
		return "", err
	}
	b.Progress("building the node image")
	tar := newContext()
	tar.embedded("node", "")
	tar.embedded("payload", "payload")
	tar.file("images/slipway.tar", archive, 0o644)
	tar.file("slipway", b.Binary, 0o755)
	if err := b.build(ctx, tar, ref, map[string]*string{"BASE": &base}); err != nil {
		return "", fmt.Errorf("images: build %s: %w", ref, err)
	}
	if err := b.Docker.ImageTag(ctx, ref, latest); err != nil {
		return "", err
	}
	b.forget(ctx, nodeRepository, ref)
	b.forget(ctx, baseRepository, base)
	return ref, nil
}

// lockCache waits until nobody else fills the cache folder, and keeps others out
// until the returned function is called.
func (b *builder) lockCache(ctx context.Context) (func(), error) {
	f, err := os.OpenFile(filepath.Join(b.CacheDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for said := false; ; said = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("images: lock the cache: %w", err)
		}
		if !said {
			b.Progress("waiting for another installation that makes the same images")
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// there reports whether the Engine has an image.
func (b *builder) there(ctx context.Context, ref string) (bool, error) {
	_, err := b.Docker.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// forget removes images of before. Nodes made of one keep it.
func (b *builder) forget(ctx context.Context, repository, keep string) {
	old, err := b.Docker.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", repository))})
	if err != nil {
		return // only room on the disk is at stake
	}
	for _, i := range old {
		for _, tag := range i.RepoTags {
			if tag != keep && tag != latest {
				_, _ = b.Docker.ImageRemove(ctx, tag, image.RemoveOptions{})
			}
		}
	}
	_, _ = b.Docker.ImagesPrune(ctx, filters.NewArgs(filters.Arg("dangling", "true"), filters.Arg("label", imageLabel)))
}

// short is the name of what a text describes.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// hashTree sums up embedded folders: names and contents.
func hashTree(dirs ...string) string {
	h := sha256.New()
	for _, dir := range dirs {
		_ = fs.WalkDir(recipes, dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err // embedded folders can't fail to be read
			}
			text, err := recipes.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n", path, len(text))
			h.Write(text)
			return err
		})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// epoch is the time stamp of all files we pack, so that packing twice gives the same.
var epoch = time.Unix(1_700_000_000, 0)
