package exercises

import (
	"context"
	"sync"
	"time"
)

// markBoard knows of every terminal what its shells said last.
type markBoard struct {
	mu   sync.Mutex
	more chan struct{}
	last map[string]terminalMarks
}

// terminalMarks counts a terminal's marks.
type terminalMarks struct {
	prompts, commands int
	busy              string // the command it is at, empty at a prompt
	code              int    // of the last command that ended
}

func newMarkBoard() *markBoard {
	return &markBoard{more: make(chan struct{}), last: map[string]terminalMarks{}}
}

// follow notes the marks of a node's shells until ctx ends.
func (b *markBoard) follow(ctx context.Context, node Node) {
	next := uint64(1)
	for ctx.Err() == nil {
		node.Events(ctx, next, func(e NodeEvent) {
			if e.N >= next {
				next = e.N + 1
				b.note(e)
			}
		})
		select {
		case <-ctx.Done():
		case <-time.After(retryFirst):
		}
	}
}

func (b *markBoard) note(e NodeEvent) {
	if e.Mark == nil || e.Mark.Untrusted {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.last[e.Mark.Terminal]
	switch e.Mark.Kind {
	case MarkPrompt:
		m.prompts++
		m.busy = ""
	case MarkCommand:
		m.commands++
		m.busy = e.Mark.Command
	case MarkExit:
		m.code = e.Mark.Code
	}
	b.last[e.Mark.Terminal] = m
	close(b.more)
	b.more = make(chan struct{})
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
