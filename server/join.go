package server

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"time"

	"slipway/workshop"
)

// read decodes a command's JSON body. Unknown members are ignored, so that a
// newer page works with an older server.
func read(r *http.Request, into any) error {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		return workshop.Errorf(workshop.Invalid, "Send JSON, with the header Content-Type: application/json.")
	}
	in := json.NewDecoder(r.Body)
	if err := in.Decode(into); err != nil {
		if err == io.EOF {
			return nil // nothing sent is nothing asked
		}
		return workshop.Errorf(workshop.Invalid, "The request's body is not the JSON that belongs here.").Because(err)
	}
	return nil
}

// isForm says whether a command came from a form, as of a browser without
// JavaScript; it gets pages and redirects for answers.
func isForm(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "application/x-www-form-urlencoded"
}

// entry is what someone sends to get in.
type entry struct {
	Code string `json:"code"`
	Name string `json:"name"`
	Key  string `json:"key"`
}

func readEntry(r *http.Request) (entry, error) {
	var e entry
	if !isForm(r) {
		return e, read(r, &e)
	}
	if err := r.ParseForm(); err != nil {
		return e, err
	}
	return entry{r.PostForm.Get("code"), r.PostForm.Get("name"), r.PostForm.Get("key")}, nil
}

// wrongTry counts a wrong code or key of an address.
func (s *Server) wrongTry(r *http.Request, sentence string) error {
	s.tries.add(addressOf(r))
	return workshop.Errorf(workshop.Invalid, "%s", sentence)
}

func (s *Server) mayTry(r *http.Request) error {
	if s.tries.full(addressOf(r)) {
		return workshop.Errorf(workshop.TooMany, "Too many wrong codes came from your address. Wait a minute, then try the code as it is shown.")
	}
	return nil
}

func (s *Server) join(w http.ResponseWriter, r *http.Request, c caller) error {
	e, err := readEntry(r)
	if err == nil {
		err = s.mayTry(r)
	}
	if err != nil {
		return err
	}
	session, err := s.byCode(r, e.Code)
	if err != nil {
		return err
	}
	if c.session == session {
		return s.enter(w, r, session, c.who, session.home())
	}
	name, err := workshop.CleanName(e.Name)
	if err != nil {
		return err
	}
	who, err := s.admitPerson(w, r, session, workshop.Participant{Name: name, Role: workshop.Attendee})
	if err != nil {
		return err
	}
	return s.enter(w, r, session, who, session.home())
}

// byCode finds the session of a join code.
func (s *Server) byCode(r *http.Request, typed string) (*session, error) {
	code := workshop.NormalizeJoinCode(typed)
	for _, session := range s.allSessions() {
		f := session.facts()
		if !sameSecret(f.Session.JoinCode, code) {
			continue
		}
		if f.Ended {
			return nil, workshop.Errorf(workshop.Ended, "This session has ended, and its code with it. Ask for the code of the next one.")
		}
		return session, nil
	}
	return nil, s.wrongTry(r, "No session has this code. Check it against what the instructor shows: eight letters and digits.")
}

// admitPerson makes a new participant with a cookie of their own. Someone with
// an id gets a further cookie instead: a second device.
func (s *Server) admitPerson(w http.ResponseWriter, r *http.Request, session *session, p workshop.Participant) (workshop.Participant, error) {
	if p.ID == "" {
		if n := session.facts().People; n >= s.cfg.MaxPeople {
			return p, workshop.Errorf(workshop.TooMany, "This session is full (%d people). Ask the instructor.", n)
		}
		p.ID, p.Joined = workshop.ParticipantID(workshop.NewID()), time.Now().UTC()
	}
	secret := workshop.NewSecret()
	p.Token = hashOf(secret)
	person := p
	if err := session.append(r.Context(), workshop.Event{Kind: workshop.Joined, Participant: p.ID, Person: &person}); err != nil {
		return p, err
	}
	s.setCookie(w, secret, cookieLife)
	s.log.Info("joined", "session", string(session.id), "participant", string(p.ID), "role", string(p.Role))
	return p, nil
}

// enter answers someone who is in, and has their lab made ready.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, session *session, who workshop.Participant, to string) error {
	if who.Role == workshop.Attendee && !session.facts().Ended {
		if err := s.cfg.Labs.Prepare(r.Context(), session.id, who.ID); err != nil {
			// They are in; the page shows how the lab is and offers to try again.
			s.log.Error("a lab could not be asked for", "participant", string(who.ID), "err", err)
		}
	}
	if isForm(r) {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	who.Token = ""
	writeJSON(w, http.StatusOK, map[string]any{"participant": who, "go": to})
	return nil
}

// home is where a session's attendees land.
func (s *session) home() string { return "/w/" + s.facts().Session.Workshop + "/" }

// byKey finds the session of an instructor's key; all are compared, always.
func (s *Server) byKey(r *http.Request, key string) (*session, error) {
	var found *session
	for _, session := range s.allSessions() {
		if sameSecret(session.facts().Session.Secret, key) {
			found = session
		}
	}
	if found == nil {
		return nil, s.wrongTry(r, "This key opens no session. Use the whole address that the server printed, with all that follows the #.")
	}
	return found, nil
}

func (s *Server) signInInstructor(w http.ResponseWriter, r *http.Request, c caller) error {
	e, err := readEntry(r)
	if err == nil {
		err = s.mayTry(r)
	}
	if err != nil {
		return err
	}
	session, err := s.byKey(r, e.Key)
	if err != nil {
		return err
	}
	if c.session == session && c.rank() == instructor {
		return s.enter(w, r, session, c.who, "/board")
	}
	if e.Name == "" {
		e.Name = "Instructor"
	}
	name, err := workshop.CleanName(e.Name)
	if err != nil {
		return err
	}
	// The same name with the key again is the same instructor on a second device.
	who, known := session.first(func(p workshop.Participant) bool { return p.Role == workshop.Instructor && p.Name == name })
	if !known {
		who = workshop.Participant{Name: name, Role: workshop.Instructor}
	}
	if who, err = s.admitPerson(w, r, session, who); err != nil {
		return err
	}
	return s.enter(w, r, session, who, "/board")
}

func (s *Server) signInSelf(w http.ResponseWriter, r *http.Request, c caller) error {
	e, err := readEntry(r)
	if err == nil {
		err = s.mayTry(r)
	}
	if err != nil {
		return err
	}
	session, err := s.byKey(r, e.Key)
	if err != nil {
		return err
	}
	if !session.facts().Session.SelfPaced {
		return workshop.Errorf(workshop.Conflict, "This key is for a session with an instructor. Open /instructor with it, or join with the code.")
	}
	if c.session == session && c.who.Role == workshop.Attendee {
		return s.enter(w, r, session, c.who, session.home())
	}
	who, known := session.first(func(p workshop.Participant) bool { return p.Role == workshop.Attendee })
	if !known {
		who = workshop.Participant{Name: "You", Role: workshop.Attendee}
	}
	if who, err = s.admitPerson(w, r, session, who); err != nil {
		return err
	}
	return s.enter(w, r, session, who, session.home())
}

func (s *Server) leave(w http.ResponseWriter, r *http.Request, c caller) error {
	s.setCookie(w, "", -time.Second)
	if isForm(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}
