package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"sync/atomic"

	storage "github.com/distribution/distribution/v3/registry/storage/driver"
)

// driverName is how the storage is asked for in distribution's configuration.
const driverName = "slipway"

// driver keeps what distribution stores in the space that the context of a
// request names. Without one nothing is found and nothing can be written, so
// that a call that forgot whose request it is fails rather than mixing people up.
type driver struct{}

// asking is a request on its way through distribution: which space it may
// touch, and what became of it.
type asking struct {
	space   *space
	refused atomic.Pointer[error] // why a write was refused: errFull or errDisk
}

type askingKey struct{}

// within makes a context whose calls touch one space.
func within(ctx context.Context, a *asking) context.Context {
	return context.WithValue(ctx, askingKey{}, a)
}

var errNobody = errors.New("registry: a call without a space")

// at finds the space of a call and the path in it.
func at(ctx context.Context, p string) (*asking, string, error) {
	a, ok := ctx.Value(askingKey{}).(*asking)
	if !ok {
		return nil, "", errNobody
	}
	inside, err := local(p)
	if err != nil {
		return nil, "", storage.InvalidPathError{Path: p, DriverName: driverName}
	}
	return a, inside, nil
}

// known gives an error distribution's type if it has one for it, and notes a full space.
func (a *asking) known(p string, err error) error {
	if errors.Is(err, errFull) {
		a.refuse(err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return storage.PathNotFoundError{Path: p, DriverName: driverName}
	}
	return err
}

func (a *asking) refuse(err error) { a.refused.Store(&err) }

func (driver) Name() string { return driverName }

// GetContent reads a small file.
func (driver) GetContent(ctx context.Context, p string) ([]byte, error) {
	a, inside, err := at(ctx, p)
	if err != nil {
		return nil, err
	}
	text, err := a.space.root.ReadFile(inside)
	return text, a.known(p, err)
}

// PutContent writes a small file.
func (driver) PutContent(ctx context.Context, p string, content []byte) error {
	a, inside, err := at(ctx, p)
	if err != nil {
		return err
	}
	return a.known(p, a.space.writeFile(inside, content))
}

// Reader opens a file at an offset.
func (driver) Reader(ctx context.Context, p string, offset int64) (io.ReadCloser, error) {
	a, inside, err := at(ctx, p)
	if err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, storage.InvalidOffsetError{Path: p, Offset: offset, DriverName: driverName}
	}
	f, err := a.space.root.Open(inside)
	if err != nil {
		return nil, a.known(p, err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Writer opens a file to be written, or to be written on.
func (driver) Writer(ctx context.Context, p string, appending bool) (storage.FileWriter, error) {
	a, inside, err := at(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := a.space.spare(); err != nil {
		a.refuse(err)
		return nil, err
	}
	w, err := newWriter(a, inside, appending)
	if err != nil {
		return nil, a.known(p, err)
	}
	return w, nil
}

// Stat describes a file or folder.
func (driver) Stat(ctx context.Context, p string) (storage.FileInfo, error) {
	a, inside, err := at(ctx, p)
	if err != nil {
		return nil, err
	}
	info, err := a.space.root.Stat(inside)
	if err != nil {
		return nil, a.known(p, err)
	}
	fields := storage.FileInfoFields{Path: p, Size: info.Size(), ModTime: info.ModTime(), IsDir: info.IsDir()}
	if fields.IsDir {
		fields.Size = 0
	}
	return storage.FileInfoInternal{FileInfoFields: fields}, nil
}

// List names what is in a folder.
func (driver) List(ctx context.Context, p string) ([]string, error) {
	a, inside, err := at(ctx, p)
	if err != nil {
		return nil, err
	}
	dir, err := a.space.root.Open(inside)
	if err != nil {
		return nil, a.known(p, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(0)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		names[i] = path.Join(p, name)
	}
	return names, nil
}

// Move renames a file.
func (driver) Move(ctx context.Context, from, to string) error {
	a, source, err := at(ctx, from)
	if err != nil {
		return err
	}
	_, target, err := at(ctx, to)
	if err != nil {
		return err
	}
	if _, err := a.space.root.Lstat(source); err != nil {
		return a.known(from, err)
	}
	return a.known(from, a.space.rename(source, target))
}

// Delete removes a file or folder.
func (driver) Delete(ctx context.Context, p string) error {
	a, inside, err := at(ctx, p)
	if err != nil {
		return err
	}
	if _, err := a.space.root.Lstat(inside); err != nil {
		return a.known(p, err)
	}
	return a.space.remove(inside)
}

// RedirectURL answers that everything is served here.
func (driver) RedirectURL(*http.Request, string) (string, error) { return "", nil }

// Walk visits all files and folders below a path.
func (d driver) Walk(ctx context.Context, p string, f storage.WalkFn, options ...func(*storage.WalkOptions)) error {
	return storage.WalkFallback(ctx, d, p, f, options...)
}

// writer is a file being written. Used by one request at a time.
type writer struct {
	asking *asking
	path   string
	file   *os.File
	size   int64
	taken  int64 // of the quota
	closed bool
}

func newWriter(a *asking, p string, appending bool) (*writer, error) {
	if err := a.space.root.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		return nil, err
	}
	f, err := a.space.root.OpenFile(p, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	w := &writer{asking: a, path: p, file: f}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return nil, err
	}
	w.size, w.taken = size, cost(size)
	if size == 0 { // may be new, and counted twice until its blob is in place
		err = a.space.take(block)
	}
	if err == nil && !appending {
		err = w.empty()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

func (w *writer) empty() error {
	if err := w.file.Truncate(0); err != nil {
		return err
	}
	w.asking.space.giveBack(w.taken - block)
	w.size, w.taken = 0, block
	_, err := w.file.Seek(0, io.SeekStart)
	return err
}

func (w *writer) Write(p []byte) (int, error) {
	if w.closed {
		return 0, fs.ErrClosed
	}
	if more := cost(w.size+int64(len(p))) - w.taken; more > 0 {
		if err := w.asking.space.take(more); err != nil {
			w.asking.refuse(err)
			return 0, err
		}
		w.taken += more
	}
	n, err := w.file.Write(p)
	w.size += int64(n)
	return n, err
}

func (w *writer) Size() int64 { return w.size }

func (w *writer) Close() error {
	if w.closed {
		return fmt.Errorf("registry: %s: %w", w.path, fs.ErrClosed)
	}
	w.closed = true
	return w.file.Close()
}

// Cancel removes what was written.
func (w *writer) Cancel(context.Context) error {
	if w.closed {
		return fmt.Errorf("registry: %s: %w", w.path, fs.ErrClosed)
	}
	w.closed = true
	w.file.Close()
	err := w.asking.space.root.Remove(w.path)
	if err == nil {
		w.asking.space.giveBack(w.taken)
	}
	return err
}

// Commit makes sure that what was written outlives a power cut: a blob that is
// known by its digest and empty would stay so for good.
func (w *writer) Commit(context.Context) error {
	if w.closed {
		return fmt.Errorf("registry: %s: %w", w.path, fs.ErrClosed)
	}
	return w.file.Sync()
}

func randomName() string { return rand.Text()[:12] }
