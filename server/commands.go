package server

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"slipway/workshop"
)

// done answers a command that has nothing to tell.
func done(w http.ResponseWriter) error {
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}

// record appends what the caller did, unless the session is over. What concerns
// the room carries nobody's id: it is for everyone to see.
func (c caller) record(r *http.Request, events ...workshop.Event) error {
	if c.session.facts().Ended {
		return sessionEnded()
	}
	for i, e := range events {
		if e.Kind != workshop.SlideMoved && e.Kind != workshop.Announced {
			events[i].Participant = c.who.ID
		}
	}
	return c.session.append(r.Context(), events...)
}

// readPlace reads a place that the deck has.
func (s *Server) readPlace(r *http.Request, c caller) (workshop.Place, error) {
	var p workshop.Place
	if err := read(r, &p); err != nil {
		return p, err
	}
	deck, err := s.deckOf(c)
	if err != nil {
		return p, err
	}
	slide, ok := deck.slide(p.Slide)
	if !ok {
		return p, workshop.Errorf(workshop.Unknown, "The deck has no slide of that name. Reload the page: the deck may have changed.")
	}
	p.Step = min(max(p.Step, 0), slide.Steps)
	return p, nil
}

func (s *Server) place(w http.ResponseWriter, r *http.Request, c caller) error {
	p, err := s.readPlace(r, c)
	if err != nil {
		return err
	}
	if me, ok := c.session.person(c.who.ID); ok && me.Place == p {
		return done(w)
	}
	if err := c.record(r, workshop.Event{Kind: workshop.PlaceChanged, Place: &p}); err != nil {
		return err
	}
	return done(w)
}

func (s *Server) moveSlide(w http.ResponseWriter, r *http.Request, c caller) error {
	p, err := s.readPlace(r, c)
	if err != nil {
		return err
	}
	f := c.session.facts()
	moved := workshop.Event{Kind: workshop.SlideMoved, Place: &p}
	switch {
	case f.Driver == "": // whoever moves first takes the seat
		err = c.record(r, workshop.Event{Kind: workshop.DriverChanged}, moved)
	case f.Driver != c.who.ID:
		driver, _ := c.session.person(f.Driver)
		return workshop.Errorf(workshop.Conflict, "%s drives the slides. Take the driver's seat first.", driver.Name)
	case f.Place == p:
	default:
		err = c.record(r, moved)
	}
	if err != nil {
		return err
	}
	return done(w)
}

func (s *Server) drive(w http.ResponseWriter, r *http.Request, c caller) error {
	if c.session.facts().Driver != c.who.ID {
		if err := c.record(r, workshop.Event{Kind: workshop.DriverChanged}); err != nil {
			return err
		}
	}
	return done(w)
}

func (s *Server) status(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct{ Status workshop.Status }
	if err := read(r, &body); err != nil {
		return err
	}
	switch body.Status {
	case workshop.Working, workshop.Done, workshop.Help:
	default:
		return workshop.Errorf(workshop.Invalid, "A status is one of working, done and help.")
	}
	if me, ok := c.session.person(c.who.ID); ok && me.Status == body.Status {
		return done(w)
	}
	if err := c.record(r, workshop.Event{Kind: workshop.StatusChanged, Status: body.Status}); err != nil {
		return err
	}
	return done(w)
}

// maxAnnouncement bounds an announcement, in characters.
const maxAnnouncement = 280

func (s *Server) announce(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct{ Text string }
	if err := read(r, &body); err != nil {
		return err
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(body.Text, "")), " ")
	if utf8.RuneCountInString(text) > maxAnnouncement {
		return workshop.Errorf(workshop.Invalid, "An announcement has at most %d characters.", maxAnnouncement)
	}
	if err := c.record(r, workshop.Event{Kind: workshop.Announced, Text: text}); err != nil {
		return err
	}
	return done(w)
}

