package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"slipway/terminal"
	"slipway/terminal/screen"
)

// MaxTerminals bounds the terminals of a node, ended ones included.
const MaxTerminals = 16

// OpenTerminal is what a new terminal is asked to be.
type OpenTerminal struct {
	ID      string   `json:"id,omitempty"` // 1..64 of [A-Za-z0-9-]; "" invents one
	Name    string   `json:"name,omitempty"`
	Cols    int      `json:"cols,omitempty"`
	Rows    int      `json:"rows,omitempty"`
	Dir     string   `json:"dir,omitempty"`     // "" is home
	Command []string `json:"command,omitempty"` // none is a login shell
	Env     []string `json:"env,omitempty"`     // beside the usual
}

// TerminalInfo is a terminal as listed.
type TerminalInfo struct {
	terminal.Status
	Dir string `json:"dir"` // where its shell stands now
}

var terminalID = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// check says what is wrong with the request, if anything.
func (o OpenTerminal) check() error {
	size := len(o.Name) + len(o.Dir)
	for _, s := range slices.Concat(o.Command, o.Env) {
		size += len(s)
		if strings.ContainsRune(s, 0) {
			return errors.New("a command or variable may not contain a zero byte")
		}
	}
	switch {
	case o.ID != "" && !terminalID.MatchString(o.ID):
		return errors.New("a terminal's id is 1 to 64 letters, digits or hyphens")
	case o.Cols < 0 || o.Cols > terminal.MaxSize || o.Rows < 0 || o.Rows > terminal.MaxSize:
		return fmt.Errorf("a terminal has 1 to %d columns and rows", terminal.MaxSize)
	case o.Dir != "" && !filepath.IsAbs(o.Dir):
		return errors.New("a terminal's folder must be an absolute path")
	case size > 32<<10 || len(o.Name) > 200:
		return errors.New("the terminal's description is too long")
	}
	return nil
}

// terminals are the node's shells.
type terminals struct {
	cfg  Config
	reap *reaper
	tell func(Event)

	mu     sync.Mutex
	open   map[string]*terminal.Terminal
	order  []string // as opened
	closed bool
	run    sync.WaitGroup
}

func newTerminals(cfg Config, reap *reaper, tell func(Event)) *terminals {
	return &terminals{cfg: cfg, reap: reap, tell: tell, open: map[string]*terminal.Terminal{}}
}

// Run keeps the shells until ctx ends, then ends them all and waits.
func (ts *terminals) Run(ctx context.Context) {
	<-ctx.Done()
	ts.mu.Lock()
	ts.closed = true
	for _, t := range ts.open {
		t.Close()
	}
	ts.mu.Unlock()
	ts.run.Wait()
}

// Open starts a terminal, or returns the one that runs under the same id. One
// that has ended makes way for a new one.
func (ts *terminals) Open(o OpenTerminal) (t *terminal.Terminal, created bool, err error) {
	if err := o.check(); err != nil {
		return nil, false, problem{"bad-request", err.Error()}
	}
	if o.ID == "" {
		o.ID = strings.ToLower(rand.Text()[:10])
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.closed {
		return nil, false, problem{"stopping", "the node is being stopped"}
	}
	if t := ts.open[o.ID]; t != nil {
		if !t.Status().Ended {
			return t, false, nil
		}
		ts.forget(o.ID)
	}
	if err := ts.makeRoom(); err != nil {
		return nil, false, err
	}
	t, err = ts.start(o)
	if err != nil {
		return nil, false, err
	}
	ts.open[o.ID] = t
	ts.order = append(ts.order, o.ID)
	ts.tell(Event{Kind: EventOpened, Terminal: o.ID, Name: o.Name})
	ts.run.Go(func() {
		if err := t.Run(context.Background()); err != nil { // Close ends it: see Run
			ts.cfg.Log.Error("a terminal broke", "terminal", o.ID, "err", err)
		}
		code := t.Status().Code
		ts.tell(Event{Kind: EventClosed, Terminal: o.ID, Name: o.Name, Code: &code})
	})
	return t, true, nil
}

// makeRoom forgets the terminal that ended first if there are too many.
func (ts *terminals) makeRoom() error {
	if len(ts.open) < MaxTerminals {
		return nil
	}
	for _, id := range ts.order {
		if ts.open[id].Status().Ended {
			ts.forget(id)
			return nil
		}
	}
	return problem{"too-many", fmt.Sprintf("a node has at most %d terminals; close one first", MaxTerminals)}
}

func (ts *terminals) forget(id string) {
	delete(ts.open, id)
	ts.order = slices.DeleteFunc(ts.order, func(s string) bool { return s == id })
}

func (ts *terminals) start(o OpenTerminal) (*terminal.Terminal, error) {
	who, err := lookup(ts.cfg.User)
	if err != nil {
		return nil, err
	}
	opt := terminal.Options{
		ID: o.ID, Name: o.Name, Command: o.Command, Dir: o.Dir, Cols: o.Cols, Rows: o.Rows,
		Credential: who.cred, Spawner: ts.reap, Env: ts.environment(who, o), Now: ts.cfg.Now,
		Screen: func(cols, rows int) terminal.Screen { return screen.New(cols, rows) },
	}
	if len(o.Command) == 0 {
		opt.Command = ts.cfg.Shell
		if len(opt.Command) == 1 {
			opt.Argv0 = "-" + filepath.Base(opt.Command[0])
		}
	}
	if opt.Dir == "" {
		opt.Dir = who.home
	}
	if st, err := os.Stat(opt.Dir); err != nil || !st.IsDir() {
		opt.Dir = "/" // a folder that is gone should not cost a person the shell
	}
	t, err := terminal.New(opt)
	if err != nil {
		return nil, err
	}
	return t, t.Start()
}

// path of a fresh shell, as Debian's login gives it to root: the workshop's
// people use ip, tcpdump and the like without thinking of sbin.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (ts *terminals) environment(who account, o OpenTerminal) []string {
	env := []string{
		path, "HOME=" + who.home, "USER=" + who.name, "LOGNAME=" + who.name, "SHELL=/bin/bash",
		"TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8",
		"SLIPWAY_NODE=" + ts.cfg.Node, "SLIPWAY_TERMINAL=" + ts.cfg.Node + "/" + o.ID,
	}
	if ts.cfg.Marks != MarksPath {
		env = append(env, "SLIPWAY_MARKS="+ts.cfg.Marks)
	}
	return append(env, o.Env...)
}

// Get returns the terminal with an id, nil if there is none.
func (ts *terminals) Get(id string) *terminal.Terminal {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.open[id]
}

// Close ends a terminal, waits for its end and forgets it.
func (ts *terminals) Close(ctx context.Context, id string) error {
	t := ts.Get(id)
	if t == nil {
		return problem{"not-found", "there is no terminal " + id}
	}
	t.Close()
	select {
	case <-t.Done():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.open[id] == t {
		ts.forget(id)
	}
	return nil
}

// List returns the terminals in the order they were opened.
func (ts *terminals) List() []TerminalInfo {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	list := make([]TerminalInfo, 0, len(ts.order))
	for _, id := range ts.order {
		t := ts.open[id]
		list = append(list, TerminalInfo{t.Status(), t.Dir()})
	}
	return list
}
