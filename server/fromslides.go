package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"strconv"

	"slipway/exercises"
	"slipway/slides"
	"slipway/workshop"
)

// FromSlides makes the server's view of a deck, and a version of it that is
// another one whenever what people see is. It fails for a deck without a slide.
func FromSlides(d *slides.Deck) (*Deck, error) {
	if len(d.Slides) == 0 {
		return nil, workshop.Errorf(workshop.Invalid, "The workshop %s has no slides. Look at what slipway lint says.", d.Name)
	}
	var style bytes.Buffer
	if err := slides.Stylesheet(&style); err != nil {
		return nil, err
	}
	deck := &Deck{Name: d.Name, Title: d.Title, Minutes: minutes(d.Minutes), Assets: assetsOf{d}, Style: style.Bytes(), search: d.Search}
	chapters := map[string]int{}
	for _, c := range d.Chapters {
		chapters[c.Name] = len(deck.Chapters)
		deck.Chapters = append(deck.Chapters, Chapter{Title: c.Title, Minutes: minutes(c.Minutes), First: c.First + 1})
	}
	for _, s := range d.Slides {
		deck.Slides = append(deck.Slides, Slide{
			Name: s.Name, Title: s.Title, Chapter: chapters[s.Chapter], Steps: len(s.Steps) - 1, Classes: s.Classes,
			Exercises: ids(s.Exercises), Minutes: minutes(s.Minutes), HTML: s.HTML, Notes: s.NotesHTML,
			Background: s.Background,
		})
	}
	for _, e := range d.Exercises {
		deck.Exercises = append(deck.Exercises, exerciseFrom(e, chapters[e.Chapter]))
	}
	deck.Version = fingerprint(deck)
	return deck, nil
}

func minutes(m float64) int { return int(math.Round(m)) }

func ids(names []string) []workshop.ExerciseID {
	list := make([]workshop.ExerciseID, 0, len(names))
	for _, name := range names {
		list = append(list, workshop.ExerciseID(name))
	}
	return list
}

func exerciseFrom(e *slides.Exercise, chapter int) Exercise {
	one := Exercise{ID: workshop.ExerciseID(e.ID), Title: e.Title, Slide: e.Slide, Chapter: chapter,
		Minutes: minutes(e.Minutes), Optional: e.Optional, Needs: ids(e.Needs)}
	for _, c := range e.Checks {
		one.Checks = append(one.Checks, c.Says)
	}
	for _, h := range e.Hints {
		one.Hints = append(one.Hints, Hint{h.For, h.HTML})
	}
	for _, a := range e.Solution {
		one.Solution = append(one.Solution, Act{Node: a.Node, Terminal: "t" + strconv.Itoa(max(a.Terminal, 1)),
			Text: a.Text, Kind: a.Kind, Dangerous: a.Dangerous})
	}
	if q := e.Quiz; q != nil {
		one.Explain = q.Explain
		quiz := quizFrom(q)
		one.Answer = func(choices []int, text string) bool {
			return quiz.Correct(exercises.Answered{Chosen: choices, Text: text})
		}
	}
	return one
}

func quizFrom(q *slides.Quiz) *exercises.Quiz {
	quiz := &exercises.Quiz{Options: len(q.Choices), Number: q.Number, Tolerance: q.Tolerance, Pattern: q.Pattern}
	for i, c := range q.Choices {
		if c.Right {
			quiz.Right = append(quiz.Right, i)
		}
	}
	return quiz
}

// fingerprint covers all that any page shows of a deck.
func fingerprint(d *Deck) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %d %+v\n", d.Name, d.Title, d.Minutes, d.Chapters)
	for _, s := range d.Slides {
		fmt.Fprintf(sum, "%q\n", fmt.Sprint(s))
	}
	for _, e := range d.Exercises {
		e.Answer = nil
		fmt.Fprintf(sum, "%q\n", fmt.Sprint(e))
	}
	sum.Write(d.Style)
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

// assetsOf shows a deck's pictures as a file system. The deck refuses the
// sources.
type assetsOf struct{ deck *slides.Deck }

func (a assetsOf) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return a.deck.Asset(name)
}
