package exercises

import (
	"context"
	"slices"
	"strings"
	"time"

	"slipway/workshop"
)

// task is one exercise as one lab has it.
type task struct {
	*entry
	checks   []*check
	solved   bool // once, at least
	begun    bool // the person did something about it
	broken   time.Time
	attempts int
	fixed    bool // an instructor decided
	told     workshop.Verdict
	toldAt   time.Time
	lookAt   time.Time // when a verdict that is held back is due
}

// check is one check as one lab has it.
type check struct {
	task       *task
	index      int
	expression *Expression
	memory     *memory
	seen       judgement
	shown      workshop.CheckVerdict
	first      string // what was said when it was first judged
	due        bool
}

func newTask(e *entry, known workshop.Verdict) *task {
	t := &task{entry: e, told: known, attempts: known.Attempts}
	t.solved = known.State == workshop.Solved || known.State == workshop.Regressed
	t.begun = known.State != "" && known.State != workshop.Pending
	t.fixed = known.Override != ""
	for i, expression := range e.expressions {
		c := &check{task: t, index: i, expression: expression, memory: newMemory(), shown: workshop.CheckVerdict{State: workshop.Pending}}
		if i < len(known.Checks) {
			c.shown = known.Checks[i]
		}
		t.checks = append(t.checks, c)
	}
	return t
}

// resting says that nothing can change the exercise's verdict any more.
func (t *task) resting() bool { return t.fixed || t.solved && t.Keep }

// decide takes what an instructor decided, who has told it already.
func (w *Watcher) decide(v workshop.Verdict) {
	w.keep(v)
	for _, t := range w.tasks {
		if t.ID != v.Exercise {
			continue
		}
		t.told, t.toldAt, t.fixed = v, time.Now(), v.Override != ""
		t.solved, t.broken, t.attempts = v.State == workshop.Solved, time.Time{}, v.Attempts
		for _, c := range t.checks {
			c.due, c.shown = true, workshop.CheckVerdict{State: workshop.Pending}
		}
	}
	w.chooseProbes()
}

// keep remembers a verdict for those who ask from outside.
func (w *Watcher) keep(v workshop.Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[v.Exercise] = v
	close(w.news)
	w.news = make(chan struct{})
}

func (w *Watcher) judgeAll(ctx context.Context) {
	for _, t := range w.tasks {
		for _, c := range t.checks {
			c.due = true
		}
	}
	w.judgeDue(ctx, time.Now())
}

func (w *Watcher) anyDue(now time.Time) bool {
	for _, t := range w.tasks {
		for _, c := range t.checks {
			if c.isDue(now) {
				return true
			}
		}
	}
	return false
}

func (c *check) isDue(now time.Time) bool {
	return c.due || !c.seen.again.IsZero() && !now.Before(c.seen.again)
}

// judgeDue judges the checks that read what changed, and those whose time
// has come.
func (w *Watcher) judgeDue(ctx context.Context, now time.Time) {
	for in := range w.dirty {
		for c := range w.readers[in] {
			c.due = true
		}
	}
	clear(w.dirty)
	w.judgedAt = now
	probing := false
	for _, t := range w.tasks {
		judged := false
		for _, c := range t.checks {
			if c.isDue(now) {
				probing = w.judge(ctx, c, now) || probing
				judged = true
			}
		}
		if judged {
			w.conclude(t, now)
		}
	}
	if probing {
		w.chooseProbes()
	}
}

// judge judges one check and says whether its probes may have changed.
func (w *Watcher) judge(ctx context.Context, c *check, now time.Time) bool {
	c.due = false
	if c.task.resting() {
		w.forget(c)
		c.seen.again = time.Time{}
		probed := len(c.seen.probes) > 0
		c.seen.probes = nil
		return probed
	}
	if c.expression == nil {
		c.shown = workshop.CheckVerdict{State: workshop.Unsure, Reason: "This check has a mistake in it and can't be judged."}
		c.seen.CheckVerdict = c.shown
		return false
	}
	before := c.seen
	c.seen = c.expression.judge(ctx, w.world, c.memory, now)
	w.forgetReads(c, before.reads)
	for in := range c.seen.reads {
		if w.readers[in] == nil {
			w.readers[in] = map[*check]struct{}{}
		}
		w.readers[in][c] = struct{}{}
	}
	w.show(c)
	return len(before.probes)+len(c.seen.probes) > 0
}

func (w *Watcher) forget(c *check) {
	w.forgetReads(c, c.seen.reads)
	c.seen.reads = nil
}

func (w *Watcher) forgetReads(c *check, reads map[Input]struct{}) {
	for in := range reads {
		delete(w.readers[in], c)
		if len(w.readers[in]) == 0 {
			delete(w.readers, in)
		}
	}
}

