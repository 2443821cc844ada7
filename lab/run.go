package lab

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Run keeps the Engine and its nodes healthy until ctx ends: it hands groups to
// nodes that start by themselves, starts an Engine that has died, keeps its
// logs small, the pool filled and the disk from being full. It answers nil when ctx ends and all has stopped.
func (h *Host) Run(ctx context.Context) error {
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() { h.keepPool(ctx) })
	others.Go(func() { h.guardDisk(ctx) })
	for ctx.Err() == nil {
		h.care(ctx)
		h.follow(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// care does what is safe to do at any time, once.
func (h *Host) care(ctx context.Context) {
	if !h.own {
		return
	}
	for _, daemon := range []string{"dockerd", "containerd"} {
		boundLog(filepath.Join(h.cfg.logDir(), daemon+".log"))
	}
	h.tune() // another installation that was purged may have put bounds back
	dead := h.daemonPID("dockerd") == 0 || h.daemonPID("containerd") == 0
	if dead && !h.healthy(ctx) && ctx.Err() == nil {
		h.cfg.Log.Warn("the lab Engine has died; starting it again")
		if err := h.startEngine(ctx); err != nil && ctx.Err() == nil {
			h.cfg.Log.Error("the lab Engine does not come back", "err", err)
			return
		}
	}
	labs, err := h.list(ctx)
	if err != nil {
		return // said when somebody asks for a lab
	}
	for _, l := range labs {
		for _, n := range l.Nodes {
			if n.State == "running" {
				h.handOver(n.Container, n.Lab, n.Name)
			}
		}
	}
}

// follow hears the Engine's events until the stream ends, for at most a minute,
// so that care is taken now and then even if nothing is heard.
func (h *Host) follow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	heard, failed := h.docker.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", "container"), filters.Arg("event", "start"),
		filters.Arg("label", labelHost+"="+h.cfg.Name))})
	for {
		select {
		case e := <-heard:
			if h.own {
				h.handOver(e.Actor.ID, e.Actor.Attributes[labelLab], e.Actor.Attributes[labelNode])
			}
		case <-failed:
			return
		}
	}
}

func (h *Host) handOver(container, lab, node string) {
	if err := h.handCgroups(lab, container); err != nil {
		h.cfg.Log.Warn("a node's Engine may not start", "lab", lab, "node", node, "err", err)
	}
}
