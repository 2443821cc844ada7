package slides

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// content walks nested lists: a name, Markdown in place, a list, or a mapping with a title.
func (m *manifest) content(fsys fs.FS, n node, level int) {
	if len(m.chapters) > maxChapters || level > 10 {
		m.problem(n.line, Error, "The manifest nests its chapters too deeply, or has too many.")
		return
	}
	switch n.kind {
	case 's':
		c := &chapterPlan{line: n.line}
		c.Level = level
		if strings.Contains(strings.TrimRight(n.text, "\n"), "\n") {
			c.sources = []sourceText{{file: m.path, text: n.text, line: n.line + 1}}
			m.add(c)
			return
		}
		m.addFile(fsys, c, strings.TrimSpace(n.text), n.line)
	case 'l':
		for _, e := range n.list {
			next := level
			if level == 0 {
				m.group++
			}
			if e.kind == 'l' {
				next++
			}
			m.content(fsys, e, next)
		}
	case 'm':
		m.chapter(fsys, n, level)
	}
}

var chapterKeys = []string{"title", "name", "file", "files", "minutes", "break", "chapters"}

func (m *manifest) chapter(fsys fs.FS, n node, level int) {
	c := &chapterPlan{line: n.line}
	c.Level, c.Title, c.Name = level, oneLine(n.pairs["title"].text), n.get("name")
	c.Minutes = m.number(n.pairs["minutes"])
	if b, ok := n.pairs["break"]; ok {
		c.Break = strings.TrimSpace(b.text) != "false"
		if _, err := strconv.ParseFloat(strings.TrimSpace(b.text), 64); err == nil && c.Minutes == 0 {
			c.Minutes = m.number(b)
		}
	}
	_, c.planned = n.pairs["minutes"]
	c.planned = c.planned || c.Break
	for _, k := range n.keys {
		if !contains(chapterKeys, k) {
			m.problem(n.pairs[k].line, Warning, "A chapter knows no "+quote(k)+"; it knows "+strings.Join(chapterKeys, ", ")+".")
		}
	}
	for _, k := range []string{"file", "files"} {
		v := n.pairs[k]
		names := v.list
		if v.kind == 's' {
			names = []node{v}
		}
		for _, f := range names {
			m.readInto(fsys, c, strings.TrimSpace(f.text), f.line)
		}
	}
	m.add(c)
	if sub := n.pairs["chapters"]; sub.kind == 'l' {
		for _, e := range sub.list {
			m.content(fsys, e, level+1)
		}
	}
}

func (m *manifest) addFile(fsys fs.FS, c *chapterPlan, name string, line int) {
	if m.readInto(fsys, c, name, line) {
		m.add(c)
	}
}

// readInto adds a file to a chapter. A missing one is a problem of the manifest's.
func (m *manifest) readInto(fsys fs.FS, c *chapterPlan, name string, line int) bool {
	full := path.Join(m.dir, name)
	if m.files++; m.files > maxManifestFiles {
		m.problem(line, Error, "The manifest names too many files.")
		return false
	}
	if name == "" || strings.HasPrefix(name, "/") || !fs.ValidPath(full) {
		m.problem(line, Error, quote(name)+" is not a file inside the workshop's folder.")
		return false
	}
	s, err := readFile(fsys, full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m.problem(line, Error, "There is no file "+quote(name)+"; names are relative to the manifest.")
		return false
	case err != nil:
		m.problem(line, Error, "The file "+quote(name)+" can't be read: "+err.Error()+".")
		return false
	}
	first := 1
	if !m.imported {
		s, first = m.frontMatter(c, full, s)
	}
	c.Files = append(c.Files, full)
	c.sources = append(c.sources, sourceText{file: full, text: s, line: first})
	return true
}

func (m *manifest) add(c *chapterPlan) {
	c.group = m.group
	m.chapters = append(m.chapters, c)
}

// frontMatter takes the YAML between two lines "---" from the top of a file: title and minutes
// of its chapter, and variables. What doesn't look like it is a slide.
func (m *manifest) frontMatter(c *chapterPlan, file, s string) (string, int) {
	lines := splitLines(s)
	if len(lines) < 3 || lines[0] != "---" {
		return s, 1
	}
	for i := 1; i < len(lines) && i < 60; i++ {
		l := lines[i]
		if l == "---" {
			doc, err := parseYAML(strings.Join(lines[1:i], "\n"), 2)
			if err != nil || doc.kind != 'm' || len(doc.keys) == 0 {
				return s, 1
			}
			m.useFrontMatter(c, doc)
			return strings.Join(lines[i+1:], "\n") + "\n", i + 2
		}
		if strings.TrimSpace(l) != "" && l[0] != '#' && l[0] != ' ' && l[0] != '-' && !propertyLine.MatchString(l) {
			return s, 1
		}
	}
	return s, 1
}

func (m *manifest) useFrontMatter(c *chapterPlan, doc node) {
	if t := oneLine(doc.pairs["title"].text); t != "" && c.Title == "" {
		c.Title = t
	}
	if v, ok := doc.pairs["minutes"]; ok && !c.planned {
		c.Minutes, c.planned = m.number(v), true
	}
	for _, k := range doc.pairs["variables"].keys {
		if _, set := m.variables[strings.ToUpper(k)]; !set {
			m.variables[strings.ToUpper(k)] = doc.pairs["variables"].pairs[k].text
		}
	}
}
