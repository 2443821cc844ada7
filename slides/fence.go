package slides

import "strings"

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
