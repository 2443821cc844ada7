package exercises

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
)

// Input names one thing a check can read. A check is judged again when one of
// the inputs it read last time has changed, and at no other time.
type Input struct {
	Node string // empty for what belongs to the whole lab
	What string // a topic of the Docker state, "commands", "engine", "registry", or a probe's key
}

const (
	topicContainers = "containers"
	topicImages     = "images"
	topicNetworks   = "networks"
	topicVolumes    = "volumes"
	topicSwarm      = "swarm"
	topicCommands   = "commands"
	topicEngine     = "engine"
)

// world is all a lab's checks can see at one moment. Its owner is the
// goroutine that judges.
type world struct {
	names    []string // nodes, in order
	docker   map[string]*DockerState
	commands map[string][]*Command
	results  map[Probe]result
	opened   map[Input]bool // ports that the person opened through the page
	registry *[]*Repository // nil until known
}

func newWorld(names []string) *world {
	w := &world{names: names, docker: map[string]*DockerState{}, commands: map[string][]*Command{}, results: map[Probe]result{}, opened: map[Input]bool{}}
	for _, name := range names {
		w.docker[name] = &DockerState{Engine: EngineUnseen}
	}
	return w
}

// evaluation is one judging of one check: it hands out values and notes what
// was read, what is missing and when to look again.
type evaluation struct {
	world    *world
	patterns map[string]*regexp.Regexp
	memory   *memory
	now      time.Time

	reads   map[Input]struct{}
	probes  map[Probe]struct{}
	missing []string  // why something is unknown, in words
	waiting bool      // only a first answer is missing: it will be there in a moment
	again   time.Time // look again then, though nothing may have changed
	brisk   bool      // probes are sampled over time
	sampled time.Time // newest probe result read
}

type labView struct{ ev *evaluation }

type nodeView struct {
	ev   *evaluation
	name string
}

func (ev *evaluation) read(node, what string) { ev.reads[Input{node, what}] = struct{}{} }

// lookAgain asks for another judging at a time; the earliest wins.
func (ev *evaluation) lookAgain(at time.Time) {
	if ev.again.IsZero() || at.Before(ev.again) {
		ev.again = at
	}
}

// unknown is a value that can't be told now, and why.
func (ev *evaluation) unknown(why string) *types.Unknown {
	if !slices.Contains(ev.missing, why) {
		ev.missing = append(ev.missing, why)
	}
	return types.NewUnknown(1, nil)
}

func (ev *evaluation) unknownValue(node string) *types.Unknown {
	return ev.unknown(ev.world.docker[node].sayWhy(node))
}

// docker reads one topic of a node's Docker state, or answers unknown.
func docker(n *nodeView, topic string, get func(*DockerState) any) any {
	n.ev.read(n.name, topic)
	state := n.ev.world.docker[n.name]
	if !state.known() {
		return n.ev.unknownValue(n.name)
	}
	return get(state)
}

func openedPort(node string, port int) Input { return Input{node, "opened " + itoa(port)} }

func (ev *evaluation) opened(node string, port int) bool {
	in := openedPort(node, port)
	ev.reads[in] = struct{}{}
	return ev.world.opened[in]
}

func (ev *evaluation) nodes() []*nodeView {
	views := make([]*nodeView, 0, len(ev.world.names))
	for _, name := range ev.world.names {
		views = append(views, &nodeView{ev, name})
	}
	return views
}

func (ev *evaluation) engine(node string) EngineState {
	ev.read(node, topicEngine)
	return ev.world.docker[node].Engine
}

// allContainers lists the containers of all nodes. An Engine that was never
// woken has none; one that is starting or cut off makes the list unknown.
func (ev *evaluation) allContainers(unknown func(string) *types.Unknown) ([]*Container, *types.Unknown) {
	all := []*Container{}
	for _, name := range ev.world.names {
		ev.read(name, topicContainers)
		state := ev.world.docker[name]
		if !state.known() && state.Engine != EngineAsleep {
			return nil, unknown(name)
		}
		all = append(all, state.Containers...)
	}
	return all, nil
}

func orUnknown(all []*Container, unknown *types.Unknown) any {
	if unknown != nil {
		return unknown
	}
	return all
}

func (ev *evaluation) commands(node string) []*Command {
	ev.read(node, topicCommands)
	return ev.world.commands[node]
}

func (ev *evaluation) allCommands() []*Command {
	all := []*Command{}
	for _, name := range ev.world.names {
		all = append(all, ev.commands(name)...)
	}
	return all
}

// pattern finds a compiled pattern; those written in checks were compiled
// with them, others (made up while judging) are compiled now.
func (ev *evaluation) pattern(re string) (*regexp.Regexp, error) {
	if known := ev.patterns[re]; known != nil {
		return known, nil
	}
	return regexp.Compile(re)
}

func (ev *evaluation) ran(all []*Command, re string, any bool) any {
	pattern, err := ev.pattern(re)
	if err != nil {
		return types.WrapErr(err)
	}
	for _, c := range all {
		if (any || c.Done && c.ExitCode == 0) && pattern.MatchString(c.Line) {
			return true
		}
	}
	return false
}

func (ev *evaluation) busy(all []*Command, re string) any {
	pattern, err := ev.pattern(re)
	if err != nil {
		return types.WrapErr(err)
	}
	return slices.ContainsFunc(all, func(c *Command) bool { return !c.Done && pattern.MatchString(c.Line) })
}

// probe answers the newest result of a probe, and notes that it is wanted.
func (ev *evaluation) probe(p Probe) any {
	ev.read(p.Node, p.key())
	ev.probes[p] = struct{}{}
	r, ok := ev.world.results[p]
	switch {
	case !ok:
		ev.waiting = true
		return ev.unknown("Looking at " + p.String() + " ...")
	case r.unknown != "":
		return ev.unknown(r.unknown)
	}
	if r.at.After(ev.sampled) {
		ev.sampled = r.at
	}
	return r.value
}

func (ev *evaluation) json(p Probe) any {
	switch v := ev.probe(p).(type) {
	case *Answer:
		return parseJSON(v.Body)
	default:
		return v
	}
}

// parseJSON makes CEL-friendly values of a JSON document: null when it is none.
func parseJSON(body string) any {
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		return types.NullValue
	}
	if v == nil {
		return types.NullValue
	}
	return v
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func (p Probe) key() string {
	return fmt.Sprintf("%s %d %s %q", p.Kind, p.Port, p.Path, p.Body)
}

// String says in words what a probe looks at.
func (p Probe) String() string {
	switch p.Kind {
	case ProbeFile:
		return p.Path + " on " + p.Node
	case ProbeTCP:
		return fmt.Sprintf("port %d on %s", p.Port, p.Node)
	}
	return fmt.Sprintf("port %d on %s (%s)", p.Port, p.Node, strings.TrimSpace(p.Path))
}
