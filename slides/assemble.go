package slides

import (
	"path"
	"strings"
)

// assemble numbers and names what the pages hold.
func (d *Deck) assemble(m *manifest, drafts []*draft) {
	d.chapters(m)
	for _, dr := range drafts {
		p := dr.page
		s := p.slide
		if dr.props["generated"] != "" {
			s.Generated = true
		}
		s.Chapter = d.Chapters[dr.chapter].Name
		d.Problems = append(d.Problems, s.problems...)
		if dr.hidden {
			d.Excluded = append(d.Excluded, &s)
			continue
		}
		s.Number = len(d.Slides) + 1
		d.Slides = append(d.Slides, &s)
		d.place(&s, dr.chapter)
	}
	d.name(drafts)
	d.addExercises(drafts)
	d.sumMinutes(m)
	if d.Title == "" && len(d.Slides) > 0 {
		d.Title = d.Slides[0].Title
	}
}

// place counts a slide into its chapter.
func (d *Deck) place(s *Slide, chapter int) {
	ch := &d.Chapters[chapter]
	if ch.First < 0 {
		ch.First = s.Number - 1
	}
	ch.Slides++
	if ch.Title == "" {
		ch.Title = s.Title
	}
}

func (d *Deck) chapters(m *manifest) {
	used := map[string]bool{}
	for i, ch := range m.chapters {
		c := ch.Chapter
		c.First = -1
		if c.Name = slug(c.Name); c.Name == "" {
			c.Name = slug(c.Title)
		}
		if c.Name == "" && len(c.Files) > 0 {
			c.Name = slug(strings.TrimSuffix(path.Base(c.Files[0]), path.Ext(c.Files[0])))
		}
		if c.Name == "" {
			c.Name = "chapter-" + itoa(i+1)
		}
		c.Name = unique(c.Name, used)
		d.Chapters = append(d.Chapters, c)
	}
}

// unique adds a number to a name that is taken.
func unique(name string, used map[string]bool) string {
	out := name
	for n := 2; used[out]; n++ {
		out = name + "-" + itoa(n)
	}
	used[out] = true
	return out
}

// name gives every slide its stable name: the author's own first, so that a title never takes it.
func (d *Deck) name(drafts []*draft) {
	used := map[string]bool{"assets": true}
	i := 0
	var rest []*Slide
	for _, dr := range drafts {
		if dr.hidden {
			continue
		}
		s := d.Slides[i]
		i++
		own := anchorName(dr.page.name)
		if own == "" {
			rest = append(rest, s)
			continue
		}
		if used[own] && d.byName[own] != nil {
			d.Problems = append(d.Problems, Problem{File: s.File, Line: s.Line, Severity: Error,
				Message: "The name " + quote(own) + " is already that of the slide at " + d.byName[own].File + ":" + itoa(d.byName[own].Line) + "; give one of them another."})
		}
		s.Name = unique(own, used)
		d.byName[s.Name] = s
	}
	for _, s := range rest {
		base := slug(s.Title)
		if base == "" {
			base = "slide"
		}
		s.Name = unique(base, used)
		d.byName[s.Name] = s
	}
}

func (d *Deck) addExercises(drafts []*draft) {
	i := 0
	for _, dr := range drafts {
		if dr.hidden {
			continue
		}
		s := d.Slides[i]
		i++
		for _, ex := range dr.page.exercises {
			e := *ex
			e.Slide, e.Chapter = s.Name, s.Chapter
			if first := d.byID[e.ID]; first != nil {
				d.Problems = append(d.Problems, Problem{File: e.File, Line: e.Line, Severity: Error,
					Message: "The exercise " + quote(e.ID) + " exists already at " + first.File + ":" + itoa(first.Line) + ", so this one is left out; give it another name."})
				continue
			}
			d.byID[e.ID] = &e
			d.Exercises = append(d.Exercises, &e)
			if e.Quiz != nil {
				d.Quizzes = append(d.Quizzes, &e)
			}
			ch := &d.Chapters[dr.chapter]
			ch.IDs = append(ch.IDs, e.ID)
		}
	}
}

// sumMinutes fills in what the manifest leaves open.
func (d *Deck) sumMinutes(m *manifest) {
	sum := 0.0
	for i := range d.Chapters {
		c := &d.Chapters[i]
		if !m.chapters[i].planned && c.First >= 0 {
			for _, s := range d.Slides {
				if s.Chapter == c.Name {
					c.Minutes += s.Minutes
				}
			}
		}
		sum += c.Minutes
	}
	if d.Minutes == 0 {
		d.Minutes = sum
	}
}
