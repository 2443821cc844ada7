package slides

import (
	"regexp"
	"strconv"
	"strings"
)

// takeFence handles one fence: checks, answers and solutions leave the slide here.
func (c *compiler) takeFence(it item) {
	f := it.fence
	top := c.top()
	for _, secret := range []string{"checks", "answer"} { // a slip of the finger must not show them
		if f.lang != secret && distance(f.lang, secret) == 1 {
			c.problem(f.line, Error, "A fence of kind "+f.lang+" is taken for "+secret+"; correct its name.")
			own := *f // a template's fence is on other slides too
			own.lang = secret
			f, it.fence = &own, &own
		}
	}
	switch f.lang {
	case "checks":
		c.takeChecks(f, it)
		return
	case "answer":
		c.takeAnswer(f.text, f.line, it)
		return
	}
	if top != nil && doing(top.box.kind) {
		top.acts = append(top.acts, c.acts(f)...)
		top.secret.add(it)
		return
	}
	if c.hidden() || c.inNote {
		c.add(it)
		return
	}
	c.lintFence(f)
	if isAct(f.lang) {
		s := c.snippet(f)
		if isShell(f.lang) {
			c.page.slide.Snippets = append(c.page.slide.Snippets, s)
		}
		if o := c.findOpen("exercise"); o != nil && o.box.ex != nil && (s.Run || s.Dangerous || !isShell(f.lang)) {
			o.acts = append(o.acts, c.acts(f)...)
			c.implicit(o)
		}
		if s.Hidden {
			return
		}
	}
	c.add(it)
}

// doing says whether the fences of a box are acts that nobody sees.
func doing(kind string) bool { return kind == "solution" || kind == "wrong" || kind == "clean-up" }

// isAct says whether a rehearsal does something with a fence of this kind.
func isAct(lang string) bool { return isShell(lang) || lang == "key" || lang == "open" }

// implicit keeps the visible snippets of an exercise for the case that it has no solution box.
func (c *compiler) implicit(o *open) {
	if c.implied == nil {
		c.implied = make(map[*Exercise][]Act)
	}
	c.implied[o.box.ex] = o.acts
}

// fenceAttrs are the words a shell or key fence knows.
var fenceAttrs = []string{"node", "terminal", "wait", "timeout", "run", "dangerous", "hidden", "hl_lines"}

func (c *compiler) lintFence(f *fence) {
	if f.lang == "" && !c.en.imported {
		c.page.slide.lints = append(c.page.slide.lints, Problem{File: f.file, Line: f.line, Severity: Warning,
			Message: "This fence has no language; write bash for commands, console for what they print, text for anything else."})
	}
}

func (c *compiler) snippet(f *fence) Snippet {
	s := Snippet{Lang: f.lang, Node: nodeOf(f), Terminal: terminalOf(f), Text: f.text, Typed: typed(f.text),
		Run: f.attrs.values["run"] != "false", Dangerous: f.attrs.flag("dangerous"), Hidden: f.attrs.flag("hidden"),
		File: f.file, Line: f.line}
	if c.en.imported {
		s.Typed, _ = backticks(s.Typed) // marks of emphasis there, never part of a command
	}
	return s
}

func nodeOf(f *fence) string {
	if n := f.attrs.values["node"]; n != "" {
		return n
	}
	return "node1"
}

func terminalOf(f *fence) int {
	if n, ok, err := f.attrs.number("terminal"); ok && err == nil && n >= 1 && n <= 64 {
		return int(n)
	}
	return 1
}

// acts makes of a fence what a rehearsal does.
func (c *compiler) acts(f *fence) []Act {
	c.checkFence(f)
	timeout, _ := f.attrs.duration("timeout")
	a := Act{Kind: "shell", Node: nodeOf(f), Terminal: terminalOf(f), Wait: f.attrs.values["wait"], Timeout: timeout,
		Dangerous: f.attrs.flag("dangerous"), Hidden: f.attrs.flag("hidden"), File: f.file, Line: f.line}
	switch {
	case f.lang == "key":
		a.Kind = "key"
		var out []Act
		for i, l := range strings.Split(f.text, "\n") {
			if l = strings.TrimSpace(l); l != "" {
				a.Text, a.Line = l, f.line+1+i
				out = append(out, a)
			}
		}
		return out
	case f.lang == "open":
		a.Kind, a.Text = "open", portOf(f)
		if a.Text == "" {
			c.problem(f.line, Error, "An open fence holds the number of one published port, such as 8000.")
			return nil
		}
		return []Act{a}
	case isShell(f.lang):
		a.Text = strings.TrimSuffix(typed(f.text), "\n")
		if c.en.imported {
			a.Text, _ = backticks(a.Text)
		}
		if strings.TrimSpace(a.Text) == "" {
			return nil
		}
		return []Act{a}
	}
	return nil
}

// portOf reads the port of an open fence; empty when it is none.
func portOf(f *fence) string {
	text := strings.TrimSpace(f.text)
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 65535 {
		return ""
	}
	return text
}

var nodeName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

