package slides

import (
	"strconv"
	"strings"
)

// boxHTML gives what stands before and after the content of a box.
func (r *rendering) boxHTML(b *box) (string, string) {
	switch b.kind {
	case "exercise":
		ex := b.ex
		var w strings.Builder
		w.WriteString(`<slip-exercise data-id="` + escape(ex.ID) + `" data-minutes="` + minutes(ex.Minutes) +
			`" data-title="` + escape(ex.Title) + `" data-optional="` + strconv.FormatBool(ex.Optional) +
			`" data-hints="` + itoa(len(ex.Hints)) + `">` + "\n")
		w.WriteString(`<header class="exercise-head"><h3>` + escape(ex.Title) + `</h3>`)
		if ex.Minutes > 0 {
			w.WriteString(`<span class="minutes">` + minutes(ex.Minutes) + ` min</span>`)
		}
		w.WriteString("</header>\n")
		return w.String(), "</slip-exercise>\n"
	case "quiz":
		q := b.ex.Quiz
		return `<slip-quiz data-id="` + escape(b.ex.ID) + `" data-kind="` + q.Kind + `" data-multiple="` +
			strconv.FormatBool(q.Multiple) + `" data-minutes="` + minutes(b.ex.Minutes) + `" data-title="` +
			escape(b.ex.Title) + `" data-hints="` + itoa(len(b.ex.Hints)) + `">` + "\n", "</slip-quiz>\n"
	}
	id := ""
	if b.attrs.id != "" {
		id = ` id="` + escape(b.attrs.id) + `"`
	}
	return `<div class="` + strings.Join(b.classes, " ") + `"` + id + ">\n", "</div>\n"
}

func minutes(m float64) string { return strconv.FormatFloat(m, 'f', -1, 64) }

// fenceHTML shows one fence.
func (c *compiler) fenceHTML(f *fence) string {
	emphasis := ""
	if f.emphasis != "" {
		emphasis = ` data-emphasis="` + escape(f.emphasis) + `"`
	}
	if f.lang == "key" {
		return c.keysHTML(f)
	}
	if f.lang == "open" {
		return openHTML(f)
	}
	if isOutput(f.lang) {
		lang := f.lang
		if lang == "" {
			lang = "text"
		}
		return `<pre class="chroma output" data-lang="` + lang + `"` + emphasis + `><code>` + escapeCode(f.text) + "</code></pre>\n"
	}
	shown, marks := f.text, []span(nil)
	if c.en.imported {
		shown, marks = backticks(f.text)
	}
	code := addMarks(c.en.code.html(f.lang, shown), marks)
	var w strings.Builder
	w.WriteString(`<slip-snippet`)
	if isShell(f.lang) {
		s := c.snippet(f)
		c.checkFence(f)
		w.WriteString(` data-node="` + escape(s.Node) + `" data-terminal="` + itoa(s.Terminal) + `"`)
		w.WriteString(` data-lang="` + escape(f.lang) + `" data-run="` + strconv.FormatBool(s.Run) +
			`" data-dangerous="` + strconv.FormatBool(s.Dangerous) + `"`)
		if s.Typed != shown {
			w.WriteString(` data-text="` + escapeAttr(s.Typed) + `"`)
			if strings.HasPrefix(strings.TrimLeft(s.Text, "\n"), "$ ") {
				code = addMarks(sessionHTML(shown), marks)
			}
		}
	} else {
		w.WriteString(` data-lang="` + escape(f.lang) + `" data-run="false" data-dangerous="false"`)
	}
	w.WriteString(emphasis + `><pre class="chroma"><code>` + code + "</code></pre></slip-snippet>\n")
	return w.String()
}

func (c *compiler) keysHTML(f *fence) string {
	var w strings.Builder
	w.WriteString(`<p class="keys" data-node="` + escape(nodeOf(f)) + `">`)
	for _, k := range strings.Fields(f.text) {
		w.WriteString("<kbd>" + escape(k) + "</kbd> ")
	}
	return strings.TrimRight(w.String(), " ") + "</p>\n"
}

// openHTML shows a port to open. A page makes a link of it as soon as the port is published.
func openHTML(f *fence) string {
	port := portOf(f)
	return `<p class="open"><slip-open data-node="` + escape(nodeOf(f)) + `" data-port="` + port + `">Open port ` + port +
		` of ` + escape(nodeOf(f)) + "</slip-open></p>\n"
}

var codeEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escapeCode(s string) string { return codeEscapes.Replace(s) }

// escapeAttr also keeps line breaks, which parsers of attributes may change.
var attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "\n", "&#10;", "\t", "&#9;")

func escapeAttr(s string) string { return attrEscapes.Replace(s) }
