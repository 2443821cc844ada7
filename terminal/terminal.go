package terminal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// Bounds and defaults of a terminal.
const (
	DefaultRing   = 2 << 20   // bytes of output kept
	DefaultWindow = 256 << 10 // bytes of output a viewer may leave unacknowledged
	InputWindow   = 256 << 10 // bytes of input a client may send beyond the last `k`
	MaxViewers    = 128       // attached at one time
	MaxClients    = 64        // whose input is remembered
	MaxSize       = 1000      // columns, rows

	defaultCols, defaultRows = 80, 24
	maxQueuedInput           = 1 << 20
	hangupGrace              = 2 * time.Second
)

// Errors that callers tell apart.
var (
	ErrEnded      = errors.New("the terminal has ended")
	ErrNotStarted = errors.New("the terminal has not been started")
	ErrTooMany    = errors.New("too many viewers look at this terminal")
	ErrAttach     = errors.New("a viewer needs a client id of 1 to 64 letters, digits or hyphens, and a role")
)

// Spawner starts and waits for processes. The agent gives one that shares the
// work with the reaper of orphans; nil means os/exec itself.
type Spawner interface {
	Start(*exec.Cmd) error
	Wait(*exec.Cmd) error
}

// Screen is a model of what is drawn: with one, whoever attaches late gets the
// exact screen instead of a replay of the last bytes. Write and Resize follow
// the output in order; Repaint returns at most max bytes, about history of them
// for what scrolled out above, that bring a freshly reset terminal of the same
// size to the present state, and how many of the last bytes written are not in
// it yet. It returns nil when max is too small. The terminal calls it from one
// goroutine at a time and does not write into what it returns.
type Screen interface {
	Write(p []byte)
	Resize(cols, rows int)
	Repaint(max, history int) (paint []byte, behind int)
	Title() string
}

// Options describe a terminal. Only Command is required.
type Options struct {
	ID, Name   string
	Command    []string // program and arguments; Argv0 replaces the first if set
	Argv0      string   // "-bash" makes a login shell
	Dir        string
	Env        []string // the whole environment
	Credential *syscall.Credential
	Cols, Rows int           // 0 means 80 x 24; clamped to 1..MaxSize
	Ring       int           // 0 means DefaultRing
	Window     int           // 0 means DefaultWindow
	Grace      time.Duration // between hang-up and kill; 0 means 2 s
	Spawner    Spawner
	Screen     func(cols, rows int) Screen // nil: repaint from the ring
	Now        func() time.Time            // nil means time.Now
}

// Terminal is one process on one pseudo-terminal and what it printed.
type Terminal struct {
	opt  Options
	cmd  *exec.Cmd
	pty  *ptyFile
	born time.Time

	mu       sync.Mutex
	resume   sync.Cond // the pump waits here for its owner
	ring     *Scrollback
	track    tracker
	screen   Screen
	viewers  map[*viewer]struct{}
	active   *viewer // the owner's view that holds the pump and sets the size
	clients  map[string]*client
	queue    []keys // input that the process has not taken yet
	queued   int    // bytes in queue
	cols     int
	rows     int
	sizeAt   uint64 // end of the output when it got this size
	hangup   bool   // told to end: nobody holds the pump any more
	ended    bool
	code     int
	activity time.Time

	kick chan struct{} // input was queued
	stop chan struct{} // closed by Close
	once sync.Once
	over chan struct{} // closed when the process has ended
	done chan struct{} // closed when Run has ended
}

