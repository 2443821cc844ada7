package agent

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// A record of the FIFO: fields separated by US, ended by RS. Writes up to
// PIPE_BUF (4096 bytes) are whole, so records of several shells can't mix.
const (
	markEnd   = 0x1e
	markField = "\x1f"
	maxMark   = 4096
)

// openMarks makes the FIFO and opens it for both directions, so that it never
// ends when no shell has it open.
func openMarks(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if err := syscall.Mkfifo(path, 0o622); err != nil {
		return nil, fmt.Errorf("make the marks' FIFO: %w", err)
	}
	if err := os.Chmod(path, 0o622); err != nil { // whatever the umask says
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
}

// readMarks turns what shells write into events until ctx ends.
func readMarks(ctx context.Context, f *os.File, node string, tell func(Mark)) {
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	p := markParser{node: node, running: map[string]string{}}
	buf := make([]byte, 16<<10)
	for {
		n, err := f.Read(buf)
		p.feed(buf[:n], tell)
		if err != nil {
			return
		}
	}
}

// markParser cuts the stream into records. Broken ones are dropped.
type markParser struct {
	node    string
	partial []byte
	running map[string]string // shell -> command it runs
}

// maxRunning bounds the shells whose present command is remembered.
const maxRunning = 1024

func (p *markParser) feed(b []byte, tell func(Mark)) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, markEnd)
		if i < 0 {
			if len(p.partial)+len(b) > maxMark {
				p.partial = p.partial[:0] // no shell of ours writes that much
				return
			}
			p.partial = append(p.partial, b...)
			return
		}
		record := append(p.partial, b[:i]...)
		p.partial, b = p.partial[:0], b[i+1:]
		if m, ok := p.parse(string(record)); ok {
			tell(m)
		}
	}
}

// parse reads version, kind, terminal, shell, code, user, dir, command.
func (p *markParser) parse(record string) (Mark, bool) {
	f := strings.SplitN(strings.ToValidUTF8(record, "\ufffd"), markField, 8)
	if len(record) > maxMark || len(f) != 8 || f[0] != "1" {
		return Mark{}, false
	}
	m := Mark{Kind: f[1], User: f[5], Dir: f[6], Command: f[7], Node: p.node, Trusted: true}
	var err error
	if m.Shell, err = strconv.Atoi(f[3]); err != nil {
		return Mark{}, false
	}
	if node, id, ok := strings.Cut(f[2], "/"); ok {
		m.Node, m.Terminal = node, id
	}
	shell := f[2] + " " + f[3]
	switch m.Kind {
	case "prompt":
		m.Command = ""
	case "command":
		if len(p.running) >= maxRunning {
			clear(p.running)
		}
		p.running[shell] = m.Command
	case "exit":
		code, err := strconv.Atoi(f[4])
		if err != nil {
			return Mark{}, false
		}
		m.Code, m.Command = &code, p.running[shell]
		delete(p.running, shell)
	default:
		return Mark{}, false
	}
	return m, true
}
