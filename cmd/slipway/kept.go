package main

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"slipway/exercises"
	"slipway/lab"
	"slipway/server"
	"slipway/workshop"
)

// kept is one participant's lab as the keeper has it.
type kept struct {
	keeper  *keeper
	session workshop.SessionID
	who     workshop.ParticipantID
	log     *slog.Logger
	retry   chan struct{} // someone wants another try now
	known   map[workshop.ExerciseID]workshop.Verdict

	naming sync.Mutex // held while a new terminal gets its id

	mu      sync.Mutex
	told    workshop.LabState // what the journal has
	lab     *lab.Lab          // nil until ready
	watcher *exercises.Watcher
	start   func(job func(context.Context)) // runs a job beside the watcher; nil when there is none
	doing   *doing                          // nil when nothing is done for the person
	slide   string                          // where the person is; empty until known
	docker  map[string]*exercises.DockerState
	speed   *server.SpeedView
	changed chan struct{} // closed and replaced when a view may have changed
	viewers int           // pages that look
}

func newKept(k *keeper, session workshop.SessionID, who workshop.ParticipantID, past *workshop.Person) *kept {
	one := &kept{
		keeper: k, session: session, who: who,
		log:   k.log.With("session", string(session), "lab", string(who)),
		retry: make(chan struct{}, 1), changed: make(chan struct{}),
		known:  map[workshop.ExerciseID]workshop.Verdict{},
		docker: map[string]*exercises.DockerState{},
	}
	if past != nil {
		one.told, one.slide = past.Lab, past.Place.Slide
		for id, a := range past.Exercises {
			one.known[id] = a.Verdict
		}
	}
	return one
}

func (o *kept) retrySoon() {
	select {
	case o.retry <- struct{}{}:
	default:
	}
}

// run makes the lab and watches it until ctx ends.
func (o *kept) run(ctx context.Context) {
	for ctx.Err() == nil {
		found, err := o.ensure(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			o.log.Error("a lab can't be made", "err", err)
			o.tell(ctx, workshop.LabState{State: "failed", Message: workshop.MessageOf(err)})
			select {
			case <-ctx.Done():
			case <-o.retry:
			case <-time.After(retryMaking):
			}
			continue
		}
		o.watch(ctx, found)
	}
}

// ensure makes the lab, or finds it as it is.
func (o *kept) ensure(ctx context.Context) (*lab.Lab, error) {
	select {
	case o.keeper.making <- struct{}{}:
		defer func() { <-o.keeper.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if o.current() == nil && o.told.State != "ready" {
		o.tell(ctx, workshop.LabState{State: "preparing"})
	}
	return o.keeper.host.EnsureLab(ctx, lab.Owner{Lab: string(o.who), Session: string(o.session), Participant: string(o.who)})
}

// watch judges exercises and gathers what pages show until ctx ends. Nodes that
// stop answering are started again.
func (o *kept) watch(ctx context.Context, found *lab.Lab) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var nodes []exercises.Node
	for _, n := range found.Nodes {
		node, err := newLabNode(n)
		if err != nil {
			o.log.Error("no client for a node's engine", "node", n.Name, "err", err)
			return
		}
		defer node.close()
		nodes = append(nodes, node)
	}
	watcher := exercises.NewWatcher(exercises.WatcherConfig{
		Book: o.keeper.content.book, Nodes: nodes, Known: o.decisions(), Log: o.log,
		Verdict: func(v workshop.Verdict) { o.verdict(ctx, v) },
		Docker:  o.sawDocker, Registry: o.keeper.images.follow(string(o.who)),
	})
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	start := func(job func(context.Context)) { running.Go(func() { job(ctx) }) }
	o.change(func() { o.lab, o.watcher, o.start = found, watcher, start })
	defer o.change(func() { o.start = nil })
	o.moved("")
	o.tell(ctx, workshop.LabState{State: "ready"})
	running.Go(func() { watcher.Run(ctx) })
	running.Go(func() { o.measure(ctx) })
	for _, n := range found.Nodes {
		running.Go(func() { serveRegistry(ctx, o.keeper.images, string(o.who), n, o.log) })
	}
	o.lookAfterNodes(ctx)
}

// decisions is what is known of the exercises from before the watcher.
func (o *kept) decisions() map[workshop.ExerciseID]workshop.Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.known)
}

// lookAfterNodes brings nodes back that can't be reached.
func (o *kept) lookAfterNodes(ctx context.Context) {
	ticker := time.NewTicker(lookAfter)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-o.retry:
		}
		if !o.anyCutOff() {
			continue
		}
		if _, err := o.ensure(ctx); err != nil && ctx.Err() == nil {
			o.log.Warn("nodes don't come back", "err", err)
			o.tell(ctx, workshop.LabState{State: "failed", Message: workshop.MessageOf(err)})
		} else {
			o.tell(ctx, workshop.LabState{State: "ready"})
		}
	}
}

func (o *kept) anyCutOff() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.docker {
		if s.Engine == exercises.EngineCutOff {
			return true
		}
	}
	return false
}

// change makes a change that views show.
func (o *kept) change(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *kept) current() *lab.Lab {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lab
}

func (o *kept) sawDocker(node string, state *exercises.DockerState) {
	o.change(func() { o.docker[node] = state })
}

// tell puts how the lab is into the journal, when it is news.
func (o *kept) tell(ctx context.Context, state workshop.LabState) {
	o.mu.Lock()
	news := o.told != state
	o.told = state
	o.mu.Unlock()
	if news {
		o.change(func() {})
		o.append(ctx, workshop.Event{Kind: workshop.LabChanged, Participant: o.who, Lab: &state})
	}
}

func (o *kept) verdict(ctx context.Context, v workshop.Verdict) {
	o.append(ctx, workshop.Event{Kind: workshop.VerdictChanged, Participant: o.who, Verdict: &v})
}

func (o *kept) append(ctx context.Context, e workshop.Event) {
	if _, err := o.keeper.journal.Append(ctx, o.session, e); err != nil && ctx.Err() == nil {
		o.log.Error("an event was not kept", "kind", string(e.Kind), "err", err)
	}
}

// moved says at which slide the person is; empty for where they were.
func (o *kept) moved(slide string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if slide != "" {
		o.slide = slide
	}
	if o.watcher != nil && o.slide != "" {
		near := o.keeper.content.near(o.slide)
		if o.doing != nil {
			near = append(near, o.doing.view.Exercise)
		}
		o.watcher.Open(near...)
	}
}

func (o *kept) rejudge() error {
	o.mu.Lock()
	watcher := o.watcher
	o.mu.Unlock()
	if watcher == nil {
		return notReady()
	}
	watcher.Rejudge()
	return nil
}

func notReady() error {
	return workshop.Errorf(workshop.Unavailable, "Your nodes are still being prepared. Try again in a few seconds.")
}
