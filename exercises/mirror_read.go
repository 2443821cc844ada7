package exercises

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// reader reads one connection's worth of an Engine into its mirror.
type reader struct {
	m      *Mirror
	client DockerClient

	settleUntil time.Time
	died        map[string]events.Message // the newest, by container
}

// change collects what becomes of a state; untouched parts stay shared.
type change struct {
	next   DockerState
	topics []string
}

func (r *reader) begin() *change { return &change{next: *r.m.state} }

// commit publishes a change, if it is one.
func (r *reader) commit(c *change) {
	was := r.m.state
	c.next.Engine, c.next.Filled, c.next.Current, c.next.Why = EngineRunning, true, true, ""
	c.next.At = r.m.now()
	if !was.Current || was.Engine != EngineRunning {
		c.topics = allTopics
	}
	if slices.Contains(c.topics, topicContainers) || slices.Contains(c.topics, topicNetworks) {
		if attach(&c.next) {
			c.topics = append(slices.Clip(c.topics), topicNetworks)
		}
	}
	if len(c.topics) == 0 {
		r.m.state = &c.next
		return
	}
	r.m.set(&c.next, c.topics)
}

// put replaces a part if it differs and notes the topic.
func put[T any](c *change, part *T, value T, topic string) {
	if reflect.DeepEqual(*part, value) {
		return
	}
	*part = value
	c.topics = append(c.topics, topic)
}

// fill lists everything. What was there before and is no more has gone while
// nobody looked.
func (r *reader) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.m.limit)
	defer cancel()
	c := r.begin()
	list, err := r.client.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return err
	}
	found := []*Container{}
	for _, s := range list[:min(len(list), maxContainers)] {
		one, err := r.inspect(ctx, s.ID)
		if err != nil {
			return err
		}
		if one != nil {
			found = append(found, one)
		}
	}
	for _, old := range c.next.Containers {
		if !slices.ContainsFunc(found, func(x *Container) bool { return x.ID == old.ID }) {
			c.bury(old)
		}
	}
	sortContainers(found)
	put(c, &c.next.Containers, found, topicContainers)
	for _, topic := range []string{topicImages, topicNetworks, topicVolumes, topicSwarm} {
		if err := r.list(ctx, c, topic); err != nil {
			return err
		}
	}
	r.commit(c)
	return nil
}

