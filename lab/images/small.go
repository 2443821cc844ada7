package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/docker/docker/client"
)

// smallImage is an image made of programs picked out of Debian packages with the
// libraries they need. Its Dockerfile and further files are in small/<name>.
type smallImage struct {
	name     string   // folder, archive and repository
	tags     []string // what nodes call it
	programs []string // absolute paths in Debian
	files    []string // further paths, taken as they are if they are there
}

var smallImages = []smallImage{
	{
		name: "redis", tags: []string{"redis:latest"},
		programs: []string{"/usr/bin/redis-server", "/usr/bin/redis-cli", "/usr/bin/redis-benchmark", "/usr/bin/busybox"},
	},
}

// pantry is the Debian that programs are picked from: unpacked, never run.
func pantry() debian {
	return debian{
		variant:  "extract",
		packages: []string{"redis-server", "redis-tools", "busybox-static"},
		exclude:  []string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"},
	}
}

func (s smallImage) hash() string {
	return short(fmt.Sprint(s, pantry().hash(), hashTree("small/"+s.name)))
}

// small makes the archives of the small images that the cache doesn't have, and
// answers their paths by name.
func (b *builder) small(ctx context.Context) (map[string]string, error) {
	archives := map[string]string{}
	var todo []smallImage
	for _, s := range smallImages {
		archives[s.name] = filepath.Join(b.CacheDir, s.name+"-"+s.hash()+".tar")
		if _, err := os.Stat(archives[s.name]); err != nil {
			todo = append(todo, s)
		}
	}
	if len(todo) == 0 {
		return archives, nil
	}
	b.Progress("fetching the programs of the small images")
	root := filepath.Join(b.CacheDir, "pantry")
	defer os.RemoveAll(root)
	if err := os.RemoveAll(root); err != nil {
		return nil, err
	}
	if err := pantry().pack(ctx, root+"/"); err != nil {
		return nil, err
	}
	for _, s := range todo {
		if err := b.pack(ctx, s, root, archives[s.name]); err != nil {
			return nil, fmt.Errorf("images: make %s: %w", s.name, err)
		}
		removeOthers(b.CacheDir, s.name+"-*.tar", archives[s.name])
	}
	return archives, nil
}

// pack builds one small image and saves it as an archive.
func (b *builder) pack(ctx context.Context, s smallImage, root, archive string) error {
	b.Progress("building the image " + s.name)
	picked, err := os.MkdirTemp(b.CacheDir, "pick-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(picked)
	if err := harvest(root, picked, s.programs, s.files); err != nil {
		return err
	}
	files := newContext()
	files.embedded("small/"+s.name, "")
	files.tree("rootfs", picked)
	ref := "slipway/" + s.name + ":" + s.hash()
	if err := b.build(ctx, files, ref, nil); err != nil {
		return err
	}
	for _, tag := range s.tags {
		if err := b.Docker.ImageTag(ctx, ref, tag); err != nil {
			return err
		}
	}
	return save(ctx, b.Docker, s.tags, archive)
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
