package slides

import "strings"

// span is a range of bytes.
type span struct{ from, to int }

// backticks takes remark's marks of emphasis out of code: pairs of back-ticks within a line.
func backticks(s string) (string, []span) {
	if strings.IndexByte(s, '`') < 0 {
		return s, nil
	}
	var b strings.Builder
	var spans []span
	for _, l := range strings.SplitAfter(s, "\n") {
		for {
			i := strings.IndexByte(l, '`')
			if i < 0 {
				break
			}
			n := strings.IndexByte(l[i+1:], '`')
			if n < 0 {
				break
			}
			b.WriteString(l[:i])
			from := b.Len()
			b.WriteString(l[i+1 : i+1+n])
			if n > 0 {
				spans = append(spans, span{from, b.Len()})
			}
			l = l[i+n+2:]
		}
		b.WriteString(l)
	}
	return b.String(), spans
}

// addMarks puts <mark> around ranges of the text in coloured code, never across a tag.
func addMarks(h string, spans []span) string {
	if len(spans) == 0 {
		return h
	}
	var b strings.Builder
	at, n, open := 0, 0, false
	for i := 0; i < len(h); {
		for n < len(spans) && at >= spans[n].to {
			n++
		}
		inside := n < len(spans) && at >= spans[n].from && h[i] != '<'
		if inside != open {
			b.WriteString(map[bool]string{true: "<mark>", false: "</mark>"}[inside])
			open = inside
		}
		w := 1
		if h[i] == '<' {
			w = strings.IndexByte(h[i:], '>') + 1
		} else {
			if h[i] == '&' {
				w = strings.IndexByte(h[i:], ';') + 1
			}
			at++
		}
		b.WriteString(h[i : i+w])
		i += w
	}
	if open {
		b.WriteString("</mark>")
	}
	return b.String()
}

// sessionHTML tells prompts, commands and output apart; the text stays the same byte for byte.
func sessionHTML(text string) string {
	var b strings.Builder
	more := false
	for _, l := range strings.SplitAfter(text, "\n") {
		rest, prompt := strings.CutPrefix(l, "$ ")
		switch {
		case l == "":
		case prompt:
			b.WriteString(`<span class="gp">$ </span>` + escapeCode(rest))
		case more:
			b.WriteString(escapeCode(l))
		default:
			b.WriteString(`<span class="go">` + escapeCode(l) + `</span>`)
		}
		more = (prompt || more) && strings.HasSuffix(strings.TrimRight(l, "\n"), "\\")
	}
	return b.String()
}

// typed finds what a person would type in a shell fence. Where its first line shows a prompt ("$ " or
// "# "), only lines with a prompt count, with the lines that continue them; the rest is output.
func typed(text string) string {
	first := strings.TrimLeft(text, "\n")
	if !strings.HasPrefix(first, "$ ") {
		return text
	}
	var b strings.Builder
	more, doc := false, ""
	for _, l := range strings.SplitAfter(text, "\n") {
		if l == "" {
			continue
		}
		cmd, prompt := strings.CutPrefix(l, "$ ")
		if doc != "" {
			body := strings.TrimPrefix(l, "> ")
			b.WriteString(body)
			if strings.TrimSpace(body) == doc {
				doc = ""
			}
			continue
		}
		if more && !prompt {
			cmd, prompt = strings.TrimPrefix(l, "> "), true
		}
		if !prompt {
			continue
		}
		b.WriteString(cmd)
		more = strings.HasSuffix(strings.TrimRight(cmd, "\n"), "\\")
		doc = hereDoc(cmd)
	}
	return b.String()
}

// hereDoc gives the word that ends the here document a command line opens, or nothing.
func hereDoc(cmd string) string {
	i := strings.Index(cmd, "<<")
	if i < 0 || strings.HasPrefix(cmd[i:], "<<<") {
		return ""
	}
	rest := strings.TrimLeft(cmd[i+2:], "- ")
	if f := strings.Fields(rest); len(f) > 0 {
		return strings.Trim(f[0], `"'\;|&`)
	}
	return ""
}
