package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"

	"slipway/terminal"
	"slipway/workshop"
)

// shells are labs whose terminals are real, on this machine, and whose ports are
// what a test listens on.
type shells struct {
	mu        sync.Mutex
	terminals map[string]*terminal.Terminal
	order     []string
	running   sync.WaitGroup
	watchers  map[chan LabView]workshop.ParticipantID
	view      LabView
	prepared  []workshop.ParticipantID
	app       string // address of what every port leads to
	dialError error
	streams   []io.Closer
}

func (l *shells) Prepare(ctx context.Context, session workshop.SessionID, lab workshop.ParticipantID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prepared = append(l.prepared, lab)
	return nil
}

func (l *shells) Watch(ctx context.Context, lab workshop.ParticipantID, fn func(LabView) error) error {
	changes := make(chan LabView, 16)
	l.mu.Lock()
	view := l.view
	l.watchers[changes] = lab
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.watchers, changes)
		l.mu.Unlock()
	}()
	for {
		if err := fn(view); err != nil {
			return err
		}
		select {
		case view = <-changes:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *shells) set(v LabView) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view = v
	for c := range l.watchers {
		c <- v
	}
}

func terminalKey(lab workshop.ParticipantID, node, id string) string {
	return string(lab) + "/" + node + "/" + id
}

func (l *shells) Terminals(ctx context.Context, lab workshop.ParticipantID, node string) ([]TerminalInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []TerminalInfo
	for _, key := range l.order {
		if strings.HasPrefix(key, terminalKey(lab, node, "")) {
			s := l.terminals[key].Status()
			list = append(list, TerminalInfo{ID: s.ID, Name: s.Name, Cols: s.Cols, Rows: s.Rows, Exited: s.Ended})
		}
	}
	return list, nil
}

func (l *shells) OpenTerminal(ctx context.Context, lab workshop.ParticipantID, node string, want TerminalWish) (TerminalInfo, error) {
	list, _ := l.Terminals(ctx, lab, node)
	if want.ID == "" {
		want.ID = fmt.Sprintf("t%d", len(list)+1)
	}
	for _, info := range list {
		if info.ID == want.ID {
			return info, nil
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tm, err := terminal.New(terminal.Options{ID: want.ID, Name: want.Name, Command: []string{"bash", "--norc"}, Cols: want.Cols, Rows: want.Rows,
		Env: []string{"PATH=" + os.Getenv("PATH"), "PS1=$ ", "TERM=xterm-256color", "LANG=C.UTF-8"}})
	if err != nil {
		return TerminalInfo{}, err
	}
	if err := tm.Start(); err != nil {
		return TerminalInfo{}, err
	}
	l.running.Go(func() { tm.Run(context.Background()) })
	key := terminalKey(lab, node, want.ID)
	l.terminals[key], l.order = tm, append(l.order, key)
	return TerminalInfo{ID: want.ID, Name: want.Name, Cols: want.Cols, Rows: want.Rows}, nil
}

func (l *shells) get(lab workshop.ParticipantID, node, id string) (*terminal.Terminal, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tm := l.terminals[terminalKey(lab, node, id)]
	if tm == nil {
		return nil, workshop.Errorf(workshop.Unknown, "There is no terminal %s on %s.", id, node)
	}
	return tm, nil
}

func (l *shells) CloseTerminal(ctx context.Context, lab workshop.ParticipantID, node, id string) error {
	tm, err := l.get(lab, node, id)
	if err == nil {
		tm.Close()
	}
	return err
}

func (l *shells) Attach(ctx context.Context, lab workshop.ParticipantID, node, id string, v Viewer) (io.ReadWriteCloser, error) {
	tm, err := l.get(lab, node, id)
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	l.mu.Lock()
	l.streams = append(l.streams, theirs)
	l.mu.Unlock()
	l.running.Go(func() {
		tm.Serve(context.Background(), theirs, terminal.Attach{Client: v.Client, From: v.From, Role: terminal.Role(v.Role), Born: v.Born})
	})
	return ours, nil
}

// cut breaks every stream to a terminal, as a node's agent that dies does.
func (l *shells) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streams {
		s.Close()
	}
	l.streams = nil
}

func (l *shells) DialPort(ctx context.Context, lab workshop.ParticipantID, node string, port int) (net.Conn, error) {
	l.mu.Lock()
	app, err := l.app, l.dialError
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", app)
}

func (l *shells) close() {
	l.mu.Lock()
	for _, tm := range l.terminals {
		tm.Close()
	}
	l.mu.Unlock()
	l.cut()
	l.running.Wait()
}
