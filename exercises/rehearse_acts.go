package exercises

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// actError is a failed act, with its line in the deck.
type actError struct {
	line int
	error
}

func (r *rehearsal) acts(ctx context.Context, acts []Act, done *[]RehearsedAct) *actError {
	for _, a := range acts {
		one, err := r.act(ctx, a)
		*done = append(*done, one)
		if err != nil {
			return &actError{a.Line, err}
		}
	}
	return nil
}

func (r *rehearsal) act(ctx context.Context, a Act) (RehearsedAct, error) {
	if a.Node == "" {
		a.Node = "node1"
	}
	if a.Timeout <= 0 {
		a.Timeout = actLimit
	}
	began := time.Now()
	one := RehearsedAct{Node: a.Node, Typed: a.Text, Line: a.Line}
	ctx, cancel := context.WithTimeoutCause(ctx, a.Timeout, fmt.Errorf("no end of it within %v", a.Timeout))
	defer cancel()
	var err error
	switch {
	case a.Open > 0:
		one.Typed = fmt.Sprintf("open port %d", a.Open)
		r.say("   %s: open port %d in the page", a.Node, a.Open)
		if err = r.cfg.Lab.OpenPort(ctx, a.Node, a.Open); err == nil {
			r.watcher.Opened(a.Node, a.Open)
		}
	default:
		err = r.inTerminal(ctx, a, &one)
	}
	one.Millis = time.Since(began).Milliseconds()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = context.Cause(ctx)
	}
	return one, err
}

func (r *rehearsal) inTerminal(ctx context.Context, a Act, one *RehearsedAct) error {
	t, err := r.typist(ctx, a.Node, max(a.Terminal, 1))
	if err != nil {
		return err
	}
	from := t.seen()
	code, err := t.do(ctx, a, r.say)
	one.Code = code
	t.quiet() // marks come on a way of their own, before the last of the output
	one.Seen = t.since(from)
	for _, line := range lastLines(one.Seen, 8) {
		r.say("   | %s", line)
	}
	if err != nil {
		return fmt.Errorf("typing %q on %s: %w", shorten(a.Text), a.Node, err)
	}
	return nil
}

// typist finds or opens a terminal of a node by its number.
func (r *rehearsal) typist(ctx context.Context, node string, number int) (*typist, error) {
	key := node + "/" + itoa(number)
	if t := r.typists[key]; t != nil {
		return t, nil
	}
	terminal, err := r.cfg.Lab.OpenTerminal(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("opening a terminal on %s: %w", node, err)
	}
	t := newTypist(terminal, key, r.marks)
	r.typists[key] = t
	return t, nil
}

// recover gets every terminal back to its prompt after something failed, so
// that the next exercise has a chance.
func (r *rehearsal) recover(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for _, t := range r.typists {
		t.interrupt(ctx)
	}
}