// New returns a terminal that has not been started.
func New(o Options) (*Terminal, error) {
	if len(o.Command) == 0 {
		return nil, errors.New("a terminal needs a command to run")
	}
	o.Cols, o.Rows = size(o.Cols, defaultCols), size(o.Rows, defaultRows)
	if o.Ring <= 0 {
		o.Ring = DefaultRing
	}
	if o.Window <= 0 {
		o.Window = DefaultWindow
	}
	if o.Grace <= 0 {
		o.Grace = hangupGrace
	}
	if o.Spawner == nil {
		o.Spawner = plainSpawner{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &Terminal{
		opt: o, ring: NewScrollback(o.Ring), cols: o.Cols, rows: o.Rows,
		viewers: map[*viewer]struct{}{}, clients: map[string]*client{},
		kick: make(chan struct{}, 1), stop: make(chan struct{}),
		over: make(chan struct{}), done: make(chan struct{}),
	}
	t.resume.L = &t.mu
	if o.Screen != nil {
		t.screen = o.Screen(o.Cols, o.Rows)
	}
	return t, nil
}

type plainSpawner struct{}

func (plainSpawner) Start(c *exec.Cmd) error { return c.Start() }
func (plainSpawner) Wait(c *exec.Cmd) error  { return c.Wait() }

func size(n, unset int) int {
	if n == 0 {
		return unset
	}
	return min(max(n, 1), MaxSize)
}

// ID is the terminal's id as given.
func (t *Terminal) ID() string { return t.opt.ID }

// Name is the terminal's name as given.
func (t *Terminal) Name() string { return t.opt.Name }

// Start opens the pseudo-terminal and starts the process on it. Call it once,
// then Run.
func (t *Terminal) Start() error {
	path, err := exec.LookPath(t.opt.Command[0])
	if err != nil {
		return fmt.Errorf("start a shell: %w", err)
	}
	cmd := &exec.Cmd{
		Path: path, Args: append([]string(nil), t.opt.Command...), Dir: t.opt.Dir, Env: t.opt.Env,
		SysProcAttr: &syscall.SysProcAttr{Credential: t.opt.Credential},
	}
	if t.opt.Argv0 != "" {
		cmd.Args[0] = t.opt.Argv0
	}
	if t.opt.Dir != "" && !filepath.IsAbs(t.opt.Dir) {
		return fmt.Errorf("start a shell: the folder %q is not absolute", t.opt.Dir)
	}
	p, err := openPTY(cmd, t.opt.Spawner, pty.Winsize{Cols: uint16(t.cols), Rows: uint16(t.rows)})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cmd, t.pty, t.born = cmd, p, t.opt.Now()
	t.activity = t.born
	return nil
}

// Run pumps output and input until the process has ended, then kills what is
// left of its process group. When ctx ends or Close is called the line is hung
// up first; what ignores that is killed after a grace. The output stays
// readable by Serve after Run has returned. Run returns nil when the process
// ended, whatever its exit code, and ctx's error when it was ended by ctx.
func (t *Terminal) Run(ctx context.Context) error {
	t.mu.Lock()
	started := t.cmd != nil
	t.mu.Unlock()
	if !started {
		return ErrNotStarted
	}
	defer close(t.done)
	exited := make(chan int, 1)
	gone := make(chan struct{})
	var work sync.WaitGroup
	work.Go(t.pump)
	work.Go(t.typeKeys)
	work.Go(func() { defer close(gone); exited <- t.wait() })
	work.Go(func() { t.hangUpWhenTold(ctx, gone) })

	code := <-exited
	syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL) // what is left of its group; mostly nothing
	close(t.over)
	t.pty.quit()
	work.Wait()
	t.end(code) // first, so that no key is written to a descriptor that is gone
	t.pty.close()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Close ends the process. It doesn't wait; see Done.
func (t *Terminal) Close() { t.once.Do(func() { close(t.stop) }) }

// Done is closed when Run has ended.
func (t *Terminal) Done() <-chan struct{} { return t.done }

// wait waits for the process and returns its exit code as a shell would say
// it: 128 + n for signal n.
func (t *Terminal) wait() int {
	err := t.opt.Spawner.Wait(t.cmd)
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &failed):
		return -1
	}
	if ws, ok := failed.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return failed.ExitCode()
}

// hangUpWhenTold ends the process when ctx ends or Close is called.
func (t *Terminal) hangUpWhenTold(ctx context.Context, gone <-chan struct{}) {
	select {
	case <-gone:
		t.release()
		return
	case <-ctx.Done():
	case <-t.stop:
	}
	t.release()
	leader := t.cmd.Process.Pid
	for _, group := range []int{t.pty.foreground(), leader} {
		if group > 1 {
			syscall.Kill(-group, syscall.SIGHUP)
			syscall.Kill(-group, syscall.SIGCONT)
		}
	}
	grace := time.NewTimer(t.opt.Grace)
	defer grace.Stop()
	select {
	case <-gone:
	case <-grace.C:
	}
	killSession(leader)
}

// release lets the pump run whatever the owner acknowledged.
func (t *Terminal) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hangup = true
	t.resume.Broadcast()
}

// end tells all viewers that there is no more to come.
func (t *Terminal) end(code int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended, t.code = true, code
	t.queue, t.queued = nil, 0
	for v := range t.viewers {
		v.notify()
	}
}

// Status is a terminal at one moment.
type Status struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Title    string    `json:"title"` // as the program set it
	Cols     int       `json:"cols"`
	Rows     int       `json:"rows"`
	Offset   uint64    `json:"offset"` // end of the output
	Oldest   uint64    `json:"oldest"` // first byte that is still kept
	Viewers  int       `json:"viewers"`
	Born     time.Time `json:"born"`
	Activity time.Time `json:"activity"` // last key
	Pid      int       `json:"pid"`
	Ended    bool      `json:"ended"`
	Code     int       `json:"code"`
}

// Status returns the terminal's present state.
func (t *Terminal) Status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Status{
		ID: t.opt.ID, Name: t.opt.Name, Cols: t.cols, Rows: t.rows,
		Offset: t.ring.End(), Oldest: t.ring.Start(), Viewers: len(t.viewers),
		Title: t.title(), Born: t.born, Activity: t.activity, Ended: t.ended, Code: t.code,
	}
	if t.cmd != nil {
		s.Pid = t.cmd.Process.Pid
	}
	return s
}

// title is what the program set. Caller holds t.mu.
func (t *Terminal) title() string {
	if t.screen != nil {
		return t.screen.Title()
	}
	return string(t.track.now.title)
}

// Dir is the folder in which the shell stands now, "" if it can't be told.
func (t *Terminal) Dir() string {
	pid := t.Status().Pid
	if pid == 0 {
		return ""
	}
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return ""
	}
	return dir
}
