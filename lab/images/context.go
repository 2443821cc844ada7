package images

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/docker/docker/api/types/build"
)

// buildContext is the files of a build, in order, written when they are sent.
type buildContext struct {
	entries []func(*tar.Writer) error
}

func newContext() *buildContext { return &buildContext{} }

// embedded adds a folder of the recipes. Scripts, known by "#!", and programs may be run.
func (c *buildContext) embedded(dir, at string) {
	c.entries = append(c.entries, func(w *tar.Writer) error {
		return fs.WalkDir(recipes, dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == ".keep" {
				return err
			}
			text, err := recipes.ReadFile(p)
			if err != nil {
				return err
			}
			mode := int64(0o644)
			if strings.HasPrefix(string(text), "#!") || strings.HasPrefix(string(text), "\x7fELF") {
				mode = 0o755
			}
			name := path.Join(at, strings.TrimPrefix(p, dir+"/"))
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text)), ModTime: epoch, Typeflag: tar.TypeReg}); err != nil {
				return err
			}
			_, err = w.Write(text)
			return err
		})
	})
}

// file adds a file of the host.
func (c *buildContext) file(name, from string, mode int64) {
	c.entries = append(c.entries, func(w *tar.Writer) error {
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: st.Size(), ModTime: epoch, Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = io.CopyN(w, f, st.Size())
		return err
	})
}

// tree adds a folder of the host with its links.
func (c *buildContext) tree(at, root string) {
	c.entries = append(c.entries, func(w *tar.Writer) error {
		return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || p == root {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			link := ""
			if info.Mode()&fs.ModeSymlink != 0 {
				if link, err = os.Readlink(p); err != nil {
					return err
				}
			}
			header, err := tar.FileInfoHeader(info, link)
			if err != nil {
				return err
			}
			header.Name = path.Join(at, strings.TrimPrefix(p, root))
			header.ModTime, header.Uid, header.Gid, header.Uname, header.Gname = epoch, 0, 0, "", ""
			if err := w.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
				return err
			}
			f, err := os.Open(p)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.CopyN(w, f, header.Size)
			return err
		})
	})
}

func (c *buildContext) write(w io.Writer) error {
	t := tar.NewWriter(w)
	for _, entry := range c.entries {
		if err := entry(t); err != nil {
			return err
		}
	}
	return t.Close()
}

// build sends a context to the Engine and waits for the image. Steps have no
// network: whatever they need is in the context.
func (b *builder) build(ctx context.Context, files *buildContext, ref string, args map[string]*string) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(files.write(w)) }() // ends when r is read out or closed
	defer r.Close()
	res, err := b.Docker.ImageBuild(ctx, r, build.ImageBuildOptions{
		Version: build.BuilderV1, Tags: []string{ref}, Dockerfile: "Dockerfile", BuildArgs: args,
		NetworkMode: "none", Remove: true, ForceRemove: true, SuppressOutput: false,
		Labels: map[string]string{imageLabel: ref},
	})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return buildOutcome(res.Body)
}

// buildOutcome reads the Engine's report to its end and answers the error in
// it, with what the failing step said last.
func buildOutcome(report io.Reader) error {
	decoder := json.NewDecoder(report)
	var said string
	for {
		var line struct{ Stream, Error string }
		err := decoder.Decode(&line)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case line.Error != "":
			return fmt.Errorf("%s: %s", line.Error, strings.TrimSpace(said))
		case line.Stream != "":
			said = line.Stream
		}
	}
}
