package registry

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// block is what the least file is counted as, so that a space is bounded in
// the number of its files too.
const block = 4096

// space is a folder of images: a lab's, or the library.
type space struct {
	root  *os.Root
	quota int64 // bytes; 0 for no bound
	used  atomic.Int64
	spare func() error // refuses when the disk is nearly full

	// busy is held for reading by each request and for writing while what has
	// no tag is cleared away.
	busy sync.RWMutex
	last atomic.Int64 // unix seconds of the last request
	dirt atomic.Bool  // pushed to or deleted from since it was cleared last
}

// openSpace opens a folder, made if it isn't there.
func openSpace(dir string, quota int64, spare func() error) (*space, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &space{root: root, quota: quota, spare: spare}
	s.used.Store(s.measure("."))
	s.dirt.Store(true)
	s.touch()
	return s, nil
}

func (s *space) touch() { s.last.Store(time.Now().Unix()) }

// idle is how long nobody asked.
func (s *space) idle() time.Duration { return time.Since(time.Unix(s.last.Load(), 0)) }

// cost is what a file of a size counts for.
func cost(size int64) int64 { return (size/block + 1) * block }

// measure adds up what lies at and below a path; what isn't there is nothing.
func (s *space) measure(path string) int64 {
	var sum int64
	_ = fs.WalkDir(s.root.FS(), path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			sum += cost(info.Size())
		}
		return nil
	})
	return sum
}

// Why a write was refused.
var (
	errFull = errors.New("registry: the space is full")
	errDisk = errors.New("registry: the disk is nearly full")
)

// take counts bytes that are about to be written.
func (s *space) take(n int64) error {
	if used := s.used.Add(n); s.quota > 0 && used > s.quota {
		s.used.Add(-n)
		return errFull
	}
	return nil
}

func (s *space) giveBack(n int64) { s.used.Add(-n) }

// local turns a path of the storage into one below the root.
func local(path string) (string, error) {
	if path == "/" || path == "" {
		return ".", nil
	}
	p := filepath.FromSlash(path[1:])
	if path[0] != '/' || !filepath.IsLocal(p) {
		return "", fs.ErrInvalid
	}
	return p, nil
}

// writeFile writes a file whole or not at all.
func (s *space) writeFile(path string, content []byte) error {
	if err := s.take(cost(int64(len(content)))); err != nil {
		return err
	}
	temp, err := s.writeBeside(path, content)
	if err != nil {
		s.giveBack(cost(int64(len(content))))
		return err
	}
	if err := s.rename(temp, path); err != nil {
		s.giveBack(cost(int64(len(content))))
		_ = s.root.Remove(temp) // counted again when the space is opened next
		return err
	}
	return nil
}

// writeBeside writes a file under another name in the folder of path.
func (s *space) writeBeside(path string, content []byte) (string, error) {
	if err := s.root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	temp := path + "." + randomName() + ".tmp"
	f, err := s.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = s.root.Remove(temp)
		return "", err
	}
	return temp, nil
}

// rename moves a file, over another one if need be.
func (s *space) rename(from, to string) error {
	if err := s.root.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	var before int64
	if info, err := s.root.Lstat(to); err == nil && !info.IsDir() {
		before = cost(info.Size())
	}
	if err := s.root.Rename(from, to); err != nil {
		return err
	}
	s.giveBack(before)
	return nil
}

// remove deletes a file or folder with all that is in it.
func (s *space) remove(path string) error {
	freed := s.measure(path)
	if err := s.root.RemoveAll(path); err != nil {
		return err
	}
	s.giveBack(freed)
	return nil
}
