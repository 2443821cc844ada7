package agent

import (
	"bytes"
	"os"
	"sync"
)

// maxLog bounds the Engine's log; one older file of the same size is kept.
const maxLog = 4 << 20

// capped is a log file that can't fill the disk and remembers its last lines.
type capped struct {
	path string

	mu   sync.Mutex
	f    *os.File
	size int64
	tail []byte
}

// newCapped opens the log for appending; if it can't, only the tail is kept.
func newCapped(path string) *capped {
	c := &capped{path: path}
	c.open(os.O_APPEND)
	return c
}

func (c *capped) open(how int) {
	c.f, c.size = nil, 0
	if c.path == "" {
		return
	}
	f, err := os.OpenFile(c.path, os.O_CREATE|os.O_WRONLY|how, 0o640)
	if err != nil {
		return
	}
	if st, err := f.Stat(); err == nil {
		c.size = st.Size()
	}
	c.f = f
}

// Write never fails: a full disk must not stop the Engine.
func (c *capped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tail = append(c.tail, p...)
	if len(c.tail) > 8<<10 {
		c.tail = append(c.tail[:0], c.tail[len(c.tail)-4<<10:]...)
	}
	if c.f == nil {
		return len(p), nil
	}
	if c.size+int64(len(p)) > maxLog {
		c.f.Close()
		os.Rename(c.path, c.path+".1")
		c.open(os.O_TRUNC)
	}
	if c.f != nil {
		n, _ := c.f.Write(p)
		c.size += int64(n)
	}
	return len(p), nil
}

// last returns the last line that was written.
func (c *capped) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := bytes.TrimSpace(c.tail)
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	if len(text) > 500 {
		text = text[:500]
	}
	if len(text) == 0 {
		return "it said nothing"
	}
	return string(bytes.ToValidUTF8(text, nil))
}

// Close closes the file.
func (c *capped) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.f == nil {
		return nil
	}
	return c.f.Close()
}
