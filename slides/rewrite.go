package slides

import (
	"path"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
)

func (r *rendering) heading(h *ast.Heading) {
	if id, ok := h.AttributeString("id"); ok && r.id == "" {
		if b, isBytes := id.([]byte); isBytes {
			r.id = string(b)
		}
		dropAttribute(h, "id") // the slide carries the name
	}
	if r.title == "" {
		r.title = strings.Join(strings.Fields(plainText(h, r.src)), " ")
	}
}

func dropAttribute(n ast.Node, name string) {
	keep := append([]ast.Attribute(nil), n.Attributes()...)
	n.RemoveAttributes()
	for _, a := range keep {
		if string(a.Name) != name {
			n.SetAttribute(a.Name, a.Value)
		}
	}
}

// plainText is what remains of a node without any markup.
func plainText(n ast.Node, src []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch x := n.(type) {
		case *ast.Text:
			b.Write(x.Segment.Value(src))
			if x.SoftLineBreak() || x.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(x.Value)
		case *ast.AutoLink:
			b.Write(x.Label(src))
		case *ast.RawHTML:
			b.WriteByte(' ')
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

func (r *rendering) image(x *ast.Image) {
	alt := plainText(x, r.src)
	r.plain.WriteString(alt)
	x.Destination = []byte(r.c.asset(string(x.Destination), alt, r.lineOf(x)))
}

// lineOf finds the line of an inline node by its nearest block.
func (r *rendering) lineOf(n ast.Node) int {
	for p := n; p != nil; p = p.Parent() {
		if p.Type() == ast.TypeBlock && p.Lines() != nil && p.Lines().Len() > 0 {
			return r.origin(p.Lines().At(0).Start).line
		}
	}
	return r.c.src.line
}

// asset turns an address relative to the sources into one of the server, and remembers it.
func (c *compiler) asset(dest, alt string, line int) string {
	if isAbsolute(dest) || dest == "" {
		c.page.slide.images = append(c.page.slide.images, imageRef{Path: dest, Alt: alt, File: c.src.file, Line: line})
		return dest
	}
	clean, rest := dest, ""
	if i := strings.IndexAny(dest, "?#"); i >= 0 {
		clean, rest = dest[:i], dest[i:]
	}
	full := clean
	if strings.HasPrefix(clean, "/") {
		full = strings.TrimPrefix(path.Clean(clean), "/")
	} else if !c.en.imported {
		full = path.Join(path.Dir(c.src.file), clean)
		full = strings.TrimPrefix(full, c.en.root)
	}
	full = path.Clean(full)
	c.page.slide.images = append(c.page.slide.images, imageRef{Path: full, Alt: alt, File: c.src.file, Line: line})
	return c.en.assets + full + rest
}

// isAbsolute says whether an address has a scheme, a host, or only a fragment.
func isAbsolute(dest string) bool {
	if strings.HasPrefix(dest, "//") || strings.HasPrefix(dest, "#") {
		return true
	}
	i := strings.IndexAny(dest, ":/?#")
	return i > 0 && dest[i] == ':'
}

// link leads "#name" to the slide of that name.
func (r *rendering) link(x *ast.Link) {
	dest := string(x.Destination)
	name, ok := strings.CutPrefix(dest, "#")
	if !ok || name == "" {
		return
	}
	r.c.page.slide.Refs = append(r.c.page.slide.Refs, name)
	r.c.page.slide.refLines = append(r.c.page.slide.refLines, r.lineOf(x))
	x.Destination = []byte(r.c.en.links + name)
}

var rawAddress = regexp.MustCompile(`(?i)(<(?:img|video|audio|source|image|object|embed)\b[^>]*?\s(?:src|href|poster|data)\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)`)
var rawAlt = regexp.MustCompile(`(?i)\salt\s*=\s*("[^"]*"|'[^']*')`)

// rawHTML looks after the addresses in HTML of the author's.
func (r *rendering) rawHTML(s string, line int) string {
	return rawAddress.ReplaceAllStringFunc(s, func(m string) string {
		p := rawAddress.FindStringSubmatch(m)
		alt := "-" // only pictures need words in their place
		if strings.EqualFold(m[:4], "<img") {
			alt = strings.Trim(strings.TrimSpace(rawAlt.FindString(s)), `"'alt= `)
		}
		return p[1] + `"` + strings.ReplaceAll(r.c.asset(strings.Trim(p[2], `"'`), alt, line), `"`, "%22") + `"`
	})
}

func (r *rendering) rawBlock(x *ast.HTMLBlock) {
	var b strings.Builder
	line := r.c.src.line
	for i := 0; i < x.Lines().Len(); i++ {
		seg := x.Lines().At(i)
		if i == 0 {
			line = r.origin(seg.Start).line
		}
		b.Write(seg.Value(r.src))
	}
	if x.HasClosure() {
		b.Write(x.ClosureLine.Value(r.src))
	}
	w := &wrapNode{before: r.rawHTML(unmark(b.String()), line)}
	if step, ok := x.AttributeString("data-step"); ok {
		if s, isString := step.(string); isString {
			w.before = `<div data-step="` + s + `">` + w.before + "</div>\n"
		}
	}
	r.plain.WriteString(stripTags(w.before))
	x.Parent().ReplaceChild(x.Parent(), x, w)
}

func (r *rendering) rawInline(x *ast.RawHTML) {
	var b strings.Builder
	for i := 0; i < x.Segments.Len(); i++ {
		seg := x.Segments.At(i)
		b.Write(seg.Value(r.src))
	}
	r.plain.WriteByte(' ')
	x.Parent().ReplaceChild(x.Parent(), x, &htmlSpan{html: r.rawHTML(unmark(b.String()), r.lineOf(x))})
}

var anyMark = regexp.MustCompile(`(?:<|&lt;)?\x02[a-z]\d+\x03?`)

// unmark removes marks that ended up in raw HTML, where they mean nothing.
func unmark(s string) string {
	if strings.IndexByte(s, markBlock) < 0 {
		return s
	}
	return anyMark.ReplaceAllString(s, "")
}

var anyTag = regexp.MustCompile(`<[^>]*>`)

func stripTags(s string) string { return anyTag.ReplaceAllString(s, " ") }

var alertLine = regexp.MustCompile(`^\[!([A-Za-z]+)\][ \t]*$`)

// alert makes a quote that begins with [!NOTE] into an admonition.
func (r *rendering) alert(q *ast.Blockquote) {
	p, ok := q.FirstChild().(*ast.Paragraph)
	if !ok || p.Lines().Len() == 0 {
		return
	}
	seg := p.Lines().At(0)
	m := alertLine.FindStringSubmatch(strings.TrimRight(string(seg.Value(r.src)), "\n"))
	if m == nil {
		return
	}
	for n := p.FirstChild(); n != nil; { // take the words of the first line away
		next := n.NextSibling()
		t, isText := n.(*ast.Text)
		p.RemoveChild(p, n)
		if isText && (t.SoftLineBreak() || t.HardLineBreak()) {
			break
		}
		n = next
	}
	kind := strings.ToLower(m[1])
	q.SetAttributeString("class", "alert "+cleanClass(kind))
	head := &wrapNode{before: `<p class="alert-head">` + escape(titleOf(kind)) + "</p>\n"}
	q.InsertBefore(q, p, head)
	if !p.HasChildren() {
		q.RemoveChild(q, p)
	}
}
