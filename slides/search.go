package slides

import (
	"strings"
	"unicode/utf8"
)

// Hit is a place where a search found its words.
type Hit struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
	Title  string `json:"title"`
	Where  string `json:"where"` // "title", "text" or "notes"
	Before string `json:"before"`
	Match  string `json:"match"`
	After  string `json:"after"`
}

const (
	maxQuery   = 200 // bytes
	hitContext = 60  // bytes on each side
)

// Search finds slides that hold every word of query, letters in any case, titles first. At most
// limit hits come back, one a slide. Notes are looked at only when notes is true: for instructors.
func (d *Deck) Search(query string, notes bool, limit int) []Hit {
	if len(query) > maxQuery {
		query = query[:maxQuery]
	}
	words := strings.Fields(strings.ToLower(query))
	if len(words) == 0 || limit <= 0 {
		return nil
	}
	var titles, texts []Hit
	for _, s := range d.Slides {
		low := strings.ToLower
		if holdsAll(low(s.Title), words) {
			titles = append(titles, hit(s, "title", s.Title, words[0]))
		} else if len(texts) < limit && holdsAll(s.lower, words) {
			texts = append(texts, hit(s, "text", s.Text, words[0]))
		} else if notes && len(texts) < limit && holdsAll(s.lowerNotes, words) {
			texts = append(texts, hit(s, "notes", s.NotesText, words[0]))
		}
		if len(titles) >= limit {
			return titles
		}
	}
	out := append(titles, texts...)
	return out[:min(len(out), limit)]
}

func holdsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

func hit(s *Slide, where, text, word string) Hit {
	h := Hit{Number: s.Number, Name: s.Name, Title: s.Title, Where: where}
	low := strings.ToLower(text)
	i := strings.Index(low, word)
	if i < 0 || len(low) != len(text) { // letters whose small form has another length: no exact place
		h.Match = cutText(text, 2*hitContext)
		return h
	}
	j := i + len(word)
	from, to := max(0, i-hitContext), min(len(text), j+hitContext)
	for from < i && !utf8.RuneStart(text[from]) {
		from++
	}
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	h.Before, h.Match, h.After = text[from:i], text[i:j], text[j:to]
	return h
}

func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// PlanItem is one chapter of the day.
type PlanItem struct {
	Chapter string  `json:"chapter"`
	Title   string  `json:"title"`
	Level   int     `json:"level"`
	Start   float64 `json:"start"`   // minutes after the beginning
	Minutes float64 `json:"minutes"` // planned
	Break   bool    `json:"break"`
	First   int     `json:"first"` // number of its first slide; 0 when it has none
	Slides  int     `json:"slides"`
}

// Plan lays the chapters out one after the other. A chapter that holds others lasts as long as its
// own minutes say; the others follow it.
func (d *Deck) Plan() []PlanItem {
	var out []PlanItem
	at := 0.0
	for _, c := range d.Chapters {
		out = append(out, PlanItem{Chapter: c.Name, Title: c.Title, Level: c.Level, Start: at, Minutes: c.Minutes,
			Break: c.Break, First: c.First + 1, Slides: c.Slides})
		at += c.Minutes
	}
	return out
}

// Entry is a slide in the overview.
type Entry struct {
	Number  int    `json:"number"`
	Name    string `json:"name"`
	Title   string `json:"title"`
	Chapter string `json:"chapter"`
	Steps   int    `json:"steps"`
	// Exercises are ids, so that the overview can show ticks.
	Exercises []string `json:"exercises,omitempty"`
}

// Overview lists all slides.
func (d *Deck) Overview() []Entry {
	out := make([]Entry, 0, len(d.Slides))
	for _, s := range d.Slides {
		out = append(out, Entry{Number: s.Number, Name: s.Name, Title: s.Title, Chapter: s.Chapter, Steps: len(s.Steps), Exercises: s.Exercises})
	}
	return out
}
