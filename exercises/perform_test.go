package exercises

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/workshop"
)

// desk is a person's lab: its terminals are theirs and stay, and what they type
// goes in beside what is done for them.
type desk struct {
	*bashLab
	mu    sync.Mutex
	shell map[int]Terminal
}

func (d *desk) OpenTerminal(ctx context.Context, node string, number int) (Terminal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.shell[number]; t != nil {
		return t, nil
	}
	t, err := d.bashLab.OpenTerminal(ctx, node, number)
	d.shell[number] = t
	return t, err
}

// person types as its owner does.
func (d *desk) person(t *testing.T, number int, keys string) {
	t.Helper()
	terminal, err := d.OpenTerminal(t.Context(), "node1", number)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := terminal.Write([]byte(keys)); err != nil {
		t.Fatal(err)
	}
}

func newDesk(t *testing.T) *desk { return &desk{bashLab: newBashLab(t), shell: map[int]Terminal{}} }

func TestPerform(t *testing.T) {
	d := newDesk(t)
	made := t.TempDir() + "/made"
	all := []Exercise{
		{ID: "first", Chapter: "one", Title: "First", Checks: []Check{{That: `node1.ran("^true first$")`}}, Solution: []Act{typing(1, "true first")}},
		{ID: "aside", Chapter: "one", Optional: true, Checks: []Check{{That: `node1.ran("^true aside$")`}}, Solution: []Act{typing(1, "true aside")}},
		{ID: "other", Chapter: "two", Checks: []Check{{That: `node1.ran("^true other$")`}}, Solution: []Act{typing(1, "true other")}},
		{ID: "asked", Chapter: "three"},
		{ID: "third", Chapter: "three", Checks: []Check{{That: `node1.ran("^touch ")`}}, Solution: []Act{typing(1, "touch "+made), {Text: "sleep 98", Wait: "sleep"}}, Needs: []workshop.ExerciseID{"first"}},
		{ID: "last", Chapter: "three", Needs: []workshop.ExerciseID{"third"}, Checks: []Check{{That: `node1.busy("sleep 99")`}}, Solution: []Act{{Text: "echo zzz; sleep 99", Wait: "zzz", Terminal: 2}}},
	}
	all[4].Solution = all[4].Solution[:1]
	book := aBook(t, all...)
	w, told := watch(t, book, nil, d.node)
	if got := fmt.Sprint(w.Path("last")); got != "[first third]" {
		t.Fatalf("the path is %s", got)
	}
	d.person(t, 1, "half a line") // wiped, not run
	var seen []string
	note := func(p Doing) {
		seen = append(seen, fmt.Sprintf("%s %d/%d %d %s", p.Exercise, p.Act, p.Acts, p.Terminal, p.Text))
	}
	run := func(ctx context.Context, ids ...workshop.ExerciseID) error {
		return w.Perform(ctx, Performance{Exercises: ids, Stage: d, Told: note, Pace: time.Millisecond})
	}
	if err := run(t.Context(), w.Path("last")...); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(made); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(seen, "|"), "first 1/1 1 true first|first 2/1 1 |third 1/1 1 touch "+made+"|third 2/1 1 "; got != want {
		t.Errorf("told was\n%s\nwant\n%s", got, want)
	}
	if got := w.Path("last"); len(got) != 0 {
		t.Errorf("after the path was gone, %v is left of it", got)
	}
	if err := run(t.Context(), "last"); err != nil { // another terminal, and what runs there goes on
		t.Fatal(err)
	}
	told.waitState(t, "last", workshop.Solved)
	if err := run(t.Context(), "last"); err == nil || !strings.Contains(err.Error(), `busy with "echo zzz; sleep 99": end it with Ctrl+C`) {
		t.Errorf("a busy terminal: %v", err)
	}
	if err := run(t.Context(), "asked"); err == nil {
		t.Error("an exercise without a solution was done")
	}
}

func TestPerformStops(t *testing.T) {
	d := newDesk(t)
	book := aBook(t, Exercise{ID: "long", Checks: []Check{{That: `node1.ran("never")`}}, Solution: []Act{typing(1, "sleep 97"), typing(2, "true never")}},
		exercise("runs", `node1.busy("sleep 97")`),
		Exercise{ID: "danger", Checks: []Check{{That: `node1.ran("^rm")`}}, Solution: []Act{{Text: "rm -rf /nothing-here", Dangerous: true, Terminal: 2}}},
		Exercise{ID: "hard", Title: "Hard", Checks: []Check{{Says: "typed", That: `node1.ran("^false")`}}, Solution: []Act{{Text: "exit 3", Timeout: time.Second, Terminal: 3}}})
	w, told := watch(t, book, nil, d.node)
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("a key of yours")
	ended := make(chan error, 1)
	go func() {
		ended <- w.Perform(ctx, Performance{Exercises: []workshop.ExerciseID{"long"}, Stage: d, Pace: time.Millisecond})
	}()
	told.waitState(t, "runs", workshop.Solved)
	cancel(mine)
	if err := <-ended; err != mine {
		t.Errorf("a stopped one ends with %v", err)
	}
	if err := w.Perform(t.Context(), Performance{Exercises: []workshop.ExerciseID{"danger"}, Stage: d}); err == nil || !strings.Contains(err.Error(), "press Enter yourself") {
		t.Errorf("a dangerous one ends with %v", err)
	}
	if err := w.Perform(t.Context(), Performance{Exercises: []workshop.ExerciseID{"hard"}, Stage: d}); err == nil || !strings.Contains(err.Error(), "Hard stopped at step 1 of 1") {
		t.Errorf("a shell that ends: %v", err)
	}
	// A shell that is on another node is left alone.
	d.node.tell(NodeEvent{Mark: &Mark{Kind: MarkPrompt, Terminal: "t9"}})
	b := newMarkBoard()
	b.note("node2", NodeEvent{At: time.Now(), Mark: &Mark{Kind: MarkPrompt, Terminal: "t9"}})
	ty := &typist{terminal: &bashTerminal{id: "t9"}, marks: b, node: "node1", manners: manners{prompt: time.Second, guest: true}}
	if _, err := ty.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "logged in to node2") {
		t.Errorf("a terminal that is elsewhere: %v", err)
	}
}
