// Command pack makes what the nodes carry of dockercoins, in lab/images:
//
//   - payload/dockercoins.tar.gz: the repository that attendees clone, with each
//     service's program built into its folder
//   - payload/tools.gz: the one program of the workshop's tools
//   - small/hamba/program: the program of the balancer's image
//
// Run it from the module's root with "go run ./lab/images/pack"; the same sources
// and compiler give the same bytes.
package main

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	target = "lab/images/payload/dockercoins.tar.gz"
	tools  = "lab/images/payload/tools.gz"
	hamba  = "lab/images/small/hamba/program"
)

func main() {
	err := compile("./dockercoins/hamba", hamba)
	if err == nil {
		err = packTools("./dockercoins/tools", tools)
	}
	if err == nil {
		err = pack("dockercoins", target) // last: make looks at its time
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(source, target string) error {
	built, err := os.MkdirTemp("", "pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(built)
	f, err := os.Create(target + ".part")
	if err != nil {
		return err
	}
	defer f.Close()
	// Fast rather than small: the image's layers are not compressed again.
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	for _, service := range []string{"rng", "hasher", "worker", "webui"} {
		program := filepath.Join(built, service)
		if err := compile("./"+source+"/"+service, program); err != nil {
			return err
		}
		if err := add(w, service+"/"+service, program, 0o755); err != nil {
			return err
		}
	}
	if err := addTree(w, source); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.Rename(target+".part", target)
}

// packTools builds one program and compresses it.
func packTools(pkg, target string) error {
	program := strings.TrimSuffix(target, ".gz")
	if err := compile(pkg, program); err != nil {
		return err
	}
	defer os.Remove(program)
	text, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	f, err := os.Create(target + ".part")
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.Rename(target+".part", target)
}

func compile(pkg, program string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w", pkg, err)
	}
	return nil
}

// addTree adds what the repository shows: everything but tests, what belongs
// to the folder as a Go package, and programs built here by hand.
func addTree(w *tar.Writer, source string) error {
	return filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, source+"/")
		if d.IsDir() {
			if d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		service, file := filepath.Split(name)
		switch {
		case strings.HasSuffix(name, "_test.go"), service == "" && strings.HasSuffix(name, ".go"), service == file+"/":
			return nil
		}
		return add(w, name, path, 0o644)
	})
}

func add(w *tar.Writer, name, path string, mode int64) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(text), "#!") {
		mode = 0o755
	}
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(text)), ModTime: time.Unix(1_453_366_800, 0), Typeflag: tar.TypeReg}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
