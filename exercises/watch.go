package exercises

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"slipway/workshop"
)

// Times of a watcher.
const (
	coalesce     = 20 * time.Millisecond // least time between two judgings
	reasonsEvery = 2 * time.Second       // least time between two verdicts that differ in words alone
	regressAfter = 2 * time.Second       // a solved exercise that fails for less is not told
)

// WatcherConfig is one lab to watch.
type WatcherConfig struct {
	Book  *Book
	Nodes []Node // named as in the book
	// Known is what was judged before, from the journal's fold. Exercises
	// that were solved stay so until their state is seen to be broken.
	Known map[workshop.ExerciseID]workshop.Verdict
	// Verdict is told every verdict that changed. It is called by Run's
	// goroutine, in order, and must not block for long.
	Verdict func(workshop.Verdict)
	// Docker is told what a node's Engine has whenever that changed; the state is
	// shared and never changed. It may be nil. It is called from several
	// goroutines and must not block.
	Docker func(node string, state *DockerState)
	// Registry follows what is pushed to the lab's registry. Nil when it has
	// none: checks of it are unknown then.
	Registry Registry
	Log      *slog.Logger
}

// Watcher judges the exercises of one lab as its state changes. Only checks
// that read what changed are judged again; an idle lab costs nothing.
type Watcher struct {
	cfg     WatcherConfig
	mirrors map[string]*Mirror
	nodes   map[string]Node

	mail chan struct{} // there is something in the box
	mu   sync.Mutex    // guards the box and what is asked from outside
	box  mailbox
	last map[workshop.ExerciseID]workshop.Verdict
	news chan struct{} // closed and replaced when last changed

	// What follows belongs to Run's goroutine.
	world    *world
	tasks    []*task
	readers  map[Input]map[*check]struct{}
	prober   *prober
	dirty    map[Input]struct{}
	judgedAt time.Time
	open     map[workshop.ExerciseID]bool // nil: all
}

// mailbox holds what came in since Run's goroutine looked: the newest state
// of each node, and what can't be dropped in order.
type mailbox struct {
	docker  map[string]*DockerState
	changed map[Input]struct{}
	letters []letter
}

// letter is one thing that must be handled in order.
type letter struct {
	node    string
	event   *NodeEvent
	reset   bool // the node's agent began anew
	opened  int
	open    []workshop.ExerciseID
	too     workshop.ExerciseID // open this one beside the others
	rejudge bool
	decided *workshop.Verdict // an instructor decided, or took a decision back
	try     *trial
	pushed  *[]*Repository // what the registry has now
}

// maxLetters bounds the box. It fills only if judging hangs; then the oldest
// news go first.
const maxLetters = 10_000

// NewWatcher makes the watcher of a lab.
func NewWatcher(cfg WatcherConfig) *Watcher {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	w := &Watcher{cfg: cfg, mirrors: map[string]*Mirror{}, nodes: map[string]Node{}, mail: make(chan struct{}, 1),
		last: map[workshop.ExerciseID]workshop.Verdict{}, news: make(chan struct{}), world: newWorld(cfg.Book.Nodes()),
		readers: map[Input]map[*check]struct{}{}, dirty: map[Input]struct{}{}}
	w.box.docker = map[string]*DockerState{}
	w.box.changed = map[Input]struct{}{}
	for _, node := range cfg.Nodes {
		name := node.Name()
		w.nodes[name] = node
		w.mirrors[name] = NewMirror(name, node.Docker, func(s *DockerState, topics []string) { w.post(name, s, topics) }, cfg.Log)
	}
	for _, e := range cfg.Book.entries {
		if len(e.Checks) > 0 {
			w.tasks = append(w.tasks, newTask(e, cfg.Known[e.ID]))
		}
	}
	for id, v := range cfg.Known {
		w.last[id] = v
	}
	w.prober = newProber(w.nodes)
	return w
}

// Run watches until ctx ends, which is its only error. It may be called once.
func (w *Watcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for name, m := range w.mirrors {
		running.Go(func() { m.Run(ctx) })
		running.Go(func() { w.followNode(ctx, w.nodes[name]) })
	}
	if w.cfg.Registry != nil {
		running.Go(func() { w.followRegistry(ctx) })
	}
	defer w.prober.wait()
	defer cancel() // runs before the waits
	w.judgeAll(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.mail:
			w.takeMail()
		case done := <-w.prober.done:
			w.probed(done)
		case <-timer.C:
		}
		timer.Reset(w.step(ctx))
	}
}

// step judges what is due and answers how long nothing will be.
func (w *Watcher) step(ctx context.Context) time.Duration {
	now := time.Now()
	next := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	if due := w.judgedAt.Add(coalesce); len(w.dirty) > 0 || w.anyDue(now) {
		if now.Before(due) {
			sooner(due)
		} else {
			w.judgeDue(ctx, now)
		}
	}
	for _, t := range w.tasks {
		if !t.lookAt.IsZero() && !now.Before(t.lookAt) {
			t.lookAt = w.settle(t, now)
		}
		sooner(t.lookAt)
		for _, c := range t.checks {
			sooner(c.seen.again)
		}
	}
	sooner(w.prober.start(ctx, now))
	return max(time.Until(next), time.Millisecond)
}

