package exercises

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"slipway/workshop"
)

// Times of a rehearsal.
const (
	actLimit     = time.Minute      // for one act, if its author says nothing
	solvedLimit  = time.Minute      // from the last act of a solution to its tick, if not configured
	judgedLimit  = 5 * time.Second  // for the first judging of an exercise
	wrongSettles = 2 * time.Second  // after a wrong way, how long it must not solve
	wrongMeasure = 12 * time.Second // the same, where something is measured over time
)

// RehearsalLab is a fresh lab, as a rehearsal needs it.
type RehearsalLab interface {
	// Nodes are the lab's nodes, in order.
	Nodes() []Node
	// OpenTerminal opens a new shell on a node. Its size is the lab's choice.
	OpenTerminal(ctx context.Context, node string) (Terminal, error)
	// OpenPort opens a port of a node as a person does through the page.
	OpenPort(ctx context.Context, node string, port int) error
}

// Terminal is a live shell. Reads answer what it shows, as it comes; Close
// ends a Read that waits.
type Terminal interface {
	io.ReadWriteCloser
	// ID is the terminal's id as command marks have it.
	ID() string
}

// RehearseConfig is one rehearsal.
type RehearseConfig struct {
	Exercises []Exercise // the whole workshop, in order
	Only      string     // an exercise's id or a chapter's name; empty is everything
	Lab       RehearsalLab
	Out       io.Writer // what is typed and seen, for a person to read along
	Log       *slog.Logger

	SolvedLimit time.Duration // from the last act of a solution to its tick; a minute when 0
}

// Report is what a rehearsal found.
type Report struct {
	OK        bool                `json:"ok"`
	Problems  []string            `json:"problems,omitempty"` // each begins with file:line
	Exercises []RehearsedExercise `json:"exercises"`
	Millis    int64               `json:"millis"`
}

// RehearsedExercise is one exercise as it went.
type RehearsedExercise struct {
	ID       workshop.ExerciseID `json:"id"`
	File     string              `json:"file"`
	Line     int                 `json:"line"`
	OK       bool                `json:"ok"`
	Only     string              `json:"only,omitempty"` // why not all of it was done
	Problems []string            `json:"problems,omitempty"`
	Warnings []string            `json:"warnings,omitempty"` // a check that held before its exercise
	Before   workshop.Verdict    `json:"before"`
	Wrong    []RehearsedWrong    `json:"wrong,omitempty"`
	Solution []RehearsedAct      `json:"solution,omitempty"`
	After    workshop.Verdict    `json:"after"`
	SolvedIn int64               `json:"solvedInMillis,omitempty"` // from the last act to the tick
	Millis   int64               `json:"millis"`
}

// RehearsedWrong is a wrong way as it went.
type RehearsedWrong struct {
	Says string           `json:"says"`
	OK   bool             `json:"ok"`
	Acts []RehearsedAct   `json:"acts"`
	Then workshop.Verdict `json:"then"`
}

// RehearsedAct is what was done in a terminal, and what it showed.
type RehearsedAct struct {
	Node   string `json:"node"`
	Typed  string `json:"typed"`
	Line   int    `json:"line,omitempty"`
	Seen   string `json:"seen,omitempty"`
	Code   *int   `json:"code,omitempty"` // of the last command
	Millis int64  `json:"millis"`
}

// Rehearse does every exercise as its author says, in the terminals of a
// fresh lab: false before, false after each wrong way, true after the
// solution. The error says that it could not be done at all; what went wrong
// with the workshop is in the report.
func Rehearse(ctx context.Context, cfg RehearseConfig) (Report, error) {
	began := time.Now()
	names := []string{}
	for _, node := range cfg.Lab.Nodes() {
		names = append(names, node.Name())
	}
	book, problems, err := Compile(names, cfg.Exercises)
	if err != nil {
		return Report{}, err
	}
	report := Report{Exercises: []RehearsedExercise{}}
	for _, p := range problems {
		report.Problems = append(report.Problems, p.Error())
	}
	if len(problems) > 0 {
		return report, nil
	}
	chosen, only, err := selection(cfg.Exercises, cfg.Only)
	if err != nil {
		return Report{}, err
	}
	r := newRehearsal(cfg, book)
	stop := r.start(ctx)
	defer stop()
	for _, x := range chosen {
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
		done := r.exercise(ctx, x, only[x.ID])
		report.Exercises = append(report.Exercises, done)
		report.Problems = append(report.Problems, done.Problems...)
	}
	report.OK = len(report.Problems) == 0
	report.Millis = time.Since(began).Milliseconds()
	r.say("%d exercises in %v, %d problems", len(chosen), time.Since(began).Round(time.Second), len(report.Problems))
	for _, p := range report.Problems {
		r.say("  %s", p)
	}
	return report, nil
}

