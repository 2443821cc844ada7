package images

import (
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// closure answers the paths of programs in an unpacked Debian together with the
// loader and all libraries they need, in order. Nothing is run: what a program
// needs is read from the program.
func closure(root string, programs []string) ([]string, error) {
	h := &harvester{root: root, done: map[string]bool{}}
	for _, p := range programs {
		if err := h.program(p); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	var paths []string
	for p := range h.done {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths, nil
}

// pick copies paths from an unpacked Debian to another root. Where a path leads
// through links, what is at their end is copied, so the links aren't needed.
func pick(root, to string, paths []string) error {
	for _, p := range paths {
		real, err := resolve(root, p, 0)
		if err != nil {
			return err
		}
		if err := copyFile(filepath.Join(root, real), filepath.Join(to, p)); err != nil {
			return err
		}
	}
	return nil
}

type harvester struct {
	root string
	done map[string]bool
}

// program notes an ELF file and what it needs.
func (h *harvester) program(p string) error {
	if h.done[p] {
		return nil
	}
	h.done[p] = true
	real, err := resolve(h.root, p, 0)
	if err != nil {
		return err
	}
	f, err := elf.Open(filepath.Join(h.root, real))
	if err != nil {
		return err
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
		found, _ := filepath.Glob(filepath.Join(h.root, pattern, name))
		if len(found) > 0 {
			return path.Join("/", strings.TrimPrefix(found[0], h.root))
		}
	}
	return ""
}

// resolve follows links inside another root, never out of it.
func resolve(root, p string, depth int) (string, error) {
	if depth > 40 {
		return "", fmt.Errorf("%s: too many links", p)
	}
	clean := "/"
	if top, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/"); strings.HasPrefix(top, "lib") || strings.HasSuffix(top, "bin") {
		p = path.Join("/usr", p) // unpacked only, Debian lacks the links that say so
	}
	for part := range strings.SplitSeq(strings.Trim(path.Clean(p), "/"), "/") {
		next := path.Join(clean, part)
		info, err := os.Lstat(filepath.Join(root, next))
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			clean = next
			continue
		}
		target, err := os.Readlink(filepath.Join(root, next))
		if err != nil {
			return "", err
		}
		if !path.IsAbs(target) {
			target = path.Join(clean, target)
		}
		if clean, err = resolve(root, path.Join("/", target), depth+1); err != nil {
			return "", err
		}
	}
	return clean, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closing := out.Close(); err == nil {
		err = closing
	}
	return err
}
