package ambassador

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"slipway/dockercoins/tools/internal/engines"
)

var (
	one = &engines.Engine{Name: "node1", Address: "10.0.0.1"}
	two = &engines.Engine{Name: "node2", Address: "10.0.0.2"}
)

func TestPlan(t *testing.T) {
	begin := time.Unix(1000, 0)
	later := begin.Add(time.Second)
	rng, redis := Need{"rng", "rng", "127.127.0.2"}, Need{"redis", "redis", "127.127.0.3"}
	p := &Picture{
		Containers: []*Container{
			{Engine: one, ID: "fine", Started: begin, Needs: []Need{rng, redis}},
			{Engine: one, ID: "restarted", Started: later, Needs: []Need{rng}},
			{Engine: two, ID: "new", Started: begin, Needs: []Need{rng}},
		},
		Ambassadors: []*Ambassador{
			{Engine: one, Container: "fine", Service: "rng", Bind: rng.Bind, Running: true, Started: later},
			{Engine: one, Container: "fine", Service: "redis", Bind: redis.Bind, Started: later}, // stopped
			{Engine: one, Container: "restarted", Service: "rng", Bind: rng.Bind, Running: true, Started: begin},
			{Engine: one, Container: "gone", Service: "rng", Bind: rng.Bind, Running: true, Started: later},
			{Engine: one, Container: "fine", Service: "rng", Bind: "127.127.0.9", Running: true, Started: later}, // not needed any more
			{Engine: one, Container: "", Service: "rng", Bind: "0.0.0.0", Running: true, Started: later},         // somebody's own
		},
	}
	plan := p.Plan()
	if len(plan.Create) != 1 || plan.Create[0].ID != "new" {
		t.Errorf("create %v", plan.Create)
	}
	if len(plan.Start) != 2 || plan.Start[0].Service != "redis" || plan.Start[1].Container != "restarted" {
		t.Errorf("start %v", plan.Start)
	}
	if len(plan.Remove) != 2 || plan.Remove[0].Bind != "127.127.0.9" || plan.Remove[1].Container != "gone" {
		t.Errorf("remove %v", plan.Remove)
	}
	if plan.There != 1 {
		t.Errorf("%d are fine", plan.There)
	}
}

func TestBackends(t *testing.T) {
	p := &Picture{Containers: []*Container{
		{Engine: one, ID: "1", Service: "rng", ports: []port{{80, 32768, ""}, {80, 32768, ""}, {81, 5, ""}}}, // IPv4 and IPv6
		{Engine: two, ID: "2", Service: "rng", ports: []port{{80, 32770, "10.9.9.9"}}},
		{Engine: two, ID: "3", Service: "rng", ports: []port{{80, 32771, "127.0.0.1"}}, networks: map[string]string{"net": "172.18.0.3"}},
		{Engine: two, ID: "4", Service: "rng", networks: map[string]string{"net": "172.18.0.4", "other": "172.19.0.4"}},
		{Engine: two, ID: "5", Service: "hasher", ports: []port{{80, 7, ""}}, networks: map[string]string{"net": "172.18.0.5"}},
	}}
	for name, c := range map[string]struct {
		a    Ambassador
		want string
	}{
		"another Engine":       {Ambassador{Engine: one, Service: "rng", Container: "1"}, "10.0.0.1:32768 10.9.9.9:32770"},
		"in the same network":  {Ambassador{Engine: two, Service: "rng", Container: "5"}, "10.0.0.1:32768 10.9.9.9:32770 172.18.0.3:80 172.18.0.4:80"},
		"one's own":            {Ambassador{Engine: two, Service: "rng", networks: map[string]string{"other": "172.19.0.9"}}, "10.0.0.1:32768 10.9.9.9:32770 172.19.0.4:80"},
		"a service of nowhere": {Ambassador{Engine: two, Service: "ghost"}, ""},
	} {
		if got := strings.Join(p.Backends(&c.a, 80), " "); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestPort(t *testing.T) {
	p := &Picture{Containers: []*Container{
		{Service: "both", ports: []port{{90, 1, ""}, {80, 2, ""}}, exposed: []int{70}},
		{Service: "hidden", exposed: []int{6379}},
		{Service: "none"},
	}}
	for service, want := range map[string]int{"both": 80, "hidden": 6379, "none": 0, "ghost": 0} {
		got, several := p.Port(service, nil)
		if got != want || several != (service == "both") {
			t.Errorf("%s: got %d, several %v", service, got, several)
		}
	}
	if got, several := p.Port("both", Ports{"both": 90}); got != 90 || several {
		t.Errorf("ports.yml does not rule: %d %v", got, several)
	}
}

func TestNeedsAndServices(t *testing.T) {
	d := container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{HostConfig: &container.HostConfig{ExtraHosts: []string{
			"rng:127.127.0.2", "redis=127.127.0.3", "local:127.0.0.1", "far:10.0.0.1", "host:host-gateway", "six:::1", "nonsense",
		}}},
		Config: &container.Config{Labels: map[string]string{"ambassador.link.rng": "rng0"}},
	}
	if got := needsOf(d); !slices.Equal(got, []Need{{"rng", "rng0", "127.127.0.2"}, {"redis", "redis", "127.127.0.3"}}) {
		t.Errorf("got %v", got)
	}
	for want, labels := range map[string]map[string]string{
		"web": {"com.docker.compose.project": "p", "com.docker.compose.service": "web"},
		"rng": {"com.docker.stack.namespace": "p", "com.docker.swarm.service.name": "p_rng"},
		"":    {"com.docker.compose.project": "p", "com.docker.compose.service": "web", "com.docker.compose.oneoff": "True"},
	} {
		if got := serviceOf(labels, "p"); got != want || serviceOf(labels, "q") != "" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestMemoryOfAnEngineThatIsAway(t *testing.T) {
	m := memory{}
	m.recall(&Picture{Containers: []*Container{{Engine: one, Service: "a"}, {Engine: two, Service: "b", Needs: []Need{{}}}}})
	for range 2 { // it is not forgotten the second time
		p := m.recall(&Picture{Containers: []*Container{{Engine: one, Service: "a"}}, Away: []engines.Away{{Name: "node2"}}})
		if len(p.Containers) != 2 || p.Containers[1].Service != "b" || p.Containers[1].Needs != nil {
			t.Errorf("got %v", p.Containers)
		}
	}
	if p := m.recall(&Picture{Containers: []*Container{{Engine: one, Service: "a"}}}); len(p.Containers) != 1 {
		t.Errorf("an Engine that is back is not believed: %v", p.Containers)
	}
}

func TestEntries(t *testing.T) {
	e := Entry{"p", "rng", 80, "10.0.0.1:32768"}
	if got, ok := entryOf(e.key()); !ok || got != e {
		t.Errorf("got %v", got)
	}
	for _, key := range []string{"", "x", "ambassadors/p/rng/80", "ambassadors/p/rng/x/1:1", "ambassadors/p/rng/80/nowhere", "other/p/rng/80/1:1"} {
		if got, ok := entryOf(key); ok {
			t.Errorf("%q is taken for %v", key, got)
		}
	}
	var out bytes.Buffer
	k := &Keeper{Out: &out}
	find := k.fromStore([]Entry{{"p", "rng", 80, "b:1"}, {"p", "rng", 80, "a:1"}, {"p", "rng", 81, "c:1"}, {"p", "other", 1, "d:1"}})
	if private, backends := find(&Ambassador{Service: "rng"}); private != 80 || !slices.Equal(backends, []string{"a:1", "b:1"}) {
		t.Errorf("got %d %v", private, backends)
	}
}