// selection picks what to rehearse. What comes before an exercise in its
// chapter, and what it needs, is done as solutions alone.
func selection(all []Exercise, only string) ([]Exercise, map[workshop.ExerciseID]string, error) {
	lead := map[workshop.ExerciseID]string{}
	if only == "" {
		return all, lead, nil
	}
	target := slices.IndexFunc(all, func(x Exercise) bool { return string(x.ID) == only })
	wanted := map[workshop.ExerciseID]bool{}
	var need func(ids []workshop.ExerciseID)
	need = func(ids []workshop.ExerciseID) {
		for _, id := range ids {
			i := slices.IndexFunc(all, func(x Exercise) bool { return x.ID == id })
			if i >= 0 && !wanted[id] {
				wanted[id], lead[id] = true, "solution alone: "+only+" needs it"
				need(all[i].Needs)
			}
		}
	}
	for i, x := range all {
		switch {
		case target < 0 && x.Chapter == only, i == target:
			need(x.Needs)
		case target >= 0 && i < target && x.Chapter == all[target].Chapter:
			need([]workshop.ExerciseID{x.ID})
		}
	}
	var chosen []Exercise
	for i, x := range all {
		if i == target || target < 0 && x.Chapter == only {
			delete(lead, x.ID)
			chosen = append(chosen, x)
		} else if wanted[x.ID] {
			chosen = append(chosen, x)
		}
	}
	if len(chosen) == 0 {
		return nil, nil, fmt.Errorf("there is no exercise and no chapter %q", only)
	}
	return chosen, lead, nil
}

// rehearsal is one run of Rehearse.
type rehearsal struct {
	cfg     RehearseConfig
	book    *Book
	watcher *Watcher
	marks   *markBoard
	typists map[string]*typist // by node and number

	mu   sync.Mutex
	news chan struct{} // closed and replaced at each verdict
	told map[workshop.ExerciseID]workshop.Verdict
}

func newRehearsal(cfg RehearseConfig, book *Book) *rehearsal {
	if cfg.Out == nil {
		cfg.Out = io.Discard
	}
	r := &rehearsal{cfg: cfg, book: book, marks: newMarkBoard(), typists: map[string]*typist{},
		news: make(chan struct{}), told: map[workshop.ExerciseID]workshop.Verdict{}}
	r.watcher = NewWatcher(WatcherConfig{Book: book, Nodes: cfg.Lab.Nodes(), Verdict: r.verdict, Log: cfg.Log})
	return r
}

// start watches the lab beside the rehearsal, and answers how to stop.
func (r *rehearsal) start(ctx context.Context) func() {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { r.watcher.Run(ctx) })
	for _, node := range r.cfg.Lab.Nodes() {
		running.Go(func() { r.marks.follow(ctx, node) })
	}
	return func() {
		cancel()
		for _, t := range r.typists {
			t.close()
		}
		running.Wait()
	}
}

func (r *rehearsal) verdict(v workshop.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[v.Exercise] = v
	close(r.news)
	r.news = make(chan struct{})
}

func (r *rehearsal) say(format string, args ...any) { fmt.Fprintf(r.cfg.Out, format+"\n", args...) }

