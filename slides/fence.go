package slides

import (
	"strconv"
	"strings"
	"time"
)

// fence is a fenced block of code as the author wrote it. The cutter finds it before any Markdown
// is parsed, so that a slip inside one never reaches another slide.
type fence struct {
	prefix string // what stands before the marks on the opening line: indentation, list mark, quote
	quotes int    // number of ">" in prefix
	char   byte   // '`' or '~'
	marks  int    // number of marks
	info   string // what follows them, trimmed
	text   string // the lines inside, each with its newline, indentation of the fence removed
	file   string
	line   int // of the opening line

	lang     string
	attrs    attrs
	emphasis string
}

// openFence recognises the opening line of a fence. Any indentation is taken, as remark does:
// what Markdown would call indented code is a fence to those who write slides.
func openFence(line string) (fence, bool) {
	i, quotes := 0, 0
	for i < len(line) {
		c := line[i]
		if c == ' ' || c == '\t' {
			i++
		} else if c == '>' {
			quotes++
			i++
		} else if w := listMark(line[i:]); w > 0 {
			i += w
		} else {
			break
		}
	}
	if i >= len(line) || line[i] != '`' && line[i] != '~' {
		return fence{}, false
	}
	n := run(line, i)
	info := line[i+n:]
	if n < 3 || line[i] == '`' && strings.IndexByte(info, '`') >= 0 {
		return fence{}, false
	}
	return fence{prefix: line[:i], quotes: quotes, char: line[i], marks: n, info: strings.TrimSpace(info)}, true
}

// listMark returns the length of a list mark with its following space at the start of s, or 0.
func listMark(s string) int {
	if len(s) >= 2 && (s[0] == '-' || s[0] == '*' || s[0] == '+') && s[1] == ' ' {
		return 2
	}
	d := 0
	for d < len(s) && d < 9 && s[d] >= '0' && s[d] <= '9' {
		d++
	}
	if d > 0 && d+1 < len(s) && (s[d] == '.' || s[d] == ')') && s[d+1] == ' ' {
		return d + 2
	}
	return 0
}

// run counts how often the byte at i repeats.
func run(s string, i int) int {
	n := 1
	for i+n < len(s) && s[i+n] == s[i] {
		n++
	}
	return n
}

// closes says whether line ends the fence, at least min marks required.
func (f *fence) closes(line string, min int) bool {
	for q := f.quotes; q > 0; q-- {
		line = strings.TrimLeft(line, " \t")
		if !strings.HasPrefix(line, ">") {
			return false
		}
		line = line[1:]
	}
	line = strings.TrimSpace(line)
	return len(line) >= min && line[0] == f.char && run(line, 0) == len(line)
}

// body removes the fence's own indentation from its lines.
func (f *fence) body(lines []string) string {
	width := 0
	if f.quotes == 0 {
		width = columns(f.prefix)
	}
	var b strings.Builder
	for _, l := range lines {
		for q := f.quotes; q > 0; q-- {
			l = strings.TrimPrefix(strings.TrimPrefix(strings.TrimLeft(l, " "), ">"), " ")
		}
		b.WriteString(dedent(l, width))
		b.WriteByte('\n')
	}
	return b.String()
}

func columns(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '\t' {
			n += 4 - n%4
		} else {
			n++
		}
	}
	return n
}

// dedent removes at most width columns of white space from the start of l.
func dedent(l string, width int) string {
	col := 0
	for i := 0; i < len(l); i++ {
		switch {
		case col >= width:
			return l[i:]
		case l[i] == ' ':
			col++
		case l[i] == '\t':
			next := col + 4 - col%4
			if next > width {
				return strings.Repeat(" ", next-width) + l[i+1:]
			}
			col = next
		default:
			return l[i:]
		}
	}
	return ""
}

// attrs are the words between braces: {#id .class key=value key="two words" flag}.
type attrs struct {
	id      string
	classes []string
	values  map[string]string // a flag has the value "true"
}

func (a *attrs) set(k, v string) {
	if a.values == nil {
		a.values = make(map[string]string, 4)
	}
	a.values[k] = v
}

