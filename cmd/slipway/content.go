package main

import (
	"log/slog"
	"strconv"

	"slipway/exercises"
	"slipway/server"
	"slipway/slides"
	"slipway/workshop"
)

// content is the workshop in memory, as each room needs it.
type content struct {
	deck   *slides.Deck
	book   *exercises.Book
	served *server.Deck
}

// loadContent loads and compiles a workshop; path is empty for the built-in
// one. Slips of the author are logged and cost only what they are about.
func loadContent(path string, log *slog.Logger) (*content, error) {
	deck, err := loadDeck(path)
	if err != nil {
		return nil, err
	}
	book, problems, err := compileBook(deck)
	if err != nil {
		return nil, err
	}
	for _, p := range append(deck.Problems, problems...) {
		log.Warn("a slip in the workshop", "where", p.String())
	}
	served, err := server.FromSlides(deck)
	if err != nil {
		return nil, err
	}
	return &content{deck: deck, book: book, served: served}, nil
}

// Deck gives the workshop to the server.
func (c *content) Deck(name string) (*server.Deck, error) {
	if name != c.served.Name {
		return nil, workshop.Errorf(workshop.Unknown, "There is no workshop %q here.", name)
	}
	return c.served, nil
}

// nearby is how many slides before and after one's own are looked at: people
// work a little ahead, and go back for what they left.
const nearby = 8

// near lists the exercises on the slides around one.
func (c *content) near(slide string) []workshop.ExerciseID {
	at := c.deck.Slide(slide)
	if at == nil {
		return nil
	}
	var ids []workshop.ExerciseID
	for _, e := range c.deck.Exercises {
		on := c.deck.Slide(e.Slide)
		if on != nil && on.Number >= at.Number-nearby && on.Number <= at.Number+nearby {
			ids = append(ids, workshop.ExerciseID(e.ID))
		}
	}
	return ids
}

// compileBook makes the exercises of a deck ready to be judged. A mistake in a
// check is a problem with the place it was made at.
func compileBook(deck *slides.Deck) (*exercises.Book, []slides.Problem, error) {
	var all []exercises.Exercise
	for _, e := range deck.Exercises {
		all = append(all, toExercise(e))
	}
	book, found, err := exercises.Compile(nodeNames, all)
	if err != nil {
		return nil, nil, err
	}
	var problems []slides.Problem
	for _, p := range found {
		problems = append(problems, slides.Problem{File: p.File, Line: p.Line, Message: p.Message, Severity: slides.Error})
	}
	return book, problems, nil
}

func toExercise(e *slides.Exercise) exercises.Exercise {
	x := exercises.Exercise{
		ID: workshop.ExerciseID(e.ID), Title: e.Title, Chapter: e.Chapter, Optional: e.Optional, Keep: e.Keep,
		File: e.File, Line: e.Line, Solution: toActs(e.Solution), CleanUp: toActs(e.CleanUp),
	}
	for _, need := range e.Needs {
		x.Needs = append(x.Needs, workshop.ExerciseID(need))
	}
	for _, c := range e.Checks {
		x.Checks = append(x.Checks, exercises.Check{Says: c.Says, That: c.That, Else: c.Else, Line: c.Line})
	}
	for _, w := range e.Wrong {
		x.Wrong = append(x.Wrong, exercises.WrongWay{Says: w.Says, Acts: toActs(w.Acts), Line: w.Line})
	}
	return x
}

func toActs(acts []slides.Act) []exercises.Act {
	var out []exercises.Act
	for _, a := range acts {
		act := exercises.Act{
			Text: a.Text, Keys: a.Kind == "key", Node: a.Node, Terminal: a.Terminal,
			Wait: a.Wait, Timeout: a.Timeout, Dangerous: a.Dangerous, Line: a.Line,
		}
		if a.Kind == "open" {
			act.Text = ""
			act.Open, _ = strconv.Atoi(a.Text) // slides takes ports alone
		}
		out = append(out, act)
	}
	return out
}
