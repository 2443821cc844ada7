package ambassador

import (
	"context"
	"errors"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"slipway/dockercoins/tools/internal/engines"
)

const (
	settle    = 300 * time.Millisecond // events come in bursts
	safetyNet = 30 * time.Second       // between two looks without an event
	reconnect = 2 * time.Second        // before an Engine that went away is asked again
)

// Watch follows the events of all Engines and keeps ambassadors as they should
// be, until ctx ends. Engines may go away and come back: meanwhile their containers
// count as they were seen last.
func (k *Keeper) Watch(ctx context.Context) error {
	changed, wait := k.listen(ctx, k.Set.Engines)
	defer wait()
	k.say("Watching %s of the project %s.", count(len(k.Set.Engines), "Engine"), k.Project)
	return k.loop(ctx, changed, safetyNet, func(ctx context.Context) error {
		p := k.memory.recall(Look(ctx, k.Set, k.Project))
		err := k.Create(ctx, p)
		if len(p.Plan().Create)+len(p.Plan().Start) > 0 { // new ones are in the next picture
			p = k.memory.recall(Look(ctx, k.Set, k.Project))
		}
		return errors.Join(err, k.Configure(ctx, p), away(p))
	})
}

// loop does its pass at once, after changes, and after a while without any. What
// goes wrong is said once, and again when it changes.
func (k *Keeper) loop(ctx context.Context, changed <-chan struct{}, often time.Duration, pass func(context.Context) error) error {
	last := ""
	for {
		err := pass(ctx)
		if ctx.Err() != nil {
			return nil
		}
		trouble := ""
		if err != nil {
			trouble = err.Error()
		}
		if trouble != last && trouble != "" {
			k.say("%s", trouble)
		} else if trouble != last {
			k.say("All is well again.")
		}
		last = trouble
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(often):
			continue
		case <-changed:
		}
		select { // the rest of the burst
		case <-ctx.Done():
			return nil
		case <-time.After(settle):
		}
		select {
		case <-changed:
		default:
		}
	}
}

// listen follows the events of Engines until ctx ends; wait returns when all
// that was started has ended. Something on changed means: look again.
func (k *Keeper) listen(ctx context.Context, all []*engines.Engine) (changed chan struct{}, wait func()) {
	changed = make(chan struct{}, 1)
	ended := make(chan struct{}, len(all))
	for _, e := range all {
		go func() {
			defer func() { ended <- struct{}{} }()
			for ctx.Err() == nil {
				follow(ctx, e, changed)
				select {
				case <-ctx.Done():
				case <-time.After(reconnect):
					touch(changed)
				}
			}
		}()
	}
	return changed, func() {
		for range all {
			<-ended
		}
	}
}

// follow passes on that something happened, until the stream of events breaks.
func follow(ctx context.Context, e *engines.Engine, changed chan<- struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages, errs := e.Docker.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", "container"), filters.Arg("event", "start"), filters.Arg("event", "die"), filters.Arg("event", "destroy"),
	)})
	for {
		select {
		case <-messages:
			touch(changed)
		case <-errs:
			return
		}
	}
}

func touch(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default: // somebody will look anyway
	}
}

// memory keeps what was seen last of Engines that are away now: their
// containers may well run on.
type memory struct{ last map[string][]*Container } // by the name of the Engine

func (m *memory) recall(p *Picture) *Picture {
	here := map[string][]*Container{}
	for _, c := range p.Containers {
		here[c.Engine.Name] = append(here[c.Engine.Name], c)
	}
	for name, containers := range m.last {
		for _, a := range p.Away {
			if a.Name == name {
				here[name] = containers
				for _, c := range containers {
					c := *c
					c.Needs = nil // nothing can be done for it
					p.Containers = append(p.Containers, &c)
				}
			}
		}
	}
	m.last = here
	return p
}

// away says which Engines did not answer.
func away(p *Picture) error {
	var errs []error
	for _, a := range p.Away {
		errs = append(errs, awayError{a})
	}
	return errors.Join(errs...)
}

type awayError struct{ engines.Away }

func (e awayError) Error() string {
	return e.Name + " is away: " + e.Err.Error() + "; what runs there is left as it is"
}

// AwayError is the error about Engines that did not answer; nil when all did.
func (p *Picture) AwayError() error { return away(p) }