func (a *attrs) flag(k string) bool { v, ok := a.values[k]; return ok && v != "false" }

func (a *attrs) number(k string) (float64, bool, error) {
	v, ok := a.values[k]
	if !ok {
		return 0, false, nil
	}
	f, err := strconv.ParseFloat(v, 64)
	return f, true, err
}

func (a *attrs) duration(k string) (time.Duration, error) {
	v, ok := a.values[k]
	if !ok {
		return 0, nil
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil {
		return time.Duration(f * float64(time.Second)), nil
	}
	return time.ParseDuration(v)
}

// parseInfo reads what follows the marks of a fence: a language, then groups in braces, of which
// one made of digits, commas, dashes and bars alone is about the emphasis of lines.
func (f *fence) parseInfo() {
	head, groups := splitGroups(f.info)
	if words := strings.Fields(head); len(words) > 0 {
		f.lang = strings.ToLower(words[0])
		for _, w := range words[1:] {
			if v, ok := strings.CutPrefix(w, "hl_lines="); ok {
				f.emphasis = strings.Trim(v, `"'`)
			}
		}
	}
	for _, g := range groups {
		if isEmphasis(g) {
			f.emphasis = strings.ReplaceAll(g, " ", "")
			continue
		}
		parseAttrs(g, &f.attrs)
	}
	if v, ok := f.attrs.values["hl_lines"]; ok {
		f.emphasis = strings.ReplaceAll(v, " ", ",")
	}
}

// splitGroups separates "bash {a} {b}" into "bash " and its groups. Braces inside quotes don't count.
func splitGroups(s string) (string, []string) {
	var head strings.Builder
	var groups []string
	start, quote := -1, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case start >= 0 && (c == '"' || c == '\''):
			quote = c
		case start < 0 && c == '{':
			start = i + 1
		case start >= 0 && c == '}':
			groups = append(groups, s[start:i])
			start = -1
		case start < 0:
			head.WriteByte(c)
		}
	}
	if start >= 0 { // an unclosed brace still says what it says
		groups = append(groups, s[start:])
	}
	return head.String(), groups
}

func isEmphasis(g string) bool {
	g = strings.TrimSpace(g)
	if g == "" {
		return false
	}
	for _, part := range strings.FieldsFunc(g, func(r rune) bool { return r == '|' || r == ',' || r == '-' || r == ' ' }) {
		if _, err := strconv.ParseUint(part, 10, 16); err != nil && part != "all" && part != "none" && part != "*" {
			return false
		}
	}
	return true
}

// parseAttrs reads one group without its braces into a.
func parseAttrs(g string, a *attrs) {
	for i := 0; i < len(g); {
		if g[i] == ' ' || g[i] == '\t' || g[i] == ',' {
			i++
			continue
		}
		start := i
		for i < len(g) && g[i] != ' ' && g[i] != '\t' && g[i] != '=' {
			i++
		}
		key, value := g[start:i], "true"
		if i < len(g) && g[i] == '=' {
			value, i = attrValue(g, i+1)
		}
		switch {
		case key == "":
		case strings.HasPrefix(key, "#"):
			a.id = key[1:]
		case strings.HasPrefix(key, "."):
			a.classes = append(a.classes, key[1:])
		default:
			a.set(strings.ToLower(key), value)
		}
	}
}

func attrValue(g string, i int) (string, int) {
	if i < len(g) && (g[i] == '"' || g[i] == '\'') {
		if end := strings.IndexByte(g[i+1:], g[i]); end >= 0 {
			return g[i+1 : i+1+end], i + end + 2
		}
		return g[i+1:], len(g)
	}
	start := i
	for i < len(g) && g[i] != ' ' && g[i] != '\t' {
		i++
	}
	return g[start:i], i
}

// isShell names the languages a terminal understands.
func isShell(lang string) bool {
	switch lang {
	case "bash", "sh", "shell", "zsh", "ash":
		return true
	}
	return false
}

// isOutput names what programs print: shown, never run, never highlighted.
func isOutput(lang string) bool {
	switch lang {
	case "console", "output", "text", "txt", "plain", "plaintext", "shell-session", "sh-session", "none", "":
		return true
	}
	return false
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
