package server

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"

	"slipway/workshop"
)

//go:embed pages/*.html
var pageFS embed.FS

func parsePages() (*template.Template, error) {
	return template.ParseFS(pageFS, "pages/*.html")
}

// boot is what a page needs to begin, in JSON.
type boot struct {
	Page     string                `json:"page"`
	Me       *workshop.Participant `json:"me,omitempty"`
	Session  *workshop.Session     `json:"session,omitempty"`
	Workshop string                `json:"workshop,omitempty"`
	Title    string                `json:"title,omitempty"`
	Slide    string                `json:"slide,omitempty"`
	Step     int                   `json:"step"`
	Version  string                `json:"version"`
	Nodes    []string              `json:"nodes"`
	AppsHost string                `json:"appsHost"`
	Code     string                `json:"code,omitempty"`        // of the join page's address
	Recorded string                `json:"recorded,omitempty"`    // what is kept, for the join page
	Person   string                `json:"participant,omitempty"` // whose replay, when not one's own
	Heading  string                `json:"heading,omitempty"`     // of a message
	Message  string                `json:"message,omitempty"`
	Action   *action               `json:"action,omitempty"`
}

// action is where to go from a message.
type action struct {
	Text string `json:"text"`
	Href string `json:"href"`
}

// view is what the templates show.
type view struct {
	Title string
	Boot  boot
	Files pageFiles
	Built bool // there is a web build

	Slide      template.HTML
	Background string // address of a picture; may be empty
	Classes    []string
	N, Of      int
	Prev, Next string // addresses, empty at the ends
	To         string // where a form posts to, or where someone who is in goes on
}

func (s *Server) bootOf(page string, c caller) boot {
	b := boot{Page: page, Version: s.cfg.Version, Nodes: []string{}, AppsHost: s.cfg.AppsHost}
	if c.session == nil {
		return b
	}
	me := c.who
	me.Token = ""
	shown := c.session.shownSession(c.who)
	b.Me, b.Session, b.Workshop, b.Title = &me, &shown, shown.Workshop, shown.Title
	if c.who.Role == workshop.Attendee {
		b.Nodes = s.cfg.Nodes // others have no lab
	}
	return b
}

// shownSession is the session as one participant may see it.
func (s *session) shownSession(to workshop.Participant) workshop.Session {
	f := s.facts()
	f.Session.Secret = ""
	if to.Role == workshop.Attendee {
		f.Session.JoinCode = ""
	}
	return f.Session
}

