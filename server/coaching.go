package server

import (
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"slipway/terminal"
	"slipway/workshop"
)

// doIt begins to do an exercise for the person, or to bring them to it.
func (s *Server) doIt(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct{ Bring bool }
	e, err := s.exerciseOf(r, c)
	if err == nil {
		err = read(r, &body)
	}
	switch {
	case err != nil:
		return err
	case c.session.facts().Ended:
		return sessionEnded()
	case s.cfg.Coach == nil:
		return workshop.Errorf(workshop.Unavailable, "This server does nothing for people.")
	case !body.Bring && len(e.Solution) == 0:
		return workshop.Errorf(workshop.Unknown, "This exercise has no ready-made solution.")
	}
	if err := s.cfg.Coach.Do(r.Context(), c.session.id, c.who.ID, e.ID, body.Bring); err != nil {
		return err
	}
	return done(w)
}

func (s *Server) stopDoing(w http.ResponseWriter, r *http.Request, c caller) error {
	if s.cfg.Coach != nil {
		if err := s.cfg.Coach.Stop(r.Context(), c.who.ID); err != nil {
			return err
		}
	}
	return done(w)
}

// answers are what a terminal says by itself, not its person: where the cursor
// is, what it can do, that it got the focus, what the mouse did.
var answers = regexp.MustCompile(`^(?:\x1b\[[?>=<]?[0-9;]*[cRnIOMmuyt]|\x1b\[\??[0-9;]*\$y|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[P_][^\x1b]*\x1b\\|\x1b\[M...)+$`)

// typedByHand says whether a browser's frame holds keys that a person pressed.
func typedByHand(frame []byte) bool {
	const head = 9 // kind and offset
	return len(frame) > head && terminal.Kind(frame[0]) == terminal.KindInput && !answers.Match(frame[head:min(len(frame), head+512)])
}

// attendeeOf finds the attendee and the exercise that the address names.
func (s *Server) attendeeOf(r *http.Request, c caller) (workshop.Person, Exercise, error) {
	e, err := s.exerciseOf(r, c)
	if err != nil {
		return workshop.Person{}, e, err
	}
	p, ok := c.session.person(workshop.ParticipantID(r.PathValue("who")))
	if !ok || p.Role != workshop.Attendee {
		return p, e, workshop.Errorf(workshop.Unknown, "There is no attendee of that id in this session.")
	}
	return p, e, nil
}

// judgeFor judges an attendee's exercise again, for a helper who looks at it.
func (s *Server) judgeFor(w http.ResponseWriter, r *http.Request, c caller) error {
	p, e, err := s.attendeeOf(r, c)
	if err != nil {
		return err
	}
	if s.cfg.Judge != nil && len(e.Checks) > 0 {
		if err := s.cfg.Judge.Judge(r.Context(), c.session.id, p.ID, e.ID); err != nil {
			return err
		}
	}
	return done(w)
}

// maxReason bounds the reason of a decision, in characters.
const maxReason = 280

// override decides that an attendee's exercise counts as solved, and why; with
// an empty reason it takes that back.
func (s *Server) override(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct{ Reason string }
	p, e, err := s.attendeeOf(r, c)
	if err == nil {
		err = read(r, &body)
	}
	if err != nil {
		return err
	}
	if c.session.facts().Ended {
		return sessionEnded()
	}
	reason := strings.Join(strings.Fields(strings.ToValidUTF8(body.Reason, "")), " ")
	if utf8.RuneCountInString(reason) > maxReason {
		return workshop.Errorf(workshop.Invalid, "A reason has at most %d characters.", maxReason)
	}
	before := p.Exercises[e.ID]
	if before == nil {
		before = &workshop.Achievement{}
	}
	if before.Override == reason {
		return done(w)
	}
	v := workshop.Verdict{Exercise: e.ID, State: workshop.Pending, Attempts: before.Attempts, Override: reason}
	switch {
	case reason != "":
		v.State, v.Checks = workshop.Solved, before.Checks
	case len(e.Checks) == 0 && before.Quiz != nil && *before.Quiz:
		v.State = workshop.Solved
	}
	decided := workshop.Event{Kind: workshop.VerdictChanged, Participant: p.ID, By: c.who.ID, Verdict: &v}
	if err := c.session.append(r.Context(), decided); err != nil {
		return err
	}
	return done(w)
}

// maxExpression bounds an expression to try, in bytes.
const maxExpression = 4096

// try judges an author's expression against their own lab.
func (s *Server) try(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct{ Expression string }
	if err := read(r, &body); err != nil {
		return err
	}
	expression := strings.TrimSpace(body.Expression)
	switch {
	case expression == "" || len(expression) > maxExpression:
		return workshop.Errorf(workshop.Invalid, "Write an expression of up to %d characters, such as node1.service(\"rng\").running == 1.", maxExpression)
	case s.cfg.Coach == nil:
		return workshop.Errorf(workshop.Unavailable, "This server has no labs to try expressions against.")
	}
	answer, err := s.cfg.Coach.Try(r.Context(), c.session.id, c.who.ID, expression)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func (s *Server) tryPage(w http.ResponseWriter, r *http.Request, c caller) error {
	b := s.bootOf("try", c)
	b.Nodes = s.cfg.Nodes // their own, made when the first expression is tried
	return s.show(w, r, http.StatusOK, "app.html", view{Title: "Try checks · " + b.Title, Boot: b})
}
