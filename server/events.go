package server

import (
	"context"
	"net/http"
	"reflect"
	"sync"

	"slipway/workshop"
)

// socketsOf bounds the sockets one person may have open: five nodes with
// several terminals each, in a few tabs.
const socketsOf = 64

func tooManySockets() error {
	return workshop.Errorf(workshop.TooMany, "You have %d connections open here. Close some tabs of the workshop, then reload.", socketsOf)
}

// events is the socket that tells what happens.
func (s *Server) events(w http.ResponseWriter, r *http.Request, c caller) error {
	free, ok := s.sockets.take(string(c.who.ID))
	if !ok {
		return tooManySockets()
	}
	defer free()
	sock, err := s.accept(w, r, textMessages, 4<<10)
	if err != nil {
		return nil // answered
	}
	ctx, leave := s.stay()
	defer leave()
	watcher := c.session.watch(c.who)
	defer c.session.unwatch(watcher)

	ctx, cancel := context.WithCancel(ctx)
	var lab sync.WaitGroup
	lab.Go(func() { s.watchLab(ctx, c, watcher) })
	sock.run(ctx, watcher.queue, func([]byte) error { return nil }, cancel)
	lab.Wait()
	return nil
}

// watchLab tells a socket how its person's nodes are, part by part, whenever
// one changed.
func (s *Server) watchLab(ctx context.Context, c caller, to *watcher) {
	var last LabView
	for first := true; ctx.Err() == nil; first = false {
		if !first {
			sleep(ctx, pingEvery)
		}
		err := s.cfg.Labs.Watch(ctx, c.who.ID, func(v LabView) error {
			s.tellLab(c, to, last, v)
			last = v
			return ctx.Err()
		})
		if err != nil && ctx.Err() == nil && workshop.KindOf(err) != workshop.Unknown {
			s.log.Warn("watching a lab stopped; trying again", "lab", string(c.who.ID), "err", err)
		}
	}
}

// shownPort is a published port as pages see it.
type shownPort struct {
	Port      int    `json:"port"`
	Container string `json:"container"`
	URL       string `json:"url"`   // to open
	Frame     string `json:"frame"` // to put into a frame of ours
}

func (s *Server) tellLab(c caller, to *watcher, old, now LabView) {
	if now.Nodes != nil && !reflect.DeepEqual(old.Nodes, now.Nodes) {
		c.session.tell(to, map[string]any{"nodes": now.Nodes})
	}
	if now.Ports != nil && !reflect.DeepEqual(old.Ports, now.Ports) {
		c.session.tell(to, map[string]any{"ports": s.showPorts(c.who.ID, now.Ports)})
	}
	if !reflect.DeepEqual(old.Doing, now.Doing) {
		c.session.tell(to, map[string]any{"doing": now.Doing})
	}
	if now.Speed != nil && (old.Speed == nil || *old.Speed != *now.Speed) {
		message := map[string]any{"speed": now.Speed.Speed}
		if now.Speed.Theory > 0 {
			message["theory"], message["why"] = now.Speed.Theory, now.Speed.Why
		}
		c.session.tell(to, message)
	}
}

func (s *Server) showPorts(lab workshop.ParticipantID, ports map[string][]PortView) map[string][]shownPort {
	shown := make(map[string][]shownPort, len(ports))
	for node, open := range ports {
		list := make([]shownPort, 0, len(open))
		for _, p := range open {
			token, err := s.portToken(portName{lab, node, p.Port})
			if err != nil {
				continue // not a port of a node of ours
			}
			frame := "/port/" + token + "/"
			url := frame
			if s.cfg.AppsHost != "" {
				url = s.scheme() + "://" + token + "." + s.cfg.AppsHost + "/"
			}
			list = append(list, shownPort{p.Port, p.Container, url, frame})
		}
		shown[node] = list
	}
	return shown
}

func (s *Server) scheme() string {
	if s.cfg.TLS {
		return "https"
	}
	return "http"
}
