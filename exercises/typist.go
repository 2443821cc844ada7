package exercises

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Times and bounds of typing.
const (
	promptLimit  = 30 * time.Second       // for a shell to be ready
	continuation = 700 * time.Millisecond // no command began by then: the line goes on
	keySettles   = 300 * time.Millisecond
	quietMoment  = 80 * time.Millisecond
	quietLimit   = 500 * time.Millisecond
	maxSeen      = 256 << 10 // bytes kept of what a terminal showed
)

// typist types in one terminal as a person would: it waits for the prompt,
// types a line, and waits for what comes.
type typist struct {
	terminal Terminal
	name     string
	node     string
	marks    *markBoard
	manners  manners
	begun    bool // it typed something
	ended    chan struct{}

	mu    sync.Mutex
	shown []byte
	base  int // bytes dropped before shown
	more  chan struct{}
}

// newTypist starts reading the terminal; close ends it.
func newTypist(terminal Terminal, name string, marks *markBoard) *typist {
	t := &typist{terminal: terminal, name: name, marks: marks, manners: manners{prompt: promptLimit}, ended: make(chan struct{}), more: make(chan struct{})}
	go t.read()
	return t
}

func (t *typist) close() {
	t.terminal.Close()
	<-t.ended
}

func (t *typist) read() {
	defer close(t.ended)
	buffer := make([]byte, 32<<10)
	for {
		n, err := t.terminal.Read(buffer)
		t.mu.Lock()
		t.shown = append(t.shown, buffer[:n]...)
		if drop := len(t.shown) - maxSeen; drop > 0 {
			t.shown = append(t.shown[:0], t.shown[drop:]...)
			t.base += drop
		}
		close(t.more)
		t.more = make(chan struct{})
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// seen is how much the terminal has shown so far.
func (t *typist) seen() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base + len(t.shown)
}

// quiet waits until the terminal shows nothing new for a moment.
func (t *typist) quiet() {
	limit := time.After(quietLimit)
	for {
		t.mu.Lock()
		more := t.more
		t.mu.Unlock()
		select {
		case <-more:
		case <-time.After(quietMoment):
			return
		case <-t.ended:
			return
		case <-limit:
			return
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[()][A-Za-z0-9]|\x1b[=>78A-Za-z]")

// since is what the terminal showed since, as plain text.
func (t *typist) since(from int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	plain := escapes.ReplaceAll(t.shown[min(max(from-t.base, 0), len(t.shown)):], nil)
	return strings.ReplaceAll(string(plain), "\r\n", "\n")
}

// do does one act and answers the exit code of the last command that ended.
func (t *typist) do(ctx context.Context, a Act, say func(string, ...any)) (*int, error) {
	if a.Keys {
		return nil, t.press(ctx, a, say)
	}
	lines := strings.Split(strings.TrimRight(a.Text, "\n"), "\n")
	for i, line := range lines {
		last := i == len(lines)-1
		wait := ""
		if last {
			wait = a.Wait
		}
		say("   %s$ %s", t.name, line)
		if err := t.line(ctx, line, wait, i == 0, last, a.Dangerous && last); err != nil {
			return nil, err
		}
	}
	if a.Wait != "" || a.Dangerous {
		return nil, nil
	}
	m, _ := t.marks.of(t.terminal.ID())
	return &m.code, nil
}

// line types one line. Without a text to wait for it waits for the prompt, or
// sees that the shell wants more lines.
func (t *typist) line(ctx context.Context, line, wait string, first, last, dangerous bool) error {
	before, err := t.ready(ctx)
	if err == nil {
		err = t.breathe(ctx)
	}
	if err != nil {
		return err
	}
	from := t.seen()
	if first && t.manners.guest {
		if err := t.send(wipe); err != nil {
			return err
		}
	}
	switch {
	case dangerous && t.manners.guest:
		return t.send(line) // whether it shall be done is theirs to say
	case dangerous:
		return t.send(line + wipe) // Enter is never pressed
	}
	if err := t.send(line + "\r"); err != nil {
		return err
	}
	if wait != "" {
		return t.awaitText(ctx, from, wait, true)
	}
	began, cancel := context.WithTimeout(ctx, continuation)
	defer cancel()
	now, err := t.marks.await(began, t.terminal.ID(), func(m terminalMarks) bool {
		return m.commands > before.commands || m.prompts > before.prompts
	})
	if err != nil && ctx.Err() == nil && !last && now == before {
		return nil // the shell waits for the next line
	}
	_, err = t.marks.await(ctx, t.terminal.ID(), func(m terminalMarks) bool { return m.prompts > before.prompts && m.busy == "" })
	return err
}

// wipe is the key that empties a line.
const wipe = "\x15"

// breathe gives people time to see what comes next.
func (t *typist) breathe(ctx context.Context) error {
	if t.manners.pace == 0 {
		return nil
	}
	select {
	case <-time.After(t.manners.pace):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready waits for a prompt; a shell that is at something says at what.
func (t *typist) ready(ctx context.Context) (terminalMarks, error) {
	limited, cancel := context.WithTimeout(ctx, t.manners.prompt)
	defer cancel()
	m, err := t.marks.await(limited, t.terminal.ID(), func(m terminalMarks) bool { return m.prompts > 0 && m.busy == "" })
	switch {
	case err == nil && t.manners.guest && !t.begun && m.host != t.node:
		return m, fmt.Errorf("this terminal is logged in to %s: leave it with exit, then try again", m.host)
	case err == nil:
		t.begun = true
		return m, nil
	case ctx.Err() != nil:
		return m, context.Cause(ctx)
	case m.busy != "" && t.manners.guest:
		return m, fmt.Errorf("this terminal is busy with %q: end it with Ctrl+C, then try again", shorten(m.busy))
	case m.busy != "":
		return m, fmt.Errorf("this terminal is busy with %q: end it with a key block, or use another terminal", shorten(m.busy))
	}
	return m, fmt.Errorf("this terminal shows no prompt")
}

func (t *typist) send(s string) error {
	_, err := t.terminal.Write([]byte(s))
	return err
}

// awaitText waits for a text in what was shown since.
func (t *typist) awaitText(ctx context.Context, from int, text string, echoed bool) error {
	for {
		t.mu.Lock()
		more := t.more
		t.mu.Unlock()
		after := t.since(from)
		if echoed { // the line that was typed doesn't count
			_, after, _ = strings.Cut(after, "\n")
		}
		if strings.Contains(after, text) {
			return nil
		}
		select {
		case <-more:
		case <-t.ended:
			return fmt.Errorf("the terminal ended before it showed %q", text)
		case <-ctx.Done():
			return fmt.Errorf("it did not show %q: %w", text, context.Cause(ctx))
		}
	}
}

var keyNames = map[string]string{
	"enter": "\r", "tab": "\t", "esc": "\x1b", "escape": "\x1b", "space": " ", "backspace": "\x7f",
	"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
	"home": "\x1b[H", "end": "\x1b[F", "pageup": "\x1b[5~", "pagedown": "\x1b[6~", "delete": "\x1b[3~",
}

// keyBytes is what a named key sends: ^C, Enter, or the text itself.
func keyBytes(name string) string {
	if known, ok := keyNames[strings.ToLower(name)]; ok {
		return known
	}
	if len(name) == 2 && name[0] == '^' {
		return string(rune(strings.ToUpper(name)[1] & 0x1f))
	}
	return name
}

// press presses keys, one a line. After those that end a program it waits for
// the prompt.
func (t *typist) press(ctx context.Context, a Act, say func(string, ...any)) error {
	before, _ := t.marks.of(t.terminal.ID())
	from := t.seen()
	ends := false
	for _, key := range strings.Fields(a.Text) {
		say("   %s: key %s", t.name, key)
		if err := t.send(keyBytes(key)); err != nil {
			return err
		}
		ends = key == "q" || strings.EqualFold(key, "^c") || strings.EqualFold(key, "^d") || key == `^\`
	}
	switch {
	case a.Wait != "":
		return t.awaitText(ctx, from, a.Wait, false)
	case ends && before.busy != "":
		_, err := t.marks.await(ctx, t.terminal.ID(), func(m terminalMarks) bool { return m.prompts > before.prompts && m.busy == "" })
		return err
	}
	select {
	case <-time.After(keySettles):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// interrupt tries to get the terminal back to a prompt.
func (t *typist) interrupt(ctx context.Context) {
	before, _ := t.marks.of(t.terminal.ID())
	if before.busy == "" || t.send("\x03") != nil {
		return
	}
	t.marks.await(ctx, t.terminal.ID(), func(m terminalMarks) bool { return m.busy == "" })
}

func lastLines(s string, n int) []string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	return lines[max(0, len(lines)-n):]
}