func (s *Server) endSession(w http.ResponseWriter, r *http.Request, c caller) error {
	if !c.session.facts().Ended {
		if err := c.session.append(r.Context(), workshop.Event{Kind: workshop.SessionEnded}); err != nil {
			return err
		}
	}
	return done(w)
}

func (s *Server) retryLab(w http.ResponseWriter, r *http.Request, c caller) error {
	if c.session.facts().Ended {
		return sessionEnded()
	}
	if err := s.cfg.Labs.Prepare(r.Context(), c.session.id, c.who.ID); err != nil {
		return err
	}
	return done(w)
}

// exerciseOf finds the exercise that the address names.
func (s *Server) exerciseOf(r *http.Request, c caller) (Exercise, error) {
	deck, err := s.deckOf(c)
	if err != nil {
		return Exercise{}, err
	}
	id := workshop.ExerciseID(r.PathValue("id"))
	for _, e := range deck.Exercises {
		if e.ID == id {
			return e, nil
		}
	}
	return Exercise{}, workshop.Errorf(workshop.Unknown, "The deck has no such exercise. Reload the page: the deck may have changed.")
}

// recordOpen records that something was read. After the end people may still
// read, unrecorded.
func (c caller) recordOpen(r *http.Request, e workshop.Event) error {
	if c.session.facts().Ended {
		return nil
	}
	return c.record(r, e)
}

func (s *Server) solution(w http.ResponseWriter, r *http.Request, c caller) error {
	e, err := s.exerciseOf(r, c)
	if err != nil {
		return err
	}
	if len(e.Solution) == 0 {
		return workshop.Errorf(workshop.Unknown, "This exercise has no ready-made solution.")
	}
	me, _ := c.session.person(c.who.ID)
	if a := me.Exercises[e.ID]; a == nil || !a.Solution {
		if err := c.recordOpen(r, workshop.Event{Kind: workshop.SolutionOpened, Exercise: e.ID}); err != nil {
			return err
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"acts": e.Solution})
	return nil
}

func (s *Server) quiz(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct {
		Choices []int
		Answer  string
	}
	e, err := s.exerciseOf(r, c)
	if err == nil {
		err = read(r, &body)
	}
	if err != nil {
		return err
	}
	if e.Answer == nil {
		return workshop.Errorf(workshop.Invalid, "This exercise has no question to answer.")
	}
	if len(body.Choices) > 64 || len(body.Answer) > 1000 {
		return workshop.Errorf(workshop.Invalid, "That answer is too long.")
	}
	correct := e.Answer(body.Choices, body.Answer)
	if err := c.record(r, s.quizEvents(c, e, correct)...); err != nil {
		return err
	}
	answer := map[string]any{"correct": correct}
	if correct && e.Explain != "" {
		answer["explain"] = e.Explain
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// quizEvents is what an answer means: it was given, and the quiz is solved or
// not. A quiz that was solved stays so. Where an exercise has checks as well,
// these decide.
func (s *Server) quizEvents(c caller, e Exercise, correct bool) []workshop.Event {
	events := []workshop.Event{{Kind: workshop.QuizAnswered, Exercise: e.ID, Correct: correct}}
	if len(e.Checks) > 0 {
		return events
	}
	verdict := workshop.Verdict{Exercise: e.ID, State: workshop.Failing}
	me, _ := c.session.person(c.who.ID)
	if before := me.Exercises[e.ID]; before != nil {
		if before.State == workshop.Solved {
			return events
		}
		verdict.Attempts = before.Attempts
	}
	if correct {
		verdict.State = workshop.Solved
	} else {
		verdict.Attempts++
	}
	return append(events, workshop.Event{Kind: workshop.VerdictChanged, Verdict: &verdict})
}

func (s *Server) judge(w http.ResponseWriter, r *http.Request, c caller) error {
	e, err := s.exerciseOf(r, c)
	if err != nil {
		return err
	}
	if s.cfg.Judge != nil && e.Answer == nil {
		if err := s.cfg.Judge.Judge(r.Context(), c.session.id, c.who.ID, e.ID); err != nil {
			return err
		}
	}
	return done(w)
}
