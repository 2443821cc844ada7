package orchestration_test

import (
	"io/fs"
	"strings"
	"testing"

	"slipway/slides"
	"slipway/slides/orchestration"
)

func load(t *testing.T) *slides.Deck {
	t.Helper()
	deck, err := slides.Load(orchestration.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	return deck
}

// The built-in workshop has nothing an author should look at.
func TestNoProblems(t *testing.T) {
	for _, problem := range slides.Lint(load(t)) {
		t.Error(problem)
	}
}

// The exercises are those of the plan, in their order, and each can be rehearsed:
// a check, hints in steps, a solution, and a wrong way that must not pass.
func TestExercises(t *testing.T) {
	planned := "hello-node get-the-code " +
		"rng-up rng-use hasher-up hasher-use stop-both all-up see-the-graph in-background resources ten-workers " +
		"no-workers ping-idle ping-one ping-many ab-rng ab-hasher " +
		"rng-stop rng-times-three hamba repoint thirty " +
		"add-host lonely-redis ambassador second-node all-nodes tell-the-world watcher " +
		"backup logs-driver rebuild sniff " +
		"swarm-init swarm-join-one swarm-join-all look-around contexts first-service drain push no-image " +
		"to-ambassadors spread create-ambassadors configure-ambassadors scale-again challenge-kv plumbing-done " +
		"jedi ping-within ping-across connect disconnect clean-up stack stack-scale stack-update stack-gone " +
		"challenge-scale challenge-version challenge-blue-green challenge-dns"
	var found []string
	for _, e := range load(t).Exercises {
		if e.Minutes <= 0 || e.Title == "" {
			t.Errorf("%s has no planned minutes or no title", e.ID)
		}
		if e.Quiz != nil {
			if e.Quiz.Explain == "" {
				t.Errorf("the question %s explains nothing", e.ID)
			}
			continue
		}
		found = append(found, e.ID)
		if len(e.Checks) == 0 || len(e.Hints) < 2 || len(e.Solution) == 0 || len(e.Wrong) == 0 {
			t.Errorf("%s has %d checks, %d hints, %d acts in its solution and %d wrong ways; it needs 1, 2, 1 and 1",
				e.ID, len(e.Checks), len(e.Hints), len(e.Solution), len(e.Wrong))
		}
		for _, hint := range e.Hints {
			if !says(e, hint.For) {
				t.Errorf("a hint of %s is for %q, which is no check of it", e.ID, hint.For)
			}
		}
	}
	if got := strings.Join(found, " "); got != planned {
		t.Errorf("exercises are\n%s\nplanned are\n%s", got, planned)
	}
}

func says(e *slides.Exercise, text string) bool {
	for _, check := range e.Checks {
		if check.Says == text {
			return true
		}
	}
	return false
}

// Every slide has a name of its own, notes for who presents it, and few enough
// words for a projector; the planned minutes hold the exercises.
func TestSlides(t *testing.T) {
	deck := load(t)
	exercises := map[string]float64{}
	for _, e := range deck.Exercises {
		exercises[e.Chapter] += e.Minutes
	}
	for _, c := range deck.Chapters {
		if c.Minutes < exercises[c.Name] {
			t.Errorf("chapter %s has %v minutes and exercises of %v", c.Name, c.Minutes, exercises[c.Name])
		}
	}
	for _, s := range deck.Slides {
		if s.Generated {
			continue
		}
		if strings.TrimSpace(s.NotesText) == "" {
			t.Errorf("%s:%d: slide %s has no notes", s.File, s.Line, s.Name)
		}
		if s.Words > 130 {
			t.Errorf("%s:%d: slide %s has %d words", s.File, s.Line, s.Name, s.Words)
		}
	}
}

// Answers, checks and solutions stay out of what attendees get.
func TestNothingIsGivenAway(t *testing.T) {
	deck := load(t)
	for _, s := range deck.Slides {
		for _, secret := range []string{"2cf24dba", "33.3 ±", "node1.service(", "exitCodes", "Don't tell"} {
			if strings.Contains(s.HTML, secret) {
				t.Errorf("slide %s shows %q", s.Name, secret)
			}
		}
	}
}

// Pictures are small, and say in words what they show.
func TestPictures(t *testing.T) {
	pictures, err := fs.Glob(orchestration.FS, "images/*.svg")
	if err != nil || len(pictures) == 0 {
		t.Fatalf("no pictures: %v", err)
	}
	for _, name := range pictures {
		data, err := fs.ReadFile(orchestration.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 8000 || !strings.Contains(string(data), "<title>") {
			t.Errorf("%s has %d bytes (8000 at most) or no title", name, len(data))
		}
	}
}
