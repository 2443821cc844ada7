package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// render writes HAProxy's configuration. Its control socket lies in dir; isLocal
// says which names the hosts file knows: those stay as they are, all others are
// looked up in DNS again and again.
func render(c config, dir string, isLocal func(name string) bool) string {
	var w strings.Builder
	fmt.Fprintf(&w, `global
  maxconn 256
  nbthread 1
  log stdout format raw local0 notice
  stats socket %s mode 600 level admin expose-fd listeners

defaults
  mode tcp
  log global
  option redispatch 1
  timeout connect 5s
  timeout client 50s
  timeout server 50s

frontend hamba
  bind %s
  maxconn 256
  default_backend backends

backend backends
  balance roundrobin
`, socketPath(dir), c.bind)
	names, dns := serverNames(c.backends), false
	for i, b := range c.backends {
		fmt.Fprintf(&w, "  server %s %s maxconn 32 check", names[i], net.JoinHostPort(b.host, strconv.Itoa(b.port)))
		if net.ParseIP(b.host) == nil && !isLocal(b.host) {
			dns = true
			w.WriteString(" resolvers dns resolve-prefer ipv4 init-addr libc,none")
		}
		w.WriteString("\n")
	}
	if dns {
		w.WriteString("\nresolvers dns\n  parse-resolv-conf\n  timeout resolve 1s\n  hold valid 1s\n  hold nx 2s\n")
	}
	if c.admin != "" {
		fmt.Fprintf(&w, "\nlisten admin\n  mode http\n  bind %s\n  stats enable\n  stats uri /\n  stats refresh 5s\n", c.admin)
	}
	return w.String()
}

// serverNames calls each backend address-port; one that is listed again gets a
// number, because HAProxy wants every name once.
func serverNames(backends []backend) []string {
	names, seen := make([]string, len(backends)), map[string]int{}
	for i, b := range backends {
		name := strings.ReplaceAll(b.host, ":", ".") + "-" + strconv.Itoa(b.port)
		seen[name]++
		if n := seen[name]; n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		names[i] = name
	}
	return names
}

// hostsFile answers which names a hosts file knows.
func hostsFile(text string) func(name string) bool {
	known := map[string]bool{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 1 {
			for _, name := range fields[1:] {
				known[strings.ToLower(name)] = true
			}
		}
	}
	return func(name string) bool { return known[strings.ToLower(name)] }
}
