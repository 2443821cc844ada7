package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A node's door is a folder of the host that its root may write: the agent
// makes its socket there. So whatever is found in it is hostile until it is
// known to be a socket of that node:
//
//   - the host opens nothing in it by path; see dialDoor
//   - it is a file system of its own, so that a node can't fill the host's
//   - the folders above it belong to the host's root, and nodes can't rename it

// doorSize bounds what a node may put beside its socket: bytes and files.
const doorSize = "size=256k,nr_inodes=64"

// doorDir makes the folder that a node's agent puts its socket in: the node's
// root may write there, and of the host only root may look.
func (h *Host) doorDir(ctx context.Context, lab, node string) error {
	if !h.own {
		return nil // the tunnel is the way in
	}
	dir := filepath.Join(h.cfg.labRun(lab), node)
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if own, err := isOwnMount(dir); own || err != nil {
		return err
	}
	if conn, err := h.dialDoor(ctx, lab, node); err == nil {
		// A node of an earlier build runs with the bare folder: covering it would cut it off.
		conn.Close()
		return h.giveToNodes(dir)
	}
	options := fmt.Sprintf("mode=700,%s,uid=%d,gid=%d", doorSize, h.remappedRoot(), h.remappedRoot())
	if err := unix.Mount("slipway", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options); err != nil {
		return fmt.Errorf("lab: make the door of %s: %w", node, err)
	}
	return nil
}

// giveToNodes makes the nodes' root the owner of a folder of ours.
func (h *Host) giveToNodes(dir string) error {
	root := h.remappedRoot()
	return os.Lchown(dir, root, root)
}

// isOwnMount reports whether a folder is another file system than the one above.
func isOwnMount(dir string) (bool, error) {
	var here, above unix.Stat_t
	if err := unix.Lstat(dir, &here); err != nil {
		return false, err
	}
	if err := unix.Lstat(filepath.Dir(dir), &above); err != nil {
		return false, err
	}
	return here.Dev != above.Dev, nil
}

var errNotADoor = errors.New("lab: the node's door is no socket of the node's own")

// dialDoor connects to a node's agent. The path is walked once, without
// following a link anywhere, to a handle on what is there; that is looked at,
// and the connection made through the handle: nothing can change in between. What
// isn't a socket that a user of the nodes made is refused, so a node can't make us
// talk to a socket of the host or of another node.
func (h *Host) dialDoor(ctx context.Context, lab, node string) (net.Conn, error) {
	labs, err := unix.Open(h.cfg.runPath("labs"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(labs)
	door, err := openDoor(labs, filepath.Join(lab, node, "agent.sock"))
	if err != nil {
		return nil, err
	}
	defer unix.Close(door)
	var st unix.Stat_t
	if err := unix.Fstat(door, &st); err != nil {
		return nil, err
	}
	if first := h.remappedRoot(); st.Mode&unix.S_IFMT != unix.S_IFSOCK || first == 0 || int(st.Uid) < first || int(st.Uid) >= first+subIDCount {
		return nil, errNotADoor
	}
	return new(net.Dialer).DialContext(ctx, "unix", "/proc/self/fd/"+strconv.Itoa(door))
}

// openDoor opens a handle on what lies at a path below a folder. Mount points
// may be crossed, as each door is one; links may not.
func openDoor(below int, path string) (int, error) {
	for range 8 { // the kernel gives up when something is renamed meanwhile
		fd, err := unix.Openat2(below, path, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
		})
		switch {
		case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ELOOP):
			return -1, errNotADoor
		case err != nil:
			return -1, err
		}
		return fd, nil
	}
	return -1, unix.EAGAIN
}
