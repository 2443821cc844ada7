package orchestration_test

import (
	"testing"

	"slipway/exercises"
	"slipway/workshop"
)

// Every check is understood by the language of docs/checks.md, and every need
// is an exercise.
func TestChecksCompile(t *testing.T) {
	deck := load(t)
	var all []exercises.Exercise
	for _, e := range deck.Exercises {
		x := exercises.Exercise{ID: workshop.ExerciseID(e.ID), File: e.File, Line: e.Line}
		for _, n := range e.Needs {
			x.Needs = append(x.Needs, workshop.ExerciseID(n))
		}
		for _, c := range e.Checks {
			x.Checks = append(x.Checks, exercises.Check{Says: c.Says, That: c.That, Else: c.Else, Line: c.Line})
		}
		all = append(all, x)
	}
	_, problems, err := exercises.Compile([]string{"node1", "node2", "node3", "node4", "node5"}, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
