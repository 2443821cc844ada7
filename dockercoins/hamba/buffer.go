package main

import (
	"strings"
	"sync"
)

// lockedBuffer is text that one goroutine writes and another reads.
type lockedBuffer struct {
	mu   sync.Mutex
	data []byte
}

// add appends as long as the text is shorter than limit bytes.
func (b *lockedBuffer) add(p []byte, limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = append(b.data, p[:min(len(p), max(0, limit-len(b.data)))]...)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.TrimSpace(string(b.data))
}
