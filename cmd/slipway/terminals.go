package main

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"

	"slipway/lab"
	"slipway/server"
	"slipway/terminal"
	"slipway/workshop"
)

// agent is a client of one node of the lab.
func (o *kept) agent(node string) (*lab.Agent, error) {
	current := o.current()
	if current == nil {
		return nil, notReady()
	}
	n := current.Node(node)
	if n == nil {
		return nil, workshop.Errorf(workshop.Unknown, "There is no %s in your lab.", node)
	}
	return &lab.Agent{Dial: n.Dial}, nil
}

func (k *keeper) agent(who workshop.ParticipantID, node string) (*lab.Agent, error) {
	one, err := k.lab(who)
	if err != nil {
		return nil, err
	}
	return one.agent(node)
}

// explain gives what an agent refused, or that it is away, a kind.
func explain(node string, err error) error {
	var refused *lab.AgentError
	switch {
	case err == nil || errors.As(err, new(*workshop.Error)):
		return err
	case !errors.As(err, &refused):
		return workshop.Errorf(workshop.Unavailable, "%s does not answer. It may be starting again; try in a few seconds.", node).Because(err)
	}
	kinds := map[string]workshop.Kind{
		lab.AgentBadRequest: workshop.Invalid, lab.AgentNotFound: workshop.Unknown, lab.AgentForbidden: workshop.Forbidden,
		lab.AgentTooMany: workshop.TooMany, lab.AgentUnreachable: workshop.Unknown,
		lab.AgentEngine: workshop.Unavailable, lab.AgentStopping: workshop.Unavailable,
	}
	kind, known := kinds[refused.Kind]
	if !known {
		kind = workshop.Internal
	}
	return workshop.Errorf(kind, "%s", refused.Message).Because(err)
}

// Terminals lists the shells of a node.
func (k *keeper) Terminals(ctx context.Context, who workshop.ParticipantID, node string) ([]server.TerminalInfo, error) {
	agent, err := k.agent(who, node)
	if err != nil {
		return nil, err
	}
	found, err := agent.Terminals(ctx)
	if err != nil {
		return nil, explain(node, err)
	}
	list := []server.TerminalInfo{}
	for _, t := range found {
		list = append(list, terminalInfo(t))
	}
	return list, nil
}

func terminalInfo(t lab.TerminalState) server.TerminalInfo {
	return server.TerminalInfo{ID: t.ID, Name: t.Name, Cols: t.Cols, Rows: t.Rows, Exited: t.Ended}
}

// OpenTerminal opens a shell, or gives the one of that id. Without an id it
// gets the next of t1, t2, … that is free.
func (k *keeper) OpenTerminal(ctx context.Context, who workshop.ParticipantID, node string, want server.TerminalWish) (server.TerminalInfo, error) {
	one, err := k.lab(who)
	if err != nil {
		return server.TerminalInfo{}, err
	}
	agent, err := one.agent(node)
	if err != nil {
		return server.TerminalInfo{}, err
	}
	if want.ID == "" {
		one.naming.Lock() // two at once get two names
		defer one.naming.Unlock()
		taken, err := agent.Terminals(ctx)
		if err != nil {
			return server.TerminalInfo{}, explain(node, err)
		}
		want.ID = freeTerminal(taken)
	}
	opened, err := agent.OpenTerminal(ctx, lab.TerminalSpec{ID: want.ID, Name: want.Name, Cols: want.Cols, Rows: want.Rows})
	return terminalInfo(opened), explain(node, err)
}

func freeTerminal(taken []lab.TerminalState) string {
	for n := 1; ; n++ {
		id := "t" + strconv.Itoa(n)
		if !slices.ContainsFunc(taken, func(t lab.TerminalState) bool { return t.ID == id }) {
			return id
		}
	}
}

// CloseTerminal ends a shell and all that runs in it.
func (k *keeper) CloseTerminal(ctx context.Context, who workshop.ParticipantID, node, id string) error {
	agent, err := k.agent(who, node)
	if err != nil {
		return err
	}
	return explain(node, agent.CloseTerminal(ctx, id))
}

// Attach opens a terminal's stream of frames.
func (k *keeper) Attach(ctx context.Context, who workshop.ParticipantID, node, id string, v server.Viewer) (io.ReadWriteCloser, error) {
	agent, err := k.agent(who, node)
	if err != nil {
		return nil, err
	}
	conn, err := agent.Attach(ctx, id, terminal.Attach{Client: v.Client, From: v.From, Born: v.Born, Role: terminal.Role(v.Role)})
	if err != nil {
		return nil, explain(node, err)
	}
	return conn, nil
}

// DialPort connects to a TCP port of a node for a page that shows it.
func (k *keeper) DialPort(ctx context.Context, who workshop.ParticipantID, node string, port int) (net.Conn, error) {
	one, err := k.lab(who)
	if err != nil {
		return nil, err
	}
	agent, err := one.agent(node)
	if err != nil {
		return nil, err
	}
	conn, err := agent.DialPort(ctx, port)
	if err != nil {
		return nil, explain(node, err)
	}
	one.opened(node, port)
	return conn, nil
}

// opened tells the exercises that the person opened a port through the page.
func (o *kept) opened(node string, port int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watcher != nil {
		o.watcher.Opened(node, port)
	}
}
