package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"slipway/lab"
	"slipway/lab/registry"
	"slipway/workshop"
)

// clearEvery is how often images of labs that are gone are looked for.
const clearEvery = 10 * time.Minute

// openRegistry opens the registry of all labs of an installation.
func openRegistry(s *settings, pushed func(lab string), log *slog.Logger) (*registry.Registry, error) {
	return registry.New(registry.Config{
		Dir: filepath.Join(s.data, "registry"), Quota: s.registry << 20, Pushed: pushed, Log: log,
	})
}

// runRegistry fills the library and keeps the registry tidy until ctx ends.
func runRegistry(ctx context.Context, images *registry.Registry, host *lab.Host, log *slog.Logger) error {
	if archives := host.LibraryArchives(); len(archives) > 0 {
		if err := images.Load(ctx, archives...); err != nil && ctx.Err() == nil {
			log.Error("the registry's library is not complete", "err", err)
		}
	}
	var clearing sync.WaitGroup
	defer clearing.Wait()
	clearing.Go(func() { clearGone(ctx, images, host, log) })
	return images.Run(ctx)
}

// clearGone removes what labs pushed that are no more.
func clearGone(ctx context.Context, images *registry.Registry, host *lab.Host, log *slog.Logger) {
	for ctx.Err() == nil {
		if gone, err := images.Keep(host.Known); err != nil {
			log.Warn("images of labs that are gone can't be removed", "err", err)
		} else if len(gone) > 0 {
			log.Info("images of labs that are gone were removed", "labs", len(gone))
		}
		select {
		case <-ctx.Done():
		case <-time.After(clearEvery):
		}
	}
}

// serveRegistry lets a node reach its lab's registry until ctx ends.
func serveRegistry(ctx context.Context, images *registry.Registry, owner string, n *lab.Node, log *slog.Logger) {
	err := n.ServeRegistry(ctx, func(ctx context.Context, l net.Listener) error { return images.Serve(ctx, owner, l) })
	if err != nil && ctx.Err() == nil {
		log.Warn("a node has no registry", "node", n.Name, "err", err)
	}
}

// rehearseRegistry serves the one lab of a rehearsal. The returned function stops
// it and removes what was pushed.
func rehearseRegistry(ctx context.Context, images *registry.Registry, host *lab.Host, made *lab.Lab, log *slog.Logger) func() {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := images.Load(ctx, host.LibraryArchives()...); err != nil && ctx.Err() == nil {
			log.Warn("the registry's library is not complete", "err", err)
		}
	})
	for _, n := range made.Nodes {
		running.Go(func() { serveRegistry(ctx, images, made.ID, n, log) })
	}
	return func() {
		cancel()
		running.Wait()
		if err := errors.Join(images.Remove(made.ID), images.Close()); err != nil {
			log.Warn("the rehearsal's images are left behind", "err", err)
		}
	}
}

// pushed hears that a lab's repositories changed.
func (k *keeper) pushed(lab string) {
	if one, err := k.lab(workshop.ParticipantID(lab)); err == nil {
		one.change(func() {})
	}
}
