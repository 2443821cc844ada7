package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"slipway/workshop"
)

// registrySocket is where a node's agent looks for the lab's registry: see
// agent.RegistryPath.
const registrySocket = "registry.sock"

// How often a node's registry socket is looked at, and how long after a failure
// it is made again.
const (
	listenLook  = 10 * time.Second
	listenRetry = 5 * time.Second
)

// ServeRegistry lets serve answer what the node's people ask at 127.0.0.1:5000, on a
// listener that is this node's alone, until ctx ends. serve must return when its
// context ends or its listener is closed, and close the listener. When the node takes
// the socket away, it gets another one, and serve is called again.
//
// On an Engine of somebody else's there is no way for it yet, and the error says so.
func (n *Node) ServeRegistry(ctx context.Context, serve func(context.Context, net.Listener) error) error {
	if !n.host.own {
		return workshop.Errorf(workshop.Unavailable, "On this Engine the nodes have no registry: it needs Slipway's own.")
	}
	for ctx.Err() == nil {
		l, err := n.listenRegistry()
		if err == nil {
			err = n.serveUntilLost(ctx, l, serve)
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			n.host.cfg.Log.Warn("a node's registry is not served; trying again", "lab", n.Lab, "node", n.Name, "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(listenRetry):
			}
		}
	}
	return nil
}

// serveUntilLost serves until the listener's socket is no longer where the node
// looks for it.
func (n *Node) serveUntilLost(ctx context.Context, l *doorListener, serve func(context.Context, net.Listener) error) error {
	defer l.Close()
	served := make(chan error, 1)
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { served <- serve(inner, l) }()
	ticker := time.NewTicker(listenLook)
	defer ticker.Stop()
	for {
		select {
		case err := <-served:
			return err
		case <-ticker.C:
			if l.there() {
				continue
			}
			cancel()
			<-served
			return nil
		}
	}
}

// doorListener listens on a socket in a node's door. The node's root may write
// there, so nothing is done by path: the folder is held by a handle, and no
// link in it is ever followed.
type doorListener struct {
	net.Listener
	mu   sync.Mutex // guards dir: serving ends while someone looks
	dir  *os.File   // handle on the door; nil once closed
	made uint64     // the socket's inode
}

// listenRegistry makes the registry's socket in the node's door, in place of
// whatever has its name.
func (n *Node) listenRegistry() (*doorListener, error) {
	h := n.host
	labs, err := unix.Open(h.cfg.runPath("labs"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(labs)
	fd, err := openDoor(labs, filepath.Join(n.Lab, n.Name))
	if err != nil {
		return nil, fmt.Errorf("lab: open the door of %s: %w", n.Name, err)
	}
	dir := os.NewFile(uintptr(fd), n.Name)
	l, err := listenIn(dir, h.remappedRoot())
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("lab: make the registry's socket in the door of %s: %w", n.Name, err)
	}
	return l, nil
}

// listenIn makes the socket for a user to whom it then belongs. Binding never follows a
// link: a name that is taken, by whatever, is an error.
func listenIn(dir *os.File, user int) (*doorListener, error) {
	fd := int(dir.Fd())
	if err := unix.Unlinkat(fd, registrySocket, 0); err == unix.EISDIR || err == unix.EPERM {
		_ = unix.Unlinkat(fd, registrySocket, unix.AT_REMOVEDIR) // if it isn't empty, binding says so
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: "/proc/self/fd/" + strconv.Itoa(fd) + "/" + registrySocket})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // by a path that may mean another file by then
	var st unix.Stat_t
	err = unix.Fstatat(fd, registrySocket, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil {
		err = unix.Fchownat(fd, registrySocket, user, user, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return &doorListener{Listener: l, dir: dir, made: st.Ino}, nil
}

// there reports whether the node still finds the socket.
func (l *doorListener) there() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stillThere()
}

// stillThere is there with mu held.
func (l *doorListener) stillThere() bool {
	if l.dir == nil {
		return false
	}
	var st unix.Stat_t
	err := unix.Fstatat(int(l.dir.Fd()), registrySocket, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK && st.Ino == l.made
}

// Close ends listening, once, and takes the socket away if it is still ours.
func (l *doorListener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.dir != nil {
		if l.stillThere() {
			_ = unix.Unlinkat(int(l.dir.Fd()), registrySocket, 0)
		}
		l.dir.Close()
		l.dir = nil
	}
	return err
}

// Known reports whether a lab is remembered here, running or not: until it is removed,
// what belongs to it must stay.
func (h *Host) Known(id string) bool {
	_, ok := h.keyOf(id)
	return ok
}
