package exercises

import (
	"context"
	"maps"
	"time"

	"slipway/workshop"
)

// tryRounds bounds how often [Watcher.Try] looks for what an expression asks
// next: what is right of && is asked for once the left side holds.
const tryRounds = 8

// trial is an expression to be judged beside the exercises.
type trial struct {
	expression *Expression
	memory     *memory
	results    map[Probe]result
	judged     chan judgement // holds one
}

// Try judges an expression against the lab as it is now, for an author: its
// verdict with the reason in words, or what is wrong with it. Files and ports
// are looked at once; what is measured over time stays unknown. It needs Run
// to be running and answers unknown when ctx ends. Safe for concurrent use.
func (w *Watcher) Try(ctx context.Context, source string) (workshop.CheckVerdict, []Problem) {
	expression, problems := w.cfg.Book.language.Compile(source)
	if expression == nil {
		return workshop.CheckVerdict{}, problems
	}
	late := workshop.CheckVerdict{State: workshop.Unsure, Reason: "The lab did not answer in time."}
	results := map[Probe]result{}
	memory := newMemory()
	last := late
	for range tryRounds {
		one := trial{expression, memory, maps.Clone(results), make(chan judgement, 1)}
		w.send(letter{try: &one})
		var j judgement
		select {
		case j = <-one.judged:
		case <-ctx.Done():
			return late, nil
		}
		last = j.CheckVerdict
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
	return last, nil
}

// try judges a trial. It belongs to Run's goroutine.
func (w *Watcher) try(t *trial) {
	view := *w.world
	view.results = t.results
	t.judged <- t.expression.judge(context.Background(), &view, t.memory, time.Now())
}
