package exercises

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"slipway/internal/dockertest"
	"slipway/workshop"
)

// bashLab is a lab whose terminals are real shells on this machine, with
// marks as a node's shells make them.
type bashLab struct {
	t    *testing.T
	node *testNode
	fifo string
	rc   string

	mu     sync.Mutex
	count  int
	opened []int
}

const bashHooks = `
PS1='$ '
__mark() { local code=$?; printf 'exit\t%s\t%s\t\nprompt\t%s\t0\t\n' "$TERM_ID" "$code" "$TERM_ID" >>"$FIFO"; }
PROMPT_COMMAND=__mark
__command() { printf 'command\t%s\t0\t%s\n' "$TERM_ID" "$(HISTTIMEFORMAT= history 1 | sed '1s/^ *[0-9]* *//;q')" >>"$FIFO"; }
PS0='$(__command)'
`

func newBashLab(t *testing.T) *bashLab {
	fake := dockertest.StartFake(t)
	dir := t.TempDir()
	lab := &bashLab{t: t, node: newTestNode(t, "node1", fake.Host), fifo: filepath.Join(dir, "marks"), rc: filepath.Join(dir, "rc")}
	if err := os.WriteFile(lab.rc, []byte(bashHooks), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(lab.fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(lab.fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(fifo); lines.Scan(); {
			parts := strings.SplitN(lines.Text(), "\t", 4)
			lab.node.tell(NodeEvent{Mark: &Mark{Kind: parts[0], Terminal: parts[1], Shell: 1, Code: atoi(parts[2]), Command: parts[3]}})
		}
	}()
	t.Cleanup(func() { fifo.Close(); <-ended })
	return lab
}

func (l *bashLab) Nodes() []Node { return []Node{l.node} }

func (l *bashLab) OpenPort(_ context.Context, _ string, port int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = append(l.opened, port)
	return nil
}

func (l *bashLab) OpenTerminal(context.Context, string, int) (Terminal, error) {
	l.mu.Lock()
	l.count++
	id := fmt.Sprint("t", l.count)
	l.mu.Unlock()
	cmd := exec.Command("bash", "--noprofile", "--rcfile", l.rc, "-i")
	cmd.Env = append(os.Environ(), "TERM_ID="+id, "FIFO="+l.fifo, "HISTFILE=", "TERM=xterm")
	cmd.Dir = l.t.TempDir()
	file, err := pty.Start(cmd)
	if err != nil {
		return nil, err
	}
	return &bashTerminal{File: file, cmd: cmd, id: id}, nil
}

type bashTerminal struct {
	*os.File
	cmd *exec.Cmd
	id  string
}

func (b *bashTerminal) ID() string { return b.id }

func (b *bashTerminal) Close() error {
	b.cmd.Process.Kill()
	b.cmd.Wait()
	return b.File.Close()
}

func typing(line int, text string) Act { return Act{Text: text, Line: line} }

// A rehearsal in real shells: what is right passes, and each mistake of an
// author is told with its line.
func TestRehearse(t *testing.T) {
	lab := newBashLab(t)
	good := []Exercise{
		{ID: "typed", File: "deck.md", Line: 1, Chapter: "one", Title: "Type it", Checks: []Check{{Says: "typed", That: `node1.ran("^true good$")`, Line: 2}},
			Wrong:    []WrongWay{{Says: "another word", Line: 3, Acts: []Act{typing(4, "true bad\nfalse good")}}},
			Solution: []Act{typing(5, "true good")}},
		{ID: "foreground", File: "deck.md", Line: 10, Chapter: "one", Checks: []Check{{Says: "runs", That: `node1.busy("sleep 98")`, Line: 11}}, Keep: true,
			Solution: []Act{{Text: "echo now; sleep 98", Wait: "now", Line: 12}}},
		{ID: "stop", File: "deck.md", Line: 20, Chapter: "one", Checks: []Check{{Says: "stopped", That: `!node1.busy("sleep 98") && node1.ranAny("sleep 98")`, Line: 21}},
			Solution: []Act{{Text: "^C", Keys: true, Line: 22}}},
		{ID: "lines", File: "deck.md", Line: 30, Chapter: "two", Checks: []Check{{Says: "counted", That: `node1.ran("^wc -l") && node1.opened(8000)`, Line: 31}},
			Solution: []Act{typing(32, "cat > text <<END\none two\nEND\nwc -l text"), {Open: 8000}, {Text: "rm -rf /", Dangerous: true, Terminal: 2}}},
		{ID: "question", File: "deck.md", Line: 40, Chapter: "two"},
	}
	var out bytes.Buffer
	report, err := Rehearse(t.Context(), RehearseConfig{Exercises: good, Lab: lab, Out: &out})
	if err != nil || !report.OK || len(report.Exercises) != 5 {
		t.Fatalf("%v %+v\n%s", err, report, out.String())
	}
	if seen := report.Exercises[3].Solution[0].Seen; !strings.Contains(seen, "1 text") {
		t.Errorf("wc showed %q", seen)
	}
	if code := report.Exercises[0].Wrong[0].Acts[0].Code; code == nil || *code != 1 {
		t.Errorf("false ended with %v", code)
	}
	for _, part := range []string{"== typed (deck.md:1) Type it", "wrong way: another word", "node1/1$ true good", "key ^C", "after: solved"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the output lacks %q:\n%s", part, out.String())
		}
	}
}

func TestRehearseFindsMistakes(t *testing.T) {
	lab := newBashLab(t)
	bad := []Exercise{
		{ID: "early", File: "deck.md", Line: 1, Checks: []Check{{Says: "is", That: `node1.name == "node1"`, Line: 2}}},
		{ID: "wrong", File: "deck.md", Line: 10, Checks: []Check{{Says: "typed", That: `node1.ran("^true")`, Line: 11}},
			Wrong: []WrongWay{{Says: "too easy", Line: 12, Acts: []Act{typing(13, "true ly")}}}, Solution: []Act{typing(14, "true")}},
		{ID: "never", File: "deck.md", Line: 20, Checks: []Check{{Says: "shown", That: `node1.ran("^xyz")`, Line: 21}},
			Solution: []Act{{Text: "sleep 97", Wait: "never shown", Timeout: 500 * time.Millisecond, Line: 22}}},
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	short := func(x []Exercise) Report {
		report, err := Rehearse(ctx, RehearseConfig{Exercises: x, Lab: lab, SolvedLimit: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	report := short(bad)
	want := []string{
		"deck.md:1: exercise early: it is solved before anybody did anything",
		`deck.md:12: exercise wrong: the wrong way "too easy" solves it`,
		`deck.md:22: exercise never: typing "sleep 97" on node1: it did not show "never shown": no end of it within 500ms`,
		`deck.md:21: exercise never: after its solution "shown" is failing: Not typed on node1 yet.`,
	}
	if got := strings.Join(report.Problems, "\n"); report.OK || got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if report := short([]Exercise{{ID: "x", File: "deck.md", Line: 5, Checks: []Check{{That: "nod1.engine"}}}}); report.OK || !strings.HasPrefix(report.Problems[0], "deck.md:5: exercise x: ") {
		t.Errorf("a check that doesn't compile: %+v", report)
	}
}

func TestSelection(t *testing.T) {
	all := []Exercise{{ID: "a", Chapter: "one"}, {ID: "b", Chapter: "one"}, {ID: "c", Chapter: "two"}, {ID: "d", Chapter: "two", Needs: []workshop.ExerciseID{"a"}}, {ID: "e", Chapter: "two"}}
	for only, want := range map[string]string{"": "a b c d e", "b": "(a) b", "d": "(a) (c) d", "two": "(a) c d e", "one": "a b"} {
		chosen, lead, err := selection(all, only)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range chosen {
			name := string(x.ID)
			if lead[x.ID] != "" {
				name = "(" + name + ")"
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", only, got, want)
		}
	}
	if _, _, err := selection(all, "nothing"); err == nil {
		t.Error("an unknown name is no error")
	}
}
