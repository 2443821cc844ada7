package agent

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reaper buries orphans, which the kernel hands to process 1, without taking
// the agent's own children from under os/exec: what the agent starts is
// started and waited for through the reaper, which looks at a dead child
// before it takes it and leaves its own alone.
type reaper struct {
	mu  sync.Mutex
	own map[int]struct{}
	now chan struct{}
}

func newReaper() *reaper {
	return &reaper{own: map[int]struct{}{}, now: make(chan struct{}, 1)}
}

// Start starts a child that Wait will be called for.
func (r *reaper) Start(c *exec.Cmd) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := c.Start(); err != nil {
		return err
	}
	r.own[c.Process.Pid] = struct{}{}
	return nil
}

// Wait waits for a child that Start started.
func (r *reaper) Wait(c *exec.Cmd) error {
	err := c.Wait()
	r.mu.Lock()
	delete(r.own, c.Process.Pid)
	r.mu.Unlock()
	// Its corpse may have hidden others.
	select {
	case r.now <- struct{}{}:
	default:
	}
	return err
}

// run runs a short command.
func (r *reaper) run(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	if err := r.Start(c); err != nil {
		return err
	}
	return r.Wait(c)
}

// Run reaps until ctx ends.
func (r *reaper) Run(ctx context.Context) {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	defer signal.Stop(died)
	for {
		for r.reap() {
		}
		select {
		case <-ctx.Done():
			return
		case <-died:
		case <-r.now:
		}
	}
}

// reap buries one orphan and reports whether there was one. The kernel shows
// one dead child at a time; when that is ours, its waiter takes it and then
// calls for another look.
func (r *reaper) reap() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := deadChild()
	if err != nil || pid == 0 {
		return false
	}
	if _, ours := r.own[pid]; ours {
		return false
	}
	for {
		_, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		if !errors.Is(err, syscall.EINTR) {
			return err == nil
		}
	}
}

// deadChild returns a dead child without taking it, 0 if there is none.
func deadChild() (int, error) {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || info.Signo == 0 {
			return 0, err
		}
		return sigchldPid(&info), nil
	}
}

// sigchldPid reads si_pid, which the library leaves unnamed: it follows three
// int32, aligned as a pointer is.
func sigchldPid(info *unix.Siginfo) int {
	const at = 12 + unsafe.Sizeof(uintptr(0)) - 4
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), at)))
}
