package ambassador

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	renew     = 5 * time.Second  // between two announcements of the same port
	life      = 15 * time.Second // of an announcement that nobody renews
	readEvery = 2 * time.Second  // how often a follower reads the store
)

// Register announces the published ports of the project's containers in a store,
// and takes them back when their containers end, until ctx ends. At its end it
// takes all back.
func (k *Keeper) Register(ctx context.Context, store Store) error {
	changed, wait := k.listen(ctx, k.Set.Engines)
	defer wait()
	announced := map[Entry]bool{}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
		defer cancel()
		for e := range announced {
			_ = store.Remove(ctx, e) // it goes away by itself otherwise
		}
	}()
	k.say("Announcing the published ports of the project %s.", k.Project)
	return k.loop(ctx, changed, renew, func(ctx context.Context) error {
		p := Look(ctx, k.Set, k.Project)
		if len(p.Away) > 0 {
			return away(p) // announcements run out by themselves if it stays away
		}
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		if err := k.announce(ctx, store, p, announced); err != nil {
			return fmt.Errorf("the store does not take what runs here: %w", err)
		}
		return nil
	})
}

// announce brings the store in step with a picture.
func (k *Keeper) announce(ctx context.Context, store Store, p *Picture, announced map[Entry]bool) error {
	now := map[Entry]bool{}
	for _, c := range p.Containers {
		for _, port := range c.ports {
			if address := c.reach(port); address != "" {
				now[Entry{p.Project, c.Service, port.private, address}] = true
			}
		}
	}
	for e := range now {
		if err := store.Put(ctx, e, life); err != nil {
			return err
		}
		if !announced[e] {
			k.say("%s is at %s", e.Service, e.Address)
			announced[e] = true
		}
	}
	for e := range announced {
		if now[e] {
			continue
		}
		if err := store.Remove(ctx, e); err != nil {
			return err
		}
		k.say("%s is no longer at %s", e.Service, e.Address)
		delete(announced, e)
	}
	return nil
}

// Follow keeps the ambassadors of its Engines, and points them at what is announced
// in a store, until ctx ends. While the store is silent, all stays as it is.
func (k *Keeper) Follow(ctx context.Context, store Store) error {
	changed, wait := k.listen(ctx, k.Set.Engines)
	defer wait()
	k.say("Following what is announced for the project %s.", k.Project)
	return k.loop(ctx, changed, readEvery, func(ctx context.Context) error {
		entries, err := readStore(ctx, store, k.Project)
		if err != nil {
			return fmt.Errorf("the store does not answer, everything stays as it is: %w", err)
		}
		p := Look(ctx, k.Set, k.Project)
		plan := p.Plan()
		err = errors.Join(k.Create(ctx, p), away(p))
		if len(plan.Create)+len(plan.Start) > 0 {
			p = Look(ctx, k.Set, k.Project)
		}
		return errors.Join(err, k.configure(ctx, p, k.fromStore(entries)))
	})
}

func readStore(ctx context.Context, store Store, project string) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return store.List(ctx, project)
}

// fromStore takes ports and backends from what was announced.
func (k *Keeper) fromStore(entries []Entry) backendsOf {
	return func(a *Ambassador) (int, []string) {
		private := k.Ports[a.Service]
		for _, e := range entries {
			if e.Service == a.Service && k.Ports[a.Service] == 0 && (private == 0 || e.Private < private) {
				private = e.Private
			}
		}
		var backends []string
		for _, e := range entries {
			if e.Service == a.Service && e.Private == private {
				backends = append(backends, e.Address)
			}
		}
		slices.Sort(backends)
		return private, backends
	}
}
