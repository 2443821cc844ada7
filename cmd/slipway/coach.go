package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"slipway/exercises"
	"slipway/lab"
	"slipway/server"
	"slipway/terminal"
	"slipway/workshop"
)

// Bounds of what is done for people.
const (
	doingLimit = 20 * time.Minute // for all of it
	trySettles = 20 * time.Second // for what an expression measures
)

// errStoppedByHand, errStopped: why a doing ended early, in words for its person.
var (
	errStoppedByHand = errors.New("it stopped because you typed")
	errStopped       = errors.New("it was stopped")
)

// doing is something that is being done for a person.
type doing struct {
	stop    context.CancelCauseFunc
	view    server.DoingView
	touched map[string]bool // terminals it typed in
}

// Do begins to do an exercise for a person, or what leads to it.
func (k *keeper) Do(_ context.Context, _ workshop.SessionID, who workshop.ParticipantID, id workshop.ExerciseID, bring bool) error {
	one, err := k.lab(who)
	if err != nil {
		return err
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	switch {
	case one.start == nil:
		return notReady()
	case one.doing != nil:
		return workshop.Errorf(workshop.Conflict, "Something is being done for you already. Stop it first, or wait until it is done.")
	}
	path := []workshop.ExerciseID{id}
	if bring {
		if path = one.watcher.Path(id); len(path) == 0 {
			return workshop.Errorf(workshop.Conflict, "You are there: nothing is left to do before this exercise.")
		}
	}
	now := &doing{stop: func(error) {}, touched: map[string]bool{}, view: server.DoingView{Exercise: path[0], For: id, Act: 1}}
	one.doing = now
	watcher := one.watcher
	one.start(func(ctx context.Context) {
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		ctx, end := context.WithTimeoutCause(ctx, doingLimit, errors.New("it took too long"))
		defer end()
		one.mu.Lock()
		now.stop = stop
		one.mu.Unlock()
		one.do(ctx, watcher, now, path)
	})
	return nil
}

// do performs a path and tells how it goes.
func (o *kept) do(ctx context.Context, watcher *exercises.Watcher, now *doing, path []workshop.ExerciseID) {
	target := now.view.For
	last := workshop.ExerciseID("")
	err := watcher.Perform(ctx, exercises.Performance{Exercises: path, Stage: (*ownTerminals)(o), Told: func(d exercises.Doing) {
		if d.Exercise != last {
			last = d.Exercise
			began := workshop.Event{Kind: workshop.DoingBegan, Participant: o.who, Exercise: last}
			if last != target {
				began.Text = string(target)
			}
			o.append(ctx, began)
		}
		o.change(func() {
			now.view = server.DoingView{Exercise: d.Exercise, For: target, Act: d.Act, Acts: d.Acts, Node: d.Node, Text: d.Text}
			if d.Node != "" {
				now.view.Terminal = "t" + strconv.Itoa(d.Terminal)
				now.touched[terminalKey(d.Node, now.view.Terminal)] = true
			}
		})
	}})
	ended := workshop.Event{Kind: workshop.DoingEnded, Participant: o.who, Exercise: target}
	if err != nil {
		ended.Text = err.Error()
	}
	o.change(func() { o.doing = nil })
	o.append(context.WithoutCancel(ctx), ended)
}

// Stop ends what is being done for a person.
func (k *keeper) Stop(_ context.Context, who workshop.ParticipantID) error {
	one, err := k.lab(who)
	if err == nil {
		one.interrupt("", errStopped)
	}
	return err
}

// Typed ends what is being done in a terminal when its person types there.
func (k *keeper) Typed(who workshop.ParticipantID, node, id string) {
	if one, err := k.lab(who); err == nil {
		one.interrupt(terminalKey(node, id), errStoppedByHand)
	}
}

// interrupt stops what is being done; in that terminal, if one is named.
func (o *kept) interrupt(terminal string, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.doing != nil && (terminal == "" || o.doing.touched[terminal]) {
		o.doing.stop(why)
	}
}

// Try judges an author's expression against their own lab.
func (k *keeper) Try(ctx context.Context, session workshop.SessionID, who workshop.ParticipantID, expression string) (server.Tried, error) {
	one, err := k.lab(who)
	if workshop.KindOf(err) == workshop.Unknown {
		err = k.Prepare(ctx, session, who)
		if err == nil {
			err = notReady()
		}
	}
	if err != nil {
		return server.Tried{}, err
	}
	one.mu.Lock()
	watcher := one.watcher
	one.mu.Unlock()
	if watcher == nil {
		return server.Tried{}, notReady()
	}
	return try(ctx, watcher, expression), nil
}

func try(ctx context.Context, watcher *exercises.Watcher, expression string) server.Tried {
	ctx, cancel := context.WithTimeout(ctx, trySettles+10*time.Second)
	defer cancel()
	verdict, problems := watcher.Try(ctx, expression, trySettles)
	if len(problems) == 0 {
		return server.Tried{Verdict: &verdict}
	}
	var answer server.Tried
	for _, p := range problems {
		answer.Problems = append(answer.Problems, p.Message)
	}
	return answer
}

// decided passes on what an instructor decided about an exercise.
func (o *kept) decided(v workshop.Verdict) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watcher != nil {
		o.watcher.Decided(v)
	}
	o.known[v.Exercise] = v
}

// ownTerminals is a person's lab as the place where things are done for them.
type ownTerminals kept

// OpenTerminal gives the terminal that the person sees under that number.
func (o *ownTerminals) OpenTerminal(ctx context.Context, node string, number int) (exercises.Terminal, error) {
	one := (*kept)(o)
	agent, err := one.agent(node)
	if err != nil {
		return nil, err
	}
	id := "t" + strconv.Itoa(number)
	known, err := agent.Terminals(ctx)
	if err != nil {
		return nil, explain(node, err)
	}
	opened, err := agent.OpenTerminal(ctx, lab.TerminalSpec{ID: id})
	if err != nil {
		return nil, explain(node, err)
	}
	if !slices.ContainsFunc(known, func(t lab.TerminalState) bool { return t.ID == id }) {
		one.append(ctx, workshop.Event{Kind: workshop.TerminalOpened, Participant: one.who, Terminal: &workshop.TerminalRef{Node: node, ID: id}})
	}
	joined, err := joinShell(ctx, agent, node, opened.ID)
	if err != nil {
		return nil, explain(node, err)
	}
	return joined, nil
}

// OpenPort looks at a port as the person would through the page.
func (o *ownTerminals) OpenPort(ctx context.Context, node string, port int) error {
	agent, err := (*kept)(o).agent(node)
	if err != nil {
		return err
	}
	return openPort(ctx, node, func(ctx context.Context) (io.ReadWriteCloser, error) { return agent.DialPort(ctx, port) })
}

// joinShell attaches to a terminal as one more view of its owner's. What it
// showed before is left out.
func joinShell(ctx context.Context, agent *lab.Agent, node, id string) (*shell, error) {
	s, err := attachShell(ctx, agent, node, id, -1)
	if err != nil {
		return nil, err
	}
	hello, err := s.frames.Next()
	if err == nil && hello.Kind != terminal.KindHello {
		err = workshop.Errorf(workshop.Unavailable, "The terminal %s of %s does not say hello.", id, node)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.after = hello.Hello.Offset
	return s, nil
}