// await waits until an exercise's verdict fits, for a time, and answers the
// last one.
func (r *rehearsal) await(ctx context.Context, id workshop.ExerciseID, limit time.Duration, fits func(workshop.Verdict) bool) (workshop.Verdict, bool) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		v, news := r.told[id], r.news
		r.mu.Unlock()
		if fits(v) {
			return v, true
		}
		select {
		case <-news:
		case <-deadline.C:
			return v, false
		case <-ctx.Done():
			return v, false
		}
	}
}

func solved(v workshop.Verdict) bool { return v.State == workshop.Solved }

// exercise rehearses one exercise. lead, if not empty, says why its solution
// alone is done.
func (r *rehearsal) exercise(ctx context.Context, x Exercise, lead string) RehearsedExercise {
	began := time.Now()
	done := RehearsedExercise{ID: x.ID, File: x.File, Line: x.Line, Only: lead}
	problem := func(line int, format string, args ...any) {
		if line == 0 {
			line = x.Line
		}
		p := Problem{x.File, line, fmt.Sprintf("exercise %s: ", x.ID) + fmt.Sprintf(format, args...)}.Error()
		done.Problems = append(done.Problems, p)
		r.say("   PROBLEM %s", p)
	}
	defer func() { done.Millis = time.Since(began).Milliseconds() }()
	r.say("== %s (%s:%d) %s", x.ID, x.File, x.Line, x.Title)
	if len(x.Checks) == 0 {
		done.OK, done.Only = true, "it has no checks"
		r.say("   no checks: nothing to rehearse")
		return done
	}
	r.watcher.Open(x.ID)
	if lead == "" {
		r.redBefore(ctx, x, &done, problem)
	}
	if err := r.acts(ctx, x.Solution, &done.Solution); err != nil {
		problem(err.line, "%v", err)
		r.recover(ctx)
	}
	r.greenAfter(ctx, x, &done, problem)
	done.OK = len(done.Problems) == 0
	done.Millis = time.Since(began).Milliseconds()
	return done
}

type complain func(line int, format string, args ...any)

// redBefore proves that the exercise isn't solved by itself, nor by its wrong
// ways.
func (r *rehearsal) redBefore(ctx context.Context, x Exercise, done *RehearsedExercise, problem complain) {
	judged := func(v workshop.Verdict) bool {
		return len(v.Checks) > 0 && !slices.ContainsFunc(v.Checks, func(c workshop.CheckVerdict) bool { return c.State == workshop.Pending })
	}
	done.Before, _ = r.await(ctx, x.ID, judgedLimit, judged)
	r.say("   before: %s", verdictWords(done.Before))
	if solved(done.Before) {
		problem(0, "it is solved before anybody did anything")
		return
	}
	r.warn(x, done)
	settles := wrongSettles
	if slices.ContainsFunc(x.Checks, func(c Check) bool { return strings.Contains(c.That, "speed(") || strings.Contains(c.That, "rate(") }) {
		settles = wrongMeasure
	}
	for _, wrong := range x.Wrong {
		way := RehearsedWrong{Says: wrong.Says}
		r.say("   wrong way: %s", wrong.Says)
		if err := r.acts(ctx, wrong.Acts, &way.Acts); err != nil {
			problem(err.line, "wrong way %q: %v", wrong.Says, err)
			r.recover(ctx)
		}
		var bad bool
		way.Then, bad = r.await(ctx, x.ID, settles, solved)
		way.OK = !bad
		r.say("   then: %s", verdictWords(way.Then))
		if bad {
			problem(wrong.Line, "the wrong way %q solves it", wrong.Says)
		}
		done.Wrong = append(done.Wrong, way)
	}
	var cleaned []RehearsedAct
	if err := r.acts(ctx, x.CleanUp, &cleaned); err != nil {
		problem(err.line, "clean-up: %v", err)
	}
}

// warn notes checks that already held before their exercise: an earlier one
// has done their work.
func (r *rehearsal) warn(x Exercise, done *RehearsedExercise) {
	for i, c := range done.Before.Checks {
		if c.State == workshop.Passing && i < len(x.Checks) {
			w := Problem{x.File, max(x.Checks[i].Line, x.Line), fmt.Sprintf("exercise %s: %q holds before anybody did anything for it", x.ID, x.Checks[i].Says)}.Error()
			done.Warnings = append(done.Warnings, w)
			r.say("   warning %s", w)
		}
	}
}