func (c *compiler) checkFence(f *fence) {
	for _, k := range sortedKeys(f.attrs.values) {
		if !contains(fenceAttrs, k) {
			c.problem(f.line, Warning, "A fence knows no "+quote(k)+"; it knows "+strings.Join(fenceAttrs, ", ")+".")
		}
	}
	if d, err := f.attrs.duration("timeout"); err != nil || d < 0 {
		c.problem(f.line, Error, "timeout must be a time such as 60s.")
	}
	if n, ok, err := f.attrs.number("terminal"); ok && (err != nil || n < 1 || n > 64 || n != float64(int(n))) {
		c.problem(f.line, Error, "terminal must be a number from 1 to 64.")
	}
	if !nodeName.MatchString(nodeOf(f)) {
		c.problem(f.line, Error, "node must be the name of a node, such as node2.")
	}
}

// takeChecks reads a checks fence into the exercise around it and leaves the list that people see.
func (c *compiler) takeChecks(f *fence, it item) {
	ex := c.exercise()
	if ex == nil {
		c.problem(f.line, Error, "Checks belong inside an exercise; put ::: exercise {#name} before them.")
		return
	}
	list, problems := parseChecks(f)
	c.page.slide.problems = append(c.page.slide.problems, problems...)
	first := len(ex.Checks)
	ex.Checks = append(ex.Checks, list...)
	if c.hidden() || c.inNote {
		c.problem(f.line, Error, "These checks stand in a part that is not shown; move them to the exercise itself.")
		return
	}
	c.mark(it, func(b *strings.Builder) {
		b.WriteString(`<ul class="checks">`)
		for i := range list {
			b.WriteString(`<li data-check="` + itoa(first+i) + `">` + escape(list[i].Says) + `</li>`)
		}
		b.WriteString("</ul>\n")
	})
}

// mark leaves a place where html is asked for its text when the slide is complete.
func (c *compiler) mark(it item, html func(*strings.Builder)) {
	prefix := ""
	if it.fence != nil {
		prefix = it.fence.prefix
	}
	it.step = c.step
	c.target().raw(markLine(prefix, 'm', len(c.marks)), it)
	c.marks = append(c.marks, html)
}

var choiceLine = regexp.MustCompile(`^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+\[([ xX])\](?:[ \t]+(.*))?$`)

// takeChoice takes a line out of a quiz that would tell the answer. It returns false for others.
func (c *compiler) takeChoice(it item) bool {
	o := c.findOpen("quiz")
	if rest, ok := strings.CutPrefix(strings.TrimLeft(it.text, " \t"), "answer:"); ok {
		c.takeAnswer(rest, it.line, it)
		return true
	}
	m := choiceLine.FindStringSubmatch(it.text)
	if m == nil {
		if strings.TrimSpace(it.text) == "" {
			o.choice = nil
		}
		return false
	}
	o.choice = nil
	q := o.box.ex.Quiz
	if len(o.choices) == 0 {
		c.mark(it, func(b *strings.Builder) { writeChoices(b, q) })
	}
	o.choice = &part{}
	it.text = m[2]
	o.choice.add(it)
	o.choices = append(o.choices, o.choice)
	q.Choices = append(q.Choices, Choice{Right: m[1] != " "})
	return true
}

func (c *compiler) takeAnswer(text string, line int, it item) {
	o := c.findOpen("quiz")
	if o == nil {
		c.problem(line, Error, "An answer belongs inside a quiz; put ::: quiz {#name} before it.")
		return
	}
	q := o.box.ex.Quiz
	if err := q.parseAnswer(text); err != "" {
		c.problem(line, Error, err)
		return
	}
	c.mark(it, func(b *strings.Builder) {
		b.WriteString(`<div class="answer" data-kind="` + q.Kind + `"></div>` + "\n")
	})
}

// closeQuiz renders the choices of a quiz and says what it lacks.
func (c *compiler) closeQuiz(o *open) {
	q := o.box.ex.Quiz
	right := 0
	for i := range o.choices {
		q.Choices[i].HTML = unwrapParagraph(c.render(o.choices[i], true).html)
		if q.Choices[i].Right {
			right++
		}
	}
	switch {
	case len(q.Choices) > 0 && q.Kind != "":
		c.problem(o.box.line, Error, "A quiz has either choices or an answer, not both.")
	case len(q.Choices) > 0:
		q.Kind, q.Multiple = "choice", right > 1
		if right == 0 {
			c.problem(o.box.line, Error, "None of this quiz's choices is right; mark one with - [x].")
		}
	case q.Kind == "":
		c.problem(o.box.line, Error, "This quiz has no answer; add choices with - [x] and - [ ], or a fence of kind answer.")
	}
}

func writeChoices(b *strings.Builder, q *Quiz) {
	b.WriteString(`<ul class="choices">`)
	for i := range q.Choices {
		b.WriteString(`<li data-choice="` + itoa(i) + `">` + q.Choices[i].HTML + `</li>`)
	}
	b.WriteString("</ul>\n")
}

func unwrapParagraph(h string) string {
	h = strings.TrimSpace(h)
	if strings.HasPrefix(h, "<p>") && strings.HasSuffix(h, "</p>") && strings.Count(h, "<p>") == 1 {
		return h[3 : len(h)-4]
	}
	return h
}
