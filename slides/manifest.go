package slides

import (
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
)

const (
	maxManifestFiles = 2000
	maxFile          = 8 << 20 // bytes of one Markdown file
	maxChapters      = 1000
)

// manifest is what a workshop.yaml, a container.training manifest, or a bare folder says.
type manifest struct {
	path      string
	dir       string // folder, "." for the root
	name      string
	title     string
	minutes   float64
	imported  bool
	variables map[string]string
	exclude   map[string]bool
	chapters  []*chapterPlan
	problems  []Problem
	files     int
	group     int
	names     map[string]bool
}

// chapterPlan is a chapter before its files are read.
type chapterPlan struct {
	Chapter
	sources []sourceText
	planned bool // Minutes comes from the manifest
	line    int
	group   int // which of the manifest's top lists it stands in
}

// sourceText is Markdown with its origin.
type sourceText struct {
	file, text string
	line       int
}

func (m *manifest) problem(line int, sev Severity, msg string) {
	m.problems = append(m.problems, Problem{File: m.path, Line: line, Message: msg, Severity: sev})
}

// FindManifest says which file a path means: the manifest itself, a Markdown file that is a deck of
// its own, or a folder with a workshop.yaml or else with Markdown files (then the folder itself).
func FindManifest(fsys fs.FS, p string) (string, error) {
	p = path.Clean(strings.TrimPrefix(p, "./"))
	if p == "" || p == "/" {
		p = "."
	}
	if !fs.ValidPath(p) {
		return "", fmt.Errorf("%s is not a path inside the workshop", p)
	}
	st, err := fs.Stat(fsys, p)
	if err != nil {
		return "", fmt.Errorf("there is no workshop at %s: %w", p, err)
	}
	if !st.IsDir() {
		return p, nil
	}
	for _, n := range []string{"workshop.yaml", "workshop.yml"} {
		if _, err := fs.Stat(fsys, path.Join(p, n)); err == nil {
			return path.Join(p, n), nil
		}
	}
	if list, _ := fs.Glob(fsys, path.Join(p, "*.md")); len(list) > 0 {
		return p, nil
	}
	return "", fmt.Errorf("there is no workshop.yaml and no Markdown file in %s; write one, or name the manifest", p)
}

func readManifest(fsys fs.FS, p string) (*manifest, error) {
	found, err := FindManifest(fsys, p)
	if err != nil {
		return nil, err
	}
	m := &manifest{path: found, dir: path.Dir(found), variables: map[string]string{}, exclude: map[string]bool{}, names: map[string]bool{}}
	switch ext := path.Ext(found); ext {
	case ".yaml", ".yml":
		raw, err := readFile(fsys, found)
		if err != nil {
			return nil, err
		}
		doc, err := parseYAML(raw, 1)
		if err != nil {
			return nil, fmt.Errorf("the manifest %s can't be read: %w", found, err)
		}
		if doc.kind != 'm' {
			return nil, fmt.Errorf("the manifest %s must be a mapping with title and chapters", found)
		}
		m.read(fsys, doc)
	case ".md", ".markdown":
		m.addFile(fsys, &chapterPlan{}, path.Base(found), 0)
	default:
		return m, m.readFolder(fsys, found)
	}
	return m, nil
}

// readFolder makes a workshop of a folder that has Markdown but no manifest.
func (m *manifest) readFolder(fsys fs.FS, dir string) error {
	st, err := fs.Stat(fsys, dir)
	if err != nil || !st.IsDir() {
		return fmt.Errorf("%s is neither a manifest (.yaml) nor Markdown (.md)", dir)
	}
	m.dir, m.path = dir, path.Join(dir, "workshop.yaml")
	list, err := fs.Glob(fsys, path.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	sort.Strings(list)
	for _, f := range list {
		m.addFile(fsys, &chapterPlan{}, path.Base(f), 0)
	}
	m.name = slug(path.Base(dir))
	return nil
}

func readFile(fsys fs.FS, name string) (string, error) {
	st, err := fs.Stat(fsys, name)
	if err != nil {
		return "", err
	}
	if st.Size() > maxFile {
		return "", fmt.Errorf("%s has more than %d MiB", name, maxFile>>20)
	}
	b, err := fs.ReadFile(fsys, name)
	return string(b), err
}

var knownKeys = []string{"title", "name", "minutes", "chapters", "variables", "exclude"}
var importedKeys = []string{"title", "chat", "gitrepo", "slides", "zip", "html", "exclude", "content", "chapters", "slidenumberprefix", "clone", "url"}

func (m *manifest) read(fsys fs.FS, doc node) {
	content, ok := doc.pairs["content"]
	if !ok {
		content = doc.pairs["chapters"]
	}
	m.imported = ok || isNested(content)
	m.title = oneLine(doc.pairs["title"].text)
	m.name = doc.get("name")
	m.minutes = m.number(doc.pairs["minutes"])
	for _, k := range doc.keys {
		if !m.imported && !contains(knownKeys, k) {
			m.problem(doc.pairs[k].line, Warning, "A manifest knows no "+quote(k)+"; it knows "+strings.Join(knownKeys, ", ")+".")
		}
	}
	for _, e := range doc.pairs["exclude"].list {
		m.exclude[strings.TrimSpace(e.text)] = true
	}
	if v := doc.pairs["variables"]; v.kind == 'm' {
		for _, k := range v.keys {
			m.variables[strings.ToUpper(k)] = strings.TrimRight(v.pairs[k].text, "\n")
		}
	}
	m.variables["TITLE"] = m.title
	if m.imported {
		m.importVariables(doc)
	}
	if content.kind != 'l' {
		m.problem(content.line, Error, "The manifest lists no chapters; add chapters: with a list of files.")
		return
	}
	m.content(fsys, content, 0)
}

// isNested tells a manifest of theirs that says "chapters" for "content": it holds names and lists
// of names, but no mappings.
func isNested(n node) bool {
	lists := false
	for _, e := range n.list {
		switch e.kind {
		case 'm':
			return false
		case 'l':
			lists = true
		}
	}
	return lists
}

func (m *manifest) importVariables(doc node) {
	m.variables["TITLE"] = strings.ReplaceAll(strings.TrimSpace(doc.pairs["title"].text), "\n", "<br/>")
	for _, k := range importedKeys {
		if v := doc.pairs[k]; v.kind == 's' && k != "title" {
			m.variables[strings.ToUpper(k)] = oneLine(v.text)
		}
	}
	base := strings.TrimSuffix(path.Base(m.path), path.Ext(m.path))
	if m.variables["ZIP"] == "" {
		m.variables["ZIP"] = strings.TrimSuffix(m.variables["SLIDES"], "/") + "/slides.zip"
	}
	if m.variables["HTML"] == "" {
		m.variables["HTML"] = base + ".yml.html"
	}
	if m.name == "" {
		m.name = slug(base)
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (m *manifest) number(n node) float64 {
	if strings.TrimSpace(n.text) == "" {
		return 0
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(n.text), 64)
	if err != nil || f < 0 || f > 100000 {
		m.problem(n.line, Error, "minutes must be a number from 0 up.")
		return 0
	}
	return f
}
