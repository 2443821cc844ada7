package terminal

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// readSize is how much the pump takes from the pseudo-terminal at a time.
const readSize = 32 << 10

// drainSize bounds what is read after the process has ended: a job that it
// left behind may print for ever.
const drainSize = 256 << 10

// pump moves output into the ring until the terminal ends. It is the only
// writer of the ring.
func (t *Terminal) pump() {
	buf := make([]byte, readSize)
	last := drainSize
	for {
		n, err := t.pty.read(buf)
		if n > 0 {
			t.printed(buf[:n])
		}
		if err != nil {
			return
		}
		select {
		case <-t.over:
			if last -= n; last <= 0 {
				return
			}
		default:
		}
	}
}

// printed adds output and then waits while the active owner's window is full.
func (t *Terminal) printed(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ring.Append(p, t.opt.Now().UnixMilli())
	if t.screen != nil {
		t.screen.Write(p)
	} else {
		t.track.write(p)
		t.track.forget(t.ring.Start())
	}
	for v := range t.viewers {
		v.notify()
	}
	for t.held() {
		t.resume.Wait()
	}
}

// held reports whether the active owner holds the pump back.
func (t *Terminal) held() bool {
	return t.active != nil && !t.hangup && t.ring.End()-t.active.acked >= uint64(t.opt.Window)
}

// keys is a piece of input that waits for the process to take it.
type keys struct {
	from *client
	data []byte
}

// client remembers how much one client typed.
type client struct {
	received uint64 // taken from the client: never to be sent again
	typed    uint64 // written to the process
	used     time.Time
	viewers  int
}

// client returns the memory of one client, forgetting the one that has been
// away longest when there are too many. Caller holds t.mu.
func (t *Terminal) client(id string) *client {
	c := t.clients[id]
	if c == nil {
		if len(t.clients) >= MaxClients {
			t.forgetClient()
		}
		c = new(client)
		t.clients[id] = c
	}
	c.used = t.opt.Now()
	return c
}

func (t *Terminal) forgetClient() {
	oldest := ""
	for id, c := range t.clients {
		if c.viewers == 0 && (oldest == "" || c.used.Before(t.clients[oldest].used)) {
			oldest = id
		}
	}
	delete(t.clients, oldest)
}

// typeIn takes input of a client that begins at offset in its stream. What was
// taken before is dropped. Caller holds t.mu.
func (t *Terminal) typeIn(c *client, offset uint64, data []byte) error {
	if offset > c.received {
		return errInputGap
	}
	if offset+uint64(len(data)) <= c.received {
		return nil
	}
	data = data[c.received-offset:]
	if t.queued+len(data) > maxQueuedInput {
		return errInputFull
	}
	c.received += uint64(len(data))
	t.activity = t.opt.Now()
	if t.ended {
		c.typed = c.received
		return nil
	}
	if len(t.queue) == 0 {
		n, err := t.pty.write(data)
		if err != nil {
			n = len(data) // the line is gone, and the keys with it
		}
		c.typed += uint64(n)
		data = data[n:]
	}
	if len(data) > 0 {
		t.queue = append(t.queue, keys{c, append([]byte(nil), data...)})
		t.queued += len(data)
		select {
		case t.kick <- struct{}{}:
		default:
		}
	}
	return nil
}

// inputRetry keeps a writer from spinning when the kernel says "ready" and
// then takes nothing.
const inputRetry = time.Millisecond

// typeKeys writes queued input as the process takes it, in order, until the
// terminal ends.
func (t *Terminal) typeKeys() {
	for {
		select {
		case <-t.over:
			return
		case <-t.kick:
		}
		for t.flushKeys() {
			if t.pty.wait(pollOut, -1) {
				return
			}
		}
	}
}

// flushKeys writes what fits and reports whether more waits.
func (t *Terminal) flushKeys() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := false
	for len(t.queue) > 0 {
		k := &t.queue[0]
		n, err := t.pty.write(k.data)
		if err != nil {
			n = len(k.data)
		}
		if n == 0 {
			break
		}
		took = true
		t.queued -= n
		k.from.typed += uint64(n)
		k.data = k.data[n:]
		if len(k.data) == 0 {
			t.queue = t.queue[1:]
		}
	}
	if took {
		for v := range t.viewers {
			v.notify()
		}
	} else if len(t.queue) > 0 {
		t.mu.Unlock()
		time.Sleep(inputRetry)
		t.mu.Lock()
	}
	return len(t.queue) > 0
}

// killSession kills every process of a session: a shell's jobs have process
// groups of their own, and one that ignores the hang-up would stay for ever.
func killSession(leader int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || sessionOf(pid) != leader {
			continue
		}
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// sessionOf returns the session of a process, 0 if it is gone.
func sessionOf(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name in brackets may hold anything, also brackets and blanks.
	_, rest, ok := strings.Cut(string(b[max(0, strings.LastIndexByte(string(b), ')')):]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 4 {
		return 0
	}
	sid, _ := strconv.Atoi(fields[3])
	return sid
}