// greenAfter waits for the tick.
func (r *rehearsal) greenAfter(ctx context.Context, x Exercise, done *RehearsedExercise, problem complain) {
	began := time.Now()
	var ok bool
	done.After, ok = r.await(ctx, x.ID, cmp.Or(r.cfg.SolvedLimit, solvedLimit), solved)
	r.say("   after: %s (%v)", verdictWords(done.After), time.Since(began).Round(10*time.Millisecond))
	if ok {
		done.SolvedIn = time.Since(began).Milliseconds()
		return
	}
	for i, c := range done.After.Checks {
		if c.State != workshop.Passing && i < len(x.Checks) {
			problem(x.Checks[i].Line, "after its solution %q is %s: %s", x.Checks[i].Says, c.State, c.Reason)
		}
	}
	if len(done.After.Checks) == 0 {
		problem(0, "after its solution nothing is judged")
	}
}

func verdictWords(v workshop.Verdict) string {
	words := string(v.State)
	if words == "" {
		words = "nothing told"
	}
	for _, c := range v.Checks {
		if c.Reason != "" {
			words += "; " + c.Reason
		}
	}
	return words
}

// actError is a failed act, with its line in the deck.
type actError struct {
	line int
	error
}

func (r *rehearsal) acts(ctx context.Context, acts []Act, done *[]RehearsedAct) *actError {
	for _, a := range acts {
		one, err := r.act(ctx, a)
		*done = append(*done, one)
		if err != nil {
			return &actError{a.Line, err}
		}
	}
	return nil
}

func (r *rehearsal) act(ctx context.Context, a Act) (RehearsedAct, error) {
	if a.Node == "" {
		a.Node = "node1"
	}
	if a.Timeout <= 0 {
		a.Timeout = actLimit
	}
	began := time.Now()
	one := RehearsedAct{Node: a.Node, Typed: a.Text, Line: a.Line}
	ctx, cancel := context.WithTimeoutCause(ctx, a.Timeout, fmt.Errorf("no end of it within %v", a.Timeout))
	defer cancel()
	var err error
	switch {
	case a.Open > 0:
		one.Typed = fmt.Sprintf("open port %d", a.Open)
		r.say("   %s: open port %d in the page", a.Node, a.Open)
		if err = r.cfg.Lab.OpenPort(ctx, a.Node, a.Open); err == nil {
			r.watcher.Opened(a.Node, a.Open)
		}
	default:
		err = r.inTerminal(ctx, a, &one)
	}
	one.Millis = time.Since(began).Milliseconds()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = context.Cause(ctx)
	}
	return one, err
}

func (r *rehearsal) inTerminal(ctx context.Context, a Act, one *RehearsedAct) error {
	t, err := r.typist(ctx, a.Node, max(a.Terminal, 1))
	if err != nil {
		return err
	}
	from := t.seen()
	code, err := t.do(ctx, a, r.say)
	one.Code = code
	one.Seen = t.since(from)
	for _, line := range lastLines(one.Seen, 8) {
		r.say("   | %s", line)
	}
	if err != nil {
		return fmt.Errorf("typing %q on %s: %w", shorten(a.Text), a.Node, err)
	}
	return nil
}

// typist finds or opens a terminal of a node by its number.
func (r *rehearsal) typist(ctx context.Context, node string, number int) (*typist, error) {
	key := node + "/" + itoa(number)
	if t := r.typists[key]; t != nil {
		return t, nil
	}
	terminal, err := r.cfg.Lab.OpenTerminal(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("opening a terminal on %s: %w", node, err)
	}
	t := newTypist(terminal, key, r.marks)
	r.typists[key] = t
	return t, nil
}

// recover gets every terminal back to its prompt after something failed, so
// that the next exercise has a chance.
func (r *rehearsal) recover(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for _, t := range r.typists {
		t.interrupt(ctx)
	}
}
