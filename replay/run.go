package replay

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"slipway/terminal"
	"slipway/workshop"
)

// Run is one person's way through a session.
type Run struct {
	Start     int64            `json:"start"` // unix milliseconds
	End       int64            `json:"end"`
	Title     string           `json:"title"`
	Events    []workshop.Event `json:"events"`
	Slides    []SlideMark      `json:"slides"`
	Terminals []TerminalTrack  `json:"terminals"`
	Exercises []ExerciseMark   `json:"exercises"`
	Speed     [][2]float64     `json:"speed"` // unix milliseconds, hashes per second
}

// SlideMark says that the person's page came to a slide.
type SlideMark struct {
	At    int64  `json:"at"`
	Slide string `json:"slide"`
	Step  int    `json:"step"`
}

// TerminalTrack is a recording.
type TerminalTrack struct {
	Node  string `json:"node"`
	ID    string `json:"id"`
	Start int64  `json:"start"`
	End   int64  `json:"end"`
	URL   string `json:"url"`
}

// ExerciseMark is an exercise on the time axis. SolvedAt is 0 when it never was.
type ExerciseMark struct {
	ID       workshop.ExerciseID `json:"id"`
	Title    string              `json:"title"`
	SolvedAt int64               `json:"solvedAt"`
}

// MaxEvents bounds the events of a run; a day of one person has some thousands.
const MaxEvents = 200_000

// Journal is what a run is read from; see package store.
type Journal interface {
	Read(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error
}

// Exercise names an exercise of the deck, in the deck's order.
type Exercise struct {
	ID    workshop.ExerciseID
	Title string
}

// Build reads a person's run. casts is the folder of their recordings, NODE/ID.cast,
// which need not be there; urlOf says where a browser gets one.
func Build(ctx context.Context, from Journal, session workshop.SessionID, who workshop.ParticipantID,
	exercises []Exercise, casts string, urlOf func(node, id string) string) (*Run, error) {
	b := builder{who: who, solved: map[workshop.ExerciseID]int64{}, run: &Run{
		Events: []workshop.Event{}, Slides: []SlideMark{}, Terminals: []TerminalTrack{}, Exercises: []ExerciseMark{}, Speed: [][2]float64{}}}
	if err := from.Read(ctx, session, 1, b.take); err != nil {
		return nil, err
	}
	for _, e := range exercises {
		b.run.Exercises = append(b.run.Exercises, ExerciseMark{e.ID, e.Title, b.solved[e.ID]})
	}
	if len(b.own) > 0 {
		b.run.Slides = b.own
	} else {
		b.run.Slides = append(b.run.Slides, b.room...)
	}
	if err := b.addTerminals(casts, urlOf); err != nil {
		return nil, err
	}
	return b.run, nil
}

type builder struct {
	who    workshop.ParticipantID
	run    *Run
	joined bool
	own    []SlideMark // where the person's page was
	room   []SlideMark // where the presenter was
	solved map[workshop.ExerciseID]int64
}

// take folds one event of the session.
func (b *builder) take(e workshop.Event) error {
	at := e.At.UnixMilli()
	if e.Kind == workshop.SessionCreated && e.Session != nil {
		b.run.Title, b.run.Start, b.run.End = e.Session.Title, at, at
		return nil
	}
	shown, ok := workshop.ShownEvent(e, b.who, workshop.Attendee)
	if !ok {
		return nil
	}
	if shown.Kind == workshop.Joined && !b.joined {
		b.joined, b.run.Start, b.run.Events = true, at, nil // what was before them is not their run
	}
	if len(b.run.Events) >= MaxEvents {
		return workshop.Errorf(workshop.TooMany, "This run has more than %d events and can't be shown whole.", MaxEvents)
	}
	b.run.End = max(b.run.End, at)
	b.run.Events = append(b.run.Events, shown)
	switch {
	case e.Kind == workshop.PlaceChanged && e.Place != nil:
		b.own = append(b.own, SlideMark{at, e.Place.Slide, e.Place.Step})
	case e.Kind == workshop.SlideMoved && e.Place != nil:
		b.room = append(b.room, SlideMark{at, e.Place.Slide, e.Place.Step})
	case e.Kind == workshop.VerdictChanged && e.Verdict != nil && e.Verdict.State == workshop.Solved:
		if b.solved[e.Verdict.Exercise] == 0 {
			b.solved[e.Verdict.Exercise] = at
		}
	case e.Kind == workshop.SpeedSampled:
		b.run.Speed = append(b.run.Speed, [2]float64{float64(at), e.Speed})
	}
	return nil
}

// addTerminals lists the recordings there are.
func (b *builder) addTerminals(casts string, urlOf func(node, id string) string) error {
	files, err := filepath.Glob(filepath.Join(escapeGlob(casts), "*", "*.cast"))
	if err != nil || casts == "" {
		return err
	}
	slices.Sort(files)
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".cast")
		node := filepath.Base(filepath.Dir(file))
		start, end, err := castSpan(file)
		if err != nil {
			continue // begun and nothing written yet, or not ours: the other tracks are worth showing
		}
		b.run.Terminals = append(b.run.Terminals, TerminalTrack{node, id, start, end, urlOf(node, id)})
		b.run.End = max(b.run.End, end)
	}
	return nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// castSpan reads when a recording begins and ends, in unix milliseconds.
func castSpan(path string) (start, end int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	cast, err := terminal.NewCastReader(file)
	if err != nil {
		return 0, 0, err
	}
	start = cast.Start().UnixMilli()
	end = start
	for {
		e, err := cast.Next()
		if err == io.EOF {
			return start, end, nil
		}
		if err != nil {
			return 0, 0, err
		}
		end = start + e.Time.Milliseconds()
	}
}

// CastPath gives the file of one recording below casts, or false for names that
// can't be any.
func CastPath(casts, node, file string) (string, bool) {
	path := node + "/" + file
	if casts == "" || !fs.ValidPath(path) || strings.Count(path, "/") != 1 || filepath.Ext(file) != ".cast" {
		return "", false
	}
	return filepath.Join(casts, node, file), true
}
