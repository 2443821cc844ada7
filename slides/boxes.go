package slides

import (
	"strings"
)

// colons handles a line that starts with ":::".
func (c *compiler) colons(it item) {
	t := strings.TrimSpace(it.text)
	rest := strings.TrimSpace(strings.TrimLeft(t, ":"))
	if rest == "" {
		c.closeTop(it)
		return
	}
	head, groups := splitGroups(strings.TrimRight(rest, ":"))
	b := &box{kind: "div", file: it.file, line: it.line,
		indent: it.text[:len(it.text)-len(strings.TrimLeft(it.text, " \t"))]}
	for _, g := range groups {
		parseAttrs(g, &b.attrs)
	}
	words := strings.Fields(head)
	if len(words) > 0 {
		b.name = c.boxName(words[0], it.line)
		b.classes = append(classList(strings.Join(words, " ")), b.attrs.classes...)
	} else {
		b.name = "div"
		b.classes = b.attrs.classes
	}
	c.openBox(b, it)
}

// boxName takes the name behind the colons. One that is nearly a name of ours is taken for it, so
// that a slip of the finger never shows a solution.
func (c *compiler) boxName(name string, line int) string {
	name = strings.ToLower(name)
	for _, known := range []string{"exercise", "quiz", "hint", "solution", "wrong", "clean-up", "explain"} {
		if name == known {
			return name
		}
		if d := distance(name, known); d == 1 || d == 2 && len(known) > 5 {
			c.problem(line, Error, "::: "+name+" is taken for ::: "+known+"; correct its name.")
			return known
		}
	}
	return name
}

func (c *compiler) openBox(b *box, it item) {
	o := &open{box: b, number: -1}
	switch b.name {
	case "exercise", "quiz":
		if c.inNote {
			c.problem(it.line, Error, "This "+b.name+" stands in the notes, where nobody could do it; move it above ???.")
			break
		}
		if c.hidden() {
			c.problem(it.line, Error, "This "+b.name+" stands inside a part that is not shown; close that part first.")
			break
		}
		b.kind = b.name
		c.openExercise(b)
	case "hint", "solution", "wrong", "clean-up", "explain":
		b.kind = b.name
		o.secret = &part{}
		c.checkPlace(b)
		c.stack = append(c.stack, o)
		return
	}
	if !c.hidden() {
		it.step = c.step
	}
	o.number = len(c.boxes)
	c.boxes = append(c.boxes, b)
	c.target().raw(markLine(b.indent, 'o', o.number), it)
	c.stack = append(c.stack, o)
}

// hidden says whether text goes to a part that is not on the slide.
func (c *compiler) hidden() bool {
	for _, o := range c.stack {
		if o.secret != nil {
			return true
		}
	}
	return false
}

func (c *compiler) checkPlace(b *box) {
	ex, quiz := c.findOpen("exercise"), c.findOpen("quiz")
	if ex == nil && quiz == nil {
		c.problem(b.line, Error, "A "+b.name+" belongs inside an exercise; put ::: exercise {#name} before it.")
	}
}

// closeTop handles a line of colons alone.
func (c *compiler) closeTop(it item) {
	if len(c.stack) == 0 {
		c.problem(it.line, Warning, "This ::: closes nothing; remove it.")
		return
	}
	c.pop(it)
}

// closeAll closes what is open when a slide or its text ends.
func (c *compiler) closeAll(why string, line int) {
	for len(c.stack) > 0 {
		b := c.top().box
		c.problem(b.line, Error, "::: "+b.name+" is still open where "+why+"; close it with a line of :::.")
		c.pop(item{file: c.src.file, line: line, step: c.step})
	}
}

func (c *compiler) pop(it item) {
	o := c.top()
	o.choice = nil
	c.stack = c.stack[:len(c.stack)-1]
	it.step = c.step
	switch o.box.kind {
	case "hint":
		c.closeHint(o)
	case "solution":
		if ex := c.exercise(); ex != nil {
			ex.Solution = append(ex.Solution, o.acts...)
			ex.SolutionHTML += c.render(o.secret, true).html
		}
	case "wrong":
		c.closeWrong(o)
	case "clean-up":
		if ex := c.exercise(); ex != nil {
			ex.CleanUp = append(ex.CleanUp, o.acts...)
		}
	case "explain":
		if q := c.findOpen("quiz"); q != nil && q.box.ex.Quiz != nil {
			q.box.ex.Quiz.Explain = c.render(o.secret, true).html
		}
	default:
		if o.box.kind == "quiz" {
			c.closeQuiz(o)
		}
		c.target().raw(markLine(o.box.indent, 'c', o.number), it)
	}
}

