package exercises

import (
	"context"
	"errors"
	"testing"
	"time"

	"slipway/workshop"
)

func TestRegistryInChecks(t *testing.T) {
	l := newLanguage(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pushed := []*Repository{
		{true, "dockercoins_hasher", []string{"v0.1"}, at},
		{true, "dockercoins_rng", []string{"v0.1", "v0.2"}, at},
	}
	for source, want := range map[string]struct {
		state  workshop.State
		reason string
	}{
		`lab.registry.repositories.size() == 2`:                                                   {workshop.Passing, ""},
		`lab.registry.repositories.filter(r, "v0.1" in r.tags).size() == 2`:                       {workshop.Passing, ""},
		`lab.registry.repository("dockercoins_rng").tags == ["v0.1", "v0.2"]`:                     {workshop.Passing, ""},
		`lab.registry.repository("dockercoins_rng").pushedAt > timestamp("2026-01-01T00:00:00Z")`: {workshop.Passing, ""},
		`!lab.registry.repository("dockercoins_webui").exists`:                                    {workshop.Passing, ""},
		`lab.registry.repository("dockercoins_webui").exists`:                                     {workshop.Failing, "There is no repository dockercoins_webui in the lab's registry."},
		`lab.registry.repositories.size() == 4`:                                                   {workshop.Failing, "The number of the repositories of the lab's registry is 2, expected 4."},
		`"v0.3" in lab.registry.repository("dockercoins_rng").tags`:                               {workshop.Failing, ""},
	} {
		w := newWorld(fiveNodes)
		w.registry = &pushed
		e, problems := l.Compile(source)
		if e == nil {
			t.Fatalf("%s: %v", source, problems)
		}
		got := e.judge(t.Context(), w, newMemory(), judgedAt)
		if got.State != want.state || want.reason != "" && got.Reason != want.reason {
			t.Errorf("%s: %s %q", source, got.State, got.Reason)
		}
		w.registry = nil
		if got := e.judge(t.Context(), w, newMemory(), judgedAt); got.State != workshop.Unsure {
			t.Errorf("%s of an unknown registry: %s", source, got.State)
		}
	}
}

// A push is seen without anybody asking, and a registry that can't be followed is
// asked again.
func TestWatcherHearsOfPushes(t *testing.T) {
	book, problems, err := Compile(fiveNodes, []Exercise{{ID: "push", Checks: []Check{{Says: "pushed", That: `lab.registry.repository("mine").exists`}}}})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	news := make(chan []*Repository)
	calls := 0
	registry := func(ctx context.Context, tell func([]*Repository)) error {
		if calls++; calls == 1 {
			tell(nil)
			return errors.New("lost")
		}
		for {
			select {
			case all := <-news:
				tell(all)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	w := NewWatcher(WatcherConfig{Book: book, Registry: registry, Verdict: func(workshop.Verdict) {}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	limit, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	news <- []*Repository{{Exists: true, Name: "mine", Tags: []string{"v1"}}}
	if v, err := w.Await(limit, "push", func(v workshop.Verdict) bool { return v.State == workshop.Solved }); err != nil {
		t.Errorf("%+v: %v", v, err)
	}
	cancel()
	<-ended
}
