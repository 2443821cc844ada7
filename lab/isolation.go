package lab

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"slipway/workshop"
)

// Grade says how far root in a node is from the host, in one word.
type Grade string

// The grades, best first.
const (
	Strong Grade = "strong" // nobody on the host, in a network of its own
	Fair   Grade = "fair"   // nobody on the host, beside the host's own containers
	Weak   Grade = "weak"   // root on the host to anyone who tries
)

// Isolation is what an Engine was found to give.
type Isolation struct {
	Grade         Grade  `json:"grade"`
	UserNamespace bool   `json:"userNamespace"`
	Runtime       string `json:"runtime,omitempty"`
	CgroupVersion string `json:"cgroupVersion"`
	EngineVersion string `json:"engineVersion"`
	Sentence      string `json:"sentence"` // for people
}

// Isolation is what the Engine gives; the zero value before Up or Attach.
func (h *Host) Isolation() Isolation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isolation
}

// probe asks the Engine what it is and refuses the weakest isolation unless it
// was asked for.
func (h *Host) probe(ctx context.Context) error {
	info, err := h.docker.Info(ctx)
	if err != nil {
		return h.unreachable(err)
	}
	found := gradeEngine(info, h.own, h.cfg.Runtime)
	h.mu.Lock()
	h.isolation = found
	h.mu.Unlock()
	if h.cfg.Runtime != "" && !slices.Contains(runtimeNames(info), h.cfg.Runtime) {
		return workshop.Errorf(workshop.Invalid, "The Engine has no runtime %q. It has: %s.", h.cfg.Runtime, strings.Join(runtimeNames(info), ", "))
	}
	if found.Grade == Weak && !h.cfg.AllowWeakIsolation {
		return workshop.Errorf(workshop.Forbidden, "%s If that is fine here, say so with --allow-weak-isolation; better: run Slipway as root, so that it starts an Engine of its own.", found.Sentence)
	}
	return nil
}

// gradeEngine judges an Engine by what it says of itself.
func gradeEngine(info system.Info, own bool, runtime string) Isolation {
	found := Isolation{CgroupVersion: info.CgroupVersion, EngineVersion: info.ServerVersion, Runtime: runtime}
	rootless := false
	for _, option := range info.SecurityOptions {
		found.UserNamespace = found.UserNamespace || strings.Contains(option, "name=userns")
		rootless = rootless || strings.Contains(option, "name=rootless")
	}
	machine := strings.HasPrefix(runtime, "kata") || strings.HasPrefix(runtime, "sysbox")
	switch {
	case own && found.UserNamespace:
		found.Grade = Strong
		found.Sentence = "Nodes run on Slipway's own Engine: root in a node is nobody on this machine, and labs have a network of their own."
	case machine:
		found.Grade = Strong
		found.Sentence = "Nodes run under " + runtime + ", which keeps them apart from the machine."
	case found.UserNamespace || rootless:
		found.Grade = Fair
		found.Sentence = "Nodes run on an Engine that was there before: root in a node is nobody on this machine, but nodes share its network with other containers."
	default:
		found.Grade = Weak
		found.Sentence = "The Engine here runs containers without user namespaces, so root in a node is root on this machine to whoever tries: let only people in whom you would give this machine to."
	}
	return found
}

func runtimeNames(info system.Info) []string {
	var names []string
	for name := range info.Runtimes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// dialForeign makes a client of an Engine that was there before us: the address
// given, DOCKER_HOST, or the usual socket.
func dialForeign(address string) (*client.Client, error) {
	if address == "" {
		address = os.Getenv("DOCKER_HOST")
	}
	if address == "" {
		address = client.DefaultDockerHost
	}
	docker, err := client.NewClientWithOpts(client.WithHost(address), client.WithAPIVersionNegotiation(),
		client.WithHTTPHeaders(map[string]string{"User-Agent": "slipway"}), withKeepAlive)
	if err != nil {
		return nil, workshop.Errorf(workshop.Invalid, "%q is not the address of an Engine: use something like unix:///var/run/docker.sock or tcp://host:2375.", address).Because(err)
	}
	return docker, nil
}

// withKeepAlive bounds how many idle connections a client keeps.
func withKeepAlive(c *client.Client) error {
	if t, ok := c.HTTPClient().Transport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = 6
	}
	return nil
}

func (h *Host) unreachable(cause error) error {
	if h.own {
		return workshop.Errorf(workshop.Unavailable, "The lab Engine does not answer. \"slipway up\" starts it.").Because(cause)
	}
	return workshop.Errorf(workshop.Unavailable,
		"No Engine answers at %s. Run Slipway as root so that it can start its own, or name one with --engine.", h.docker.DaemonHost()).Because(cause)
}
