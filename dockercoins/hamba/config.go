package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// maxBackends bounds one configuration.
const maxBackends = 1000

// A config is what the arguments say: where to listen and whom to pass on to.
type config struct {
	bind     string // host:port, the host may be *
	backends []backend
	admin    string // host:port of the statistics page, or empty
}

type backend struct {
	host string // address or name
	port int
}

// words splits the arguments when they came as one string, as from a tool that
// can pass only one.
func words(args []string) []string {
	if len(args) > 0 && strings.Contains(args[0], " ") {
		return strings.Fields(strings.Join(args, " "))
	}
	return args
}

// parse reads [address:]port, then backends, each "address port" or
// "address:port". A frontend alone is fine: it has nobody behind it yet.
func parse(args []string, admin string) (config, error) {
	if len(args) == 0 {
		return config{}, errors.New("say where to listen and whom to pass on to, for example: 80 rng1 80 rng2 80")
	}
	c := config{}
	var err error
	if c.bind, err = bindAddress(args[0]); err != nil {
		return config{}, fmt.Errorf("where to listen: %w", err)
	}
	if admin != "" {
		if c.admin, err = bindAddress(admin); err != nil {
			return config{}, fmt.Errorf("ADMIN: %w", err)
		}
	}
	for rest := args[1:]; len(rest) > 0; {
		var b backend
		if b, rest, err = nextBackend(rest); err != nil {
			return config{}, err
		}
		c.backends = append(c.backends, b)
	}
	if len(c.backends) > maxBackends {
		return config{}, fmt.Errorf("%d backends are too many, %d is the most", len(c.backends), maxBackends)
	}
	return c, nil
}

// nextBackend takes one backend off the arguments.
func nextBackend(args []string) (backend, []string, error) {
	host, port, err := net.SplitHostPort(args[0])
	rest := args[1:]
	if err != nil {
		if len(rest) == 0 {
			return backend{}, nil, fmt.Errorf("backend %q has no port: write %s:80 or %s 80", args[0], args[0], args[0])
		}
		host, port, rest = strings.Trim(args[0], "[]"), rest[0], rest[1:]
	}
	if !isHost(host) {
		return backend{}, nil, fmt.Errorf("%q is neither a name nor an address", host)
	}
	n, err := portNumber(port)
	if err != nil {
		return backend{}, nil, fmt.Errorf("backend %s: %w", host, err)
	}
	return backend{host, n}, rest, nil
}

// bindAddress completes [address:]port.
func bindAddress(text string) (string, error) {
	host, port := "*", text
	if strings.Contains(text, ":") {
		var err error
		if host, port, err = net.SplitHostPort(text); err != nil {
			return "", fmt.Errorf("%q is not [address:]port", text)
		}
		if host == "" {
			host = "*"
		}
	}
	if host != "*" && net.ParseIP(host) == nil {
		return "", fmt.Errorf("%q is not an address of this machine; leave it out to listen on all", host)
	}
	n, err := portNumber(port)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(n)), nil
}

func portNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is not a port: ports are numbers from 1 to 65535", text)
	}
	return n, nil
}

// isHost keeps everything out of HAProxy's configuration that could be more
// than one word of it.
func isHost(text string) bool {
	if net.ParseIP(text) != nil {
		return true
	}
	if text == "" || len(text) > 253 {
		return false
	}
	for _, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
