package engines

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
)

// answerTime bounds one call to an Engine that is only asked something. A sleeping
// Engine of a node needs about two seconds to wake.
const answerTime = 10 * time.Second

// maxEngines bounds how many Engines a tool works on.
const maxEngines = 100

// An Engine is one that answered.
type Engine struct {
	Name    string // for people: the machine's name
	Address string // of the machine, as others reach published ports there
	Docker  *client.Client
}

// Away is an Engine that did not answer.
type Away struct {
	Name string
	Err  error
}

// A Set is the Engines a tool works on, ordered by name.
type Set struct {
	Engines []*Engine
	Away    []Away
}

// Close closes all connections.
func (s *Set) Close() {
	for _, e := range s.Engines {
		_ = e.Docker.Close()
	}
}

// Open connects to the named Engines, or to those the environment means. With
// alone, a swarm's other nodes are left out. When no Engine answers, the error says why.
func Open(ctx context.Context, env Environment, names []string, alone bool) (*Set, error) {
	if len(names) > maxEngines {
		return nil, fmt.Errorf("%d Engines are too many, %d is the most", len(names), maxEngines)
	}
	var places []place
	for _, name := range names {
		p, err := env.named(name)
		if err != nil {
			return nil, err
		}
		places = append(places, p)
	}
	if len(names) == 0 {
		p, err := env.chosen()
		if err != nil {
			return nil, err
		}
		places = []place{p}
	}
	set := &Set{}
	nodes := set.add(ctx, places)
	if len(names) == 0 && !alone && len(set.Engines) == 1 {
		set.addNodes(ctx, env, nodes[0])
	}
	slices.SortFunc(set.Engines, func(a, b *Engine) int { return strings.Compare(a.Name, b.Name) })
	if len(set.Engines) == 0 {
		var all []error
		for _, a := range set.Away {
			all = append(all, fmt.Errorf("%s: %w", a.Name, a.Err))
		}
		return nil, fmt.Errorf("no Engine answers: %w", errors.Join(all...))
	}
	return set, nil
}

// add asks all places at once and keeps those that answer, each Engine once. It
// answers what those said about themselves.
func (s *Set) add(ctx context.Context, places []place) []system.Info {
	type result struct {
		engine *Engine
		info   system.Info
		err    error
	}
	results := make([]result, len(places))
	var all sync.WaitGroup
	for i, p := range places {
		all.Go(func() {
			r := &results[i]
			r.engine, r.info, r.err = ask(ctx, p)
		})
	}
	all.Wait()
	var infos []system.Info
	for i, r := range results {
		switch {
		case r.err != nil:
			s.Away = append(s.Away, Away{places[i].name, r.err})
		case slices.ContainsFunc(infos, func(i system.Info) bool { return i.ID != "" && i.ID == r.info.ID && i.Name == r.info.Name }):
			_ = r.engine.Docker.Close() // the same one by another name
		default:
			s.Engines = append(s.Engines, r.engine)
			infos = append(infos, r.info)
		}
	}
	return infos
}

// ask connects to one place and learns its name and address.
func ask(ctx context.Context, p place) (*Engine, system.Info, error) {
	docker, err := connect(p)
	if err != nil {
		return nil, system.Info{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	info, err := docker.Info(ctx)
	if err != nil {
		_ = docker.Close()
		return nil, system.Info{}, reason(err)
	}
	e := &Engine{Name: info.Name, Docker: docker}
	if e.Address, err = addressOf(ctx, p, info); err != nil {
		_ = docker.Close()
		return nil, system.Info{}, err
	}
	return e, info, nil
}

// addressOf finds where others reach the ports that an Engine publishes.
func addressOf(ctx context.Context, p place, info system.Info) (string, error) {
	if host := p.host(); host != "" {
		if ip := lookup(ctx, host); ip != "" {
			return ip, nil
		}
		return "", fmt.Errorf("the name %s has no address", host)
	}
	if ip := net.ParseIP(info.Swarm.NodeAddr); ip != nil && !ip.IsUnspecified() {
		return ip.String(), nil
	}
	if ip := lookup(ctx, info.Name); ip != "" {
		return ip, nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && usable(n.IP) {
			return n.IP.String(), nil
		}
	}
	return "", errors.New("this machine has no address that others could reach")
}

// lookup answers the first address of a name that other machines can use.
func lookup(ctx context.Context, name string) string {
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip", name)
	if err != nil {
		return ""
	}
	slices.SortStableFunc(ips, func(a, b net.IP) int { return len(a.To4()) - len(b.To4()) })
	slices.Reverse(ips) // IPv4 first: it is what published ports surely have
	for _, ip := range ips {
		if usable(ip) {
			return ip.String()
		}
	}
	return ""
}

func usable(ip net.IP) bool {
	return !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsUnspecified()
}

// addNodes adds the other nodes of the swarm that the one Engine manages.
func (s *Set) addNodes(ctx context.Context, env Environment, info system.Info) {
	if !info.Swarm.ControlAvailable {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*answerTime)
	defer cancel()
	nodes, err := s.Engines[0].Docker.NodeList(ctx, swarm.NodeListOptions{})
	if err != nil {
		s.Away = append(s.Away, Away{"the swarm of " + s.Engines[0].Name, reason(err)})
		return
	}
	var places []place
	for _, n := range nodes[:min(len(nodes), maxEngines)] {
		if n.ID == info.Swarm.NodeID {
			continue
		}
		places = append(places, place{name: n.Description.Hostname, url: "tcp://" + net.JoinHostPort(n.Status.Addr, env.port())})
	}
	s.add(ctx, places)
}
