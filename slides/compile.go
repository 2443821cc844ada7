package slides

import (
	"strings"
)

// part collects Markdown that is rendered as one piece: the body of a slide, the notes of a step,
// a hint. Its items are lines and fences; boxes are numbered by the compiler.
type part struct {
	t      marked
	items  []item
	fences []*fence
}

// compiler turns the items of one slide into a page. It handles, line by line and before any
// Markdown is parsed, everything that decides who may see what.
type compiler struct {
	en    *engine
	page  *page
	src   *source
	props props

	body    *part
	notes   []*part // per step, nil without notes
	inNote  bool
	fresh   bool // nothing but properties has been seen of this step
	step    int
	stack   []*open
	boxes   []*box
	marks   []func(w *strings.Builder) // pieces of HTML that stand where a mark is
	implied map[*Exercise][]Act
}

// open is a "::: name" that waits for its ":::".
type open struct {
	box     *box
	number  int
	secret  *part // the text goes here instead of to the slide
	acts    []Act
	choice  *part // the task list item being read, in a quiz
	choices []*part
}

// page is all that is known of one slide before it has a place in a deck.
type page struct {
	slide     Slide
	name      string // explicit name
	exercises []*Exercise
}

func (c *compiler) problem(line int, sev Severity, msg string) {
	c.page.slide.problems = append(c.page.slide.problems,
		Problem{File: c.src.file, Line: line, Message: msg, Severity: sev})
}

// compile makes a page of s. It never fails; what it can't understand is shown as text.
func (en *engine) compile(s *source, p props) *page {
	c := &compiler{en: en, src: s, props: p, body: &part{}, page: &page{}}
	sl := &c.page.slide
	sl.File, sl.Line, sl.Generated = s.file, s.line, p["generated"] != ""
	sl.problems = append(sl.problems, s.problems...)
	sl.Steps = []Step{{Line: s.line}}
	c.notes = []*part{nil}
	sl.Classes = classList(p["class"])
	c.page.name = p["name"]
	for _, it := range c.stripComments(s.items) {
		c.take(it)
	}
	c.closeAll("its slide ends", s.line)
	c.finish()
	return c.page
}

// stripComments removes HTML comments: in them stand steps that only rehearsals see.
func (c *compiler) stripComments(items []item) []item {
	out := make([]item, 0, len(items))
	inside, began := false, 0
	for _, it := range items {
		if it.fence != nil {
			if inside {
				c.page.slide.hidden++
			} else {
				out = append(out, it)
			}
			continue
		}
		if !inside && !strings.Contains(it.text, "<!--") {
			out = append(out, it)
			continue
		}
		was := inside
		visible, still := uncomment(it.text, inside)
		if still && !was {
			began = it.line
		}
		inside = still
		if strings.TrimSpace(visible) == "" && strings.TrimSpace(it.text) != "" || was && visible == "" {
			continue
		}
		it.text = visible
		out = append(out, it)
	}
	if inside {
		c.problem(began, Error, "This comment is never closed, so the rest of its slide is hidden; add -->.")
	}
	return out
}

// uncomment returns what is visible of a line and whether a comment is open at its end.
func uncomment(l string, inside bool) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(l); {
		if inside {
			end := strings.Index(l[i:], "-->")
			if end < 0 {
				return b.String(), true
			}
			i += end + 3
			inside = false
			continue
		}
		if l[i] == '`' {
			end := codeEnd(l, i)
			b.WriteString(l[i:end])
			i = end
		} else if strings.HasPrefix(l[i:], "<!--") {
			inside = true
			i += 4
		} else {
			b.WriteByte(l[i])
			i++
		}
	}
	return b.String(), inside
}

// take handles one line or fence.
func (c *compiler) take(it item) {
	it.step = c.step
	if it.fence != nil {
		c.fresh = false
		c.page.slide.Fences++
		c.takeFence(it)
		return
	}
	switch {
	case it.text == "--":
		c.nextStep(it)
	case it.text == "???":
		c.closeAll("the notes begin", it.line)
		c.inNote = true
		c.page.slide.noteParts++
	case strings.HasPrefix(strings.TrimLeft(it.text, " \t"), ":::"):
		c.colons(it)
	case c.inQuiz() && c.takeChoice(it):
	case c.fresh && c.stepProps(it):
	default:
		c.add(it)
	}
}

