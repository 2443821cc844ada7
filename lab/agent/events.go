package agent

import (
	"context"
	"sync"
	"time"
)

// maxEvents bounds what the agent remembers of the past.
const maxEvents = 4096

// Kinds of events.
const (
	EventSnapshot = "snapshot" // first line of a stream and after a gap
	EventEngine   = "engine"
	EventMark     = "mark"
	EventOpened   = "terminal-opened"
	EventClosed   = "terminal-closed"
	EventAlive    = "alive" // nothing happened; the stream still works
)

// Event is one line of the node's events. N counts from 1 in the agent's life;
// Epoch of the snapshot tells one life from another.
type Event struct {
	N        uint64        `json:"n,omitempty"`
	At       time.Time     `json:"at"`
	Kind     string        `json:"kind"`
	Engine   *EngineStatus `json:"engine,omitempty"`
	Mark     *Mark         `json:"mark,omitempty"`
	Terminal string        `json:"terminal,omitempty"`
	Name     string        `json:"name,omitempty"`
	Code     *int          `json:"code,omitempty"`

	// Of a snapshot alone.
	Epoch     string         `json:"epoch,omitempty"`
	Next      uint64         `json:"next,omitempty"`
	Oldest    uint64         `json:"oldest,omitempty"`
	Missed    bool           `json:"missed,omitempty"`
	Node      string         `json:"node,omitempty"`
	Terminals []TerminalInfo `json:"terminals,omitempty"`
}

// Mark is something a shell said about a command, on a way of its own that the
// output of programs does not pass.
type Mark struct {
	Kind     string `json:"kind"`     // prompt, command, exit
	Terminal string `json:"terminal"` // id of the terminal, "" if the shell does not know
	Node     string `json:"node"`     // node of that terminal: ssh carries it along
	Shell    int    `json:"shell"`    // process id of the shell
	User     string `json:"user"`
	Dir      string `json:"dir"`
	Command  string `json:"command,omitempty"` // may be cut at 2500 bytes; of an exit: the command that ended
	Code     *int   `json:"code,omitempty"`    // of an exit
	Trusted  bool   `json:"trusted"`
}

// events is the bounded memory of what happened.
type events struct {
	epoch string
	now   func() time.Time

	mu   sync.Mutex
	ring []Event // the last ones, oldest first
	next uint64
	more chan struct{} // closed and replaced when one is added
}

func newEvents(epoch string, now func() time.Time) *events {
	return &events{epoch: epoch, now: now, next: 1, more: make(chan struct{})}
}

// add numbers, dates and keeps an event.
func (e *events) add(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ev.N, ev.At = e.next, e.now()
	e.next++
	if len(e.ring) >= 2*maxEvents {
		e.ring = append(e.ring[:0], e.ring[len(e.ring)-maxEvents:]...)
	}
	e.ring = append(e.ring, ev)
	close(e.more)
	e.more = make(chan struct{})
}

// since returns up to max events from number n on, and a channel that closes
// when there are more. missed is true when older ones were forgotten.
func (e *events) since(n uint64, max int) (evs []Event, missed bool, more <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	oldest := e.next - uint64(len(e.ring))
	if n < oldest {
		return nil, true, e.more
	}
	if n < e.next {
		evs = e.ring[n-oldest:]
		evs = append([]Event(nil), evs[:min(len(evs), max)]...)
	}
	return evs, false, e.more
}

// bounds returns the oldest number that is kept and the next to come.
func (e *events) bounds() (oldest, next uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.next - uint64(len(e.ring)), e.next
}

// aliveEvery is how often a quiet stream says that it is there.
const aliveEvery = 15 * time.Second

// follow calls send with a snapshot and then with every event from number
// from on (0: only new ones), until ctx ends or send fails.
func (e *events) follow(ctx context.Context, from uint64, snapshot func() Event, send func(Event) error) error {
	say := func(missed bool) error {
		s := snapshot()
		s.Kind, s.At, s.Epoch, s.Missed = EventSnapshot, e.now(), e.epoch, missed
		s.Oldest, s.Next = e.bounds()
		if from == 0 || missed || from > s.Next {
			from = s.Next
			if missed {
				from = s.Oldest
			}
		}
		return send(s)
	}
	if oldest, _ := e.bounds(); from == 0 || from >= oldest {
		if err := say(false); err != nil {
			return err
		}
	}
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for {
		evs, missed, more := e.since(from, 256)
		if missed {
			if err := say(true); err != nil {
				return err
			}
			continue
		}
		for _, ev := range evs {
			if err := send(ev); err != nil {
				return err
			}
			from = ev.N + 1
		}
		if len(evs) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-more:
		case <-alive.C:
			if err := send(Event{Kind: EventAlive, At: e.now()}); err != nil {
				return err
			}
		}
	}
}
