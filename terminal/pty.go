package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// ptyFile is the master side of a pseudo-terminal, read and written with plain
// system calls from threads of their own. Go's poller is left out on purpose:
// a shell that floods keeps every scheduler thread busy, and keys of other
// shells would then wait for the poller's turn.
type ptyFile struct {
	fd   int
	stop int // eventfd, readable for good once the terminal ends

	mu     sync.Mutex
	closed bool
}

// openPTY opens a pair and starts cmd on its slave side.
func openPTY(cmd *exec.Cmd, sp Spawner, size pty.Winsize) (*ptyFile, error) {
	ptm, pts, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("no pseudo-terminal can be opened: %w", err)
	}
	defer pts.Close()
	defer ptm.Close()
	if err := pty.Setsize(ptm, &size); err != nil {
		return nil, fmt.Errorf("set the size of the pseudo-terminal: %w", err)
	}
	if c := cmd.SysProcAttr.Credential; c != nil && os.Geteuid() == 0 {
		if err := pts.Chown(int(c.Uid), ttyGroup); err != nil {
			return nil, fmt.Errorf("give the pseudo-terminal to its user: %w", err)
		}
	}
	p, err := adopt(ptm)
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = pts, pts, pts
	cmd.SysProcAttr.Setsid = true
	cmd.SysProcAttr.Setctty = true
	if err := sp.Start(cmd); err != nil {
		p.close()
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// ttyGroup is the group that may write messages to terminals on Debian.
const ttyGroup = 5

// adopt duplicates the descriptor out of Go's poller.
func adopt(f *os.File) (*ptyFile, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	p := &ptyFile{fd: -1, stop: -1}
	var dup error
	err = raw.Control(func(fd uintptr) {
		p.fd, dup = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(err, dup); err != nil {
		return nil, fmt.Errorf("adopt the pseudo-terminal: %w", err)
	}
	if err := unix.SetNonblock(p.fd, true); err != nil {
		p.close()
		return nil, fmt.Errorf("adopt the pseudo-terminal: %w", err)
	}
	if p.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		p.close()
		return nil, fmt.Errorf("adopt the pseudo-terminal: %w", err)
	}
	return p, nil
}

// read fills b with what is there now and waits, in its own thread, only for
// the first byte. After quit it returns what is left and then errStopped.
func (p *ptyFile) read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		got, err := unix.Read(p.fd, b[n:])
		switch {
		case err == nil && got > 0:
			n += got
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case n > 0:
			return n, nil
		case errors.Is(err, unix.EAGAIN):
			if p.wait(unix.POLLIN, -1) {
				// Ended, but what it printed last may have come meanwhile.
				got, err := unix.Read(p.fd, b)
				if err == nil && got > 0 {
					return got, nil
				}
				return 0, errStopped
			}
		case err == nil || errors.Is(err, unix.EIO):
			// Nobody has the slave open: the process is about to end, or it
			// lives on without a terminal and may open it again.
			if p.wait(0, hangupRetry) {
				return 0, errStopped
			}
		default:
			return 0, err
		}
	}
	return n, nil
}

// hangupRetry is how long the reader sleeps while nobody has the slave open.
const hangupRetry = 100 * time.Millisecond

var errStopped = errors.New("the terminal ended")

// write writes what fits now; it never waits.
func (p *ptyFile) write(b []byte) (int, error) {
	for {
		n, err := unix.Write(p.fd, b)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		case err != nil:
			return 0, err
		}
		return n, nil
	}
}

// wait waits for an event on the master, for at most d (without bound if
// negative), and reports whether the terminal has been told to stop.
func (p *ptyFile) wait(events int16, d time.Duration) (stopped bool) {
	fds := []unix.PollFd{{Fd: int32(p.stop), Events: unix.POLLIN}, {Fd: int32(p.fd), Events: events}}
	if events == 0 {
		fds = fds[:1]
	}
	ms := -1
	if d >= 0 {
		ms = int(d.Milliseconds())
	}
	for {
		_, err := unix.Poll(fds, ms)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err != nil || fds[0].Revents != 0
	}
}

// quit makes every wait return, now and from now on.
func (p *ptyFile) quit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		unix.Write(p.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // cannot fail: the counter is far from full
	}
}

func (p *ptyFile) resize(cols, rows uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		unix.IoctlSetWinsize(p.fd, unix.TIOCSWINSZ, &unix.Winsize{Col: cols, Row: rows}) // a lost resize is harmless
	}
}

// foreground is the process group that gets the terminal's keys, 0 if unknown.
func (p *ptyFile) foreground() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0
	}
	pgrp, err := unix.IoctlGetInt(p.fd, unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return pgrp
}

// close closes the master, which hangs up the line. Only after the reader and
// the writer have ended.
func (p *ptyFile) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	for _, fd := range []int{p.fd, p.stop} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
