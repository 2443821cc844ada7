package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"slipway/exercises"
	"slipway/lab"
	"slipway/lab/registry"
)

const (
	clearEvery   = 10 * time.Minute // images of labs that are gone are looked for
	lookAtPushed = time.Minute      // a lab's repositories are looked at, whatever was heard
)

// images are the registry of all labs of an installation, and who wants to hear
// what is pushed to it.
type images struct {
	*registry.Registry

	mu     sync.Mutex
	wanted map[string]chan struct{} // by lab; holds one
}

func openImages(s *settings, log *slog.Logger) (*images, error) {
	i := &images{wanted: map[string]chan struct{}{}}
	var err error
	i.Registry, err = registry.New(registry.Config{
		Dir: filepath.Join(s.data, "registry"), Quota: s.registry << 20, Pushed: i.pushed, Log: log,
	})
	return i, err
}

// pushed hears that a lab's repositories changed.
func (i *images) pushed(lab string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case i.wanted[lab] <- struct{}{}:
	default: // nobody wants it, or hears it anyway
	}
}

// follow makes what checks hear of a lab's registry. One follower for each lab
// hears every push at once; looking now and then is for what a restart may have missed.
func (i *images) follow(lab string) exercises.Registry {
	return func(ctx context.Context, tell func([]*exercises.Repository)) error {
		news := make(chan struct{}, 1)
		i.mu.Lock()
		i.wanted[lab] = news
		i.mu.Unlock()
		defer func() {
			i.mu.Lock()
			defer i.mu.Unlock()
			if i.wanted[lab] == news {
				delete(i.wanted, lab)
			}
		}()
		for {
			all, err := i.Repositories(ctx, lab)
			if err != nil {
				return err
			}
			tell(toRepositories(all))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-news:
			case <-time.After(lookAtPushed):
			}
		}
	}
}

func toRepositories(all []registry.Repository) []*exercises.Repository {
	told := make([]*exercises.Repository, 0, len(all))
	for _, r := range all {
		one := &exercises.Repository{Exists: true, Name: r.Name}
		for _, t := range r.Tags {
			one.Tags = append(one.Tags, t.Name)
			if t.Pushed.After(one.PushedAt) {
				one.PushedAt = t.Pushed
			}
		}
		told = append(told, one)
	}
	return told
}

// runRegistry fills the library and keeps the registry tidy until ctx ends.
func runRegistry(ctx context.Context, all *images, host *lab.Host, log *slog.Logger) error {
	if archives := host.LibraryArchives(); len(archives) > 0 {
		if err := all.Load(ctx, archives...); err != nil && ctx.Err() == nil {
			log.Error("the registry's library is not complete", "err", err)
		}
	}
	var clearing sync.WaitGroup
	defer clearing.Wait()
	clearing.Go(func() { clearGone(ctx, all, host, log) })
	return all.Run(ctx)
}

// clearGone removes what labs pushed that are no more.
func clearGone(ctx context.Context, all *images, host *lab.Host, log *slog.Logger) {
	for ctx.Err() == nil {
		if gone, err := all.Keep(host.Known); err != nil {
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
func serveRegistry(ctx context.Context, all *images, owner string, n *lab.Node, log *slog.Logger) {
	err := n.ServeRegistry(ctx, func(ctx context.Context, l net.Listener) error { return all.Serve(ctx, owner, l) })
	if err != nil && ctx.Err() == nil {
		log.Warn("a node has no registry", "node", n.Name, "err", err)
	}
}

// rehearseRegistry serves the one lab of a rehearsal. The returned function stops
// it and removes what was pushed.
func rehearseRegistry(ctx context.Context, all *images, host *lab.Host, made *lab.Lab, log *slog.Logger) func() {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := all.Load(ctx, host.LibraryArchives()...); err != nil && ctx.Err() == nil {
			log.Warn("the registry's library is not complete", "err", err)
		}
	})
	for _, n := range made.Nodes {
		running.Go(func() { serveRegistry(ctx, all, made.ID, n, log) })
	}
	return func() {
		cancel()
		running.Wait()
		if err := errors.Join(all.Remove(made.ID), all.Close()); err != nil {
			log.Warn("the rehearsal's images are left behind", "err", err)
		}
	}
}
