package exercises

import (
	"context"
	"sync"
	"time"
)

// markBoard knows of every terminal what its shells said last.
type markBoard struct {
	mu     sync.Mutex
	more   chan struct{}
	last   map[string]terminalMarks
	caught map[string]bool // nodes whose history was read
}

// terminalMarks counts a terminal's marks.
type terminalMarks struct {
	prompts, commands int
	busy              string // the command it is at, empty at a prompt
	code              int    // of the last command that ended
	host              string // the node whose shell spoke last: another one after ssh
	at                time.Time
}

func newMarkBoard() *markBoard {
	return &markBoard{more: make(chan struct{}), last: map[string]terminalMarks{}, caught: map[string]bool{}}
}

// follow notes the marks of a node's shells until ctx ends.
func (b *markBoard) follow(ctx context.Context, node Node) {
	next, epoch := uint64(1), ""
	for ctx.Err() == nil {
		news := uint64(1)
		node.Events(ctx, next, func(e NodeEvent) {
			if e.Epoch != "" {
				if epoch != "" && e.Epoch != epoch {
					next = 1 // another life of the agent: its numbers began anew
				}
				epoch, news = e.Epoch, max(e.Next, 1)
			}
			if e.N >= next {
				next = e.N + 1
				b.note(node.Name(), e)
			}
			if next >= news {
				b.catch(node.Name())
			}
		})
		select {
		case <-ctx.Done():
		case <-time.After(retryFirst):
		}
	}
}

// catch notes that a node's history was read.
func (b *markBoard) catch(node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.caught[node] {
		b.caught[node] = true
		b.stir()
	}
}

// stir wakes those who wait. Called with mu held.
func (b *markBoard) stir() {
	close(b.more)
	b.more = make(chan struct{})
}

// note keeps what an event of a node says about a terminal. A terminal may be
// spoken of by two nodes, after ssh: what is older by the clock they share
// doesn't count.
func (b *markBoard) note(node string, e NodeEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Closed != "" {
		delete(b.last, e.Closed)
		b.stir()
	}
	if e.Mark == nil || e.Mark.Untrusted {
		return
	}
	m := b.last[e.Mark.Terminal]
	newer := !e.At.Before(m.at)
	switch e.Mark.Kind {
	case MarkPrompt:
		m.prompts++
		if newer {
			m.busy, m.host, m.at = "", node, e.At
		}
	case MarkCommand:
		m.commands++
		if newer {
			m.busy, m.host, m.at = e.Mark.Command, node, e.At
		}
	case MarkExit:
		m.code = e.Mark.Code
	}
	b.last[e.Mark.Terminal] = m
	b.stir()
}

func (b *markBoard) of(terminal string) (terminalMarks, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last[terminal], b.more
}

// await waits until a terminal's marks fit.
func (b *markBoard) await(ctx context.Context, terminal string, fits func(terminalMarks) bool) (terminalMarks, error) {
	for {
		m, more := b.of(terminal)
		if fits(m) {
			return m, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return m, ctx.Err()
		}
	}
}

// awaitHistory waits until what nodes remember was read.
func (b *markBoard) awaitHistory(ctx context.Context, nodes ...string) error {
	for {
		b.mu.Lock()
		missing, more := false, b.more
		for _, node := range nodes {
			missing = missing || !b.caught[node]
		}
		b.mu.Unlock()
		if !missing {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
