package images

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// harvest copies programs from an unpacked Debian to another root, with the
// loader and all libraries they need. Nothing of it is run: what a program
// needs is read from the program. Further files are copied when they are there.
func harvest(from, to string, programs, files []string) error {
	h := &harvester{from: from, to: to, done: map[string]bool{}}
	for _, p := range programs {
		if err := h.program(p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	for _, p := range files {
		if err := h.copy(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}

type harvester struct {
	from, to string
	done     map[string]bool
}

// program copies an ELF file and what it needs.
func (h *harvester) program(p string) error {
	if h.done[p] {
		return nil
	}
	h.done[p] = true
	real, err := h.resolve(p, 0)
	if err != nil {
		return err
	}
	if err := h.copyAs(real, p); err != nil {
		return err
	}
	f, err := elf.Open(filepath.Join(h.from, real))
	if err != nil {
		return nil // a script: its interpreter is somebody else's line
	}
	defer f.Close()
	if loader := interpreter(f); loader != "" {
		if err := h.program(loader); err != nil {
			return err
		}
	}
	needed, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, name := range needed {
		found := h.library(name)
		if found == "" {
			return fmt.Errorf("needs %s, which no package brought", name)
		}
		if err := h.program(found); err != nil {
			return err
		}
	}
	return nil
}

// interpreter is the path of the dynamic loader, empty for static programs.
func interpreter(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err == nil {
				return strings.TrimRight(string(b), "\x00")
			}
		}
	}
	return ""
}

// library finds a library by its name where Debian's loader looks.
func (h *harvester) library(name string) string {
	for _, pattern := range []string{"/usr/lib/*-linux-gnu*/", "/lib/*-linux-gnu*/", "/usr/lib/", "/lib/", "/lib64/"} {
		found, _ := filepath.Glob(filepath.Join(h.from, pattern, name))
		if len(found) > 0 {
			return strings.TrimPrefix(found[0], h.from)
		}
	}
	return ""
}

// resolve follows links inside the other root, never out of it.
func (h *harvester) resolve(p string, depth int) (string, error) {
	if depth > 40 {
		return "", fmt.Errorf("%s: too many links", p)
	}
	clean := "/"
	if top, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/"); strings.HasPrefix(top, "lib") || strings.HasSuffix(top, "bin") {
		p = path.Join("/usr", p) // unpacked only, Debian lacks the links that say so
	}
	for part := range strings.SplitSeq(strings.Trim(path.Clean(p), "/"), "/") {
		next := path.Join(clean, part)
		info, err := os.Lstat(filepath.Join(h.from, next))
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			clean = next
			continue
		}
		target, err := os.Readlink(filepath.Join(h.from, next))
		if err != nil {
			return "", err
		}
		if !path.IsAbs(target) {
			target = path.Join(clean, target)
		}
		if clean, err = h.resolve(path.Join("/", target), depth+1); err != nil {
			return "", err
		}
	}
	return clean, nil
}

func (h *harvester) copy(p string) error {
	real, err := h.resolve(p, 0)
	if err != nil {
		return err
	}
	return h.copyAs(real, p)
}

// copyAs copies the contents of one path to another, so that links between
// packages need not be kept.
func (h *harvester) copyAs(real, as string) error {
	in, err := os.Open(filepath.Join(h.from, real))
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	target := filepath.Join(h.to, as)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closing := out.Close(); err == nil {
		err = closing
	}
	return err
}
