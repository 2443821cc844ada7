package balancer

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// table is the name of our table of rules, in the node and in each sandbox.
// Docker's own rules stay as they are; ours come a little before them.
const table = "slipway_swarm"

// front is what connections come to: an address, and for the ingress a port.
type front struct {
	to   netip.Addr
	port port // the zero port: every port of tcp, udp and sctp
}

func (f front) compare(g front) int {
	if c := f.to.Compare(g.to); c != 0 {
		return c
	}
	return f.port.compare(g.port)
}

// plan says for a sandbox which tasks stand behind each front. Its own address
// is what the tasks answer to, so that answers come back the same way.
type plan struct {
	own    netip.Addr
	link   string // the interface of own
	fronts map[front][]netip.Addr
}

// ingressPlan spreads published ports that come to gate over the tasks.
func ingressPlan(own netip.Addr, link string, gate netip.Addr, eps []endpoint) plan {
	p := plan{own: own, link: link, fronts: map[front][]netip.Addr{}}
	for _, e := range eps {
		for _, published := range e.ports {
			p.add(front{gate, published}, e)
		}
	}
	p.sort()
	return p
}

// vipPlan spreads each service's virtual IP over its tasks.
func vipPlan(own netip.Addr, link string, eps []endpoint) plan {
	p := plan{own: own, link: link, fronts: map[front][]netip.Addr{}}
	for _, e := range eps {
		if e.vip.IsValid() && e.service != "" {
			p.add(front{to: e.vip}, e)
		}
	}
	p.sort()
	return p
}

// add lets a task stand behind a front. A front whose tasks are all about to
// stop is kept without tasks: its address is still the service's.
func (p plan) add(f front, e endpoint) {
	tasks := p.fronts[f]
	if !e.leaving && e.ip.IsValid() {
		tasks = append(tasks, e.ip)
	}
	p.fronts[f] = tasks
}

func (p plan) sort() {
	for f, tasks := range p.fronts {
		slices.SortFunc(tasks, netip.Addr.Compare)
		p.fronts[f] = slices.Compact(tasks)
	}
}

func (p plan) sorted() []front {
	return slices.SortedFunc(maps.Keys(p.fronts), front.compare)
}

// ports are the published ports that have a task to go to.
func (p plan) ports() []port {
	var list []port
	for f, tasks := range p.fronts {
		if len(tasks) > 0 {
			list = append(list, f.port)
		}
	}
	slices.SortFunc(list, port.compare)
	return list
}

// vips are the addresses the sandbox must have beside its own.
func (p plan) vips() []netip.Addr {
	var list []netip.Addr
	for f := range p.fronts {
		if f.port == (port{}) {
			list = append(list, f.to)
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return list
}

// clearRules removes our table, whether it is there or not.
const clearRules = "table ip " + table + " {}\ndelete table ip " + table + "\n"

// rules is the plan as a script for nft, which does all of it at once or nothing.
func (p plan) rules() string {
	var s strings.Builder
	s.WriteString(clearRules)
	fmt.Fprintf(&s, "table ip %s {\n\tchain come {\n\t\ttype nat hook prerouting priority dstnat - 10\n", table)
	for _, f := range p.sorted() {
		tasks := p.fronts[f]
		if len(tasks) == 0 {
			continue
		}
		match := "meta l4proto { tcp, udp, sctp }"
		if f.port.number != 0 {
			match = fmt.Sprintf("%s dport %d", f.port.protocol, f.port.number)
		}
		fmt.Fprintf(&s, "\t\tip daddr %s %s dnat to %s\n", f.to, match, roundRobin(tasks))
	}
	fmt.Fprintf(&s, "\t}\n\tchain go {\n\t\ttype nat hook postrouting priority srcnat - 10\n")
	fmt.Fprintf(&s, "\t\toifname %q ct status dnat snat to %s\n\t}\n}\n", p.link, p.own)
	return s.String()
}

func roundRobin(tasks []netip.Addr) string {
	if len(tasks) == 1 {
		return tasks[0].String()
	}
	list := make([]string, len(tasks))
	for i, t := range tasks {
		list[i] = fmt.Sprintf("%d : %s", i, t)
	}
	return fmt.Sprintf("numgen inc mod %d map { %s }", len(tasks), strings.Join(list, ", "))
}

// nodeRules sends the published ports of the node itself to the gate of the
// ingress sandbox. A connection from the node's own 127.0.0.1 or from one of its
// containers needs another source for its answers to find back; nobody further on
// would see the source in any case.
func nodeRules(gate netip.Addr, ports []port) string {
	var s strings.Builder
	s.WriteString(clearRules)
	if len(ports) == 0 {
		return s.String()
	}
	numbers := map[string][]string{}
	for _, p := range ports {
		numbers[p.protocol] = append(numbers[p.protocol], fmt.Sprint(p.number))
	}
	fmt.Fprintf(&s, "table ip %s {\n", table)
	for _, chain := range []string{"prerouting", "output"} {
		fmt.Fprintf(&s, "\tchain %s {\n\t\ttype nat hook %s priority dstnat - 10\n", chain, chain)
		for _, protocol := range slices.Sorted(maps.Keys(numbers)) {
			fmt.Fprintf(&s, "\t\tfib daddr type local %s dport { %s } dnat to %s\n", protocol, strings.Join(numbers[protocol], ", "), gate)
		}
		s.WriteString("\t}\n")
	}
	fmt.Fprintf(&s, "\tchain postrouting {\n\t\ttype nat hook postrouting priority srcnat - 10\n")
	fmt.Fprintf(&s, "\t\toifname %q ip daddr %s ct status dnat masquerade\n\t}\n}\n", gateBridge, gate)
	return s.String()
}