// stepProps takes a property line at the top of a step, where remark allows them because a step is a
// slide to it. The classes are the step's; the rest has no meaning here.
func (c *compiler) stepProps(it item) bool {
	if strings.TrimSpace(it.text) == "" {
		return false
	}
	m := propertyLine.FindStringSubmatch(it.text)
	if m == nil || !strings.Contains(" class name count layout template exclude ", " "+m[1]+" ") {
		c.fresh = false
		return false
	}
	if st := &c.page.slide.Steps[c.step]; m[1] == "class" {
		st.Classes = append(st.Classes, classList(m[2])...)
	}
	return true
}

func (c *compiler) nextStep(it item) {
	if top := c.top(); top != nil && top.secret != nil {
		c.problem(it.line, Warning, "A step inside "+top.box.name+" has no effect; that part is not on the slide.")
		c.page.slide.Steps = append(c.page.slide.Steps, Step{Line: it.line})
		c.notes = append(c.notes, nil)
		c.step++
		return
	}
	if c.inNote {
		c.inNote = false
	}
	c.step++
	c.page.slide.Steps = append(c.page.slide.Steps, Step{Line: it.line})
	c.notes = append(c.notes, nil)
	it.text, it.step = "", c.step
	c.fresh = true
	c.add(it) // a blank line, so that paragraphs on both sides stay apart
}

func (c *compiler) top() *open {
	if len(c.stack) == 0 {
		return nil
	}
	return c.stack[len(c.stack)-1]
}

// target is the part that text goes to just now.
func (c *compiler) target() *part {
	for i := len(c.stack) - 1; i >= 0; i-- {
		if c.stack[i].choice != nil {
			return c.stack[i].choice
		}
		if c.stack[i].secret != nil {
			return c.stack[i].secret
		}
	}
	if !c.inNote {
		return c.body
	}
	if c.notes[c.step] == nil {
		c.notes[c.step] = &part{}
	}
	return c.notes[c.step]
}

func (p *part) add(it item) {
	p.items = append(p.items, it)
	n := len(p.items) - 1
	if it.fence != nil {
		p.t.writeLine(markLine(it.fence.prefix, 'f', len(p.fences)), n)
		p.fences = append(p.fences, it.fence)
		return
	}
	p.t.writeLine(shallow(clean(it.text)), n)
}

// raw adds a mark with the line of it.
func (p *part) raw(s string, it item) {
	p.items = append(p.items, it)
	p.t.writeLine(s, len(p.items)-1)
}

func (c *compiler) add(it item) { c.target().add(it) }

// clean replaces the control characters that this package uses for its own marks.
func clean(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, s)
}

// maxNesting bounds how many lists and quotes one line may open; nesting costs the Markdown parser
// time with its square.
const maxNesting = 40

// shallow makes text of the list marks and quotes of a line beyond the first maxNesting.
func shallow(s string) string {
	if len(s) <= maxNesting {
		return s
	}
	depth := 0
	for i := 0; i < len(s); {
		w := 1
		if s[i] == '>' {
			depth++
		} else if m := listMark(s[i:]); m > 0 {
			depth, w = depth+1, m
		} else if s[i] != ' ' && s[i] != '\t' {
			return s
		}
		if depth > maxNesting {
			return s[:i] + "\\" + s[i:]
		}
		i += w
	}
	return s
}

// mark is the text of a mark: its kind and number.
func mark(kind byte, n int) string {
	return string(markBlock) + string(kind) + itoa(n)
}

// markLine is a mark with the indentation of what it stands for.
func markLine(prefix string, kind byte, n int) string { return prefix + mark(kind, n) }

// findOpen returns the innermost open box of a kind.
func (c *compiler) findOpen(kind string) *open {
	for i := len(c.stack) - 1; i >= 0; i-- {
		if c.stack[i].box.kind == kind {
			return c.stack[i]
		}
	}
	return nil
}

// inQuiz says whether a line could tell the answer of a question.
func (c *compiler) inQuiz() bool { return !c.hidden() && c.findOpen("quiz") != nil }