// Open says which exercises the person has before them. Probes (files, HTTP,
// measurements) are made for these and for what was begun, measurements over
// time for these alone, and these are told, as pending,
// even before the person has begun. Until it is called, probes are made for all.
// Safe for concurrent use.
func (w *Watcher) Open(ids ...workshop.ExerciseID) {
	w.send(letter{open: append([]workshop.ExerciseID{}, ids...)})
}

// Opened says that the person opened a port of a node through the page. Safe
// for concurrent use.
func (w *Watcher) Opened(node string, port int) { w.send(letter{node: node, opened: port}) }

// Rejudge judges everything anew. Safe for concurrent use.
func (w *Watcher) Rejudge() { w.send(letter{rejudge: true}) }

// Decided says what an instructor decided about an exercise. With an Override
// it holds, and nothing is told of the exercise any more; without one the
// decision is taken back, and the exercise is judged as if for the first time.
// Safe for concurrent use.
func (w *Watcher) Decided(v workshop.Verdict) { w.send(letter{decided: &v}) }

// Verdicts is what was judged last, of each exercise that was told. Safe for
// concurrent use.
func (w *Watcher) Verdicts() map[workshop.ExerciseID]workshop.Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[workshop.ExerciseID]workshop.Verdict, len(w.last))
	for id, v := range w.last {
		all[id] = v
	}
	return all
}

// Await waits until an exercise's verdict fits, and answers the last one; the
// error is that of ctx. Safe for concurrent use.
func (w *Watcher) Await(ctx context.Context, id workshop.ExerciseID, fits func(workshop.Verdict) bool) (workshop.Verdict, error) {
	for {
		w.mu.Lock()
		v, news := w.last[id], w.news
		w.mu.Unlock()
		if fits(v) {
			return v, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

func (w *Watcher) send(l letter) {
	w.mu.Lock()
	if len(w.box.letters) >= maxLetters {
		w.box.letters = w.box.letters[1:]
	}
	w.box.letters = append(w.box.letters, l)
	w.mu.Unlock()
	w.ring()
}

// post is called by mirrors.
func (w *Watcher) post(node string, s *DockerState, topics []string) {
	w.mu.Lock()
	w.box.docker[node] = s
	for _, topic := range topics {
		w.box.changed[Input{node, topic}] = struct{}{}
	}
	w.mu.Unlock()
	w.ring()
	if w.cfg.Docker != nil {
		w.cfg.Docker(node, s)
	}
}

func (w *Watcher) ring() {
	select {
	case w.mail <- struct{}{}:
	default:
	}
}

// takeMail brings what came in into the world.
func (w *Watcher) takeMail() {
	w.mu.Lock()
	box := w.box
	w.box = mailbox{docker: map[string]*DockerState{}, changed: map[Input]struct{}{}}
	w.mu.Unlock()
	for node, s := range box.docker {
		w.world.docker[node] = s
		w.prober.hurry(node)
	}
	for in := range box.changed {
		w.dirty[in] = struct{}{}
		if in.What == topicContainers { // tasks of a swarm have no events: its managers look
			w.pokeManagers(in.Node)
		}
	}
	for _, l := range box.letters {
		w.take(l)
	}
}

// opens looks at the exercises that are open now.
func (w *Watcher) opens() {
	for _, t := range w.tasks {
		if w.open[t.ID] {
			t.lookAt = time.Now()
		}
	}
	w.chooseProbes()
}

func (w *Watcher) pokeManagers(except string) {
	for name, s := range w.world.docker {
		if name != except && s.Swarm != nil && s.Swarm.Manager && w.mirrors[name] != nil {
			w.mirrors[name].Poke()
		}
	}
}

func (w *Watcher) take(l letter) {
	switch {
	case l.reset:
		for _, c := range w.world.commands[l.node] { // their shells are gone
			if !c.Done {
				c.Done, c.ExitCode = true, codeClosed
			}
		}
		w.dirty[Input{l.node, topicCommands}] = struct{}{}
	case l.event != nil:
		w.takeCommand(l.node, *l.event)
	case l.opened > 0:
		in := openedPort(l.node, l.opened)
		w.world.opened[in] = true
		w.dirty[in] = struct{}{}
	case l.open != nil:
		w.open = map[workshop.ExerciseID]bool{}
		for _, id := range l.open {
			w.open[id] = true
		}
		w.opens()
	case l.too != "":
		if w.open != nil {
			w.open[l.too] = true
			w.opens()
		}
	case l.pushed != nil:
		w.world.registry = l.pushed
		w.dirty[Input{What: topicRegistry}] = struct{}{}
	case l.try != nil:
		w.try(l.try)
	case l.decided != nil:
		w.decide(*l.decided)
	case l.rejudge:
		for _, t := range w.tasks {
			for _, c := range t.checks {
				c.due = true
			}
		}
	}
}

func (w *Watcher) takeCommand(node string, e NodeEvent) {
	history, changed, ended := remember(w.world.commands[node], node, e)
	if !changed {
		return
	}
	w.world.commands[node] = history
	w.dirty[Input{node, topicCommands}] = struct{}{}
	if ended {
		w.prober.hurry("")
		if m := w.mirrors[node]; m != nil && w.world.docker[node].Current {
			m.Poke()
		}
	}
}

func (w *Watcher) probed(done probeDone) {
	old, known := w.world.results[done.probe]
	w.world.results[done.probe] = done.result
	w.prober.finished(done.probe, time.Now())
	if !known || !old.same(done.result) || w.prober.brisk(done.probe) {
		w.dirty[Input{done.probe.Node, done.probe.key()}] = struct{}{}
	}
}
