package replay

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/workshop"
)

// events is a journal in memory: reading needs no more.
type events []workshop.Event

func (j events) Read(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error {
	for i, e := range j {
		e.Seq = uint64(i + 1)
		e.At = time.UnixMilli(int64(1000 * (i + 1)))
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

func person(id workshop.ParticipantID) workshop.Event {
	return workshop.Event{Kind: workshop.Joined, Participant: id, Person: &workshop.Participant{ID: id, Name: string(id), Token: "hash-of-" + string(id)}}
}

func solved(id workshop.ParticipantID, exercise workshop.ExerciseID, state workshop.State) workshop.Event {
	return workshop.Event{Kind: workshop.VerdictChanged, Participant: id, Verdict: &workshop.Verdict{Exercise: exercise, State: state}}
}

var session = events{
	{Kind: workshop.SessionCreated, Session: &workshop.Session{Title: "T", Secret: "s3cret", JoinCode: "CODE"}}, // 1 s
	person("grace"), // 2
	person("ada"),   // 3
	{Kind: workshop.SlideMoved, Place: &workshop.Place{Slide: "room"}},                              // 4
	{Kind: workshop.PlaceChanged, Participant: "ada", Place: &workshop.Place{Slide: "own"}},         // 5
	solved("grace", "one", workshop.Solved),                                                         // 6
	solved("ada", "one", workshop.Failing),                                                          // 7
	solved("ada", "one", workshop.Solved),                                                           // 8
	solved("ada", "one", workshop.Regressed),                                                        // 9
	solved("ada", "one", workshop.Solved),                                                           // 10
	{Kind: workshop.SpeedSampled, Participant: "ada", Speed: 3.3},                                   // 11
	{Kind: workshop.SpeedSampled, Participant: "grace", Speed: 9},                                   // 12
	{Kind: workshop.PlaceChanged, Participant: "grace", Place: &workshop.Place{Slide: "hers"}},      // 13
	{Kind: workshop.Announced, Text: "coffee"},                                                      // 14
	{Kind: workshop.HintOpened, Participant: "grace", Exercise: "one", Number: 1, Text: "graceful"}, // 15
}

func build(t *testing.T, who workshop.ParticipantID, casts string) *Run {
	t.Helper()
	run, err := Build(context.Background(), session, "s", who, []Exercise{{"one", "One"}, {"two", "Two"}}, casts,
		func(node, id string) string { return "/casts/" + node + "/" + id })
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestRunBeginsWithJoining(t *testing.T) {
	late := append(slices.Clone(session), person("late")) // the room had moved and heard before
	run, err := Build(context.Background(), late, "s", "late", nil, "", func(string, string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if run.Start != 16_000 || len(run.Events) != 1 || run.Events[0].Kind != workshop.Joined {
		t.Errorf("begins at %d with %v", run.Start, run.Events)
	}
}

func TestOwnRunOnly(t *testing.T) {
	run := build(t, "ada", "")
	if run.Start != 3000 || run.End != 14000 || run.Title != "T" {
		t.Errorf("from %d to %d of %q", run.Start, run.End, run.Title)
	}
	if len(run.Slides) != 1 || run.Slides[0] != (SlideMark{5000, "own", 0}) {
		t.Errorf("slides %v", run.Slides)
	}
	if run.Exercises[0] != (ExerciseMark{"one", "One", 8000}) || run.Exercises[1] != (ExerciseMark{"two", "Two", 0}) {
		t.Errorf("exercises %v", run.Exercises)
	}
	if len(run.Speed) != 1 || run.Speed[0] != [2]float64{11000, 3.3} {
		t.Errorf("speed %v", run.Speed)
	}
	raw, _ := json.Marshal(run)
	for _, private := range []string{"grace", "hash-of", "s3cret", "CODE", "hers"} {
		if strings.Contains(string(raw), private) {
			t.Errorf("Ada's run holds %q: %s", private, raw)
		}
	}
	if strings.Contains(string(raw), "null") {
		t.Errorf("a list is null: %s", raw)
	}
}

func TestRoomsSlidesForWhoNeverMoved(t *testing.T) {
	s := session
	session = append(session[:2:2], person("idle"), s[3])
	defer func() { session = s }()
	if run := build(t, "idle", ""); len(run.Slides) != 1 || run.Slides[0].Slide != "room" {
		t.Errorf("slides %v", run.Slides)
	}
}

func TestTerminalsOfTheFolder(t *testing.T) {
	casts := filepath.Join(t.TempDir(), "a[b]*") // a name that means something to a glob
	write := func(name, text string) {
		path := filepath.Join(casts, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	header := `{"version":3,"term":{"cols":80,"rows":24},"timestamp":20}` + "\n"
	write("node2/t1.cast", header+"[0.5, \"o\", \"a\"]\n# note\n[1.25, \"o\", \"b\"]\n[0.2, \"o\", \"to")
	write("node1/t1.cast", header)
	write("node1/t2.cast", "")
	write("node1/t3.cast", "not a recording\n")
	write("node1/notes.txt", header)
	run := build(t, "ada", casts)
	want := []TerminalTrack{{"node1", "t1", 20000, 20000, "/casts/node1/t1"}, {"node2", "t1", 20000, 21750, "/casts/node2/t1"}}
	if len(run.Terminals) != 2 || run.Terminals[0] != want[0] || run.Terminals[1] != want[1] {
		t.Errorf("got %+v", run.Terminals)
	}
	if run.End != 21750 {
		t.Errorf("the run ends at %d", run.End)
	}
	if run := build(t, "ada", filepath.Join(casts, "none")); len(run.Terminals) != 0 {
		t.Errorf("got %+v", run.Terminals)
	}
}

func TestCastPath(t *testing.T) {
	if path, ok := CastPath("/c", "node1", "t1.cast"); !ok || path != "/c/node1/t1.cast" {
		t.Errorf("got %q %v", path, ok)
	}
	for _, c := range [][3]string{{"", "node1", "t1.cast"}, {"/c", "..", "t1.cast"}, {"/c", "node1", "../t1.cast"}, {"/c", "a/b", "t1.cast"},
		{"/c", "node1", "journal.jsonl"}, {"/c", "", "t1.cast"}, {"/c", ".", "x.cast"}} {
		if path, ok := CastPath(c[0], c[1], c[2]); ok {
			t.Errorf("%q leads to %s", c, path)
		}
	}
}

func TestJournalErrorsComeThrough(t *testing.T) {
	away := errors.New("away")
	_, err := Build(context.Background(), broken{away}, "s", "ada", nil, "", nil)
	if !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

type broken struct{ err error }

func (b broken) Read(context.Context, workshop.SessionID, uint64, func(workshop.Event) error) error {
	return b.err
}
