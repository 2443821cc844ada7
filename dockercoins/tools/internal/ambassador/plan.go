package ambassador

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// A Missing is an ambassador that should be there.
type Missing struct {
	*Container
	Need
}

// A Plan is what has to be done so that every need has its ambassador.
type Plan struct {
	Create []Missing
	Start  []*Ambassador // stopped, or older than their container's network
	Remove []*Ambassador // their container, or its need, is gone
	There  int           // fine as they are
}

// Plan compares what should be with what is. Engines that did not answer have
// no part in it: nothing of theirs is stale.
func (p *Picture) Plan() Plan {
	present := map[string]*Ambassador{}
	for _, a := range p.Ambassadors {
		if a.Container != "" {
			present[a.key()] = a
		}
	}
	var plan Plan
	for _, c := range p.Containers {
		for _, n := range c.Needs {
			want := (&Ambassador{Engine: c.Engine, Container: c.ID, Service: n.Service, Bind: n.Bind}).key()
			a := present[want]
			delete(present, want)
			switch {
			case a == nil:
				plan.Create = append(plan.Create, Missing{c, n})
			case !a.Running || a.Started.Before(c.Started):
				plan.Start = append(plan.Start, a)
			default:
				plan.There++
			}
		}
	}
	for _, a := range present {
		plan.Remove = append(plan.Remove, a)
	}
	slices.SortFunc(plan.Remove, func(a, b *Ambassador) int { return strings.Compare(a.key(), b.key()) })
	return plan
}

// Ports says which port a service listens on in its containers, by the names of services.
type Ports map[string]int

// Backends answers where a service can be reached, by an ambassador: at published
// ports, or, on the same Engine and network, at the containers themselves.
func (p *Picture) Backends(a *Ambassador, private int) []string {
	var backends []string
	for _, c := range p.Containers {
		if c.Service != a.Service {
			continue
		}
		published := false
		for _, port := range c.ports {
			if port.private != private {
				continue
			}
			if address := c.reach(port); address != "" && !published {
				backends = append(backends, address)
				published = true
			}
		}
		if published || c.Engine != a.Engine {
			continue
		}
		if ip := p.neighbour(a, c); ip != "" {
			backends = append(backends, net.JoinHostPort(ip, strconv.Itoa(private)))
		}
	}
	slices.Sort(backends)
	return slices.Compact(backends)
}

// reach is where others reach a published port; empty when it was published
// for the Engine's own machine alone.
func (c *Container) reach(p port) string {
	host := p.host
	if host == "" {
		host = c.Engine.Address
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsLoopback() {
		return ""
	}
	return net.JoinHostPort(host, strconv.Itoa(p.public))
}

// neighbour is the address of a container in a network that it shares with an
// ambassador, or with the container the ambassador lives with.
func (p *Picture) neighbour(a *Ambassador, c *Container) string {
	networks := a.networks
	if a.Container != "" {
		networks = nil
		for _, own := range p.Containers {
			if own.ID == a.Container && own.Engine == a.Engine {
				networks = own.networks
			}
		}
	}
	for name, ip := range c.networks {
		if networks[name] != "" {
			return ip
		}
	}
	return ""
}

// Port answers which port of a service to use: the one that ports says, else
// the lowest that its containers publish, else the lowest they declare. It is
// 0 when there is none; several tells that others were to choose from.
func (p *Picture) Port(service string, ports Ports) (number int, several bool) {
	if n := ports[service]; n != 0 {
		return n, false
	}
	var published, exposed []int
	for _, c := range p.Containers {
		if c.Service != service {
			continue
		}
		for _, port := range c.ports {
			published = append(published, port.private)
		}
		exposed = append(exposed, c.exposed...)
	}
	for _, list := range [][]int{published, exposed} {
		if len(list) > 0 {
			slices.Sort(list)
			return list[0], list[len(list)-1] != list[0]
		}
	}
	return 0, false
}
