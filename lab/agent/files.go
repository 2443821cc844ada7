package agent

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// MaxFile bounds a file that is read through the agent.
const MaxFile = 256 << 20

// FileInfo describes a file of the node.
type FileInfo struct {
	Path     string    `json:"path"`
	Type     string    `json:"type"` // file, folder, other
	Size     int64     `json:"size"`
	Mode     string    `json:"mode"` // permission bits, octal
	Modified time.Time `json:"modified"`
}

// openAs opens a path with the rights of who, on a thread of its own: whatever
// the path leads to, it is no more than that person could read. It never
// blocks on a FIFO.
func openAs(who account, path string) (f *os.File, err error) {
	if who.cred == nil {
		return openQuietly(path)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Not unlocked: the thread ends with the goroutine, and its rights too.
		runtime.LockOSThread()
		groups := append([]uint32{who.gid}, who.cred.Groups...)
		if err = setThreadGroups(groups); err != nil {
			return
		}
		if err = unix.Setfsgid(int(who.gid)); err != nil {
			return
		}
		if err = unix.Setfsuid(int(who.uid)); err != nil {
			return
		}
		f, err = openQuietly(path)
	}()
	<-done
	return f, err
}

// openQuietly opens without waiting, without becoming a terminal's owner.
func openQuietly(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

func (a *agent) file(w http.ResponseWriter, r *http.Request) error {
	who, err := lookup(a.cfg.User)
	if err != nil {
		return err
	}
	path, err := cleanPath(r.URL.Query().Get("path"), who.home)
	if err != nil {
		return err
	}
	f, err := openAs(who, path)
	if err != nil {
		return fileProblem(path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fileProblem(path, err)
	}
	info := describe(path, st)
	if r.URL.Query().Get("stat") == "1" {
		return reply(w, http.StatusOK, info)
	}
	if info.Type != "file" {
		return problem{"not-a-file", path + " is no regular file"}
	}
	if info.Size > MaxFile {
		return problem{"too-large", path + " is larger than " + strconv.Itoa(MaxFile>>20) + " MiB"}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size, 10))
	w.Header().Set("Last-Modified", info.Modified.UTC().Format(http.TimeFormat))
	w.Header().Set("Slipway-Mode", info.Mode)
	io.CopyN(w, f, info.Size) // one that shrinks meanwhile ends the connection early: the reader sees it
	return nil
}

// cleanPath makes a path absolute; ~ and relative paths start at home.
func cleanPath(path, home string) (string, error) {
	switch {
	case path == "" || len(path) > 4096 || strings.ContainsRune(path, 0):
		return "", problem{"bad-request", "a file needs a path of 1 to 4096 bytes"}
	case path == "~":
		path = home
	case strings.HasPrefix(path, "~/"):
		path = filepath.Join(home, path[2:])
	case !filepath.IsAbs(path):
		path = filepath.Join(home, path)
	}
	return filepath.Clean(path), nil
}

func describe(path string, st fs.FileInfo) FileInfo {
	info := FileInfo{Path: path, Type: "other", Size: st.Size(), Modified: st.ModTime(),
		Mode: strconv.FormatUint(uint64(st.Mode().Perm()), 8)}
	switch {
	case st.Mode().IsRegular():
		info.Type = "file"
	case st.IsDir():
		info.Type = "folder"
	}
	return info
}

func fileProblem(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return problem{"not-found", "there is no file " + path}
	case errors.Is(err, fs.ErrPermission):
		return problem{"forbidden", path + " may not be read"}
	case errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO):
		return problem{"not-a-file", path + " is no regular file"}
	}
	return err
}
