package slides

import "strings"

// item is one line of a slide, or one whole fence in the place of its lines.
type item struct {
	text  string
	fence *fence
	file  string
	line  int
	step  int
}

// source is a slide before anything in it has been understood.
type source struct {
	items    []item
	file     string
	line     int // of its first line
	problems []Problem
}

func (s *source) problem(line int, sev Severity, msg string) {
	s.problems = append(s.problems, Problem{File: s.file, Line: line, Message: msg, Severity: sev})
}

// cut divides a file into slides at the lines that are exactly "---" and stand in no fence.
// Each line of the file is in exactly one slide or is one of those breaks. first is the number
// of the first line, for Markdown that stands inside another file.
func cut(file, text string, first int) []*source {
	lines := splitLines(text)
	var out []*source
	cur := &source{file: file, line: first}
	for i := 0; i < len(lines); {
		if lines[i] == "---" {
			out = append(out, cur)
			cur = &source{file: file, line: first + i + 1}
			i++
			continue
		}
		f, ok := openFence(lines[i])
		if !ok {
			if t := strings.TrimRight(lines[i], " \t"); t != lines[i] && (t == "---" || t == "--" || t == "???") {
				cur.problem(first+i, Warning, "This line has spaces after "+t+", so it separates nothing; remove them.")
			}
			cur.items = append(cur.items, item{text: lines[i], file: file, line: first + i})
			i++
			continue
		}
		i = cutFence(cur, lines, i, first, f)
	}
	return append(out, cur)
}

// cutFence adds the fence that opens at line i to cur and returns the next line to look at.
func cutFence(cur *source, lines []string, i, first int, f fence) int {
	end := findEnd(lines, i, &f)
	f.file, f.line = cur.file, first+i
	body := lines[i+1 : end.last]
	if end.tail != "" {
		body = append(append([]string(nil), body...), end.tail)
	}
	f.text = f.body(body)
	f.parseInfo()
	if end.problem != "" {
		cur.problem(f.line, Error, end.problem)
	}
	cur.items = append(cur.items, item{fence: &f, file: cur.file, line: f.line})
	return end.next
}

type fenceEnd struct {
	last    int    // first line that is not in the fence
	next    int    // where to go on
	tail    string // code that stands on the closing line, before the marks
	problem string
}

// findEnd looks for the end of the fence that opens at line i. Where the marks don't match, the
// question is which slip costs least, so that one fence can never swallow the slides behind it,
// nor show as code the notes, checks or hints that follow it.
func findEnd(lines []string, i int, f *fence) fenceEnd {
	loose, brk, stop := -1, -1, len(lines)
	for j := i + 1; j < len(lines); j++ {
		if f.closes(lines[j], f.marks) {
			return fenceEnd{last: j, next: j + 1}
		}
		if lines[j] == "---" {
			brk, stop = j, j
			break
		}
		if f.cannotHold(lines[j]) {
			stop = j
			break
		}
		if loose < 0 && (f.closes(lines[j], 3) || endsWithMarks(lines[j], f)) {
			loose = j
		}
	}
	if brk >= 0 && (loose < 0 || holdsBreaks(f.lang0())) {
		if end := acrossBreak(lines, brk, f); end >= 0 {
			return fenceEnd{last: end, next: end + 1}
		}
	}
	if loose >= 0 && !anySeparates(lines[i+1:loose]) {
		e := fenceEnd{last: loose, next: loose + 1,
			problem: "This fence is closed with other marks than it was opened with; use the same number on lines of their own."}
		if !f.closes(lines[loose], 3) {
			e.tail = strings.TrimRight(strings.TrimRight(lines[loose], " \t"), string(f.char))
		}
		return e
	}
	for j := i + 1; j < stop; j++ {
		if lines[j] == "--" || separates(lines[j]) {
			stop = j
		}
	}
	return fenceEnd{last: stop, next: stop, problem: "This fence is never closed, so it ends here or where the next part begins; add a line of " +
		strings.Repeat(string(f.char), min(f.marks, 10)) + "."}
}

// separates says whether a line begins the notes or a box.
func separates(line string) bool {
	return line == "???" || strings.HasPrefix(strings.TrimLeft(line, " \t"), ":::")
}

func anySeparates(lines []string) bool {
	for _, l := range lines {
		if separates(l) {
			return true
		}
	}
	return false
}

// cannotHold says whether a line shows that the fence was meant to end before it: another fence opens
// with a language, or, in a fence of three marks that isn't about Markdown, notes or a box begin.
func (f *fence) cannotHold(line string) bool {
	if o, ok := openFence(line); ok && o.char == f.char && o.info != "" && o.marks >= f.marks {
		return true
	}
	switch f.lang0() {
	case "markdown", "md":
		return false
	}
	return f.marks == 3 && separates(line)
}

func endsWithMarks(line string, f *fence) bool {
	t := strings.TrimRight(line, " \t")
	return len(t) > 3 && strings.HasSuffix(t, strings.Repeat(string(f.char), 3)) && strings.Count(t, string(f.char)) < 6
}

// maxAcross bounds how many slide breaks a fence may hold.
const maxAcross = 30

// acrossBreak decides whether a fence that is open at the slide break really goes on behind it
// (YAML with several documents, Markdown about slides) and returns its closing line, or -1.
func acrossBreak(lines []string, brk int, f *fence) int {
	for j, n := brk+1, 0; j < len(lines) && n < maxAcross; n++ {
		end := j
		for end < len(lines) && lines[end] != "---" {
			end++
		}
		open, closed := cost(lines[j:end], f), cost(lines[j:end], nil)
		if open.fences == 0 {
			j = end + 1
			continue
		}
		if open.firstClose >= 0 && (open.price < closed.price || open.price == closed.price && holdsBreaks(f.lang0())) {
			return j + open.firstClose
		}
		if f.marks > 3 && open.firstClose < 0 && open.price <= closed.price {
			j = end + 1 // shorter fences inside a longer one are its content
			continue
		}
		return -1
	}
	return -1
}

func (f *fence) lang0() string {
	lang, _, _ := strings.Cut(f.info, " ")
	return strings.ToLower(lang)
}

func holdsBreaks(lang string) bool {
	switch lang {
	case "yaml", "yml", "markdown", "md", "diff":
		return true
	}
	return false
}

type reading struct{ price, fences, firstClose int }

// cost reads the lines of one slide as if f were open at its start (nil: nothing is open) and
// counts what would then look wrong: an opening line inside a fence, a fence open at the end.
func cost(lines []string, f *fence) reading {
	r := reading{firstClose: -1}
	outer := f
	for i, l := range lines {
		t := strings.TrimLeft(l, " \t>-*+.)0123456789")
		if len(t) < 3 || t[0] != '`' && t[0] != '~' {
			continue
		}
		o, ok := openFence(l)
		if !ok {
			continue
		}
		r.fences++
		switch {
		case f == nil:
			f = &o
		case f.closes(l, f.marks):
			if f == outer && r.firstClose < 0 {
				r.firstClose = i
			}
			f = nil
		case o.info != "" && o.marks >= f.marks:
			r.price++
		}
	}
	if f != nil && f != outer {
		r.price++
	}
	if outer != nil && r.firstClose < 0 && outer.marks == 3 {
		r.price++
	}
	return r
}

// splitLines gives the lines of text without their ends, of whatever system, and without a byte
// order mark. The last line counts even when no newline ends it; a text that ends in one has no
// empty line behind it.
func splitLines(text string) []string {
	text = strings.TrimPrefix(text, "\ufeff")
	if strings.IndexByte(text, '\r') >= 0 {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
