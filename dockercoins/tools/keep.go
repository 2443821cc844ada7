package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"

	"slipway/dockercoins/tools/internal/ambassador"
	"slipway/dockercoins/tools/internal/convert"
	"slipway/dockercoins/tools/internal/engines"
)

// lookAgain is how often watch asks whether Engines came (back).
const lookAgain = 15 * time.Second

func (t *tool) create(ctx context.Context, o *options, args []string) error {
	return t.once(ctx, o, args, func(k *ambassador.Keeper, p *ambassador.Picture) error { return k.Create(ctx, p) })
}

func (t *tool) configure(ctx context.Context, o *options, args []string) error {
	return t.once(ctx, o, args, func(k *ambassador.Keeper, p *ambassador.Picture) error {
		if len(p.Ambassadors) == 0 {
			return errors.New("there are no ambassadors to configure: run create-ambassadors first")
		}
		return k.Configure(ctx, p)
	})
}

func (t *tool) delete(ctx context.Context, o *options, args []string) error {
	return t.once(ctx, o, args, func(k *ambassador.Keeper, p *ambassador.Picture) error { return k.Delete(ctx, p) })
}

// once takes one picture and does one thing with it.
func (t *tool) once(ctx context.Context, o *options, args []string, do func(*ambassador.Keeper, *ambassador.Picture) error) error {
	if len(args) > 0 {
		return usageError("this tool takes no words, only flags; the project is the folder's name or --project")
	}
	k, err := t.keeper(ctx, o, false)
	if err != nil {
		return err
	}
	defer k.Set.Close()
	p := ambassador.Look(ctx, k.Set, k.Project)
	return errors.Join(do(k, p), p.AwayError())
}

// keeper connects to the Engines and finds out about the project.
func (t *tool) keeper(ctx context.Context, o *options, alone bool) (*ambassador.Keeper, error) {
	project, err := projectName(o.project)
	if err != nil {
		return nil, err
	}
	ports, _, err := convert.ReadPorts(o.ports)
	if err != nil {
		return nil, err
	}
	set, err := engines.Open(ctx, t.environment(), o.names(), alone)
	if err != nil {
		return nil, err
	}
	return &ambassador.Keeper{Set: set, Project: project, Image: o.image, Ports: ambassador.Ports(ports), Out: t.stdout}, nil
}

func (t *tool) environment() engines.Environment {
	return engines.Environment{Get: t.get, Home: t.home, Port: t.get("ENGINE_PORT")}
}

func (o *options) names() []string {
	return strings.FieldsFunc(o.engines, func(r rune) bool { return r == ',' || r == ' ' })
}

// projectName is what Compose would call the project of this folder.
func projectName(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	if name = loader.NormalizeProjectName(filepath.Base(dir)); name == "" {
		return "", usageError("say --project, because the name of this folder can't be the name of one")
	}
	return name, nil
}

// ambassador does one of the three things that never end.
func (t *tool) ambassador(ctx context.Context, o *options, args []string) error {
	if len(args) != 1 || !slices.Contains([]string{"watch", "register", "follow"}, args[0]) {
		return usageError("say ambassador watch, ambassador register or ambassador follow")
	}
	if args[0] == "watch" {
		return t.watch(ctx, o)
	}
	if o.store == "" {
		return usageError("say --store redis://host:6379 or --store etcd://host:2379, or set AMBASSADOR_STORE")
	}
	store, err := ambassador.OpenStore(o.store)
	if err != nil {
		return err
	}
	defer store.Close()
	k, err := t.keeper(ctx, o, true)
	if err != nil {
		return err
	}
	defer k.Set.Close()
	if args[0] == "register" {
		return k.Register(ctx, store)
	}
	return k.Follow(ctx, store)
}

// watch watches, and begins anew with more Engines when others came (back).
func (t *tool) watch(ctx context.Context, o *options) error {
	k, err := t.keeper(ctx, o, false)
	if err != nil {
		return err
	}
	defer func() { k.Set.Close() }()
	for {
		round, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- k.Watch(round) }()
		more := t.waitForMore(ctx, o, k.Set)
		cancel()
		if err := <-ended; err != nil || ctx.Err() != nil {
			if more != nil {
				more.Close()
			}
			return err
		}
		k.Set.Close()
		k.Set = more
	}
}

// waitForMore returns when Engines answer that are not in the set; nil when ctx ended.
func (t *tool) waitForMore(ctx context.Context, o *options, set *engines.Set) *engines.Set {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookAgain):
		}
		now, err := engines.Open(ctx, t.environment(), o.names(), false)
		if err != nil {
			continue // they are away, which Watch says
		}
		for _, e := range now.Engines {
			if !slices.ContainsFunc(set.Engines, func(old *engines.Engine) bool { return old.Name == e.Name }) {
				now.Away = append(now.Away, missing(set, now)...)
				return now
			}
		}
		now.Close()
	}
}

// missing are the Engines of before that do not answer now.
func missing(before, now *engines.Set) []engines.Away {
	var away []engines.Away
	for _, e := range before.Engines {
		if !slices.ContainsFunc(now.Engines, func(n *engines.Engine) bool { return n.Name == e.Name }) {
			away = append(away, engines.Away{Name: e.Name, Err: errors.New("it does not answer")})
		}
	}
	return away
}
