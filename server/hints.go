package server

import (
	"net/http"
	"slices"

	"slipway/workshop"
)

// hint gives the hint of that number: one that was opened before, or the next
// one, which is then recorded. Which one is next follows from what fails.
func (s *Server) hint(w http.ResponseWriter, r *http.Request, c caller) error {
	body := struct{ Number int }{1}
	e, err := s.exerciseOf(r, c)
	if err == nil {
		err = read(r, &body)
	}
	if err != nil {
		return err
	}
	if body.Number < 1 || body.Number > len(e.Hints) {
		return workshop.Errorf(workshop.Unknown, "This exercise has %d hints.", len(e.Hints))
	}
	me, _ := c.session.person(c.who.ID)
	a := me.Exercises[e.ID]
	if a == nil {
		a = &workshop.Achievement{}
	}
	order := hintOrder(e, a)
	number := min(body.Number, a.Hints+1)
	if number > a.Hints {
		opened := workshop.Event{Kind: workshop.HintOpened, Exercise: e.ID, Number: number, Hint: order[number-1] + 1}
		if err := c.recordOpen(r, opened); err != nil {
			return err
		}
	}
	one := e.Hints[order[number-1]]
	writeJSON(w, http.StatusOK, map[string]any{"html": one.HTML, "for": one.For, "number": number})
	return nil
}

// hintOrder lists an exercise's hints, from 0, as one person gets them: those
// that are open, then those about checks that fail now, then those about none,
// then the rest. Each group keeps its author's order.
func hintOrder(e Exercise, a *workshop.Achievement) []int {
	var order []int
	for _, n := range a.Opened {
		if n >= 1 && n <= len(e.Hints) {
			order = append(order, n-1)
		}
	}
	for n := 0; len(order) < a.Hints && n < len(e.Hints); n++ { // opened before it was kept which one
		if !slices.Contains(order, n) {
			order = append(order, n)
		}
	}
	failing := func(says string) bool {
		for i, check := range e.Checks {
			if check == says && i < len(a.Checks) {
				return a.Checks[i].State == workshop.Failing
			}
		}
		return false
	}
	for _, fits := range []func(Hint) bool{
		func(h Hint) bool { return failing(h.For) },
		func(h Hint) bool { return h.For == "" },
		func(Hint) bool { return true },
	} {
		for n, h := range e.Hints {
			if fits(h) && !slices.Contains(order, n) {
				order = append(order, n)
			}
		}
	}
	return order
}
