package server

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"slipway/terminal"
	"slipway/workshop"
)

// Bounds of what a browser may ask for of terminals.
const (
	maxTerminals = 16 // of one node
	maxCols      = 1000
	maxRows      = 500
)

// nodeOf reads the node of the address.
func (s *Server) nodeOf(r *http.Request) (string, error) {
	node := r.PathValue("node")
	if !slices.Contains(s.cfg.Nodes, node) {
		return "", workshop.Errorf(workshop.Unknown, "There is no node of that name; yours are %s.", strings.Join(s.cfg.Nodes, ", "))
	}
	return node, nil
}

// plainID says whether a text may be the id of a terminal or of a tab.
func plainID(id string, max int) bool {
	return id != "" && len(id) <= max &&
		strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

func terminalOf(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if !plainID(id, 32) {
		return "", workshop.Errorf(workshop.Unknown, "There is no terminal of that name.")
	}
	return id, nil
}

func (s *Server) listTerminals(w http.ResponseWriter, r *http.Request, c caller) error {
	node, err := s.nodeOf(r)
	if err != nil {
		return err
	}
	list, err := s.cfg.Labs.Terminals(r.Context(), c.who.ID, node)
	if err != nil {
		return err
	}
	if list == nil {
		list = []TerminalInfo{}
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

func (s *Server) openTerminal(w http.ResponseWriter, r *http.Request, c caller) error {
	node, err := s.nodeOf(r)
	if err != nil {
		return err
	}
	var wish TerminalWish
	if err := read(r, &wish); err != nil {
		return err
	}
	if wish.ID != "" && !plainID(wish.ID, 32) || len(wish.Name) > 100 ||
		wish.Cols < 0 || wish.Cols > maxCols || wish.Rows < 0 || wish.Rows > maxRows {
		return workshop.Errorf(workshop.Invalid, "A terminal has a short id of letters and digits, a short name, and at most %d columns and %d rows.", maxCols, maxRows)
	}
	list, err := s.cfg.Labs.Terminals(r.Context(), c.who.ID, node)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(list, func(t TerminalInfo) bool { return t.ID == wish.ID })
	if !known && len(list) >= maxTerminals {
		return workshop.Errorf(workshop.TooMany, "%s has %d terminals open already. Close one, then open another.", node, len(list))
	}
	info, err := s.cfg.Labs.OpenTerminal(r.Context(), c.who.ID, node, wish)
	if err != nil {
		return err
	}
	if !info.Exited {
		s.noteShell(r.Context(), c, shell{c.who.ID, node, info.ID}, true)
	}
	writeJSON(w, http.StatusOK, info)
	return nil
}

func (s *Server) closeTerminal(w http.ResponseWriter, r *http.Request, c caller) error {
	node, err := s.nodeOf(r)
	if err != nil {
		return err
	}
	id, err := terminalOf(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Labs.CloseTerminal(r.Context(), c.who.ID, node, id); err != nil {
		return err
	}
	s.noteShell(r.Context(), c, shell{c.who.ID, node, id}, false)
	return done(w)
}

// noteShell writes down that a terminal was opened or closed, when that is
// news. A journal that is away doesn't keep anyone from a shell.
func (s *Server) noteShell(ctx context.Context, c caller, sh shell, open bool) {
	if c.session.openShells()[sh] == open {
		return
	}
	kind := workshop.TerminalClosed
	if open {
		kind = workshop.TerminalOpened
	}
	err := c.session.append(ctx, workshop.Event{Kind: kind, Participant: sh.who,
		Terminal: &workshop.TerminalRef{Node: sh.node, ID: sh.id}})
	if err != nil {
		s.log.Error("a terminal was not written down", "participant", string(sh.who), "node", sh.node, "terminal", sh.id, "err", err)
	}
}

// terminalSocket relays a terminal's frames between a browser and a node
// without looking into them. The node decides what is new and what was seen.
func (s *Server) terminalSocket(w http.ResponseWriter, r *http.Request, c caller) error {
	node, err := s.nodeOf(r)
	if err != nil {
		return err
	}
	id, err := terminalOf(r)
	if err != nil {
		return err
	}
	viewer, err := viewerOf(r, c)
	if err != nil {
		return err
	}
	free, ok := s.sockets.take(string(c.who.ID))
	if !ok {
		return tooManySockets()
	}
	defer free()
	stream, err := s.cfg.Labs.Attach(r.Context(), c.who.ID, node, id, viewer)
	if err != nil {
		return err
	}
	defer stream.Close()
	sock, err := s.accept(w, r, binaryMessages, terminal.MaxFrame)
	if err != nil {
		return nil // answered
	}
	ctx, leave := s.stay()
	defer leave()
	relay(ctx, sock, stream, func(frame []byte) {
		if s.cfg.Coach != nil && typedByHand(frame) {
			s.cfg.Coach.Typed(c.who.ID, node, id)
		}
	})
	return nil
}

func viewerOf(r *http.Request, c caller) (Viewer, error) {
	q := r.URL.Query()
	v := Viewer{Client: q.Get("client"), From: -1, Role: string(terminal.RoleOwner)}
	if !plainID(v.Client, 64) {
		return v, workshop.Errorf(workshop.Invalid, "A terminal's socket needs ?client= with a random id of the tab: up to 64 letters, digits and dashes.")
	}
	if text := q.Get("from"); text != "" {
		from, err := strconv.ParseInt(text, 10, 64)
		if err != nil || from < -1 {
			return v, workshop.Errorf(workshop.Invalid, "?from= is an offset in the terminal's output, or -1.")
		}
		v.From = from
	}
	if text := q.Get("born"); text != "" {
		born, err := strconv.ParseInt(text, 10, 64)
		if err != nil || born < 0 {
			return v, workshop.Errorf(workshop.Invalid, "?born= is the number that the terminal's hello gave.")
		}
		v.Born = born
	}
	if other := q.Get("participant"); other != "" && other != string(c.who.ID) {
		return v, workshop.Errorf(workshop.Forbidden, "This person has not allowed anyone to watch their terminal.")
	}
	return v, nil
}

// relay joins a socket and a node's stream until either ends. saw is shown
// what the browser sends, before the node gets it.
func relay(ctx context.Context, sock *socket, stream io.ReadWriteCloser, saw func(frame []byte)) {
	ctx, cancel := context.WithCancelCause(ctx)
	frames := make(chan []byte) // unbuffered: little lies here, the node holds the rest
	var pump sync.WaitGroup
	pump.Go(func() { cancel(pumpFrames(ctx, stream, frames)) })
	toNode := terminal.NewFrameWriter(stream)
	sock.run(ctx, frames, func(frame []byte) error {
		saw(frame)
		if err := toNode.WriteBody(frame); err != nil {
			return errStream
		}
		return nil
	}, func() { cancel(nil); stream.Close() })
	pump.Wait()
}

// pumpFrames gives the node's frames to out, whole, until the stream or ctx ends,
// and says why.
func pumpFrames(ctx context.Context, stream io.Reader, out chan<- []byte) error {
	frames := terminal.NewFrameReader(bufio.NewReaderSize(stream, 32<<10))
	last := terminal.Kind(0)
	for {
		body, err := frames.Body()
		if err != nil {
			if last == terminal.KindExit {
				return errFinished
			}
			return errStream
		}
		last = terminal.Kind(body[0])
		select {
		case out <- bytes.Clone(body):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
