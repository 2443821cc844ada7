package slides

import (
	"io/fs"
	"path"
	"sort"
	"strings"
)

// Limits above which a slide is unlikely to fit a projector. What really overflows is for a
// browser to measure; these find the worst without one.
const (
	maxSlideWords = 180
	maxSlideLines = 34
	maxFenceWidth = 100
)

// Lint returns the deck's problems and what else an author should look at: links to slides and
// pictures that are not there, pictures without words, exercises nothing can prove, slides too
// long to read. The order is that of the files' names and lines.
func Lint(d *Deck) []Problem {
	out := append([]Problem(nil), d.Problems...)
	for _, s := range d.Slides {
		out = append(out, d.lintSlide(s)...)
	}
	for _, e := range d.Exercises {
		out = append(out, d.lintExercise(e)...)
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].File != out[j].File {
			return out[i].File < out[j].File
		}
		return out[i].Line < out[j].Line
	})
	return out
}

func (d *Deck) lintSlide(s *Slide) []Problem {
	if s.Generated {
		return nil
	}
	out := append([]Problem(nil), s.lints...)
	add := func(line int, sev Severity, msg string) {
		out = append(out, Problem{File: s.File, Line: line, Message: msg, Severity: sev})
	}
	for i, name := range s.Refs {
		if d.Slide(name) == nil {
			add(s.refLines[i], Error, "The link #"+name+" leads to no slide"+nearest(name, d)+".")
		}
	}
	for _, im := range s.images {
		d.lintImage(im, add)
	}
	if s.Words > maxSlideWords {
		add(s.Line, Warning, "This slide has "+itoa(s.Words)+" words; more than "+itoa(maxSlideWords)+" are hard to read from the back of a room. Split it with --- or move text to the notes.")
	}
	if n := strings.Count(s.Text, "\n") + 1; n > maxSlideLines {
		add(s.Line, Warning, "This slide has "+itoa(n)+" lines; more than "+itoa(maxSlideLines)+" will not fit a projector. Split it with ---.")
	}
	if strings.TrimSpace(s.HTML) == "" && s.Background == "" {
		add(s.Line, Warning, "This slide is empty.")
	}
	for _, sn := range s.Snippets {
		for _, l := range strings.Split(sn.Text, "\n") {
			if len(l) > maxFenceWidth {
				add(sn.Line, Warning, "A line of this fence has "+itoa(len(l))+" characters; break it with a backslash so that it fits.")
				break
			}
		}
	}
	return out
}

func (d *Deck) lintImage(im imageRef, add func(int, Severity, string)) {
	if strings.TrimSpace(im.Alt) == "" {
		add(im.Line, Warning, "This picture has no words for those who can't see it; write ![what it shows](...).")
	}
	if im.Path == "" || strings.HasPrefix(im.Path, "data:") {
		return
	}
	if isAbsolute(im.Path) {
		add(im.Line, Warning, "This picture comes from another host, which a room without internet doesn't have; keep a copy beside the slides.")
		return
	}
	full := path.Join(path.Dir(d.Manifest), im.Path)
	if _, err := fs.Stat(d.fsys, full); err != nil {
		add(im.Line, Error, "There is no picture "+quote(im.Path)+"; its name is relative to "+d.relativeTo()+".")
	}
}

func (d *Deck) relativeTo() string {
	if d.Imported {
		return "the manifest"
	}
	return "the file it stands in"
}

// nearest suggests a name that differs by a slip.
func nearest(name string, d *Deck) string {
	for _, s := range d.Slides {
		if distance(strings.ToLower(name), s.Name) <= 2 {
			return " (is #" + s.Name + " meant?)"
		}
	}
	return ""
}

func (d *Deck) lintExercise(e *Exercise) []Problem {
	var out []Problem
	add := func(line int, sev Severity, msg string) {
		out = append(out, Problem{File: e.File, Line: line, Message: msg, Severity: sev})
	}
	if len(e.Checks) == 0 && e.Quiz == nil {
		add(e.Line, Error, "The exercise "+e.ID+" has neither checks nor a quiz, so nothing can tell when it is solved.")
	}
	if len(e.Checks) > 0 && len(e.Solution) == 0 {
		add(e.Line, Warning, "The exercise "+e.ID+" has no solution, so no rehearsal can prove it; add ::: solution or a bash fence.")
	}
	for _, n := range e.Needs {
		if other := d.byID[n]; other == nil {
			add(e.Line, Error, "The exercise "+e.ID+" needs "+quote(n)+", which does not exist"+d.nearestExercise(n)+".")
		} else if d.order(other) >= d.order(e) {
			add(e.Line, Error, "The exercise "+e.ID+" needs "+n+", which comes later.")
		}
	}
	for _, h := range e.Hints {
		if h.For != "" && !saysOne(e.Checks, h.For) {
			add(h.Line, Error, "This hint is for "+quote(h.For)+", but no check of "+e.ID+" says that.")
		}
	}
	seen := map[string]bool{}
	for _, c := range e.Checks {
		if seen[c.Says] {
			add(c.Line, Warning, "Two checks of "+e.ID+" say "+quote(c.Says)+"; people can't tell them apart.")
		}
		seen[c.Says] = true
	}
	return out
}

func (d *Deck) nearestExercise(id string) string {
	for _, e := range d.Exercises {
		if distance(id, e.ID) <= 2 {
			return " (is " + e.ID + " meant?)"
		}
	}
	return ""
}

func (d *Deck) order(e *Exercise) int {
	for i, x := range d.Exercises {
		if x == e {
			return i
		}
	}
	return -1
}

func saysOne(checks []Check, says string) bool {
	for _, c := range checks {
		if c.Says == says {
			return true
		}
	}
	return false
}
