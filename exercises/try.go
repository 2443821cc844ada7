package exercises

import (
	"context"
	"maps"
	"strings"
	"time"

	"slipway/workshop"
)

// tryRounds bounds how often [Watcher.Try] looks for what an expression asks
// next: what is right of && is asked for once the left side holds.
const tryRounds = 8

// Tried is what became of an author's expression.
type Tried struct {
	workshop.CheckVerdict
	Seen []Seen `json:"seen"` // its parts and what each one was, as far as they were looked at
}

// Seen is one part of an expression and its value, in words.
type Seen struct {
	Part  string `json:"part"` // as it is written
	Value string `json:"value"`
}

// trial is an expression to be judged beside the exercises.
type trial struct {
	expression *Expression
	memory     *memory
	results    map[Probe]result
	judged     chan tried // holds one
}

type tried struct {
	judgement
	seen []Seen
}

// Try judges an expression against the lab as it is now, for an author: its
// verdict with the reason in words, or what is wrong with it. Files and ports
// are looked at once. What has to be measured over time, or has only begun to
// be known, is given that long to settle; after it the answer is unknown. It
// needs Run to be running and answers unknown when ctx ends. Safe for concurrent
// use.
func (w *Watcher) Try(ctx context.Context, source string, settle time.Duration) (Tried, []Problem) {
	expression, problems := w.cfg.Book.language.Compile(source)
	if expression == nil {
		return Tried{}, problems
	}
	until := time.Now().Add(settle)
	memory := newMemory()
	for {
		t, ok := w.tryOnce(ctx, expression, memory)
		if !ok {
			return Tried{CheckVerdict: workshop.CheckVerdict{State: workshop.Unsure, Reason: "The lab did not answer in time."}}, nil
		}
		if !t.settling() || time.Now().Add(samplePeriod).After(until) {
			return t, nil
		}
		select {
		case <-time.After(samplePeriod):
		case <-ctx.Done():
			return t, nil
		}
	}
}

// settling says that the answer may be another one in a moment.
func (t Tried) settling() bool {
	for _, s := range t.Seen {
		if strings.Contains(s.Value, unseenWords) {
			return true
		}
	}
	return t.State == workshop.Unsure && (strings.Contains(t.Reason, measuring) || strings.Contains(t.Reason, unseenWords)) ||
		t.State == workshop.Failing && strings.Contains(t.Reason, heldWords)
}

// tryOnce judges with fresh looks at files and ports.
func (w *Watcher) tryOnce(ctx context.Context, expression *Expression, memory *memory) (Tried, bool) {
	results := map[Probe]result{}
	var last Tried
	for range tryRounds {
		one := trial{expression, memory, maps.Clone(results), make(chan tried, 1)}
		w.send(letter{try: &one})
		var j tried
		select {
		case j = <-one.judged:
		case <-ctx.Done():
			return last, false
		}
		last = Tried{j.CheckVerdict, j.seen}
		news := false
		for p := range j.probes {
			if _, known := results[p]; !known && w.nodes[p.Node] != nil && len(results) < maxProbes {
				results[p] = look(ctx, reachable{w.nodes[p.Node]}, p, time.Now)
				news = true
			}
		}
		if !news {
			break
		}
	}
	return last, true
}

// try judges a trial. It belongs to Run's goroutine.
func (w *Watcher) try(t *trial) {
	view := *w.world
	view.results = t.results
	j := t.expression.judge(context.Background(), &view, t.memory, time.Now())
	t.judged <- tried{j, t.expression.look(context.Background(), &view, t.memory, time.Now())}
}
