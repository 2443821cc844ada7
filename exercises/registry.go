package exercises

import (
	"context"
	"slices"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// Registry follows a lab's registry: it calls tell with the repositories that were
// pushed, at first and whenever that may have changed, until ctx ends. What it
// told is never changed afterwards.
type Registry func(ctx context.Context, tell func([]*Repository)) error

// Repository is a name that was pushed to the lab's registry.
type Repository struct {
	Exists   bool
	Name     string
	Tags     []string // in order
	PushedAt time.Time
}

// registryView is the registry as checks see it.
type registryView struct{ ev *evaluation }

const topicRegistry = "registry"

// repositories reads what was pushed, or answers unknown.
func (v *registryView) repositories() any {
	ev := v.ev
	ev.reads[Input{What: topicRegistry}] = struct{}{}
	if ev.world.registry == nil {
		return ev.unknown("What was pushed to the registry can't be told just now.")
	}
	return *ev.world.registry
}

func (v *registryView) repository(name string) any {
	all, ok := v.repositories().([]*Repository)
	if !ok {
		return types.NewUnknown(1, nil)
	}
	if i := slices.IndexFunc(all, func(r *Repository) bool { return r.Name == name }); i >= 0 {
		return all[i]
	}
	return &Repository{Name: name}
}

func registryWords(lab, registry, repository *kind) {
	lab.fields = append(lab.fields,
		has("registry", registry.typ, "the lab's registry, 127.0.0.1:5000 on every node", func(l *labView) any { return &registryView{l.ev} }))
	registry.fields = []field{
		has("repositories", listOf(repository), "what the person pushed, by name; the workshop's library is not in it",
			func(v *registryView) any { return v.repositories() }),
	}
	registry.methods = []method{
		can("repository", []arg{{"name", cel.StringType}}, repository.typ, "by name, without `127.0.0.1:5000/`",
			func(v *registryView, a []ref.Val) any { return v.repository(text(a[0])) }),
	}
	repository.fields = []field{
		has("exists", cel.BoolType, "false if asked for by a name that wasn't pushed", func(r *Repository) any { return r.Exists }),
		has("name", cel.StringType, "name, such as `\"dockercoins_rng\"`", func(r *Repository) any { return r.Name }),
		has("tags", textList, "its tags, in order", func(r *Repository) any { return r.Tags }),
		has("pushedAt", cel.TimestampType, "when a tag of it was last pushed", func(r *Repository) any { return r.PushedAt }),
	}
}

// pushed is called by the registry's follower.
func (w *Watcher) pushed(all []*Repository) {
	if all == nil {
		all = []*Repository{}
	}
	w.send(letter{pushed: &all})
}

// followRegistry keeps hearing the registry until ctx ends.
func (w *Watcher) followRegistry(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.cfg.Registry(ctx, w.pushed); err != nil && ctx.Err() == nil {
			w.cfg.Log.Warn("the lab's registry can't be followed; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(registryRetry):
		}
	}
}

// registryRetry is the pause after the registry could not be followed.
const registryRetry = 5 * time.Second