// show decides what people are told of a check. While only a first look is
// missing, it stays as it was: it will be there in a moment.
func (w *Watcher) show(c *check) {
	if c.seen.waiting {
		return
	}
	if c.shown.State == workshop.Passing && c.seen.State == workshop.Failing {
		c.task.attempts++
	}
	if c.seen.State != workshop.Unsure {
		if said := string(c.seen.State) + c.seen.Reason; c.first == "" {
			c.first = said
		} else if said != c.first {
			c.task.begun = true
		}
	}
	// What held all along says nothing of a person who is elsewhere.
	near := w.open == nil || w.open[c.task.ID]
	c.task.begun = c.task.begun || near && c.seen.State == workshop.Passing
	c.shown = c.seen.CheckVerdict
	if c.seen.State == workshop.Failing {
		c.shown.Try = c.task.Checks[c.index].Else
	}
}

// conclude makes the exercise's verdict of its checks' and tells it when it
// is news.
func (w *Watcher) conclude(t *task, now time.Time) {
	if t.fixed {
		return
	}
	all := func(s workshop.State) bool {
		return !slices.ContainsFunc(t.checks, func(c *check) bool { return c.seen.State != s })
	}
	failing := slices.ContainsFunc(t.checks, func(c *check) bool { return c.seen.State == workshop.Failing })
	switch {
	case all(workshop.Passing):
		t.solved, t.broken = true, time.Time{}
	case failing && t.solved && t.broken.IsZero():
		t.broken = now
	case !failing:
		t.broken = time.Time{}
	}
	t.lookAt = w.settle(t, now)
}

// verdict is what the exercise is, now.
func (w *Watcher) verdict(t *task, now time.Time) workshop.Verdict {
	v := workshop.Verdict{Exercise: t.ID, Attempts: t.attempts}
	unknown, failing := false, false
	for _, c := range t.checks {
		v.Checks = append(v.Checks, c.shown)
		unknown = unknown || c.shown.State == workshop.Unsure
		failing = failing || c.shown.State == workshop.Failing
	}
	switch {
	case t.solved && t.broken.IsZero() && (t.told.State != workshop.Regressed || !failing && !unknown):
		v.State = workshop.Solved
	case t.solved && (t.told.State == workshop.Regressed || now.Sub(t.broken) >= regressAfter):
		v.State = workshop.Regressed
	case t.solved:
		v.State = t.told.State // it may heal before it is told
	case !t.begun:
		v.State = workshop.Pending
	case failing || !unknown:
		v.State = workshop.Failing
	default:
		v.State = workshop.Unsure
	}
	if v.State == workshop.Solved { // what can't be told now doesn't take a tick away
		for i := range v.Checks {
			if v.Checks[i].State != workshop.Failing {
				v.Checks[i] = workshop.CheckVerdict{State: workshop.Passing}
			}
		}
	}
	return v
}

// settle tells an exercise's verdict if it is news, and answers when to look
// again if it is held back for now.
func (w *Watcher) settle(t *task, now time.Time) time.Time {
	if t.fixed {
		return time.Time{}
	}
	v := w.verdict(t, now)
	if v.State == workshop.Pending && !w.open[t.ID] {
		return time.Time{} // nobody is at it: no news
	}
	news, words := differs(t.told, v)
	switch {
	case !t.broken.IsZero() && v.State == workshop.Solved:
		return t.broken.Add(regressAfter)
	case news || words && now.Sub(t.toldAt) >= reasonsEvery:
		w.tell(t, v, now)
	case words:
		return t.toldAt.Add(reasonsEvery)
	}
	return time.Time{}
}

func (w *Watcher) tell(t *task, v workshop.Verdict, now time.Time) {
	wasSolved := t.told.State == workshop.Solved
	t.told, t.toldAt = v, now
	if wasSolved != (v.State == workshop.Solved) {
		w.chooseProbes() // a solved exercise is not measured any more
	}
	w.keep(v)
	if w.cfg.Verdict != nil {
		w.cfg.Verdict(v)
	}
}

// differs compares two verdicts: news is another state of anything, words
// another reason alone.
func differs(a, b workshop.Verdict) (news, words bool) {
	if a.State != b.State || len(a.Checks) != len(b.Checks) {
		return true, true
	}
	for i := range a.Checks {
		if a.Checks[i].State != b.Checks[i].State {
			return true, true
		}
		if a.Checks[i] == b.Checks[i] {
			continue
		}
		words = true
		// why something can't be told is news, but for the seconds still to measure
		if b.Checks[i].State == workshop.Unsure && !strings.HasPrefix(b.Checks[i].Reason, measuring) {
			news = true
		}
	}
	return news, words
}

// chooseProbes tells the prober what is wanted: by checks of exercises that
// are open and not solved, and, but for what is sampled briskly, of those that
// the person began and left.
func (w *Watcher) chooseProbes() {
	wanted := map[Probe]bool{}
	for _, t := range w.tasks {
		closed := w.open != nil && !w.open[t.ID]
		if t.resting() || t.told.State == workshop.Solved || closed && !t.begun {
			continue
		}
		for _, c := range t.checks {
			if closed && c.seen.brisk {
				continue
			}
			for p := range c.seen.probes {
				wanted[p] = wanted[p] || c.seen.brisk
			}
		}
	}
	w.prober.want(wanted, time.Now())
}
