package exercises

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"go.uber.org/goleak"

	"slipway/workshop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testNode is a node whose Engine is at an address and whose agent is the
// test.
type testNode struct {
	name   string
	docker *client.Client

	mu     sync.Mutex
	epoch  string
	engine EngineState
	events []NodeEvent
	more   chan struct{}
	cut    chan struct{}
	files  map[string]File
	ports  map[int]string // addresses
	away   bool           // Dial and ReadFile fail
}

func newTestNode(t testing.TB, name, host string) *testNode {
	t.Helper()
	n := &testNode{name: name, epoch: "first", engine: EngineRunning, more: make(chan struct{}), cut: make(chan struct{}),
		files: map[string]File{}, ports: map[int]string{}}
	if host != "" {
		c, err := client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		n.docker = c
	}
	return n
}

func (n *testNode) Name() string         { return n.name }
func (n *testNode) Docker() DockerClient { return n.docker }

func (n *testNode) Events(ctx context.Context, from uint64, f func(NodeEvent)) error {
	n.mu.Lock()
	f(NodeEvent{Epoch: n.epoch, Engine: n.engine, At: time.Now(), Next: uint64(len(n.events) + 1)})
	cut := n.cut
	n.mu.Unlock()
	for {
		n.mu.Lock()
		var news []NodeEvent
		if int(from) <= len(n.events) {
			news = n.events[from-1:]
		}
		more := n.more
		n.mu.Unlock()
		for _, e := range news {
			f(e)
			from++
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-cut:
			return errors.New("cut")
		case <-more:
		}
	}
}

func (n *testNode) tell(e NodeEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e.N, e.At = uint64(len(n.events)+1), time.Now()
	if e.Engine != "" {
		n.engine = e.Engine
	}
	n.events = append(n.events, e)
	close(n.more)
	n.more = make(chan struct{})
}

func (n *testNode) typed(line string, code int) {
	n.tell(NodeEvent{Mark: &Mark{Kind: MarkCommand, Terminal: n.name + "-1", Shell: 7, Command: line}})
	n.tell(NodeEvent{Mark: &Mark{Kind: MarkExit, Terminal: n.name + "-1", Shell: 7, Command: line, Code: code}})
}

// cutOff ends the stream of events; again begins a new life of the agent.
func (n *testNode) cutOff(again bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.cut)
	n.cut = make(chan struct{})
	if again {
		n.epoch += "+"
		n.events = nil
	}
}

func (n *testNode) ReadFile(_ context.Context, path string, _ int64) (File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		return File{}, errors.New("away")
	}
	return n.files[path], nil
}

func (n *testNode) setFile(path string, f File) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.files[path] = f
}

func (n *testNode) Dial(ctx context.Context, port int) (net.Conn, error) {
	n.mu.Lock()
	address, away := n.ports[port], n.away
	n.mu.Unlock()
	switch {
	case away:
		return nil, errors.New("away")
	case address == "":
		return nil, ErrRefused
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", strings.TrimPrefix(address, "http://"))
}

func (n *testNode) setPort(port int, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports[port] = address
}

// verdicts collects what a watcher tells.
type verdicts struct {
	mu   sync.Mutex
	all  []workshop.Verdict
	more chan struct{}
}

func newVerdicts() *verdicts { return &verdicts{more: make(chan struct{})} }

func (v *verdicts) add(one workshop.Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = append(v.all, one)
	close(v.more)
	v.more = make(chan struct{})
}

func (v *verdicts) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.all)
}

// wait waits for a verdict after the first skip ones that fits.
func (v *verdicts) wait(t testing.TB, what string, fits func(workshop.Verdict) bool) workshop.Verdict {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for seen := 0; ; {
		v.mu.Lock()
		all, more := v.all, v.more
		v.mu.Unlock()
		for ; seen < len(all); seen++ {
			if fits(all[seen]) {
				v.mu.Lock()
				v.all = append([]workshop.Verdict(nil), v.all[seen+1:]...)
				v.mu.Unlock()
				return all[seen]
			}
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("no verdict: %s; told were %+v", what, all)
		}
	}
}

func (v *verdicts) waitState(t testing.TB, id workshop.ExerciseID, state workshop.State) workshop.Verdict {
	t.Helper()
	return v.wait(t, string(id)+" "+string(state), func(one workshop.Verdict) bool { return one.Exercise == id && one.State == state })
}

// watch starts a watcher that ends with the test.
func watch(t testing.TB, book *Book, known map[workshop.ExerciseID]workshop.Verdict, nodes ...Node) (*Watcher, *verdicts) {
	t.Helper()
	told := newVerdicts()
	w := NewWatcher(WatcherConfig{Book: book, Nodes: nodes, Known: known, Verdict: told.add})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return w, told
}

// aBook compiles exercises written as id, then conditions.
func aBook(t testing.TB, all ...Exercise) *Book {
	t.Helper()
	book, problems, err := Compile([]string{"node1", "node2"}, all)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return book
}

func exercise(id workshop.ExerciseID, that ...string) Exercise {
	x := Exercise{ID: id, File: "deck.md", Line: 1}
	for _, one := range that {
		x.Checks = append(x.Checks, Check{Says: one, That: one, Else: "Try.", Line: 1})
	}
	return x
}
