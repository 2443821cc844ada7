// Package convert rewrites a Compose file for ambassadors: services no longer
// know each other, each finds what it depends on at addresses of its own.
package convert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"slipway/dockercoins/tools/internal/composefile"
)

const (
	firstAddress = 2   // of 127.127.0.x
	lastAddress  = 254 // so this many dependencies minus one fit a service
	linkLabel    = "ambassador.link."
	maxPortsFile = 64 << 10
)

// Ports says which port each service listens on in its containers.
type Ports map[string]int

// ReadPorts reads a file of lines "service: port". A file that isn't there says
// nothing about any service; known tells whether it was there.
func ReadPorts(path string) (ports Ports, known bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Ports{}, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if len(text) > maxPortsFile {
		return nil, true, fmt.Errorf("%s is too large for a list of ports", path)
	}
	if err := yaml.Unmarshal(text, &ports); err != nil {
		return nil, true, fmt.Errorf("%s should have lines like \"rng: 80\": %w", path, err)
	}
	for service, port := range ports {
		if port < 1 || port > 65535 {
			return nil, true, fmt.Errorf("%s: %d is not a port (of %s)", path, port, service)
		}
	}
	if ports == nil {
		ports = Ports{}
	}
	return ports, true, nil
}

// A dependency is a name that a service calls, and the service it means.
type dependency struct{ name, service string }

// Convert changes the file and tells in sentences what it did and what it left
// out.
//
// Links, and services depended on, get 127.127.0.2, .3, ... in their order, anew
// for each service, as entries of the hosts file. Links, depends_on, ports and
// volumes go away; services in ports publish that port at a random one of the host.
func Convert(f *composefile.File, ports Ports) ([]string, error) {
	services, err := f.Services()
	if err != nil {
		return nil, err
	}
	var report []string
	for _, s := range services {
		deps, err := dependencies(f, s)
		if err != nil {
			return nil, err
		}
		said, err := connect(f, s, deps, ports)
		if err != nil {
			return nil, err
		}
		report = append(report, said...)
		if removed := s.Remove("links", "depends_on", "volumes"); len(removed) > 0 {
			report = append(report, fmt.Sprintf("%s: removed %s", s.Name, strings.Join(removed, ", ")))
		}
		if said, err = publish(s, ports); err != nil {
			return nil, err
		}
		report = append(report, said...)
	}
	return report, nil
}

// dependencies answers what a service links to, then what it depends on otherwise.
func dependencies(f *composefile.File, s *composefile.Service) ([]dependency, error) {
	whole := f.Project.Services[s.Name]
	for key, n := range map[string]int{"links": len(whole.Links), "ports": len(whole.Ports), "volumes": len(whole.Volumes)} {
		if n > 0 && !s.Has(key) {
			return nil, fmt.Errorf("%s:%d: %s gets its %s from somewhere else (extends, include or a merge); write them out here, so that they can be changed", f.Path, s.Line(key), s.Name, key)
		}
	}
	links, err := s.Names("links")
	if err != nil {
		return nil, err
	}
	var deps []dependency
	for _, link := range links {
		service, name, aliased := strings.Cut(link, ":")
		if !aliased {
			name = service
		}
		deps = append(deps, dependency{name, service})
	}
	others, err := s.Names("depends_on")
	if err != nil {
		return nil, err
	}
	for _, service := range others {
		if !slices.ContainsFunc(deps, func(d dependency) bool { return d.service == service }) {
			deps = append(deps, dependency{service, service})
		}
	}
	return deps, nil
}

// connect gives each dependency an address.
func connect(f *composefile.File, s *composefile.Service, deps []dependency, ports Ports) (report []string, err error) {
	present := f.Project.Services[s.Name].ExtraHosts
	var entries, labels []string
	next := firstAddress
	for _, d := range deps {
		switch {
		case ports[d.service] == 0:
			report = append(report, fmt.Sprintf("%s: left out %s, because ports.yml does not say which port it listens on", s.Name, d.service))
			continue
		case len(present[d.name]) > 0:
			report = append(report, fmt.Sprintf("%s: %s stays at %s, as its extra_hosts say", s.Name, d.name, strings.Join(present[d.name], ", ")))
			continue
		}
		for taken(present, address(next)) {
			next++
		}
		if next > lastAddress {
			return nil, fmt.Errorf("%s depends on too many services: there are addresses for %d", s.Name, lastAddress-firstAddress+1)
		}
		entries = append(entries, d.name+":"+address(next))
		if d.name != d.service {
			labels = append(labels, linkLabel+d.name+"="+d.service)
		}
		report = append(report, fmt.Sprintf("%s: finds %s at %s", s.Name, d.name, address(next)))
		next++
	}
	if len(entries) > 0 {
		if err := s.Append("extra_hosts", ":", entries...); err != nil {
			return nil, err
		}
	}
	if len(labels) > 0 {
		err = s.Append("labels", "=", labels...)
	}
	return report, err
}

func address(n int) string { return fmt.Sprintf("127.127.0.%d", n) }

func taken(present map[string][]string, address string) bool {
	for _, addresses := range present {
		if slices.Contains(addresses, address) {
			return true
		}
	}
	return false
}

// publish has a service in ports published at a random port of the host it runs on,
// by "docker compose up" and by "docker stack deploy" alike.
func publish(s *composefile.Service, ports Ports) ([]string, error) {
	port := ports[s.Name]
	if port == 0 {
		if s.Remove("ports") == nil {
			return nil, nil
		}
		return []string{s.Name + ": removed ports, because ports.yml does not name it"}, nil
	}
	list := []yaml.MapSlice{{{Key: "target", Value: port}, {Key: "mode", Value: "host"}}}
	if err := s.Set("ports", list); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("%s: publishes its port %d at a random port of its host", s.Name, port)}, nil
}
