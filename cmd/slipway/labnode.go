package main

import (
	"cmp"
	"context"
	"io"
	"net"

	"slipway/exercises"
	"slipway/lab"
)

// labNode is a lab's node as the exercises need it.
type labNode struct {
	name   string
	agent  *lab.Agent
	docker interface {
		exercises.DockerClient
		io.Closer
	}
}

func newLabNode(n *lab.Node) (*labNode, error) {
	agent := &lab.Agent{Dial: n.Dial}
	docker, err := lab.NewDockerClient(func(ctx context.Context) (net.Conn, error) { return agent.EngineConn(ctx, false) })
	if err != nil {
		return nil, err
	}
	return &labNode{name: n.Name, agent: agent, docker: docker}, nil
}

func (n *labNode) close() { n.docker.Close() }

// Name is node1, node2, ….
func (n *labNode) Name() string { return n.name }

// Docker never wakes the node's Engine.
func (n *labNode) Docker() exercises.DockerClient { return n.docker }

// Events passes on what the agent tells, in the words of the exercises.
func (n *labNode) Events(ctx context.Context, from uint64, f func(exercises.NodeEvent)) error {
	return n.agent.Events(ctx, from, func(e lab.NodeEvent) error {
		if told, ok := n.toNodeEvent(e); ok {
			f(told)
		}
		return nil
	})
}

func (n *labNode) toNodeEvent(e lab.NodeEvent) (exercises.NodeEvent, bool) {
	told := exercises.NodeEvent{N: e.N, At: e.At, Epoch: e.Epoch, Next: e.Next}
	if e.Engine != nil {
		told.Engine = engineStates[e.Engine.State]
	}
	if e.Kind == lab.NodeTerminalClosed {
		told.Closed = terminalKey(n.name, e.Terminal)
	}
	if m := e.Mark; m != nil && m.Trusted {
		told.Mark = &exercises.Mark{Kind: m.Kind, Terminal: terminalKey(cmp.Or(m.Node, n.name), m.Terminal), Shell: m.Shell, Dir: m.Dir, Command: m.Command}
		if m.Code != nil {
			told.Mark.Code = *m.Code
		}
	}
	return told, told.Engine != "" || told.Mark != nil || told.Closed != "" || told.Epoch != ""
}

// terminalKey tells the terminals of a lab apart: every node has a t1, and a
// shell reached by ssh speaks of the terminal it is seen in.
func terminalKey(node, id string) string {
	if id == "" {
		return ""
	}
	return node + "/" + id
}

// engineStates are the agent's words for its Engine, in those of the exercises:
// one that was never started is asleep to a person.
var engineStates = map[string]exercises.EngineState{
	"stopped":  exercises.EngineAsleep,
	"asleep":   exercises.EngineAsleep,
	"starting": exercises.EngineStarting,
	"running":  exercises.EngineRunning,
	"failed":   exercises.EngineFailed,
}

// ReadFile reads up to max bytes of a file with the rights of the node's people.
func (n *labNode) ReadFile(ctx context.Context, path string, max int64) (exercises.File, error) {
	file := exercises.File{Path: path}
	stat, err := n.agent.StatFile(ctx, path)
	if lab.IsAgentError(err, lab.AgentNotFound) {
		return file, nil
	}
	if err != nil {
		return file, err
	}
	file.Exists, file.Dir, file.Size, file.Modified = true, stat.Type == "folder", stat.Size, stat.Modified
	if stat.Type != "file" || stat.Size > max {
		return file, nil
	}
	text, err := n.agent.ReadFile(ctx, path, max)
	if lab.IsAgentError(err, lab.AgentNotFound) {
		return exercises.File{Path: path}, nil
	}
	file.Text = string(text)
	return file, err
}

// Dial connects to a TCP port inside the node.
func (n *labNode) Dial(ctx context.Context, port int) (net.Conn, error) {
	conn, err := n.agent.DialPort(ctx, port)
	if lab.IsAgentError(err, lab.AgentUnreachable) {
		return nil, exercises.ErrRefused
	}
	return conn, err
}
