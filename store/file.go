package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"

	"slipway/workshop"
)

// File is a store in one folder, for one server. A second one on the same
// folder is refused, however the first came to its end: the kernel drops the
// lock with the process.
//
//	lock                               held while the store is open
//	secrets/NAME                       random keys
//	sessions/ID/journal.jsonl          one event a line
//	sessions/ID/casts/WHO/NODE/ID.cast recordings
//
// Folders are made with mode 0700 and files with 0600: journals hold join codes,
// the instructor's key and hashes of cookies.
type File struct {
	dir  string
	log  *slog.Logger
	lock *os.File

	mu       sync.Mutex
	closed   bool
	journals map[workshop.SessionID]*journal
}

// OpenFile opens the store in dir and makes the folder when there is none.
// It fails with a sentence for a person when another server has it open. log
// may be nil. Close it at the end.
func OpenFile(dir string, log *slog.Logger) (*File, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(filepath.Join(dir, "sessions"), 0o700); err != nil {
		return nil, workshop.Errorf(workshop.Unavailable, "The data folder %s can't be made: choose another one, or run as someone who may write there.", dir).Because(err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	return &File{dir: dir, log: log, lock: lock, journals: map[workshop.SessionID]*journal{}}, nil
}

func lockFolder(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, workshop.Errorf(workshop.Unavailable, "The data folder %s can't be written: choose another one, or run as someone who may write there.", dir).Because(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 32)
		n, _ := lock.ReadAt(holder, 0)
		lock.Close()
		return nil, workshop.Errorf(workshop.Conflict,
			"Another Slipway server (process %s) uses the data folder %s. Stop it, or give this one a folder of its own.",
			strings.TrimSpace(string(holder[:n])), dir).Because(err)
	}
	// Only for the sentence above; a failure to write it changes nothing.
	lock.Truncate(0)
	fmt.Fprintf(lock, "%d\n", os.Getpid())
	return lock, nil
}

// Close ends the store and those who follow it. Appends after it are refused.
func (f *File) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	journals := make([]*journal, 0, len(f.journals))
	for _, j := range f.journals {
		journals = append(journals, j)
	}
	f.mu.Unlock()
	var err error
	for _, j := range journals {
		err = errors.Join(err, j.close())
	}
	return errors.Join(err, f.lock.Close())
}

// Sessions lists the sessions with a journal, in order of their ids.
func (f *File) Sessions(ctx context.Context) ([]workshop.SessionID, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, "sessions"))
	if err != nil {
		return nil, err
	}
	var ids []workshop.SessionID
	for _, e := range entries {
		if info, err := os.Stat(f.journalPath(workshop.SessionID(e.Name()))); err == nil && info.Mode().IsRegular() {
			ids = append(ids, workshop.SessionID(e.Name()))
		}
	}
	sort.Slice(ids, func(a, b int) bool { return ids[a] < ids[b] })
	return ids, nil
}

// Append adds events to a session's journal and gives their numbers. When it
// returns without an error they are on disk. A session begins with its
// [workshop.SessionCreated]; anything else for a session without a journal is
// refused. An event without a time gets the present one.
//
// A context that ends while the events are being written doesn't take them
// back: the events may be there though Append says that it gave up.
func (f *File) Append(ctx context.Context, session workshop.SessionID, events ...workshop.Event) ([]uint64, error) {
	if len(events) == 0 {
		return nil, nil
	}
	if len(events) > MaxBatch {
		return nil, tooMany(len(events))
	}
	j, err := f.journal(session, events[0].Kind == workshop.SessionCreated)
	if err != nil {
		return nil, err
	}
	return j.append(ctx, events)
}

// Read calls fn with the events from number from on that are there now.
// fn's error ends it and is returned.
func (f *File) Read(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error {
	j, err := f.journal(session, false)
	if err != nil {
		return err
	}
	return j.read(ctx, from, fn, false)
}

// Follow calls fn with every event from number from on, those to come as they
// come, until ctx ends, fn fails, or the store is closed; it returns why.
func (f *File) Follow(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error {
	j, err := f.journal(session, false)
	if err != nil {
		return err
	}
	return j.read(ctx, from, fn, true)
}

// CastsDir is the folder for the recordings of a session. It may not be there
// yet. The session's id must be one of the store's.
func (f *File) CastsDir(session workshop.SessionID) string {
	return filepath.Join(f.dir, "sessions", string(session), "casts")
}

// Secret gives the 32 random bytes of that name and makes them at the first
// call. They stay the same for the life of the folder.
func (f *File) Secret(name string) ([]byte, error) {
	if !plainName(name) {
		return nil, fmt.Errorf("store: secret name %q", name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path := filepath.Join(f.dir, "secrets", name)
	if secret, err := os.ReadFile(path); err == nil && len(secret) == 32 {
		return secret, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return secret, writeWhole(path, secret)
}

// writeWhole puts a file in place in one step, so that a crash leaves the old
// one or the new one and never a half.
func writeWhole(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *File) journalPath(session workshop.SessionID) string {
	return filepath.Join(f.dir, "sessions", string(session), "journal.jsonl")
}

// journal opens a session's journal once.
func (f *File) journal(session workshop.SessionID, create bool) (*journal, error) {
	if !plainName(string(session)) {
		return nil, unknownSession(session)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errClosed
	}
	if j := f.journals[session]; j != nil {
		return j, nil
	}
	path := f.journalPath(session)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, unknownSession(session)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
	j, err := openJournal(path, f.log.With("session", string(session)))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(syncDir(filepath.Dir(path)), syncDir(filepath.Dir(filepath.Dir(path)))); err != nil {
		j.close()
		return nil, err
	}
	f.journals[session] = j
	return j, nil
}

// plainName says whether a name is safe as one element of a path.
func plainName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
