package ambassador

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"slipway/dockercoins/tools/internal/engines"
)

const (
	labelProject   = "ambassador.project"
	labelContainer = "ambassador.container"
	labelService   = "ambassador.service"
	labelBind      = "ambassador.bindaddr"
	labelLink      = "ambassador.link." // + name in the hosts file: the service it means

	callTime  = 30 * time.Second // one call to an Engine
	atOnce    = 10               // calls to Engines at the same time
	maxListed = 5000             // containers of one Engine
)

// A Container is one running container of the project.
type Container struct {
	Engine   *engines.Engine
	ID, Name string
	Service  string
	Started  time.Time
	Needs    []Need
	ports    []port
	networks map[string]string // name: the container's address there
	exposed  []int
}

// A Need is a service that a container expects at an address of its own.
type Need struct{ Name, Service, Bind string }

// port is a published TCP port.
type port struct {
	private, public int
	host            string // address it is bound to; empty: all
}

// An Ambassador is a balancer that is there.
type Ambassador struct {
	Engine    *engines.Engine
	ID        string
	Container string // it lives with; empty for a balancer of one's own
	Service   string
	Bind      string
	Running   bool
	Started   time.Time
	networks  map[string]string
}

// A Picture is what there was when it was taken.
type Picture struct {
	Project     string
	Containers  []*Container
	Ambassadors []*Ambassador
	Away        []engines.Away // Engines that did not answer
}

// Look takes a picture of all Engines of a set.
func Look(ctx context.Context, set *engines.Set, project string) *Picture {
	p := &Picture{Project: project, Away: slices.Clone(set.Away)}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, e := range set.Engines {
		all.Go(func() {
			containers, ambassadors, err := look(ctx, e, project)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				p.Away = append(p.Away, engines.Away{Name: e.Name, Err: err})
				return
			}
			p.Containers = append(p.Containers, containers...)
			p.Ambassadors = append(p.Ambassadors, ambassadors...)
		})
	}
	all.Wait()
	slices.SortFunc(p.Containers, func(a, b *Container) int {
		return strings.Compare(a.Engine.Name+"/"+a.Name, b.Engine.Name+"/"+b.Name)
	})
	slices.SortFunc(p.Ambassadors, func(a, b *Ambassador) int { return strings.Compare(a.key(), b.key()) })
	return p
}

// look reads one Engine.
func look(ctx context.Context, e *engines.Engine, project string) ([]*Container, []*Ambassador, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	list, err := e.Docker.ContainerList(ctx, container.ListOptions{All: true, Limit: maxListed})
	if err != nil {
		return nil, nil, err
	}
	list = slices.DeleteFunc(list, func(s container.Summary) bool {
		return !isAmbassador(s.Labels, project) && (serviceOf(s.Labels, project) == "" || s.State != "running")
	})
	details, err := inspect(ctx, e, list)
	if err != nil {
		return nil, nil, err
	}
	var containers []*Container
	var ambassadors []*Ambassador
	for _, d := range details {
		started, _ := time.Parse(time.RFC3339Nano, d.State.StartedAt)
		if isAmbassador(d.Config.Labels, project) {
			ambassadors = append(ambassadors, &Ambassador{
				Engine: e, ID: d.ID, Container: d.Config.Labels[labelContainer], Service: d.Config.Labels[labelService],
				Bind: d.Config.Labels[labelBind], Running: d.State.Running, Started: started, networks: networksOf(d),
			})
			continue
		}
		c := &Container{
			Engine: e, ID: d.ID, Name: strings.TrimPrefix(d.Name, "/"), Service: serviceOf(d.Config.Labels, project), Started: started,
			Needs: needsOf(d), ports: portsOf(d), networks: networksOf(d),
		}
		for p := range d.Config.ExposedPorts {
			if p.Proto() == "tcp" {
				c.exposed = append(c.exposed, p.Int())
			}
		}
		containers = append(containers, c)
	}
	return containers, ambassadors, nil
}

// inspect asks for the details of many containers. One that goes away meanwhile is left out.
func inspect(ctx context.Context, e *engines.Engine, list []container.Summary) ([]container.InspectResponse, error) {
	found := make([]container.InspectResponse, len(list))
	err := each(list, func(i int, s container.Summary) error {
		d, err := e.Docker.ContainerInspect(ctx, s.ID)
		if notFound(err) {
			return nil
		}
		if err == nil {
			found[i] = d
		}
		return err
	})
	found = slices.DeleteFunc(found, func(d container.InspectResponse) bool {
		return d.ContainerJSONBase == nil || d.Config == nil || d.State == nil || d.HostConfig == nil
	})
	return found, err
}

// isAmbassador knows ours by their labels. A balancer that is a service of the
// project needs no project label of its own.
func isAmbassador(labels map[string]string, project string) bool {
	if labels[labelService] == "" || labels[labelBind] == "" {
		return false
	}
	if p := labels[labelProject]; p != "" {
		return p == project
	}
	return serviceOf(labels, project) != ""
}

// serviceOf is the service a container belongs to, in a Compose project or a
// stack of that name; empty when it belongs to neither.
func serviceOf(labels map[string]string, project string) string {
	switch project {
	case labels["com.docker.compose.project"]:
		if labels["com.docker.compose.oneoff"] == "True" {
			return ""
		}
		return labels["com.docker.compose.service"]
	case labels["com.docker.stack.namespace"]:
		return strings.TrimPrefix(labels["com.docker.swarm.service.name"], project+"_")
	}
	return ""
}

// needsOf reads the hosts entries that lead to loopback addresses: nobody but
// an ambassador can answer there.
func needsOf(d container.InspectResponse) []Need {
	var needs []Need
	for _, entry := range d.HostConfig.ExtraHosts {
		name, address, ok := strings.Cut(entry, ":")
		if eq := strings.IndexByte(entry, '='); eq >= 0 && (!ok || eq < len(name)) {
			name, address = entry[:eq], entry[eq+1:]
		}
		ip := net.ParseIP(strings.Trim(address, "[]"))
		if ip == nil || ip.To4() == nil || !ip.IsLoopback() || ip.Equal(net.IPv4(127, 0, 0, 1)) {
			continue
		}
		need := Need{Name: name, Service: name, Bind: ip.String()}
		if meant := d.Config.Labels[labelLink+name]; meant != "" {
			need.Service = meant
		}
		needs = append(needs, need)
	}
	return needs
}

func portsOf(d container.InspectResponse) []port {
	var ports []port
	if d.NetworkSettings == nil {
		return nil
	}
	for private, bindings := range d.NetworkSettings.Ports {
		if private.Proto() != "tcp" {
			continue
		}
		for _, b := range bindings {
			public, err := strconv.Atoi(b.HostPort)
			if err != nil || public == 0 {
				continue
			}
			p := port{private: private.Int(), public: public}
			if ip := net.ParseIP(b.HostIP); ip != nil && !ip.IsUnspecified() {
				p.host = ip.String()
			}
			ports = append(ports, p)
		}
	}
	slices.SortFunc(ports, func(a, b port) int { return a.private - b.private })
	return ports
}

func networksOf(d container.InspectResponse) map[string]string {
	networks := map[string]string{}
	if d.NetworkSettings != nil {
		for name, n := range d.NetworkSettings.Networks {
			if n != nil && n.IPAddress != "" {
				networks[name] = n.IPAddress
			}
		}
	}
	return networks
}

// key names what an ambassador is for: one container, one service.
func (a *Ambassador) key() string {
	return fmt.Sprintf("%s/%s/%s/%s", a.Engine.Name, a.Container, a.Service, a.Bind)
}
