package slides

import (
	"strconv"
	"strings"
)

// finish renders what the lines were sorted into.
func (c *compiler) finish() {
	sl := &c.page.slide
	for _, ex := range c.page.exercises {
		if len(ex.Solution) == 0 {
			ex.Solution = c.implied[ex]
		}
	}
	body := c.render(c.body, false)
	sl.HTML = body.html
	sl.Text = strings.TrimSpace(squeeze(body.plain.String()) + "\n" + body.code.String())
	sl.Words = countWords(body.plain.String())
	sl.Title = body.title
	if c.page.name == "" {
		c.page.name = body.id
	}
	if t := c.props["title"]; t != "" {
		sl.Title = t
	}
	if sl.Title == "" {
		sl.Title = firstWords(body.plain.String())
	}
	c.finishNotes()
	c.finishMinutes()
	sl.lower, sl.lowerNotes = strings.ToLower(sl.Text), strings.ToLower(sl.NotesText)
	if bg := c.props["background-image"]; bg != "" {
		bg = strings.TrimSuffix(strings.TrimPrefix(bg, "url("), ")")
		sl.Background = c.asset(strings.Trim(bg, `"'`), "-", c.src.line)
	}
}

func (c *compiler) finishNotes() {
	sl := &c.page.slide
	var all, words strings.Builder
	for i, p := range c.notes {
		if p == nil {
			continue
		}
		r := c.render(p, true)
		h := strings.TrimSpace(r.html)
		if h == "" {
			continue
		}
		sl.Steps[i].Notes = h
		all.WriteString(`<div data-step="` + itoa(i) + `">` + h + "</div>\n")
		words.WriteString(squeeze(r.plain.String()) + "\n" + r.code.String())
	}
	sl.NotesHTML, sl.NotesText = all.String(), strings.TrimSpace(words.String())
}

func (c *compiler) finishMinutes() {
	sl := &c.page.slide
	for _, ex := range c.page.exercises {
		sl.Minutes += ex.Minutes
	}
	m, ok := c.props["minutes"]
	if !ok {
		return
	}
	v, err := strconv.ParseFloat(m, 64)
	if err != nil || v < 0 || v > 600 {
		c.problem(c.src.line, Error, "minutes: must be a number from 0 to 600.")
		return
	}
	sl.Minutes = v
}

// squeeze makes runs of white space single, and keeps lines.
func squeeze(s string) string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// firstWords makes a title of a slide that has no heading.
func firstWords(s string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(s, " \n\t"), "\n")
	words := strings.Fields(line)
	out := ""
	for _, w := range words {
		if len(out)+len(w) > 50 {
			break
		}
		out = strings.TrimSpace(out + " " + w)
	}
	return out
}
