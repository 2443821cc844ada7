package dockertest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/go-connections/nat"
)

// Run makes and starts a container, with the events of a real one, and
// returns its id. Ports are "8001:80"; option may change it before it starts.
func (f *Fake) Run(name, imageName string, labels map[string]string, ports []string, options ...func(*container.InspectResponse)) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	id := fmt.Sprintf("%064x", f.next)
	now := time.Now().UTC().Format(time.RFC3339Nano)
	c := container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{ID: id, Name: "/" + name, Image: "sha256:" + imageName, Created: now,
			State: &container.State{Status: "created"}, HostConfig: &container.HostConfig{NetworkMode: "bridge"}},
		Config:          &container.Config{Image: imageName, Labels: maps.Clone(labels)},
		NetworkSettings: &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{"bridge": {IPAddress: "172.17.0.2"}}},
	}
	c.NetworkSettings.Ports = portMap(ports)
	for _, option := range options {
		option(&c)
	}
	f.containers[id] = c
	f.order = append(f.order, id)
	f.emitContainer(events.ActionCreate, c, nil)
	f.change(id, func(c *container.InspectResponse) {
		c.State.Status, c.State.Running, c.State.StartedAt = "running", true, now
	})
	f.emitContainer(events.ActionStart, f.containers[id], nil)
	return id
}

func portMap(ports []string) nat.PortMap {
	m := nat.PortMap{}
	for _, p := range ports {
		host, inside, _ := strings.Cut(p, ":")
		m[nat.Port(inside+"/tcp")] = []nat.PortBinding{{HostIP: "0.0.0.0", HostPort: host}}
	}
	return m
}

// change replaces a container by a changed copy: answers that are being sent
// keep the old one.
func (f *Fake) change(id string, how func(*container.InspectResponse)) {
	c := f.containers[id]
	base, state := *c.ContainerJSONBase, *c.State
	base.State = &state
	c.ContainerJSONBase = &base
	how(&c)
	f.containers[id] = c
}

// Change changes a container and sends one event about it, unless action is
// empty.
func (f *Fake) Change(id string, action events.Action, how func(*container.InspectResponse)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change(id, how)
	if action != "" {
		f.emitContainer(action, f.containers[id], nil)
	}
}

// Stop ends a container with an exit code.
func (f *Fake) Stop(id string, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change(id, func(c *container.InspectResponse) {
		c.State.Status, c.State.Running, c.State.ExitCode = "exited", false, code
	})
	f.emitContainer(events.ActionDie, f.containers[id], map[string]string{"exitCode": fmt.Sprint(code)})
}

// Remove removes a container; quietly, no event says so.
func (f *Fake) Remove(id string, quietly bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.containers[id]
	delete(f.containers, id)
	f.order = slices.DeleteFunc(f.order, func(x string) bool { return x == id })
	if !quietly {
		f.emitContainer(events.ActionDestroy, c, nil)
	}
}

// Flash is a container that has come and gone before anyone could look.
func (f *Fake) Flash(name, imageName string, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	c := container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{ID: fmt.Sprintf("%064x", f.next), Name: "/" + name},
		Config: &container.Config{Image: imageName}}
	f.emitContainer(events.ActionCreate, c, nil)
	f.emitContainer(events.ActionStart, c, nil)
	f.emitContainer(events.ActionDie, c, map[string]string{"exitCode": fmt.Sprint(code)})
	f.emitContainer(events.ActionDestroy, c, nil)
}

func (f *Fake) emitContainer(action events.Action, c container.InspectResponse, more map[string]string) {
	attributes := map[string]string{"name": strings.TrimPrefix(c.Name, "/"), "image": c.Config.Image}
	maps.Copy(attributes, c.Config.Labels)
	maps.Copy(attributes, more)
	f.emit(events.Message{Type: events.ContainerEventType, Action: action, Actor: events.Actor{ID: c.ID, Attributes: attributes}})
}

// emit sends an event to all streams and remembers it.
func (f *Fake) emit(e events.Message) {
	e.TimeNano = time.Now().UnixNano()
	e.Time = e.TimeNano / 1e9
	e.Scope = "local"
	f.past = append(f.past, e)
	for stream := range f.streams {
		stream <- e
	}
}

// Emit sends an event.
func (f *Fake) Emit(kind events.Type, action events.Action, id string, attributes map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.emit(events.Message{Type: kind, Action: action, Actor: events.Actor{ID: id, Attributes: attributes}})
}

// AddImage adds an image with a tag.
func (f *Fake) AddImage(id, tag string) {
	f.mu.Lock()
	f.images = append(f.images, image.Summary{ID: id, RepoTags: []string{tag}, Created: time.Now().Unix()})
	f.mu.Unlock()
	f.Emit(events.ImageEventType, events.ActionTag, id, map[string]string{"name": tag})
}

// AddNetwork adds a network.
func (f *Fake) AddNetwork(id, name, driver string) {
	f.mu.Lock()
	f.networks = append(f.networks, network.Summary{ID: id, Name: name, Driver: driver, Scope: "local"})
	f.mu.Unlock()
	f.Emit(events.NetworkEventType, events.ActionCreate, id, map[string]string{"name": name})
}

// AddVolume adds a volume.
func (f *Fake) AddVolume(name string) {
	f.mu.Lock()
	f.volumes = append(f.volumes, &volume.Volume{Name: name, Driver: "local"})
	f.mu.Unlock()
	f.Emit(events.VolumeEventType, events.ActionCreate, name, nil)
}

// SetSwarm makes the Engine a swarm manager with these members, services and
// tasks, without an event.
func (f *Fake) SetSwarm(nodes []swarm.Node, services []swarm.Service, tasks []swarm.Task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.info.Swarm.LocalNodeState, f.info.Swarm.ControlAvailable = swarm.LocalNodeStateActive, true
	f.nodes, f.services, f.tasks = nodes, services, tasks
}

// CutEvents ends all streams of events.
func (f *Fake) CutEvents() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, cut := range f.streams {
		close(cut)
	}
	clear(f.streams)
}

// Hang makes every call that comes hang until [Fake.Heal].
func (f *Fake) Hang() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hung == nil {
		f.hung = make(chan struct{})
	}
}

// Heal ends a hang.
func (f *Fake) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hung != nil {
		close(f.hung)
		f.hung = nil
	}
}

// Fail makes the next n calls fail with status 500.
func (f *Fake) Fail(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = n
}

// Calls counts the calls to a part of the API: "containers", "events".
func (f *Fake) Calls(part string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[part]
}
