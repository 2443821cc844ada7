package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/exercises"
	"slipway/server"
	"slipway/workshop"
)

// Watch calls fn with how a lab is, now and at every change.
func (k *keeper) Watch(ctx context.Context, who workshop.ParticipantID, fn func(server.LabView) error) error {
	one, err := k.lab(who)
	if err != nil {
		return err
	}
	one.look(+1)
	defer one.look(-1)
	for {
		view, changed := one.view()
		if err := fn(view); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		// A burst of events is one change to a person.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (o *kept) look(more int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.viewers += more
}

func (o *kept) view() (server.LabView, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v := server.LabView{Nodes: map[string]server.NodeView{}, Ports: map[string][]server.PortView{}, Speed: o.speed}
	if o.doing != nil {
		doing := o.doing.view
		v.Doing = &doing
	}
	for _, name := range nodeNames {
		node := server.NodeView{State: o.told.State, Message: o.told.Message}
		if s := o.docker[name]; s != nil {
			node.Engine = string(s.Engine)
			v.Ports[name] = publishedPorts(s)
		}
		v.Nodes[name] = node
	}
	return v, o.changed
}

// publishedPorts are the TCP ports that running containers publish, each once,
// in order.
func publishedPorts(s *exercises.DockerState) []server.PortView {
	ports := []server.PortView{}
	for _, c := range s.Containers {
		if c.State != "running" {
			continue
		}
		for _, p := range c.Ports {
			known := slices.ContainsFunc(ports, func(q server.PortView) bool { return q.Port == p.Host })
			if p.Protocol == "tcp" && p.Host > 0 && !known {
				ports = append(ports, server.PortView{Port: p.Host, Container: c.Name})
			}
		}
	}
	slices.SortFunc(ports, func(a, b server.PortView) int { return a.Port - b.Port })
	return ports
}

// webPort is where DockerCoins' web UI is published, in every Compose file of
// the workshop.
const webPort = 8000

// composeService is the label by which Compose names the service of a container.
const composeService = "com.docker.compose.service"

// count is one look at the web UI's counter.
type count struct {
	at     time.Time
	hashes float64
}

// measure keeps the speed of DockerCoins on node1 while someone looks and the
// web UI runs there, and remembers it in the journal every speedKept.
func (o *kept) measure(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var counts []count
	var remembered time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !o.worthMeasuring() {
			counts = nil
			o.showSpeed(nil)
			continue
		}
		now, ok := o.readCounter(ctx)
		if !ok {
			continue
		}
		counts = slices.DeleteFunc(append(counts, now), func(c count) bool { return now.at.Sub(c.at) > speedKept+time.Second })
		speed, ok := perSecond(counts)
		if !ok {
			continue
		}
		o.showSpeed(&speed)
		if now.at.Sub(remembered) >= speedKept {
			remembered = now.at
			o.append(ctx, workshop.Event{Kind: workshop.SpeedSampled, Participant: o.who, Speed: speed})
		}
	}
}

// perSecond needs at least three seconds: workers report once a second.
func perSecond(counts []count) (float64, bool) {
	if len(counts) < 2 {
		return 0, false
	}
	a, b := counts[0], counts[len(counts)-1]
	seconds := b.at.Sub(a.at).Seconds()
	if seconds < 3 || b.hashes < a.hashes {
		return 0, false
	}
	return (b.hashes - a.hashes) / seconds, true
}

func (o *kept) worthMeasuring() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.docker["node1"]
	return o.viewers > 0 && s != nil && slices.ContainsFunc(publishedPorts(s), func(p server.PortView) bool { return p.Port == webPort })
}

func (o *kept) showSpeed(speed *float64) {
	o.mu.Lock()
	was := o.speed
	o.mu.Unlock()
	if speed == nil && was == nil {
		return
	}
	o.change(func() {
		if o.speed = nil; speed != nil {
			o.speed = theory(o.docker)
			o.speed.Speed = *speed
		}
	})
}

// readCounter asks the web UI on node1 how many hashes were counted.
func (o *kept) readCounter(ctx context.Context) (count, bool) {
	ctx, cancel := context.WithTimeout(ctx, speedTimeout)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		agent, err := o.agent("node1")
		if err != nil {
			return nil, err
		}
		return agent.DialPort(ctx, webPort)
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://node1/json", nil)
	if err != nil {
		return count{}, false
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return count{}, false
	}
	defer response.Body.Close()
	var said struct {
		Hashes *string `json:"hashes"`
	}
	if json.NewDecoder(io.LimitReader(response.Body, 4096)).Decode(&said) != nil || said.Hashes == nil {
		return count{}, false
	}
	hashes, err := strconv.ParseFloat(*said.Hashes, 64)
	return count{at: time.Now(), hashes: hashes}, err == nil
}

// theory is the speed that the present workers and rngs can reach, and what
// holds it there: a unit of work takes a worker 0.3 s, and an rng serves ten a
// second, one at a time. Workers and rngs of all nodes count together.
func theory(docker map[string]*exercises.DockerState) *server.SpeedView {
	workers, rngs := 0, 0
	for _, s := range docker {
		for _, c := range s.Containers {
			switch {
			case c.State != "running":
			case c.Labels[composeService] == "worker":
				workers++
			case strings.HasPrefix(c.Labels[composeService], "rng") && !strings.Contains(c.Image, "hamba"):
				rngs++
			}
		}
	}
	byWorkers, byRng := float64(workers)/0.3, float64(rngs)*10
	if byRng < byWorkers {
		return &server.SpeedView{Theory: byRng, Why: "rng"}
	}
	return &server.SpeedView{Theory: byWorkers, Why: "worker"}
}
