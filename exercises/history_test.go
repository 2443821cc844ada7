package exercises

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// History is what shells say of themselves, and nothing else.
func TestHistory(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	mark := func(kind, terminal string, shell int, line string, code int) NodeEvent {
		return NodeEvent{At: at, Mark: &Mark{Kind: kind, Terminal: terminal, Shell: shell, Command: line, Code: code}}
	}
	untrusted := mark(MarkExit, "t1", 1, "forged", 0)
	untrusted.Mark.Untrusted = true
	for _, c := range []struct {
		name   string
		events []NodeEvent
		want   string
	}{
		{"runs, then ends", []NodeEvent{mark(MarkCommand, "t1", 1, " make ", 0), mark(MarkExit, "t1", 1, "make", 2), mark(MarkPrompt, "t1", 1, "", 0)}, "make=2"},
		{"still running", []NodeEvent{mark(MarkCommand, "t1", 1, "top", 0)}, "top=running"},
		{"a shell in a shell", []NodeEvent{mark(MarkCommand, "t1", 1, "bash", 0), mark(MarkCommand, "t1", 2, "ls", 0), mark(MarkExit, "t1", 2, "ls", 0)}, "bash=running ls=0"},
		{"two terminals", []NodeEvent{mark(MarkCommand, "t1", 1, "a", 0), mark(MarkCommand, "t2", 2, "b", 0), mark(MarkExit, "t1", 1, "a", 1)}, "a=1 b=running"},
		{"its end was lost", []NodeEvent{mark(MarkCommand, "t1", 1, "a", 0), mark(MarkCommand, "t1", 1, "b", 0)}, "a=-1 b=running"},
		{"its beginning was lost", []NodeEvent{mark(MarkExit, "t1", 1, "a", 3)}, "a=3"},
		{"the terminal ended", []NodeEvent{mark(MarkCommand, "t1", 1, "top", 0), {At: at, Closed: "t1"}}, "top=129"},
		{"an empty line", []NodeEvent{mark(MarkExit, "t1", 1, "", 0), mark(MarkPrompt, "t1", 1, "", 0)}, ""},
		{"forged by output", []NodeEvent{untrusted}, ""},
	} {
		var history []*Command
		for _, e := range c.events {
			history, _, _ = remember(history, "node1", e)
		}
		var got []string
		for _, one := range history {
			state := "running"
			if one.Done {
				state = fmt.Sprint(one.ExitCode)
			}
			got = append(got, one.Line+"="+state)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
	var history []*Command
	for i := range 2 * maxCommands {
		history, _, _ = remember(history, "node1", mark(MarkExit, "t1", 1, fmt.Sprint(i), 0))
	}
	if len(history) != maxCommands || history[maxCommands-1].Line != fmt.Sprint(2*maxCommands-1) {
		t.Errorf("%d commands are remembered", len(history))
	}
}

// Whatever an author writes, compiling and judging end, and say something.
func FuzzCompile(f *testing.F) {
	for _, source := range []string{
		`node1.service("rng").running == 1`, `lab.containers.exists(c, c.name == "x" && c.ports.all(p, p.host > 0))`,
		`held(duration("1s"), node1.tcp(80))`, `rate(node1.json(1, "/").x, duration("2s")) > 1.0`, `node1.speed() > 1`,
		`node1.json(8000, "/json").a.b[0] == {"x": [1, null]}`, `once(!node1.ran("[")) || 1/0 == 1`, `x`, `"`, `node1.gone[0].exists ? true : node2.swarm.active`,
	} {
		f.Add(source)
	}
	l := newLanguage(f)
	f.Fuzz(func(t *testing.T, source string) {
		e, problems := l.Compile(source)
		if e == nil && len(problems) == 0 {
			t.Fatal("neither compiled nor refused")
		}
		for _, p := range problems {
			if p.Message == "" || p.Line < 1 {
				t.Errorf("%q: says %q of line %d", source, p.Message, p.Line)
			}
		}
		if e != nil {
			if j := e.judge(t.Context(), aWorld(), newMemory(), judgedAt); j.State == "" || j.State != "passing" && j.Reason == "" {
				t.Errorf("%q is judged %q without a reason", source, j.State)
			}
		}
	})
}
