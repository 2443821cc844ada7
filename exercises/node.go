package exercises

import (
	"context"
	"net"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
)

// Node is a node of a lab as the exercises need it. cmd wires the lab's node
// to it. Its methods are called from several goroutines at once.
type Node interface {
	// Name is the node's name in checks: node1.
	Name() string
	// Docker is a client of the node's Engine that never wakes it: calls fail
	// while the Engine sleeps.
	Docker() DockerClient
	// Events calls f with what the node tells, in order, from event number
	// from on (1 is all the node remembers), and blocks until ctx ends or the
	// connection is lost. The first call tells how the Engine is.
	Events(ctx context.Context, from uint64, f func(NodeEvent)) error
	// ReadFile reads up to max bytes of a file. A path that begins with ~/ is
	// in the home folder of the node's user. What isn't there is a File whose
	// Exists is false, not an error.
	ReadFile(ctx context.Context, path string, max int64) (File, error)
	// Dial connects to a TCP port inside the node. An error that wraps
	// [ErrRefused] says that the node answered: nothing listens there.
	Dial(ctx context.Context, port int) (net.Conn, error)
}

// DockerClient is what the mirror calls of the Docker client.
type DockerClient interface {
	ContainerList(context.Context, container.ListOptions) ([]container.Summary, error)
	ContainerInspect(context.Context, string) (container.InspectResponse, error)
	ImageList(context.Context, image.ListOptions) ([]image.Summary, error)
	NetworkList(context.Context, network.ListOptions) ([]network.Summary, error)
	VolumeList(context.Context, volume.ListOptions) (volume.ListResponse, error)
	Info(context.Context) (system.Info, error)
	NodeList(context.Context, swarm.NodeListOptions) ([]swarm.Node, error)
	ServiceList(context.Context, swarm.ServiceListOptions) ([]swarm.Service, error)
	TaskList(context.Context, swarm.TaskListOptions) ([]swarm.Task, error)
	Events(context.Context, events.ListOptions) (<-chan events.Message, <-chan error)
}

// NodeEvent is something a node tells. Engine is set when it says how its
// Engine is, Mark when a shell said something about a command.
type NodeEvent struct {
	N      uint64 // counts from 1 in the life of the node's agent; 0 for a first state
	At     time.Time
	Epoch  string // of a first state: which life of the agent this is
	Next   uint64 // of a first state: the number of the first event that is not history; 0 if there is none
	Engine EngineState
	Mark   *Mark
	Closed string // a terminal that ended, as marks name it
}

// Kinds of marks.
const (
	MarkPrompt  = "prompt"
	MarkCommand = "command"
	MarkExit    = "exit"
)

// Mark is what a shell said about a command: that it shows a prompt, begins
// one, or ended one.
type Mark struct {
	Kind      string
	Terminal  string // the lab's name of the terminal (node and id), empty if the shell doesn't know it
	Shell     int    // process id of the shell
	Dir       string
	Command   string
	Code      int  // of an exit
	Untrusted bool // it may be what a program printed: it counts for nothing
}

// ErrRefused says that a node could be reached and nothing listens on the
// port there.
var ErrRefused = errRefused{}

type errRefused struct{}

func (errRefused) Error() string { return "connection refused" }
