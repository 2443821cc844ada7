package exercises

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"slipway/workshop"
)

// Times of doing an exercise for somebody.
const (
	guestPrompt = 5 * time.Second        // a shell that isn't ready by then is at something of its person's
	guestPace   = 700 * time.Millisecond // between two lines
)

// Performance is doing exercises for a person, in their own terminals, where
// they can watch.
type Performance struct {
	Exercises []workshop.ExerciseID // in order
	Stage     Stage                 // the person's own terminals
	Told      func(Doing)           // is told before each act; may be nil
	Pace      time.Duration         // before each line; less than a second when 0
}

// Doing is where a performance is.
type Doing struct {
	Exercise workshop.ExerciseID
	Act      int // 1 is the first of its solution; one more than Acts while its tick is awaited
	Acts     int
	Node     string
	Terminal int
	Text     string
}

// Perform types the solutions that rehearsals prove, one exercise after the
// other, and waits for each one's tick. It ends with nil, with the cause that ctx
// was cancelled with, or with a sentence for the person. Whatever it left running
// goes on. It needs Run to be running. Safe for concurrent use, but two at once
// would type into each other's lines.
func (w *Watcher) Perform(ctx context.Context, p Performance) error {
	h := newHands(p.Stage, w, func(string, ...any) {}, manners{prompt: guestPrompt, pace: cmp.Or(p.Pace, guestPace), guest: true})
	listening, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer h.close()
	defer stop()
	for _, node := range w.nodes {
		running.Go(func() { h.marks.follow(listening, node) })
	}
	for _, id := range p.Exercises {
		if err := w.perform(ctx, h, p, id); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
	return nil
}

func (w *Watcher) perform(ctx context.Context, h *hands, p Performance, id workshop.ExerciseID) error {
	x := w.cfg.Book.Exercise(id)
	if x == nil || len(x.Solution) == 0 {
		return fmt.Errorf("the exercise %s has no ready-made solution", id)
	}
	tell := func(n int, a Act) {
		if p.Told != nil {
			p.Told(Doing{Exercise: id, Act: n, Acts: len(x.Solution), Node: a.Node, Terminal: max(a.Terminal, 1), Text: a.Text})
		}
	}
	w.send(letter{too: id})
	for i, a := range x.Solution {
		a.Node = cmp.Or(a.Node, "node1")
		tell(i+1, a)
		if err := w.awaitShells(ctx, h, a); err != nil {
			return err
		}
		if _, err := h.act(ctx, a); err != nil {
			return fmt.Errorf("%s stopped at step %d of %d: %w", cmp.Or(x.Title, string(id)), i+1, len(x.Solution), err)
		}
		if a.Dangerous {
			return fmt.Errorf("read what stands in terminal %d of %s and press Enter yourself", max(a.Terminal, 1), a.Node)
		}
	}
	tell(len(x.Solution)+1, Act{})
	if len(x.Checks) == 0 {
		return nil
	}
	return w.awaitTick(ctx, x)
}

// awaitShells waits until it is known what the shells of an act's node are at.
func (w *Watcher) awaitShells(ctx context.Context, h *hands, a Act) error {
	limited, cancel := context.WithTimeout(ctx, guestPrompt)
	defer cancel()
	if err := h.marks.awaitHistory(limited, a.Node); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s does not answer; try again when it does", a.Node)
	}
	return ctx.Err()
}

func (w *Watcher) awaitTick(ctx context.Context, x *Exercise) error {
	limited, cancel := context.WithTimeout(ctx, solvedLimit)
	defer cancel()
	v, err := w.Await(limited, x.ID, solved)
	if err == nil || ctx.Err() != nil {
		return err
	}
	var reasons []string
	for _, c := range v.Checks {
		if c.State != workshop.Passing && c.Reason != "" {
			reasons = append(reasons, c.Reason)
		}
	}
	return errors.New(strings.TrimSpace(fmt.Sprintf("all of it is typed, but %s is not solved. %s", cmp.Or(x.Title, string(x.ID)), strings.Join(reasons, " "))))
}

// Path lists what leads to an exercise and is still to be done: earlier
// exercises of its chapter that were never solved, and whatever it builds on that
// doesn't hold now, in the order of the workshop. Optional ones are left out
// unless it builds on them, and so are those that nobody can do but the person.
// Safe for concurrent use.
func (w *Watcher) Path(id workshop.ExerciseID) []workshop.ExerciseID {
	verdicts := w.Verdicts()
	at := slices.IndexFunc(w.cfg.Book.entries, func(e *entry) bool { return e.ID == id })
	if at < 0 {
		return nil
	}
	target := w.cfg.Book.entries[at]
	needed := map[workshop.ExerciseID]bool{}
	var need func(ids []workshop.ExerciseID)
	need = func(ids []workshop.ExerciseID) {
		for _, one := range ids {
			if e := w.cfg.Book.byID[one]; e != nil && !needed[one] {
				needed[one] = true
				need(e.Needs)
			}
		}
	}
	need(target.Needs)
	var path []workshop.ExerciseID
	for _, e := range w.cfg.Book.entries[:at] {
		state := verdicts[e.ID].State
		earlier := e.Chapter == target.Chapter && !e.Optional && state != workshop.Solved && state != workshop.Regressed
		if len(e.Solution) > 0 && (earlier || needed[e.ID] && state != workshop.Solved) {
			path = append(path, e.ID)
		}
	}
	return path
}
