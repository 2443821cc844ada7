package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A proxy is one HAProxy process. A nil proxy is not alive.
type proxy struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // why; to be read after done
}

// start runs an HAProxy and waits until it serves. With an HAProxy before it, it
// takes over that one's listening sockets, so that no connection is lost in
// between, and tells it to finish what it began.
func (b *balancer) start(ctx context.Context, file string, before *proxy) (*proxy, error) {
	args := []string{"-db", "-f", file}
	if before != nil {
		args = append(args, "-x", socketPath(b.dir), "-sf", strconv.Itoa(before.pid()))
	}
	p := &proxy{cmd: exec.Command(b.program, args...), done: make(chan struct{})}
	p.cmd.Stdout = b.out
	said := &tail{to: b.out}
	p.cmd.Stderr = said
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("HAProxy can't be started: %w", err)
	}
	go func() { // ends with the process
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.ready(ctx, b.dir); err != nil {
		p.end()
		return nil, errors.Join(err, errors.New(complaints(said.text())))
	}
	return p, nil
}

// ready waits until the control socket is answered by this very process.
func (p *proxy) ready(ctx context.Context, dir string) error {
	deadline := time.After(startTime)
	for {
		if askPID(socketPath(dir)) == p.pid() {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("HAProxy did not start: %w", p.err)
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return fmt.Errorf("HAProxy was not ready after %v", startTime)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// askPID asks a control socket which process answers; 0 when nobody does.
func askPID(socket string) int {
	c, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return 0
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(c, "show info\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if pid, ok := strings.CutPrefix(lines.Text(), "Pid: "); ok {
			n, _ := strconv.Atoi(pid)
			return n
		}
	}
	return 0
}

func (p *proxy) pid() int { return p.cmd.Process.Pid }

func (p *proxy) alive() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// finish asks for no new connections; the process ends with the last open one.
func (p *proxy) finish() { _ = p.cmd.Process.Signal(syscall.SIGUSR1) }

// end ends the process now.
func (p *proxy) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// validate asks HAProxy what it thinks of a file.
func validate(ctx context.Context, program, file string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-c", "-f", file).CombinedOutput()
	if err == nil {
		return nil
	}
	said := complaints(string(out))
	if said == "" {
		return fmt.Errorf("HAProxy can't check it: %w", err)
	}
	return errors.New(said)
}

// complaints leaves out what HAProxy tells about itself.
func complaints(said string) string {
	var kept strings.Builder
	for line := range strings.Lines(said[:min(len(said), maxTail)]) {
		if !strings.HasPrefix(line, "[NOTICE]") {
			kept.WriteString(line)
		}
	}
	return strings.TrimSpace(kept.String())
}

const maxTail = 4096

// tail passes on what is written and remembers how it began.
type tail struct {
	to    interface{ Write([]byte) (int, error) }
	begin lockedBuffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.begin.add(p, maxTail)
	return t.to.Write(p)
}

func (t *tail) text() string { return t.begin.text() }
