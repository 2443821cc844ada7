package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/docker/client"
)

// smallImage is an image made of programs picked out of Debian packages with the
// libraries they need. Its Dockerfile and further files are in small/<name>.
type smallImage struct {
	name     string   // folder and repository
	tag      string   // what nodes call it
	programs []string // absolute paths in Debian
}

var smallImages = []smallImage{
	{"redis", "redis:latest", []string{"/usr/bin/redis-server", "/usr/bin/redis-cli", "/usr/bin/redis-benchmark"}},
	{"hamba", "hamba:latest", []string{"/usr/sbin/haproxy"}},
	{"tools", "tools:latest", []string{"/usr/bin/curl", "/usr/bin/httping", "/usr/bin/ab", "/usr/bin/tcpdump", "/usr/bin/ngrep", "/usr/bin/ip", "/usr/bin/ss", "/usr/bin/jq"}},
}

// common is the layer below all of them: a shell, and every library that two
// of them need. A node stores and unpacks it once.
var common = smallImage{"common", "slipway/common:latest", []string{"/usr/bin/busybox"}}

// pantry is the Debian that programs are picked from: unpacked, never run.
func pantry() debian {
	return debian{
		variant:  "extract",
		packages: []string{"redis-server", "redis-tools", "haproxy", "busybox-static", "curl", "httping", "apache2-utils", "tcpdump", "ngrep", "iproute2", "jq"},
		exclude:  []string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"},
	}
}

func smallHash() string {
	return short(fmt.Sprint(smallImages, common, pantry().hash(), hashTree("small")))
}

// small answers the path of the archive with all small images, made first when
// the cache doesn't have it.
func (b *builder) small(ctx context.Context) (string, error) {
	archive := filepath.Join(b.CacheDir, "small-"+smallHash()+".tar")
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	contents, err := b.contents(ctx)
	if err != nil {
		return "", err
	}
	var tags []string
	for _, s := range append([]smallImage{common}, smallImages...) {
		b.Progress("building the image " + s.name)
		files := newContext()
		files.embedded("small/"+s.name, "")
		files.tree("rootfs", filepath.Join(contents, s.name))
		if err := b.build(ctx, files, s.tag, nil); err != nil {
			return "", fmt.Errorf("images: build %s: %w", s.name, err)
		}
		if s.name != common.name {
			tags = append(tags, s.tag)
		}
	}
	if err := save(ctx, b.Docker, tags, archive); err != nil {
		return "", fmt.Errorf("images: save the small images: %w", err)
	}
	removeOthers(b.CacheDir, "small-*", archive)
	return archive, nil
}

// contents answers the folder of the cache that holds what is picked for each
// image, in a folder of its name. It changes only with the packages and the
// choice of programs, so that changing a Dockerfile downloads nothing.
func (b *builder) contents(ctx context.Context) (string, error) {
	folder := filepath.Join(b.CacheDir, "picked-"+short(fmt.Sprint(smallImages, common, pantry().hash())))
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	b.Progress("fetching the programs of the small images")
	root, part := filepath.Join(b.CacheDir, "pantry"), folder+".part"
	defer os.RemoveAll(root)
	if err := errors.Join(os.RemoveAll(root), os.RemoveAll(part)); err != nil {
		return "", err
	}
	if err := pantry().pack(ctx, root+"/"); err != nil {
		return "", err
	}
	contents, err := divide(root)
	if err != nil {
		return "", fmt.Errorf("images: pick programs: %w", err)
	}
	for name, paths := range contents {
		if err := pick(root, filepath.Join(part, name), paths); err != nil {
			return "", fmt.Errorf("images: pick programs for %s: %w", name, err)
		}
	}
	removeOthers(b.CacheDir, "picked-*", part)
	return folder, os.Rename(part, folder)
}

// divide answers what goes into each image: what two need goes into common.
func divide(root string) (map[string][]string, error) {
	shared, err := closure(root, common.programs)
	if err != nil {
		return nil, err
	}
	contents := map[string][]string{}
	users := map[string]int{}
	for _, s := range smallImages {
		if contents[s.name], err = closure(root, s.programs); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		for _, p := range contents[s.name] {
			if users[p]++; users[p] == 2 && !slices.Contains(shared, p) {
				shared = append(shared, p)
			}
		}
	}
	for name, paths := range contents {
		contents[name] = slices.DeleteFunc(paths, func(p string) bool { return slices.Contains(shared, p) })
	}
	contents[common.name] = shared
	return contents, nil
}

// save writes images as one archive, whole or not at all.
func save(ctx context.Context, docker *client.Client, refs []string, path string) error {
	r, err := docker.ImageSave(ctx, refs)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(path + ".part")
		return err
	}
	return os.Rename(path+".part", path)
}
