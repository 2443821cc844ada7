package exercises

import (
	"slices"
	"strings"
	"time"
)

// EngineState is how the Engine of a node is.
type EngineState string

const (
	EngineUnseen   EngineState = "unseen"   // the agent has not told yet
	EngineAsleep   EngineState = "asleep"   // starts at the first connection
	EngineStarting EngineState = "starting" // was asked for, doesn't answer yet
	EngineRunning  EngineState = "running"  // answers
	EngineFailed   EngineState = "failed"   // ended by itself, or won't start
	EngineCutOff   EngineState = "cut off"  // agent or Engine can't be reached
)

// DockerState is what is known of one node's Engine. It is a value: a mirror
// makes a new one for each change and shares what did not change.
type DockerState struct {
	Engine     EngineState
	Filled     bool      // the Engine has been asked for everything once
	Current    bool      // and nothing can have happened since without our knowing
	At         time.Time // of the newest news
	Why        string    // in words, when not current
	Containers []*Container
	Gone       []*Container
	Images     []*Image
	Networks   []*Network
	Volumes    []*Volume
	Swarm      *Swarm
}

// known says whether the state may be judged: it is current, or the Engine
// went to sleep after it was read and nothing can have changed since.
func (d *DockerState) known() bool {
	return d.Filled && (d.Current || d.Engine == EngineAsleep)
}

// unseenWords end what is said of a node that is not known yet.
const unseenWords = " has not reported yet."

// sayWhy explains to a person why the state can't be told.
func (d *DockerState) sayWhy(node string) string {
	switch d.Engine {
	case EngineAsleep:
		return "The Engine of " + node + " is asleep: it starts with the first docker command there."
	case EngineStarting:
		return "The Engine of " + node + " is starting."
	case EngineFailed:
		return "The Engine of " + node + " has stopped by itself. It starts again with the next docker command; if it doesn't, ask for help."
	case EngineCutOff:
		return node + " can't be reached at the moment."
	case EngineUnseen:
		return node + unseenWords
	}
	if d.Why != "" {
		return d.Why
	}
	return "The Engine of " + node + " is being read."
}

func (d *DockerState) container(name, node string) *Container {
	for _, c := range d.Containers {
		if c.Name == name {
			return c
		}
	}
	for _, c := range d.Containers {
		if len(name) >= 4 && strings.HasPrefix(c.ID, name) {
			return c
		}
	}
	return &Container{Name: name, Node: node}
}

func (d *DockerState) project(name, node string) *Project {
	p := &Project{Name: name, Node: node}
	for _, c := range d.Containers {
		if c.Labels[labelProject] == name {
			p.Containers = append(p.Containers, c)
		}
	}
	return p
}

func (d *DockerState) image(reference string) *Image {
	for _, i := range d.Images {
		if slices.Contains(i.Tags, withTag(reference)) || slices.Contains(i.Digests, reference) ||
			i.ID == reference || len(reference) >= 8 && strings.HasPrefix(strings.TrimPrefix(i.ID, "sha256:"), reference) {
			return i
		}
	}
	return &Image{Tags: []string{}}
}

// withTag completes a reference as Docker does: no tag means latest.
func withTag(reference string) string {
	last := reference[strings.LastIndexByte(reference, '/')+1:]
	if strings.ContainsAny(last, ":@") {
		return reference
	}
	return reference + ":latest"
}

func (d *DockerState) network(name string) *Network {
	for _, n := range d.Networks {
		if n.Name == name {
			return n
		}
	}
	return &Network{Name: name}
}

func (d *DockerState) volume(name string) *Volume {
	for _, v := range d.Volumes {
		if v.Name == name {
			return v
		}
	}
	return &Volume{Name: name}
}
