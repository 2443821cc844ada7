package server

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"slipway/replay"
	"slipway/workshop"
)

// replayOf is whose run is asked for: one's own, or for an instructor that of
// anyone in their session.
func (s *Server) replayOf(r *http.Request, c caller) (workshop.ParticipantID, error) {
	other := workshop.ParticipantID(r.URL.Query().Get("participant"))
	if other == "" || other == c.who.ID {
		return c.who.ID, nil
	}
	if c.rank() < instructor {
		return "", workshop.Errorf(workshop.Forbidden, "You may open your own replay only.")
	}
	if _, ok := c.session.person(other); !ok {
		return "", workshop.Errorf(workshop.Unknown, "Nobody of that id is in this session.")
	}
	return other, nil
}

// castsOf is the folder of someone's recordings, empty when none are made.
func (s *Server) castsOf(session *session, who workshop.ParticipantID) string {
	if s.cfg.Casts == nil {
		return ""
	}
	return filepath.Join(s.cfg.Casts.CastsDir(session.id), string(who))
}

func (s *Server) replayData(w http.ResponseWriter, r *http.Request, c caller) error {
	who, err := s.replayOf(r, c)
	if err != nil {
		return err
	}
	deck, err := s.deckOf(c)
	if err != nil {
		return err
	}
	var exercises []replay.Exercise
	for _, e := range deck.Exercises {
		exercises = append(exercises, replay.Exercise{ID: e.ID, Title: e.Title})
	}
	query := ""
	if who != c.who.ID {
		query = "?participant=" + url.QueryEscape(string(who))
	}
	run, err := replay.Build(r.Context(), s.cfg.Journal, c.session.id, who, exercises, s.castsOf(c.session, who),
		func(node, id string) string {
			return "/api/replay/casts/" + url.PathEscape(node) + "/" + url.PathEscape(id) + ".cast" + query
		})
	if err != nil {
		return err
	}
	s.writeZipped(w, r, run)
	return nil
}

func (s *Server) replayCast(w http.ResponseWriter, r *http.Request, c caller) error {
	who, err := s.replayOf(r, c)
	if err != nil {
		return err
	}
	missing := workshop.Errorf(workshop.Unknown, "There is no such recording.")
	path, ok := replay.CastPath(s.castsOf(c.session, who), r.PathValue("node"), r.PathValue("file"))
	if !ok {
		return missing
	}
	file, err := os.Open(path)
	if err != nil {
		return missing
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return missing
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(castDeadline))
	w.Header().Set("Content-Type", "application/x-asciicast")
	w.Header().Set("Cache-Control", "private, no-cache")
	http.ServeContent(w, r, "", info.ModTime(), file) // ranges, so that a long one can be read in parts
	return nil
}
