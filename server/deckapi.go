package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"slipway/workshop"
)

// deckOf is the deck of the caller's session.
func (s *Server) deckOf(c caller) (*Deck, error) {
	return s.cfg.Decks.Deck(c.session.facts().Session.Workshop)
}

// slide finds a slide by its name or, as people write it in an address, by its
// number.
func (d *Deck) slide(name string) (Slide, bool) {
	i := d.find(name)
	if i < 0 {
		return Slide{}, false
	}
	return d.Slides[i], true
}

func (d *Deck) find(name string) int {
	i := slices.IndexFunc(d.Slides, func(s Slide) bool { return s.Name == name })
	if n, err := strconv.Atoi(name); i < 0 && err == nil && n >= 1 && n <= len(d.Slides) {
		i = n - 1
	}
	return i
}

// outline is the JSON of a deck. It is built member by member, so that what is
// added to a Deck stays here until someone decides that it may leave.
type outline struct {
	Name      string            `json:"name"`
	Title     string            `json:"title"`
	Minutes   int               `json:"minutes"`
	Chapters  []Chapter         `json:"chapters"`
	Slides    []outlineSlide    `json:"slides"`
	Exercises []outlineExercise `json:"exercises"`
}

type outlineSlide struct {
	N          int                   `json:"n"`
	Name       string                `json:"name"`
	Title      string                `json:"title"`
	Chapter    int                   `json:"chapter"`
	Steps      int                   `json:"steps"`
	Classes    []string              `json:"classes"`
	Exercises  []workshop.ExerciseID `json:"exercises"`
	Minutes    int                   `json:"minutes"`
	Background string                `json:"background,omitempty"`
}

type outlineExercise struct {
	ID       workshop.ExerciseID   `json:"id"`
	Title    string                `json:"title"`
	Slide    string                `json:"slide"`
	Chapter  int                   `json:"chapter"`
	Minutes  int                   `json:"minutes"`
	Optional bool                  `json:"optional"`
	Needs    []workshop.ExerciseID `json:"needs"`
	Checks   []string              `json:"checks"`
	Hints    int                   `json:"hints"`
	Quiz     bool                  `json:"quiz"`
	Solution bool                  `json:"solution"` // there is one to ask for
}

// some makes an empty list of none, so that pages always find a list.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func outlineOf(d *Deck) outline {
	o := outline{Name: d.Name, Title: d.Title, Minutes: d.Minutes, Chapters: some(d.Chapters),
		Slides: []outlineSlide{}, Exercises: []outlineExercise{}}
	for i, s := range d.Slides {
		o.Slides = append(o.Slides, outlineSlide{i + 1, s.Name, s.Title, s.Chapter, s.Steps, some(s.Classes), some(s.Exercises), s.Minutes, s.Background})
	}
	for _, e := range d.Exercises {
		o.Exercises = append(o.Exercises, outlineExercise{e.ID, e.Title, e.Slide, e.Chapter, e.Minutes, e.Optional,
			some(e.Needs), some(e.Checks), len(e.Hints), e.Answer != nil, len(e.Solution) > 0})
	}
	return o
}

func (s *Server) deckOutline(w http.ResponseWriter, r *http.Request, c caller) error {
	deck, err := s.deckOf(c)
	if err != nil {
		return err
	}
	if s.unchanged(w, r, deck.Version) {
		return nil
	}
	s.writeZipped(w, r, outlineOf(deck))
	return nil
}

// fragment is one slide as pages insert it.
type fragment struct {
	Name string `json:"name"`
	HTML string `json:"html"`
}

// maxChunk bounds the slides of one answer.
const maxChunk = 100

func (s *Server) deckSlides(w http.ResponseWriter, r *http.Request, c caller) error {
	deck, err := s.deckOf(c)
	if err != nil {
		return err
	}
	from, err1 := number(r, "from", 1)
	count, err2 := number(r, "count", 50)
	if err1 != nil || err2 != nil || from < 1 || count < 1 {
		return workshop.Errorf(workshop.Invalid, "Slides are asked for as ?from=1&count=50, at most %d at once.", maxChunk)
	}
	if s.unchanged(w, r, deck.Version) {
		return nil
	}
	first := min(from-1, len(deck.Slides))
	last := min(first+min(count, maxChunk), len(deck.Slides))
	chunk := make([]fragment, 0, last-first)
	for _, slide := range deck.Slides[first:last] {
		chunk = append(chunk, fragment{slide.Name, slide.HTML})
	}
	s.writeZipped(w, r, chunk)
	return nil
}

func number(r *http.Request, name string, otherwise int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	return strconv.Atoi(text)
}

func (s *Server) deckNotes(w http.ResponseWriter, r *http.Request, c caller) error {
	deck, err := s.deckOf(c)
	if err != nil {
		return err
	}
	i := deck.find(r.URL.Query().Get("slide"))
	if i < 0 {
		return workshop.Errorf(workshop.Unknown, "The deck has no slide of that name.")
	}
	next := ""
	if i+1 < len(deck.Slides) {
		next = deck.Slides[i+1].Name
	}
	writeJSON(w, http.StatusOK, map[string]string{"html": deck.Slides[i].Notes, "next": next})
	return nil
}

// found is one place where a text was found.
type found struct {
	Slide  string `json:"slide"`
	Title  string `json:"title"`
	Where  string `json:"where"` // title, text or notes
	Before string `json:"before"`
	Match  string `json:"match"`
	After  string `json:"after"`
}

const maxFound = 50

func (s *Server) deckSearch(w http.ResponseWriter, r *http.Request, c caller) error {
	deck, err := s.deckOf(c)
	if err != nil {
		return err
	}
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	if len(query) > 200 {
		return workshop.Errorf(workshop.Invalid, "Search for something shorter.")
	}
	hits := []found{}
	if query != "" && deck.search != nil {
		for _, hit := range deck.search(query, c.rank() == instructor, maxFound) {
			hits = append(hits, found{hit.Name, hit.Title, hit.Where, hit.Before, hit.Match, hit.After})
		}
	}
	s.writeZipped(w, r, hits)
	return nil
}

// unchanged answers 304 when the browser has this version already; else the
// answer to come carries it.
func (s *Server) unchanged(w http.ResponseWriter, r *http.Request, version string) bool {
	sum := sha256.Sum256([]byte(version + "\x00" + s.cfg.Version))
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, no-cache")
	if r.Header.Get("If-None-Match") != tag {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

func (s *Server) workshopAsset(w http.ResponseWriter, r *http.Request, c caller) error {
	deck, err := s.deckOf(c)
	if err != nil {
		return err
	}
	if deck.Assets == nil || r.PathValue("workshop") != deck.Name {
		return noPicture()
	}
	return s.serveFile(w, r, deck.Assets, r.PathValue("path"), "private, no-cache", false)
}

func noPicture() error {
	return workshop.Errorf(workshop.Unknown, "The workshop has no such file.")
}

func (s *Server) chromaCSS(w http.ResponseWriter, r *http.Request, c caller) error {
	var style []byte
	if c.session != nil {
		if deck, err := s.deckOf(c); err == nil {
			style = deck.Style
		}
	} else if all := s.allSessions(); len(all) > 0 {
		if deck, err := s.deckOf(caller{session: all[0]}); err == nil {
			style = deck.Style
		}
	}
	if s.unchanged(w, r, string(style)) {
		return nil
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	s.writeBytes(w, r, style)
	return nil
}
