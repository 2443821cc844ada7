package slides

import (
	"strconv"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// newMarkdown builds the Markdown parser that all slides share. It is safe for concurrent use.
func newMarkdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM, extension.DefinitionList,
			extension.NewFootnote(extension.WithFootnoteIDPrefixFunction(footnotePrefix))),
		goldmark.WithParserOptions(
			parser.WithHeadingAttribute(),
			parser.WithBlockParsers(util.Prioritized(blockMarks{}, 50)),
			parser.WithInlineParsers(util.Prioritized(inlineMarks{}, 50)),
		),
		goldmark.WithRendererOptions(
			html.WithUnsafe(),
			renderer.WithNodeRenderers(util.Prioritized(pieces{}, 10)),
		),
	)
}

// footnotePrefix keeps the footnotes of several slides in one page apart.
func footnotePrefix(n ast.Node) []byte {
	if p, ok := n.OwnerDocument().Meta()["prefix"].(string); ok {
		return []byte(p)
	}
	return nil
}

var (
	kindMark = ast.NewNodeKind("SlipMark")
	kindWrap = ast.NewNodeKind("SlipWrap")
	kindSpan = ast.NewNodeKind("SlipSpan")
	kindHTML = ast.NewNodeKind("SlipHTML")
)

// markNode stands for a mark until the transformation replaces it.
type markNode struct {
	ast.BaseBlock
	what byte
	n    int
}

func (*markNode) Kind() ast.NodeKind              { return kindMark }
func (n *markNode) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// markSpan is the same within a line.
type markSpan struct {
	ast.BaseInline
	what byte
	n    int
}

func (*markSpan) Kind() ast.NodeKind              { return kindSpan }
func (n *markSpan) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// wrapNode is a block with HTML of ours before and after its children.
type wrapNode struct {
	ast.BaseBlock
	before, after string
}

func (*wrapNode) Kind() ast.NodeKind              { return kindWrap }
func (n *wrapNode) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// htmlSpan is HTML of ours within a line.
type htmlSpan struct {
	ast.BaseInline
	html string
}

func (*htmlSpan) Kind() ast.NodeKind              { return kindHTML }
func (n *htmlSpan) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// blockMarks recognises lines that are marks.
type blockMarks struct{}

func (blockMarks) Trigger() []byte { return []byte{markBlock} }

func (blockMarks) Open(_ ast.Node, r text.Reader, _ parser.Context) (ast.Node, parser.State) {
	line, seg := r.PeekLine()
	i := 0
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	if i+2 >= len(line) || line[i] != markBlock {
		return nil, parser.NoChildren
	}
	j := i + 2
	for j < len(line) && isDigit(line[j]) {
		j++
	}
	n, err := strconv.Atoi(string(line[i+2 : j]))
	if err != nil {
		return nil, parser.NoChildren
	}
	m := &markNode{what: line[i+1], n: n}
	m.SetPos(seg.Start)
	r.AdvanceToEOL()
	return m, parser.NoChildren
}

func (blockMarks) Continue(ast.Node, text.Reader, parser.Context) parser.State { return parser.Close }
func (blockMarks) Close(ast.Node, text.Reader, parser.Context)                 {}
func (blockMarks) CanInterruptParagraph() bool                                 { return true }
func (blockMarks) CanAcceptIndentedLine() bool                                 { return true }

// inlineMarks recognises marks within lines.
type inlineMarks struct{}

func (inlineMarks) Trigger() []byte { return []byte{markInline} }

func (inlineMarks) Parse(_ ast.Node, r text.Reader, _ parser.Context) ast.Node {
	line, _ := r.PeekLine()
	if len(line) < 5 || line[1] != markBlock {
		return nil
	}
	j := 3
	for j < len(line) && isDigit(line[j]) {
		j++
	}
	n, err := strconv.Atoi(string(line[3:j]))
	if err != nil || j >= len(line) || line[j] != markEnd {
		return nil
	}
	r.Advance(j + 1)
	return &markSpan{what: line[2], n: n}
}

// pieces renders the nodes above, and replaces the renderers that know nothing of steps.
type pieces struct{}

func (p pieces) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	nothing := func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) { return ast.WalkContinue, nil }
	reg.Register(kindMark, nothing)
	reg.Register(kindSpan, nothing)
	reg.Register(kindWrap, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(n.(*wrapNode).before)
		} else {
			_, _ = w.WriteString(n.(*wrapNode).after)
		}
		return ast.WalkContinue, nil
	})
	reg.Register(kindHTML, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(n.(*htmlSpan).html)
		}
		return ast.WalkContinue, nil
	})
	reg.Register(ast.KindCodeBlock, renderIndented)
}

func renderIndented(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	_, _ = w.WriteString("<pre")
	html.RenderAttributes(w, n, nil)
	_, _ = w.WriteString("><code>")
	for i := 0; i < n.Lines().Len(); i++ {
		seg := n.Lines().At(i)
		_, _ = w.Write(util.EscapeHTML(seg.Value(source)))
	}
	_, _ = w.WriteString("</code></pre>\n")
	return ast.WalkSkipChildren, nil
}