// show renders a page. It is rendered whole before a byte leaves, so that a
// failure is a proper error.
func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, name string, v view) error {
	v.Files = s.built.of(v.Boot.Page)
	v.Built = v.Files.Script != ""
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, name, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Accept-Encoding, Cookie")
	raw := out.Bytes()
	if takesGzip(r) && len(raw) > 2000 {
		w.Header().Set("Content-Encoding", "gzip")
		raw = compress(raw, 1)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	w.Write(raw)
	return nil
}

func (s *Server) joinPage(w http.ResponseWriter, r *http.Request, c caller) error {
	b := s.bootOf("join", c)
	b.Code, b.Recorded = workshop.NormalizeJoinCode(clip(r.PathValue("code"), 64)), recorded
	if only, ok := s.onlySession(); ok && b.Session == nil {
		b.Session = &workshop.Session{Title: only.Title, Workshop: only.Workshop}
	}
	return s.show(w, r, http.StatusOK, "join.html", view{Title: "Join the workshop", Boot: b, To: s.homeOf(c)})
}

// recorded is said before anyone joins.
const recorded = "What is printed in your terminals, which slides you see and which exercises you solve is kept with the session, for your own replay. " +
	"The instructor sees your name and your progress. What you type is not kept unless the terminal shows it."

// onlySession is the session that the join page can name without giving away
// whether a code is right.
func (s *Server) onlySession() (workshop.Session, bool) {
	var open []workshop.Session
	for _, session := range s.allSessions() {
		if f := session.facts(); !f.Ended {
			open = append(open, f.Session)
		}
	}
	if len(open) != 1 {
		return workshop.Session{}, false
	}
	return open[0], true
}

// homeOf is where someone who is in already would go on.
func (s *Server) homeOf(c caller) string {
	switch {
	case c.session == nil:
		return ""
	case c.rank() >= helper:
		return "/board"
	}
	return c.session.home()
}

func (s *Server) instructorPage(w http.ResponseWriter, r *http.Request, c caller) error {
	return s.show(w, r, http.StatusOK, "key.html", view{Title: "Instructor", Boot: s.bootOf("instructor", c), To: "/api/instructor"})
}

func (s *Server) selfPage(w http.ResponseWriter, r *http.Request, c caller) error {
	return s.show(w, r, http.StatusOK, "key.html", view{Title: "Your workshop", Boot: s.bootOf("self", c), To: "/api/self"})
}

// workshopPage sends people to where the room is, to where they were, or to the
// beginning.
func (s *Server) workshopPage(w http.ResponseWriter, r *http.Request, c caller) error {
	deck, err := s.deckAt(r, c)
	if err != nil {
		return err
	}
	f := c.session.facts()
	me, _ := c.session.person(c.who.ID)
	place := workshop.Place{Slide: deck.Slides[0].Name}
	for _, p := range []workshop.Place{f.Place, me.Place} {
		if _, ok := deck.slide(p.Slide); ok {
			place = p
			break
		}
	}
	http.Redirect(w, r, slideAddress(deck.Name, place.Slide, place.Step), http.StatusFound)
	return nil
}

func slideAddress(workshop, slide string, step int) string {
	address := "/w/" + workshop + "/" + slide
	if step > 0 {
		address += "?s=" + strconv.Itoa(step)
	}
	return address
}

// deckAt is the caller's deck when the address names it.
func (s *Server) deckAt(r *http.Request, c caller) (*Deck, error) {
	deck, err := s.deckOf(c)
	if err != nil {
		return nil, err
	}
	if r.PathValue("workshop") != deck.Name {
		return nil, workshop.Errorf(workshop.Unknown, "Your session is about another workshop: %s.", deck.Title)
	}
	return deck, nil
}

func (s *Server) slidePage(w http.ResponseWriter, r *http.Request, c caller) error {
	deck, err := s.deckAt(r, c)
	if err != nil {
		return err
	}
	i := deck.find(r.PathValue("slide"))
	if i < 0 {
		return workshop.Errorf(workshop.Unknown, "The deck has no slide of that name. It may have been renamed; begin where the room is.")
	}
	v := s.slideView("attendee", c, deck, i)
	if step, err := number(r, "s", 0); err == nil {
		v.Boot.Step = min(max(step, 0), deck.Slides[i].Steps)
	}
	return s.show(w, r, http.StatusOK, "slide.html", v)
}

func (s *Server) slideView(page string, c caller, deck *Deck, i int) view {
	slide := deck.Slides[i]
	v := view{Title: slide.Title + " · " + deck.Title, Boot: s.bootOf(page, c), Slide: template.HTML(slide.HTML),
		Background: slide.Background, Classes: slide.Classes, N: i + 1, Of: len(deck.Slides)}
	v.Boot.Slide = slide.Name
	if i > 0 {
		v.Prev = slideAddress(deck.Name, deck.Slides[i-1].Name, 0)
	}
	if i+1 < len(deck.Slides) {
		v.Next = slideAddress(deck.Name, deck.Slides[i+1].Name, 0)
	}
	return v
}

// roomView is a page that begins where the room is.
func (s *Server) roomView(page string, c caller) (view, error) {
	deck, err := s.deckOf(c)
	if err != nil {
		return view{}, err
	}
	f := c.session.facts()
	i := max(deck.find(f.Place.Slide), 0)
	v := s.slideView(page, c, deck, i)
	v.Boot.Step = f.Place.Step
	v.Prev, v.Next = "", ""
	return v, nil
}

func (s *Server) presentPage(w http.ResponseWriter, r *http.Request, c caller) error {
	return s.showRoom(w, r, "present", "Presenter", c)
}

func (s *Server) projectorPage(w http.ResponseWriter, r *http.Request, c caller) error {
	return s.showRoom(w, r, "projector", "Projector", c)
}

func (s *Server) showRoom(w http.ResponseWriter, r *http.Request, page, title string, c caller) error {
	v, err := s.roomView(page, c)
	if err != nil {
		return err
	}
	v.Title = title + " · " + v.Boot.Title
	return s.show(w, r, http.StatusOK, "slide.html", v)
}

func (s *Server) boardPage(w http.ResponseWriter, r *http.Request, c caller) error {
	b := s.bootOf("board", c)
	return s.show(w, r, http.StatusOK, "app.html", view{Title: "Board · " + b.Title, Boot: b})
}

func (s *Server) replayPage(w http.ResponseWriter, r *http.Request, c caller) error {
	b := s.bootOf("replay", c)
	if who, err := s.replayOf(r, c); err != nil {
		return err
	} else if who != c.who.ID {
		b.Person = string(who)
	}
	return s.show(w, r, http.StatusOK, "app.html", view{Title: "Replay · " + b.Title, Boot: b})
}

// errorPage tells a person what is wrong and where to go from there.
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, c caller, body errorBody) {
	headings := map[workshop.Kind]string{
		workshop.SignedOut: "You are not in yet", workshop.Forbidden: "This is not for you", workshop.Unknown: "Nothing here",
		workshop.Ended: "This session has ended", workshop.TooMany: "Too fast", workshop.Unavailable: "Away for a moment",
		workshop.Internal: "That was our fault",
	}
	heading, ok := headings[body.Kind]
	if !ok {
		heading = "That did not work"
	}
	v := view{Title: heading, Boot: s.bootOf("message", c)}
	v.Boot.Heading, v.Boot.Message, v.Boot.Action = heading, body.Message, &action{"Join with a code", "/"}
	switch home := s.homeOf(c); {
	case body.Kind == workshop.Ended && c.session != nil:
		v.Boot.Action = &action{"Open your replay", "/replay"}
	case home != "":
		v.Boot.Action = &action{"Back to the workshop", home}
	}
	if err := s.show(w, r, statusOf(body.Kind), "message.html", v); err != nil {
		s.log.Error("the error page failed", "err", err)
		http.Error(w, body.Message, statusOf(body.Kind))
	}
}
