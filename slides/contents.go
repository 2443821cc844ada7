package slides

import "strings"

// addContents gives an imported deck what its own build gave it: tables of contents in the place
// of @@TOC@@, and a title slide before each slide that begins a section with "# ".
func addContents(drafts []*draft, m *manifest) []*draft {
	type section struct {
		title string
		at    int // index into drafts
		part  int
	}
	var sections []section
	part := -1
	lastPart := -1
	for i, d := range drafts {
		title := sectionTitle(d.src.items)
		if title == "" || d.hidden {
			continue
		}
		if top := m.chapters[d.chapter].group; top != lastPart {
			lastPart = top
			part++
		}
		sections = append(sections, section{title: title, at: i, part: part})
	}
	titles := map[int]*draft{}
	var toc []string // Markdown of each part's table
	for n, s := range sections {
		for len(toc) <= s.part {
			toc = append(toc, "")
		}
		toc[s.part] += "- [" + s.title + "](#" + tocName(s.title) + ")\n\n"
		prev, next := "", ""
		if n > 0 {
			prev = tocName(sections[n-1].title)
		}
		if n+1 < len(sections) {
			next = tocName(sections[n+1].title)
		}
		titles[s.at] = titleSlide(drafts[s.at], s.title, s.part, prev, next)
	}
	var out []*draft
	for i, d := range drafts {
		if t := titles[i]; t != nil {
			out = append(out, t)
		}
		out = append(out, fillContents(d, toc)...)
	}
	return out
}

func tocName(title string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(strings.ToLower(title), " ", "-") {
		if r >= 'a' && r <= 'z' || r == '-' {
			b.WriteRune(r)
		}
	}
	return "toc-" + b.String()
}

func sectionTitle(items []item) string {
	for _, it := range items {
		if t, ok := strings.CutPrefix(it.text, "# "); ok && it.fence == nil {
			return strings.TrimSpace(t)
		}
	}
	return ""
}

// fillContents replaces @@TOC@@ by the table of the first part and adds a slide for each other.
func fillContents(d *draft, toc []string) []*draft {
	at := -1
	for i, it := range d.src.items {
		if it.fence == nil && strings.TrimSpace(it.text) == "@@TOC@@" {
			at = i
		}
	}
	if at < 0 {
		return []*draft{d}
	}
	out := []*draft{d}
	for part, table := range toc {
		label := "Table of contents"
		if len(toc) > 1 {
			label = "Module " + itoa(part+1)
		}
		text := "## " + label + "\n\n" + table
		name := "toc-module-" + itoa(part+1)
		if part == 0 {
			items := append([]item(nil), d.src.items[:at]...)
			items = append(items, textItems(text, d.src)...)
			d.src.items = append(items, d.src.items[at+1:]...)
			if d.props["name"] == "" {
				d.props["name"] = name
			}
			continue
		}
		out = append(out, generated(d, text, props{"name": name}))
	}
	return out
}

func titleSlide(d *draft, title string, part int, prev, next string) *draft {
	var nav []string
	if prev != "" {
		nav = append(nav, "[Previous part](#"+prev+")")
	}
	nav = append(nav, "[Contents](#toc-module-"+itoa(part+1)+")")
	if next != "" {
		nav = append(nav, "[Next part](#"+next+")")
	}
	text := "# " + title + "\n\n.nav[" + strings.Join(nav, " | ") + "]\n"
	return generated(d, text, props{"name": tocName(title), "class": "title"})
}

// generated makes a slide that the author didn't write, with the place of one that he did.
func generated(d *draft, text string, p props) *draft {
	src := &source{file: d.src.file, line: d.src.line}
	src.items = textItems(text, src)
	p["generated"] = "yes"
	return &draft{src: src, props: p, chapter: d.chapter}
}

func textItems(text string, src *source) []item {
	var out []item
	for _, l := range splitLines(text) {
		out = append(out, item{text: l, file: src.file, line: src.line})
	}
	return out
}

// addAgenda replaces @@TOC@@ in a deck of ours by the list of top chapters with their minutes.
func addAgenda(drafts []*draft, m *manifest) {
	for _, d := range drafts {
		for i, it := range d.src.items {
			if it.fence != nil || strings.TrimSpace(it.text) != "@@TOC@@" {
				continue
			}
			items := append([]item(nil), d.src.items[:i]...)
			items = append(items, textItems(m.agenda(), d.src)...)
			d.src.items = append(items, d.src.items[i+1:]...)
			break
		}
	}
}

func (m *manifest) agenda() string {
	var b strings.Builder
	b.WriteString("| Chapter | Minutes |\n|---|---:|\n")
	for _, c := range m.chapters {
		if c.Level > 0 || c.Title == "" {
			continue
		}
		mins := ""
		if c.Minutes > 0 {
			mins = minutes(c.Minutes)
		}
		b.WriteString("| " + strings.ReplaceAll(c.Title, "|", "\\|") + " | " + mins + " |\n")
	}
	return b.String()
}