// exercise is the innermost exercise or quiz that is open.
func (c *compiler) exercise() *Exercise {
	for i := len(c.stack) - 1; i >= 0; i-- {
		if ex := c.stack[i].box.ex; ex != nil {
			return ex
		}
	}
	return nil
}

func (c *compiler) closeHint(o *open) {
	ex := c.exercise()
	if ex == nil {
		return
	}
	h := Hint{For: o.box.attrs.values["for"], HTML: c.render(o.secret, true).html, Line: o.box.line}
	ex.Hints = append(ex.Hints, h)
}

func (c *compiler) closeWrong(o *open) {
	ex := c.exercise()
	if ex == nil {
		return
	}
	ex.Wrong = append(ex.Wrong, Wrong{Says: o.box.attrs.values["says"], Acts: o.acts, Line: o.box.line})
	if len(o.acts) == 0 {
		c.problem(o.box.line, Warning, "This wrong way does nothing; give it a bash or key fence.")
	}
}

func (c *compiler) openExercise(b *box) {
	ex := &Exercise{ID: b.attrs.id, Title: b.attrs.values["title"], File: b.file, Line: b.line,
		Optional: b.attrs.flag("optional"), Keep: b.attrs.flag("keep")}
	if parent := c.exercise(); parent != nil {
		if b.kind == "quiz" && ex.ID == "" && parent.Quiz == nil {
			b.ex = parent // a question that is part of the exercise around it
			parent.Quiz = &Quiz{File: b.file, Line: b.line}
			return
		}
		if b.kind == "exercise" {
			c.problem(b.line, Error, "An exercise can't stand inside another one; close the first with :::.")
		}
	}
	if ex.ID == "" {
		ex.ID = slug(ex.Title)
		if ex.ID == "" {
			ex.ID = slug(c.src.file + "-" + itoa(b.line))
		}
		c.problem(b.line, Warning, "This "+b.kind+" has no name of its own, so it is called "+ex.ID+"; add {#"+ex.ID+"} to keep it.")
	} else if id := slug(ex.ID); id != ex.ID {
		c.problem(b.line, Error, "The name "+quote(ex.ID)+" may hold small letters, digits and dashes only; use "+quote(id)+".")
		ex.ID = id
	}
	if ex.Title == "" {
		ex.Title = titleOf(ex.ID)
	}
	m, _, err := b.attrs.number("minutes")
	if err != nil || m < 0 || m > 600 {
		c.problem(b.line, Error, "minutes must be a number from 0 to 600.")
		m = 0
	}
	ex.Minutes = m
	for _, n := range strings.FieldsFunc(b.attrs.values["needs"], func(r rune) bool { return r == ' ' || r == ',' }) {
		ex.Needs = append(ex.Needs, n)
	}
	c.unknownAttrs(b, "title", "minutes", "needs", "optional", "keep")
	if b.kind == "quiz" {
		ex.Quiz = &Quiz{File: b.file, Line: b.line}
	}
	b.ex = ex
	c.page.exercises = append(c.page.exercises, ex)
	c.page.slide.Exercises = append(c.page.slide.Exercises, ex.ID)
}

func (c *compiler) unknownAttrs(b *box, known ...string) {
	for _, k := range sortedKeys(b.attrs.values) {
		if !contains(known, k) {
			c.problem(b.line, Warning, b.name+" knows no "+quote(k)+"; it knows "+strings.Join(known, ", ")+".")
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// titleOf makes words of a name: rng-up becomes Rng up.
func titleOf(id string) string {
	t := strings.ReplaceAll(id, "-", " ")
	if t == "" {
		return t
	}
	return strings.ToUpper(t[:1]) + t[1:]
}
