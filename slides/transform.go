package slides

import (
	"bytes"
	"sort"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	gtext "github.com/yuin/goldmark/text"
)

// rendering is one part on its way from Markdown to HTML.
type rendering struct {
	c      *compiler
	part   *part
	src    []byte
	starts []int // offset of each line of src
	lines  []int // item of each line of src

	title, id string
	html      string
	plain     strings.Builder // words, without fences
	code      strings.Builder // text of the fences
}

// render turns a part into HTML. Whatever the author did, the result is balanced as far as it is
// ours: raw HTML of the author's stays as written. A whole part has no steps of its own.
func (c *compiler) render(p *part, whole bool) *rendering {
	r := &rendering{c: c, part: p}
	if p == nil || len(p.items) == 0 {
		return r
	}
	src, lines := expandSpans(p.t.b.String(), p.t.lines, &c.boxes, c.en.imported, func(n int, msg string) {
		c.problem(p.items[n].line, Warning, msg)
	})
	r.src, r.lines = []byte(src), lines
	for at := 0; at < len(r.src); {
		r.starts = append(r.starts, at)
		n := bytes.IndexByte(r.src[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	first := 0
	if whole {
		first = c.step + 1
	}
	doc := c.en.md.Parser().Parse(gtext.NewReader(r.src), parser.WithContext(parser.NewContext()))
	doc.OwnerDocument().AddMeta("prefix", c.footnotes())
	r.blocks(doc)
	r.walk(doc, first)
	var out bytes.Buffer
	if err := c.en.md.Renderer().Render(&out, r.src, doc); err != nil {
		c.problem(c.src.line, Error, "This slide can't be shown: "+err.Error()+".")
	}
	r.html = unmark(out.String()) // where code or an address swallowed a mark
	return r
}

func (c *compiler) footnotes() string { return "s" + itoa(c.src.line) + "-" + slug(c.src.file) + "-" }

// origin tells which item the byte at pos comes from.
func (r *rendering) origin(pos int) item {
	row := sort.SearchInts(r.starts, pos+1) - 1
	if row < 0 || row >= len(r.lines) || r.lines[row] >= len(r.part.items) {
		return item{file: r.c.src.file, line: r.c.src.line}
	}
	return r.part.items[r.lines[row]]
}

// blocks replaces the block marks below parent: pairs become wrappers, others what they stand for.
func (r *rendering) blocks(parent ast.Node) {
	var stack []*markNode
	for n := parent.FirstChild(); n != nil; {
		next := n.NextSibling()
		m, ok := n.(*markNode)
		switch {
		case !ok:
			if n.Type() == ast.TypeBlock {
				r.blocks(n)
			}
		case m.what == 'o':
			stack = append(stack, m)
		case m.what == 'c':
			stack = r.closeBlock(parent, stack, m)
		default:
			r.replace(parent, m)
		}
		n = next
	}
	for _, m := range stack {
		r.unpaired(m)
		parent.RemoveChild(parent, m)
	}
	r.spans(parent)
}

func (r *rendering) closeBlock(parent ast.Node, stack []*markNode, m *markNode) []*markNode {
	at := len(stack) - 1
	for at >= 0 && stack[at].n != m.n {
		at--
	}
	if at < 0 || m.n >= len(r.c.boxes) {
		parent.RemoveChild(parent, m)
		return stack
	}
	for _, lost := range stack[at+1:] {
		r.unpaired(lost)
		parent.RemoveChild(parent, lost)
	}
	first := stack[at]
	w := &wrapNode{}
	w.SetPos(first.Pos())
	w.before, w.after = r.boxHTML(r.c.boxes[m.n])
	for n := first.NextSibling(); n != nil && n != ast.Node(m); {
		next := n.NextSibling()
		w.AppendChild(w, n) // takes n away from parent
		n = next
	}
	parent.ReplaceChild(parent, m, w)
	parent.RemoveChild(parent, first)
	return stack[:at]
}

func (r *rendering) unpaired(m *markNode) {
	it := r.origin(m.Pos())
	r.c.problem(it.line, Error, "This box begins inside one paragraph or list item and ends outside it, so it is shown without its frame.")
}

func (r *rendering) replace(parent ast.Node, m *markNode) {
	w := &wrapNode{}
	w.SetPos(m.Pos())
	switch {
	case m.what == 'f' && m.n < len(r.part.fences):
		f := r.part.fences[m.n]
		w.before = r.c.fenceHTML(f)
		r.code.WriteString(f.text)
		r.code.WriteByte('\n')
	case m.what == 'm' && m.n < len(r.c.marks):
		var b strings.Builder
		r.c.marks[m.n](&b)
		w.before = b.String()
	}
	parent.ReplaceChild(parent, m, w)
}

// spans pairs the marks within the lines of parent.
func (r *rendering) spans(parent ast.Node) {
	var open []*markSpan
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Type() == ast.TypeInline && n.HasChildren() {
			r.spans(n)
		}
		m, ok := n.(*markSpan)
		if !ok {
			continue
		}
		if m.what == 'o' {
			open = append(open, m)
			continue
		}
		for at := len(open) - 1; at >= 0; at-- {
			if open[at].n != m.n || m.n >= len(r.c.boxes) {
				continue
			}
			start := &htmlSpan{html: `<span class="` + strings.Join(r.c.boxes[m.n].classes, " ") + `">`}
			end := &htmlSpan{html: "</span>"}
			parent.ReplaceChild(parent, open[at], start)
			parent.ReplaceChild(parent, m, end)
			open = open[:at]
			n = end
			break
		}
	}
}

// walk marks what belongs to later steps, looks after addresses, and collects words.
func (r *rendering) walk(n ast.Node, step int) {
	if n.Type() == ast.TypeBlock {
		if it, ok := r.place(n); ok && it.step > step {
			step = it.step
			r.setStep(n, step)
		}
	}
	switch x := n.(type) {
	case *ast.Heading:
		r.heading(x)
	case *ast.Image:
		r.image(x)
		return
	case *ast.Link:
		r.link(x)
	case *ast.Text:
		r.plain.Write(x.Segment.Value(r.src))
		if x.SoftLineBreak() || x.HardLineBreak() {
			r.plain.WriteByte(' ')
		}
	case *ast.String:
		r.plain.Write(x.Value)
	case *ast.AutoLink:
		r.plain.Write(x.Label(r.src))
	case *ast.CodeBlock:
		for i := 0; i < x.Lines().Len(); i++ {
			seg := x.Lines().At(i)
			r.code.Write(seg.Value(r.src))
		}
	case *ast.HTMLBlock:
		r.rawBlock(x)
		return
	case *ast.RawHTML:
		r.rawInline(x)
		return
	case *ast.Blockquote:
		r.alert(x)
	}
	for ch := n.FirstChild(); ch != nil; {
		next := ch.NextSibling()
		r.walk(ch, step)
		ch = next
	}
	if n.Type() == ast.TypeBlock {
		r.plain.WriteByte('\n')
	}
}

// place finds where a block begins; blocks that only contain others begin with their first.
func (r *rendering) place(n ast.Node) (item, bool) {
	for d := n; d != nil; d = d.FirstChild() {
		if d.Type() != ast.TypeBlock {
			break
		}
		if _, ours := d.(*wrapNode); ours {
			return r.origin(d.Pos()), true
		}
		if d.Lines() != nil && d.Lines().Len() > 0 {
			return r.origin(d.Lines().At(0).Start), true
		}
	}
	return item{}, false
}

func (r *rendering) setStep(n ast.Node, step int) {
	switch x := n.(type) {
	case *ast.Document, *ast.TextBlock:
	case *wrapNode:
		x.before = addAttribute(x.before, `data-step="`+itoa(step)+`"`)
	default:
		n.SetAttributeString("data-step", itoa(step))
	}
}

// addAttribute puts an attribute into the first tag of a piece of our own HTML.
func addAttribute(h, attr string) string {
	i := strings.IndexAny(h, " >")
	if !strings.HasPrefix(h, "<") || i < 0 {
		return h
	}
	return h[:i] + " " + attr + h[i:]
}
