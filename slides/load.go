package slides

import (
	"io/fs"
	"runtime"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
)

// Options say how a deck is to be addressed. The zero value is what the server uses.
type Options struct {
	// Assets is put before the path of pictures; "/w/<name>/assets/" when empty.
	Assets string
	// Links is put before the name of a slide that a link leads to; "/w/<name>/" when empty.
	Links string
}

// Loader loads decks and remembers what it rendered, a few thousand slides and fences at most.
type Loader struct {
	opts  Options
	md    goldmark.Markdown
	code  *highlighter
	pages *cache[*page]
}

// NewLoader returns a Loader with an empty memory.
func NewLoader(opts Options) *Loader {
	return &Loader{opts: opts, md: newMarkdown(), code: newHighlighter(), pages: newCache[*page](8192)}
}

// Load reads a deck with a Loader of its own. To load one again and again, keep a Loader.
func Load(fsys fs.FS, manifest string) (*Deck, error) {
	return NewLoader(Options{}).Load(fsys, manifest)
}

// engine is what the slides of one deck are compiled with.
type engine struct {
	md       goldmark.Markdown
	code     *highlighter
	imported bool
	assets   string
	links    string
	root     string // folder of the manifest with its slash, empty at the root
}

// Load reads the deck that manifest names: a manifest of ours or of container.training, one
// Markdown file, or a folder ("." for the root). It fails only when nothing can be read; all
// else is in Deck.Problems.
func (l *Loader) Load(fsys fs.FS, manifest string) (*Deck, error) {
	m, err := readManifest(fsys, manifest)
	if err != nil {
		return nil, err
	}
	d := &Deck{Title: m.title, Name: slug(m.name), Manifest: m.path, Imported: m.imported, Minutes: m.minutes,
		Variables: m.variables, Problems: m.problems, fsys: fsys,
		byName: map[string]*Slide{}, byID: map[string]*Exercise{}, anchors: map[string]bool{}}
	if d.Name == "" {
		if d.Name = slug(m.title); d.Name == "" {
			d.Name = "workshop"
		}
	}
	en := l.engine(d, m.dir)
	drafts := m.drafts()
	if m.imported {
		drafts = addContents(drafts, m)
	} else {
		addAgenda(drafts, m)
	}
	l.compileAll(en, drafts)
	d.assemble(m, drafts)
	return d, nil
}

func (l *Loader) engine(d *Deck, dir string) *engine {
	en := &engine{md: l.md, code: l.code, imported: d.Imported, assets: l.opts.Assets, links: l.opts.Links}
	if en.assets == "" {
		en.assets = "/w/" + d.Name + "/assets/"
	}
	if en.links == "" {
		en.links = "/w/" + d.Name + "/"
	}
	if dir != "." {
		en.root = dir + "/"
	}
	d.assets, d.links = en.assets, en.links
	return en
}

// draft is a slide between being cut out and being shown.
type draft struct {
	src     *source
	props   props
	chapter int
	hidden  bool // excluded
	page    *page
}

// drafts cuts all files into slides and lends them their layouts.
func (m *manifest) drafts() []*draft {
	lay := newLayouts()
	var out []*draft
	for i, ch := range m.chapters {
		if ch.Break && len(ch.sources) == 0 {
			ch.sources = []sourceText{{file: m.path, line: ch.line, text: "class: break\n\n# " + ch.Title + "\n\n" + minutes(ch.Minutes) + " minutes\n"}}
		}
		for _, st := range ch.sources {
			for _, s := range cut(st.file, expandVariables(st.text, m.variables), st.line) {
				p, rest := takeProps(s.items)
				s.items = rest
				if ch.Break && st.file == m.path {
					p["generated"] = "yes"
				}
				if !lay.inherit(s, p) {
					continue
				}
				shown := *s
				shown.items = expandProps(s.items, p)
				out = append(out, &draft{src: &shown, props: p, chapter: i, hidden: m.excludes(p)})
			}
		}
	}
	return out
}

func (m *manifest) excludes(p props) bool {
	for _, c := range classList(p["class"]) {
		if m.exclude[c] {
			return true
		}
	}
	return p["exclude"] == "true"
}

// expandVariables replaces @@NAME@@, in fences too. What is unknown stays.
func expandVariables(s string, vars map[string]string) string {
	if !strings.Contains(s, "@@") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "@@")
		if i < 0 {
			break
		}
		j := strings.Index(s[i+2:], "@@")
		if j < 0 {
			break
		}
		name := s[i+2 : i+2+j]
		v, ok := vars[name]
		if !ok {
			b.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i] + strings.ReplaceAll(v, "\n", " "))
		s = s[i+4+j:]
	}
	return b.String() + s
}

// compileAll fills in the pages, those known from before from memory, others on all processors.
func (l *Loader) compileAll(en *engine, drafts []*draft) {
	var wg sync.WaitGroup
	work := make(chan *draft, len(drafts))
	keys := make(map[*draft]string)
	for _, d := range drafts {
		key := en.key(d)
		if p, ok := l.pages.get(key); ok {
			d.page = p
			continue
		}
		keys[d] = key
		work <- d
	}
	close(work)
	for i := 0; i < min(runtime.GOMAXPROCS(0), len(keys)); i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for d := range work {
				d.page = en.compileSafely(d.src, d.props)
				l.pages.put(keys[d], d.page)
			}
		}()
	}
	wg.Wait()
}

// compileSafely makes of a slide that no parser survives one that says so: the libraries below are
// good, but one slide must never take a running server with it.
func (en *engine) compileSafely(s *source, p props) (out *page) {
	defer func() {
		if r := recover(); r != nil {
			out = &page{name: p["name"]}
			out.slide = Slide{File: s.file, Line: s.line, Steps: []Step{{Line: s.line}}, HTML: "<p>This slide can't be shown.</p>\n"}
			out.slide.problems = append(s.problems, Problem{File: s.file, Line: s.line, Severity: Error,
				Message: "This slide can't be read; simplify it until it can, and tell the makers of Slipway."})
		}
	}()
	return en.compile(s, p)
}

// key is all that a page depends on.
func (en *engine) key(d *draft) string {
	var b strings.Builder
	b.Grow(512)
	b.WriteString(en.assets + "\x00" + en.links + "\x00" + en.root + "\x00" + d.src.file + "\x00" + itoa(d.src.line))
	if en.imported {
		b.WriteByte('i')
	}
	for _, k := range sortedKeys(d.props) {
		b.WriteString("\x00" + k + "\x00" + d.props[k])
	}
	for _, p := range d.src.problems {
		b.WriteString("\x00" + p.Message)
	}
	for _, it := range d.src.items {
		b.WriteByte('\n')
		if it.file != d.src.file {
			b.WriteString(it.file + itoa(it.line))
		}
		if f := it.fence; f != nil {
			b.WriteString("\x01" + itoa(f.line) + f.prefix + "\x01" + f.info + "\x01" + f.text)
			continue
		}
		b.WriteString(it.text)
	}
	return b.String()
}
