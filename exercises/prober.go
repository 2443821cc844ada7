package exercises

import (
	"context"
	"sync"
	"time"
)

// prober makes the probes that are wanted, each again and again: often at
// first and after something happened on the node, less and less when nothing
// does. Its methods belong to the watcher's goroutine; looks run beside it.
type prober struct {
	nodes   map[string]Node
	plans   map[Probe]*plan
	flying  int
	done    chan probeDone
	running sync.WaitGroup
}

type plan struct {
	brisk  bool // sampled for a measurement over time
	due    time.Time
	pause  time.Duration
	flying bool
	stale  bool // something happened on the node while it was in flight
}

type probeDone struct {
	probe  Probe
	result result
}

func newProber(nodes map[string]Node) *prober {
	return &prober{nodes: nodes, plans: map[Probe]*plan{}, done: make(chan probeDone, maxInFlight)}
}

// want replaces what is wanted; true marks those sampled over time.
func (p *prober) want(wanted map[Probe]bool, now time.Time) {
	for probe, plan := range p.plans {
		if _, ok := wanted[probe]; !ok && !plan.flying {
			delete(p.plans, probe)
		}
	}
	for probe, brisk := range wanted {
		known := p.plans[probe]
		if known == nil && len(p.plans) < maxProbes {
			known = &plan{due: now, pause: probeEvery}
			p.plans[probe] = known
		}
		if known != nil {
			known.brisk = brisk
		}
	}
	for probe, plan := range p.plans {
		if _, ok := wanted[probe]; !ok {
			plan.due = time.Time{} // in flight: not again
		} else if plan.due.IsZero() {
			plan.due = now
		}
	}
}

// hurry makes the probes of a node due now; those of all nodes for "".
func (p *prober) hurry(node string) {
	now := time.Now()
	for probe, plan := range p.plans {
		if (node == "" || probe.Node == node) && !plan.brisk && !plan.due.IsZero() {
			plan.pause = probeEvery
			plan.stale = plan.flying
			if plan.due.After(now) {
				plan.due = now
			}
		}
	}
}

func (p *prober) brisk(probe Probe) bool {
	plan := p.plans[probe]
	return plan != nil && plan.brisk
}

// start begins what is due and answers when something will be.
func (p *prober) start(ctx context.Context, now time.Time) time.Time {
	var next time.Time
	for probe, plan := range p.plans {
		switch {
		case plan.flying || plan.due.IsZero():
		case plan.due.After(now):
			if next.IsZero() || plan.due.Before(next) {
				next = plan.due
			}
		case p.flying < maxInFlight && p.nodes[probe.Node] != nil:
			plan.flying = true
			p.flying++
			node := reachable{p.nodes[probe.Node]}
			p.running.Go(func() {
				result := look(ctx, node, probe, time.Now)
				select {
				case p.done <- probeDone{probe, result}:
				case <-ctx.Done():
				}
			})
		}
	}
	return next
}

// finished plans a probe's next time.
func (p *prober) finished(probe Probe, now time.Time) {
	p.flying--
	plan := p.plans[probe]
	if plan == nil {
		return
	}
	plan.flying = false
	switch {
	case plan.due.IsZero():
		delete(p.plans, probe)
	case plan.brisk:
		plan.due = now.Add(samplePeriod)
	case plan.stale:
		plan.due, plan.stale = now, false
	default:
		plan.due = now.Add(plan.pause)
		plan.pause = min(plan.pause*3/2, probeSlowest)
	}
}

func (p *prober) wait() { p.running.Wait() }
