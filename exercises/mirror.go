package exercises

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/docker/docker/api/types/events"
)

// Times of a mirror.
const (
	relistEvery   = time.Minute // the safety net: everything is listed anew
	callLimit     = 10 * time.Second
	retryFirst    = 50 * time.Millisecond
	retryMost     = 5 * time.Second
	swarmSettling = time.Second     // how often a swarm that converges is read
	swarmSettles  = 4 * time.Second // and for how long after something happened
	maxBatch      = 512             // events applied at once
	maxGone       = 200
	maxContainers = 1000 // of one node; more are left out
)

// Mirror keeps the Docker state of one node's Engine: filled once, kept by
// the Engine's events, filled again after a cut. It does not wake an Engine
// that sleeps: it asks only while it was told that the Engine runs.
type Mirror struct {
	node    string
	client  func() DockerClient
	publish func(*DockerState, []string) // the new state and the topics that changed
	log     *slog.Logger
	now     func() time.Time
	limit   time.Duration // of one call

	mu     sync.Mutex
	engine EngineState
	signal chan struct{} // engine changed
	poke   chan struct{} // the swarm may have changed elsewhere

	state    *DockerState // of Run's goroutine alone, as is what follows
	cause    error
	lastSeen int64 // time of the newest event, in ns of the Engine's clock
}

// NewMirror makes the mirror of a node. publish is called by the goroutine of
// Run and must not block for long; the state it gets is never changed again.
func NewMirror(node string, client func() DockerClient, publish func(*DockerState, []string), log *slog.Logger) *Mirror {
	return &Mirror{node: node, client: client, publish: publish, log: log.With("node", node), now: time.Now, limit: callLimit,
		engine: EngineUnseen, signal: make(chan struct{}, 1), poke: make(chan struct{}, 1),
		state: &DockerState{Engine: EngineUnseen}}
}

// SetEngine tells the mirror how the Engine is. Safe for concurrent use.
func (m *Mirror) SetEngine(s EngineState) {
	m.mu.Lock()
	m.engine = s
	m.mu.Unlock()
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

// Poke tells a manager's mirror that its swarm may have changed without an
// event of its own Engine. Safe for concurrent use.
func (m *Mirror) Poke() {
	select {
	case m.poke <- struct{}{}:
	default:
	}
}

func (m *Mirror) engineNow() EngineState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.engine
}

// Run mirrors until ctx ends, which is its only error.
func (m *Mirror) Run(ctx context.Context) error {
	retry := retryFirst
	for ctx.Err() == nil {
		if m.engineNow() != EngineRunning {
			m.away()
			select {
			case <-ctx.Done():
			case <-m.signal:
			}
			retry = retryFirst
			continue
		}
		began := m.now()
		m.cause = m.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		if m.engineNow() == EngineRunning {
			m.log.Debug("mirror lost its Engine", "err", m.cause)
		}
		m.away()
		if m.now().Sub(began) > retryMost {
			retry = retryFirst
		}
		select {
		case <-ctx.Done():
		case <-m.signal:
		case <-time.After(retry):
		}
		retry = min(retry*2, retryMost)
	}
	return ctx.Err()
}

// away publishes that the Engine isn't read at the moment: what was seen
// stays, and is said to be old.
func (m *Mirror) away() {
	next := *m.state
	next.Engine = m.engineNow()
	next.Current = false
	next.Why = ""
	if next.Engine == EngineRunning {
		next.Why = "The Engine of " + m.node + " doesn't answer at the moment."
		if m.cause != nil && !m.state.Filled {
			next.Why = "The Engine of " + m.node + " can't be read yet."
		}
	}
	if next.Engine == m.state.Engine && next.Current == m.state.Current && next.Why == m.state.Why {
		return
	}
	m.set(&next, allTopics)
}

var allTopics = []string{topicEngine, topicContainers, topicImages, topicNetworks, topicVolumes, topicSwarm}

func (m *Mirror) set(next *DockerState, topics []string) {
	m.state = next
	m.publish(next, topics)
}

var errNotRunning = errors.New("the Engine no longer runs")

// follow reads everything and keeps it until the stream of events ends, a
// call fails, or the Engine is said not to run any more.
func (m *Mirror) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	client := m.client()
	options := events.ListOptions{}
	if m.state.Filled && m.lastSeen > 0 { // what came and went during a cut
		options.Since = strconv.FormatInt(m.lastSeen/1e9, 10) + "." + pad9(m.lastSeen%1e9+1)
	}
	watchdog := time.AfterFunc(m.limit, cancel) // an Engine may accept a call and never answer it
	messages, failures := client.Events(ctx, options)
	watchdog.Stop()
	defer func() {
		cancel()
		for range failures { // the client's goroutine ends before we do
		}
	}()
	r := reader{m: m, client: client}
	if err := r.fill(ctx); err != nil {
		return err
	}
	relist := time.NewTicker(relistEvery)
	defer relist.Stop()
	settle := time.NewTimer(swarmSettling)
	defer settle.Stop()
	for {
		if !r.settling() {
			settle.Stop()
		}
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failures:
			return err
		case <-m.signal:
			if m.engineNow() != EngineRunning {
				return errNotRunning
			}
		case e := <-messages:
			err = r.apply(ctx, batch(e, messages))
			r.settleUntil = m.now().Add(swarmSettles)
			settle.Reset(swarmSettling)
		case <-m.poke:
			err = r.refresh(ctx, map[string]bool{topicSwarm: true})
			r.settleUntil = m.now().Add(swarmSettles)
			settle.Reset(swarmSettling)
		case <-settle.C:
			err = r.refresh(ctx, map[string]bool{topicSwarm: true})
			settle.Reset(swarmSettling)
		case <-relist.C:
			err = r.fill(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// batch takes the events that are there already, so that a burst is applied
// at once.
func batch(first events.Message, messages <-chan events.Message) []events.Message {
	all := []events.Message{first}
	for len(all) < maxBatch {
		select {
		case e := <-messages:
			all = append(all, e)
		default:
			return all
		}
	}
	return all
}

func pad9(n int64) string {
	s := strconv.FormatInt(n, 10)
	for len(s) < 9 {
		s = "0" + s
	}
	return s
}