func sortContainers(all []*Container) {
	slices.SortFunc(all, func(a, b *Container) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
}

// inspect reads one container; nil when it is gone.
func (r *reader) inspect(ctx context.Context, id string) (*Container, error) {
	response, err := r.client.ContainerInspect(ctx, id)
	switch {
	case errdefs.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return containerFrom(r.m.node, response), nil
}

// bury moves a container to those that are gone.
func (c *change) bury(old *Container) {
	if slices.ContainsFunc(c.next.Gone, func(x *Container) bool { return x.ID == old.ID }) {
		return
	}
	was := *old
	was.Exists = false
	if was.State == "running" {
		was.State = "exited"
	}
	gone := append(slices.Clip(c.next.Gone), &was)
	c.next.Gone = gone[max(0, len(gone)-maxGone):]
	c.topics = append(c.topics, topicContainers)
}

// list reads one topic.
func (r *reader) list(ctx context.Context, c *change, topic string) error {
	switch topic {
	case topicImages:
		all, err := r.client.ImageList(ctx, image.ListOptions{})
		if err != nil {
			return err
		}
		put(c, &c.next.Images, converted(all, imageFrom, func(i *Image) string { return i.ID }), topic)
	case topicNetworks:
		all, err := r.client.NetworkList(ctx, network.ListOptions{})
		if err != nil {
			return err
		}
		found := converted(all, networkFrom, func(n *Network) string { return n.Name + n.ID })
		next := DockerState{Networks: found, Containers: c.next.Containers}
		attach(&next)
		put(c, &c.next.Networks, next.Networks, topic)
	case topicVolumes:
		all, err := r.client.VolumeList(ctx, volume.ListOptions{})
		if err != nil {
			return err
		}
		put(c, &c.next.Volumes, converted(all.Volumes, volumeFrom, func(v *Volume) string { return v.Name }), topic)
	case topicSwarm:
		found, err := r.swarm(ctx)
		if err != nil {
			return err
		}
		put(c, &c.next.Swarm, found, topic)
	}
	return nil
}

func converted[A, B any](all []A, convert func(A) B, key func(B) string) []B {
	found := make([]B, 0, len(all))
	for _, a := range all {
		found = append(found, convert(a))
	}
	slices.SortFunc(found, func(a, b B) int { return cmp.Compare(key(a), key(b)) })
	return found
}

// attach writes the running containers' names into their networks, and says
// whether that changed any.
func attach(d *DockerState) bool {
	changed := false
	for i, n := range d.Networks {
		names := []string{}
		for _, c := range d.Containers {
			if c.State == "running" && slices.ContainsFunc(c.Attachments, func(a Attachment) bool { return a.Network == n.Name }) {
				names = append(names, c.Name)
			}
		}
		if slices.Equal(names, n.Containers) && n.Containers != nil {
			continue
		}
		if !changed {
			d.Networks = slices.Clone(d.Networks)
			changed = true
		}
		updated := *n
		updated.Containers = names
		d.Networks[i] = &updated
	}
	return changed
}

// refresh reads some topics.
func (r *reader) refresh(ctx context.Context, topics map[string]bool) error {
	ctx, cancel := context.WithTimeout(ctx, r.m.limit)
	defer cancel()
	c := r.begin()
	for topic := range topics {
		if err := r.list(ctx, c, topic); err != nil {
			return err
		}
	}
	r.commit(c)
	return nil
}

// apply brings events into the mirror: they say what to read anew.
func (r *reader) apply(ctx context.Context, all []events.Message) error {
	ctx, cancel := context.WithTimeout(ctx, r.m.limit)
	defer cancel()
	c := r.begin()
	var dirty []string
	topics := map[string]bool{}
	for _, e := range all {
		r.m.lastSeen = max(r.m.lastSeen, e.TimeNano)
		r.noteEnd(e)
		if id := containerOf(e); id != "" && !slices.Contains(dirty, id) {
			dirty = append(dirty, id)
		}
		if topic := topicOf(e); topic != "" {
			topics[topic] = true
			if topic == topicNetworks { // joining and leaving a swarm shows in its networks
				topics[topicSwarm] = true
			}
		}
	}
	for _, id := range dirty {
		one, err := r.inspect(ctx, id)
		if err != nil {
			return err
		}
		c.replace(r, id, one)
	}
	for _, e := range all {
		if e.Type == events.ContainerEventType && e.Action == events.ActionDestroy {
			c.replace(r, e.Actor.ID, nil)
			c.bury(r.lastKnown(e))
		}
	}
	for topic := range topics {
		if err := r.list(ctx, c, topic); err != nil {
			return err
		}
	}
	r.commit(c)
	return nil
}

// lastKnown is the best that is known of a container that was just removed:
// its end, too, if it was too short-lived to be inspected.
func (r *reader) lastKnown(destroyed events.Message) *Container {
	for _, c := range r.m.state.Containers {
		if c.ID == destroyed.Actor.ID {
			return r.ended(c)
		}
	}
	if died, ok := r.died[destroyed.Actor.ID]; ok {
		return containerFromEvent(r.m.node, died)
	}
	return containerFromEvent(r.m.node, destroyed)
}

// ended is a container as its end left it, which may not have been inspected.
func (r *reader) ended(c *Container) *Container {
	died, ok := r.died[c.ID]
	if !ok {
		return c
	}
	end := *c
	end.State, end.ExitCode, end.FinishedAt = "exited", atoi(died.Actor.Attributes["exitCode"]), time.Unix(0, died.TimeNano)
	return &end
}

// noteEnd remembers how containers ended that are about to be removed.
func (r *reader) noteEnd(e events.Message) {
	if e.Type != events.ContainerEventType || e.Action != events.ActionDie {
		return
	}
	if r.died == nil || len(r.died) >= maxGone {
		r.died = map[string]events.Message{}
	}
	r.died[e.Actor.ID] = e
}

// replace puts a container in the place of the one with that id; nil removes.
func (c *change) replace(r *reader, id string, with *Container) {
	i := slices.IndexFunc(c.next.Containers, func(x *Container) bool { return x.ID == id })
	if i < 0 && with == nil {
		return
	}
	if i >= 0 && with != nil && reflect.DeepEqual(c.next.Containers[i], with) {
		return
	}
	all := slices.Clone(c.next.Containers)
	if i >= 0 {
		if with == nil {
			c.bury(r.ended(all[i]))
		}
		all = slices.Delete(all, i, i+1)
	}
	if with != nil {
		all = append(all, with)
		sortContainers(all)
	}
	c.next.Containers = all
	c.topics = append(c.topics, topicContainers)
}

// containerOf says which container must be read anew because of an event.
func containerOf(e events.Message) string {
	switch {
	case e.Type == events.NetworkEventType && (e.Action == events.ActionConnect || e.Action == events.ActionDisconnect):
		return e.Actor.Attributes["container"]
	case e.Type != events.ContainerEventType:
		return ""
	}
	switch e.Action {
	case events.ActionCreate, events.ActionStart, events.ActionRestart, events.ActionStop, events.ActionDie, events.ActionOOM,
		events.ActionPause, events.ActionUnPause, events.ActionRename, events.ActionUpdate, events.ActionDestroy:
		return e.Actor.ID
	}
	if strings.HasPrefix(string(e.Action), string(events.ActionHealthStatus)) {
		return e.Actor.ID
	}
	return ""
}

// topicOf says what else must be listed anew because of an event.
func topicOf(e events.Message) string {
	switch e.Type {
	case events.ImageEventType, events.BuilderEventType:
		return topicImages
	case events.NetworkEventType:
		if e.Action == events.ActionConnect || e.Action == events.ActionDisconnect {
			return ""
		}
		return topicNetworks
	case events.VolumeEventType:
		if e.Action == events.ActionMount || e.Action == events.ActionUnmount {
			return ""
		}
		return topicVolumes
	case events.ServiceEventType, events.NodeEventType:
		return topicSwarm
	}
	return ""
}
