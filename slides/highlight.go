package slides

import (
	"bytes"
	"io"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/alecthomas/chroma/v2/styles"
)

// maxHighlight is how much of a fence is coloured, in bytes: an unclosed fence of 131 KB once cost
// more than the 748 slides around it. What is longer is shown plain.
const maxHighlight = 16 << 10

// highlighter colours code and remembers what it did by content. It is safe for concurrent use.
type highlighter struct{ cache *cache[string] }

func newHighlighter() *highlighter { return &highlighter{cache: newCache[string](4096)} }

// html returns code with spans of chroma's class names; without its tags it is text, byte for byte.
func (h *highlighter) html(lang, text string) string {
	if len(text) > maxHighlight {
		return escapeCode(text)
	}
	key := lang + "\x00" + text
	if out, ok := h.cache.get(key); ok {
		return out
	}
	out := colour(lang, text)
	h.cache.put(key, out)
	return out
}

func colour(lang, text string) string {
	lexer := lexers.Get(lang)
	if lexer == nil {
		return escapeCode(text)
	}
	it, err := chroma.Coalesce(lexer).Tokenise(&chroma.TokeniseOptions{State: "root", EnsureLF: false}, text)
	if err != nil {
		return escapeCode(text)
	}
	var b, plain strings.Builder
	b.Grow(len(text) * 3)
	for t := it(); t != chroma.EOF; t = it() {
		plain.WriteString(t.Value)
		class := chroma.StandardTypes[t.Type]
		if class == "" || t.Type == chroma.Text || t.Type == chroma.TextWhitespace || strings.TrimSpace(t.Value) == "" {
			b.WriteString(escapeCode(t.Value))
			continue
		}
		b.WriteString(`<span class="` + class + `">` + escapeCode(t.Value) + `</span>`)
	}
	if plain.String() != text { // some lexers add or change line ends; nothing may
		return escapeCode(text)
	}
	return b.String()
}

// Stylesheet writes the colours of code: light ones, and dark ones for pages whose root element
// says data-theme="dark" or, where it says nothing, whose reader prefers dark.
func Stylesheet(w io.Writer) error {
	light, err := themeRules("github", "")
	if err != nil {
		return err
	}
	chosen, err := themeRules("github-dark", `:root[data-theme="dark"] `)
	if err != nil {
		return err
	}
	wished, err := themeRules("github-dark", `:root:not([data-theme]) `)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, light+chosen+"@media (prefers-color-scheme: dark) {\n"+wished+"}\n")
	return err
}

// themeRules gives the colours of a style without backgrounds, which belong to the page.
func themeRules(style, prefix string) (string, error) {
	var buf bytes.Buffer
	f := html.New(html.WithClasses(true), html.WithCSSComments(false))
	if err := f.WriteCSS(&buf, styles.Get(style)); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, l := range strings.Split(buf.String(), "\n") {
		sel, rule, ok := strings.Cut(l, "{")
		sel = strings.TrimSpace(sel)
		if !ok || !strings.HasPrefix(sel, ".chroma .") {
			continue
		}
		var keep []string
		for _, d := range strings.Split(strings.TrimSuffix(strings.TrimSpace(rule), "}"), ";") {
			if d = strings.TrimSpace(d); strings.HasPrefix(d, "color:") || strings.HasPrefix(d, "font-") {
				keep = append(keep, d)
			}
		}
		if len(keep) > 0 {
			out.WriteString(prefix + sel + " { " + strings.Join(keep, "; ") + " }\n")
		}
	}
	return out.String(), nil
}
