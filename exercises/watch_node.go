package exercises

import (
	"context"
	"time"
)

// followNode brings a node's events into the watcher: how its Engine is, and
// what its shells say. After a cut it goes on where it was.
func (w *Watcher) followNode(ctx context.Context, node Node) {
	f := follower{w: w, node: node.Name(), next: 1}
	retry := retryFirst
	for failures := 0; ctx.Err() == nil; failures++ {
		heard := f.heard
		f.follow(ctx, node)
		if ctx.Err() != nil {
			return
		}
		if f.heard != heard {
			failures, retry = 0, retryFirst
		}
		if failures > 0 { // a first retry may heal it unseen
			w.mirrors[f.node].SetEngine(EngineCutOff)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
		retry = min(retry*2, retryMost)
	}
}

// follower remembers how far a node's events were followed.
type follower struct {
	w     *Watcher
	node  string
	epoch string
	next  uint64
	heard uint64 // events that came
}

func (f *follower) follow(ctx context.Context, node Node) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := node.Events(ctx, f.next, func(e NodeEvent) {
		f.heard++
		if e.Epoch != "" && e.Epoch != f.epoch {
			if f.epoch != "" { // another life of the agent: its numbers began anew
				f.next = 1
				f.w.send(letter{node: f.node, reset: true})
				cancel()
			}
			f.epoch = e.Epoch
		}
		if ctx.Err() == nil {
			f.take(e)
		}
	})
	if err != nil && ctx.Err() == nil {
		f.w.cfg.Log.Debug("node's events ended", "node", f.node, "err", err)
	}
}

func (f *follower) take(e NodeEvent) {
	if e.N != 0 && e.N < f.next {
		return // seen before
	}
	if e.N != 0 {
		f.next = e.N + 1
	}
	if e.Engine != "" {
		f.w.mirrors[f.node].SetEngine(e.Engine)
	}
	if e.Mark != nil || e.Closed != "" {
		f.w.send(letter{node: f.node, event: &e})
	}
}
