package exercises

import (
	"cmp"
	"context"
	"fmt"
	"io"
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

// rehearsal is one run of Rehearse.
type rehearsal struct {
	cfg     RehearseConfig
	watcher *Watcher
	hands   *hands
}

func newRehearsal(cfg RehearseConfig, book *Book) *rehearsal {
	if cfg.Out == nil {
		cfg.Out = io.Discard
	}
	r := &rehearsal{cfg: cfg, watcher: NewWatcher(WatcherConfig{Book: book, Nodes: cfg.Lab.Nodes(), Registry: cfg.Registry, Log: cfg.Log})}
	r.hands = newHands(cfg.Lab, r.watcher, r.say, manners{prompt: promptLimit})
	return r
}

// start watches the lab beside the rehearsal, and answers how to stop.
func (r *rehearsal) start(ctx context.Context) func() {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { r.watcher.Run(ctx) })
	for _, node := range r.cfg.Lab.Nodes() {
		running.Go(func() { r.hands.marks.follow(ctx, node) })
	}
	return func() {
		cancel()
		r.hands.close()
		running.Wait()
	}
}

func (r *rehearsal) say(format string, args ...any) { fmt.Fprintf(r.cfg.Out, format+"\n", args...) }

// await waits until an exercise's verdict fits, for a time, and answers the
// last one.
func (r *rehearsal) await(ctx context.Context, id workshop.ExerciseID, limit time.Duration, fits func(workshop.Verdict) bool) (workshop.Verdict, bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	v, err := r.watcher.Await(ctx, id, fits)
	return v, err == nil
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
		r.hands.recover(ctx)
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
			r.hands.recover(ctx)
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
