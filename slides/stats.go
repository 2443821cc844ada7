package slides

// Stats counts what a deck holds, for "slipway render --stats" and "slipway lint --json".
type Stats struct {
	Title     string    `json:"title"`
	Slides    int       `json:"slides"`    // written by authors, excluded ones among them
	Excluded  int       `json:"excluded"`  // of Slides: taken out by a class or by "exclude: true"
	Generated int       `json:"generated"` // added by the build, not in Slides
	Steps     int       `json:"steps"`     // "--" lines that make one
	Notes     int       `json:"notes"`     // "???" lines
	Fences    int       `json:"fences"`    // fenced blocks outside comments
	Hidden    int       `json:"hidden"`    // fenced blocks inside comments
	Words     int       `json:"words"`     // on slides, without fences and notes
	Minutes   float64   `json:"minutes"`   // planned
	Exercises []string  `json:"exercises"` // ids in order
	Problems  []Problem `json:"problems"`  // those of the load
}

// Count counts a deck.
func Count(d *Deck) Stats {
	r := Stats{Title: d.Title, Excluded: len(d.Excluded), Minutes: d.Minutes, Exercises: []string{}, Problems: []Problem{}}
	for _, list := range [][]*Slide{d.Slides, d.Excluded} {
		for _, s := range list {
			if s.Generated {
				r.Generated++
				continue
			}
			r.Slides++
			r.Steps += len(s.Steps) - 1
			r.Fences += s.Fences
			r.Words += s.Words
			r.Notes += s.noteParts
			r.Hidden += s.hidden
		}
	}
	for _, e := range d.Exercises {
		r.Exercises = append(r.Exercises, e.ID)
	}
	r.Problems = append(r.Problems, d.Problems...)
	return r
}
