package exercises

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Stage is where acts are done.
type Stage interface {
	// OpenTerminal gives a shell of a node by its number, 1 for the first; one
	// that isn't there is opened.
	OpenTerminal(ctx context.Context, node string, number int) (Terminal, error)
	// OpenPort opens a port of a node as a person does through the page.
	OpenPort(ctx context.Context, node string, port int) error
}

// hands do acts on a stage, as a person would.
type hands struct {
	stage   Stage
	watcher *Watcher
	marks   *markBoard
	say     func(string, ...any)
	manners manners
	typists map[string]*typist // by node and number
}

// manners are how terminals are treated that belong to somebody.
type manners struct {
	prompt time.Duration // how long to wait for one
	pace   time.Duration // before each line, so that it can be watched
	guest  bool          // a half-typed line is wiped; a shell that is elsewhere is left alone
}

func newHands(stage Stage, watcher *Watcher, say func(string, ...any), m manners) *hands {
	return &hands{stage: stage, watcher: watcher, marks: newMarkBoard(), say: say, manners: m, typists: map[string]*typist{}}
}

func (h *hands) close() {
	for _, t := range h.typists {
		t.close()
	}
}

// act does one act; code is the exit code of its last command, where one ended.
func (h *hands) act(ctx context.Context, a Act) (one RehearsedAct, err error) {
	if a.Node == "" {
		a.Node = "node1"
	}
	if a.Timeout <= 0 {
		a.Timeout = actLimit
	}
	began := time.Now()
	one = RehearsedAct{Node: a.Node, Typed: a.Text, Line: a.Line}
	ctx, cancel := context.WithTimeoutCause(ctx, a.Timeout, fmt.Errorf("no end of it within %v", a.Timeout))
	defer cancel()
	if a.Open > 0 {
		one.Typed = fmt.Sprintf("open port %d", a.Open)
		h.say("   %s: open port %d in the page", a.Node, a.Open)
		if err = h.stage.OpenPort(ctx, a.Node, a.Open); err == nil {
			h.watcher.Opened(a.Node, a.Open)
		}
	} else {
		err = h.inTerminal(ctx, a, &one)
	}
	one.Millis = time.Since(began).Milliseconds()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = context.Cause(ctx)
	}
	return one, err
}

func (h *hands) inTerminal(ctx context.Context, a Act, one *RehearsedAct) error {
	t, err := h.typist(ctx, a.Node, max(a.Terminal, 1))
	if err != nil {
		return err
	}
	from := t.seen()
	code, err := t.do(ctx, a, h.say)
	one.Code = code
	t.quiet() // marks come on a way of their own, before the last of the output
	one.Seen = t.since(from)
	for _, line := range lastLines(one.Seen, 8) {
		h.say("   | %s", line)
	}
	if err != nil {
		return fmt.Errorf("typing %q on %s: %w", shorten(a.Text), a.Node, err)
	}
	return nil
}

// typist finds or opens a terminal of a node by its number.
func (h *hands) typist(ctx context.Context, node string, number int) (*typist, error) {
	key := node + "/" + itoa(number)
	if t := h.typists[key]; t != nil {
		return t, nil
	}
	terminal, err := h.stage.OpenTerminal(ctx, node, number)
	if err != nil {
		return nil, fmt.Errorf("opening a terminal on %s: %w", node, err)
	}
	t := newTypist(terminal, key, h.marks)
	t.manners, t.node = h.manners, node
	h.typists[key] = t
	return t, nil
}

// recover gets every terminal back to its prompt after something failed.
func (h *hands) recover(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for _, t := range h.typists {
		t.interrupt(ctx)
	}
}
