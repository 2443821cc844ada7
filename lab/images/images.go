package images

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
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

// Prepare makes sure that the node image is on the Engine. Only one process at
// a time should call it on one cache folder; a second does the same work for
// nothing. With nothing to do it takes some tens of milliseconds, most of them for
// reading the program.
func Prepare(ctx context.Context, o Options) (Set, error) {
	b := &builder{Options: o}
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

type builder struct {
	Options
	mu sync.Mutex
}

// node builds the node image: the program last, because it changes most.
func (b *builder) node(ctx context.Context) (string, error) {
	binary, err := hashFile(b.Binary)
	if err != nil {
		return "", fmt.Errorf("images: read the slipway program: %w", err)
	}
	parts := hashTree("node", "payload") + baseRecipe().hash() + binary
	for _, s := range smallImages {
		parts += s.hash()
	}
	ref := nodeRepository + ":" + short(parts)
	if ok, err := b.there(ctx, ref); ok || err != nil {
		return ref, err
	}
	base, err := b.base(ctx)
	if err != nil {
		return "", err
	}
	archives, err := b.small(ctx)
	if err != nil {
		return "", err
	}
	b.Progress("building the node image")
	tar := newContext()
	tar.embedded("node", "")
	tar.embedded("payload", "payload")
	for name, path := range archives {
		tar.file("images/"+name+".tar", path, 0o644)
	}
	tar.file("slipway", b.Binary, 0o755)
	if err := b.build(ctx, tar, ref, map[string]*string{"BASE": &base}); err != nil {
		return "", fmt.Errorf("images: build %s: %w", ref, err)
	}
	if err := b.Docker.ImageTag(ctx, ref, latest); err != nil {
		return "", err
	}
	b.forget(ctx, nodeRepository, ref)
	return ref, nil
}

// there reports whether the Engine has an image.
func (b *builder) there(ctx context.Context, ref string) (bool, error) {
	_, err := b.Docker.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// forget removes the names of images of before. Nodes made of one keep it.
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
