package slides

import "strings"

// Marks that the Markdown parser sees in the place of what this package has already understood.
// Authors' text can't contain them: control characters are replaced before.
const (
	markBlock  = '\x02' // a line of its own: mark, kind, number
	markInline = '<'    // ends any address before it; followed by markBlock, kind, number, markEnd
	markEnd    = '\x03'
)

// box is a part of a slide with a wrapper around it.
type box struct {
	kind    string // "div", "exercise", "quiz"
	classes []string
	ex      *Exercise
	attrs   attrs
	name    string // what stood behind the colons
	indent  string
	file    string
	line    int
}

// marked is a piece of Markdown whose lines remember where they come from.
type marked struct {
	b     strings.Builder
	lines []int // index of the item each line comes from
}

func (t *marked) writeLine(s string, from int) {
	t.b.WriteString(s)
	t.b.WriteByte('\n')
	t.lines = append(t.lines, from)
}

// spanScan replaces remark's .class[...] by marks. It works on text in which fences are already
// single marks, so no bracket inside a fence is ever counted.
type spanScan struct {
	src      string
	origin   []int // item of each line of src
	row      int
	out      strings.Builder
	lines    []int
	match    map[int]int // position of "[" -> position of its "]"
	closing  map[int]int // position of "]" -> index of its box
	imported bool
	boxes    *[]*box
	block    map[int]bool // box index -> is a block
	warn     func(item int, msg string)
}

// expandSpans returns src with marks, and the origin of each of its lines.
func expandSpans(src string, origin []int, boxes *[]*box, imported bool, warn func(int, string)) (string, []int) {
	if !strings.Contains(src, "[") || !hasSpan(src) {
		return src, origin
	}
	s := &spanScan{src: src, origin: origin, boxes: boxes, imported: imported, warn: warn,
		closing: map[int]int{}, block: map[int]bool{}}
	s.match = brackets(src)
	s.run()
	return s.out.String(), s.lines
}

func hasSpan(src string) bool {
	for i := 0; i < len(src); i++ {
		if src[i] == '.' {
			if _, end := spanHead(src, i); end > 0 {
				return true
			}
		}
	}
	return false
}

// spanHead reads ".one.two[" at i and returns its classes and the position behind "[", or 0.
func spanHead(src string, i int) ([]string, int) {
	var classes []string
	for i < len(src) && src[i] == '.' {
		j := i + 1
		for j < len(src) && (isLetter(src[j]) || src[j] == '_' || src[j] == '-' || j > i+1 && isDigit(src[j])) {
			j++
		}
		if j == i+1 {
			return nil, 0
		}
		classes = append(classes, src[i+1:j])
		i = j
	}
	if i >= len(src) || src[i] != '[' {
		return nil, 0
	}
	return classes, i + 1
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// brackets pairs the brackets of src, those in code spans and escaped ones left out. An opening
// one that has no partner then is looked for again with every bracket counted, as remark does.
func brackets(src string) map[int]int {
	match := make(map[int]int)
	pair := func(careful bool) {
		var stack []int
		for i := 0; i < len(src); i++ {
			switch c := src[i]; {
			case c == '\\' && careful:
				i++
			case c == '`' && careful:
				i = codeEnd(src, i) - 1
			case c == '[':
				stack = append(stack, i)
			case c == ']' && len(stack) > 0:
				top := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				if _, known := match[top]; !known {
					match[top] = i
				}
			}
		}
	}
	pair(true)
	pair(false)
	return match
}

// codeEnd returns the position behind the code span that starts at i, or behind its marks alone
// when nothing in the same paragraph closes it.
func codeEnd(src string, i int) int {
	n := run(src, i)
	for j := i + n; j < len(src); j++ {
		switch {
		case src[j] == '`':
			k := run(src, j)
			if k == n {
				return j + k
			}
			j += k - 1
		case src[j] == markBlock, src[j] == '\n' && j+1 < len(src) && src[j+1] == '\n':
			return i + n
		}
	}
	return i + n
}

func (s *spanScan) put(text string) {
	for i := 0; i < len(text); i++ {
		s.out.WriteByte(text[i])
		if text[i] == '\n' {
			s.lines = append(s.lines, s.item())
		}
	}
}

// copy writes src[i:j] and keeps count of the rows it passes.
func (s *spanScan) copy(i, j int) {
	for ; i < j; i++ {
		s.out.WriteByte(s.src[i])
		if s.src[i] == '\n' {
			s.lines = append(s.lines, s.item())
			s.row++
		}
	}
}

func (s *spanScan) item() int {
	if s.row < len(s.origin) {
		return s.origin[s.row]
	}
	return s.origin[len(s.origin)-1]
}

func (s *spanScan) run() {
	for i := 0; i < len(s.src); {
		c := s.src[i]
		switch {
		case c == '\\' && i+1 < len(s.src) && s.src[i+1] != '\n':
			s.copy(i, i+2)
			i += 2
		case c == '`':
			end := codeEnd(s.src, i)
			s.copy(i, end)
			i = end
		case c == '.':
			i = s.open(i)
		case c == ']':
			i = s.close(i)
		default:
			s.copy(i, i+1)
			i++
		}
	}
}

// open handles the dot at i and returns where to go on.
func (s *spanScan) open(i int) int {
	classes, body := spanHead(s.src, i)
	glued := i > 0 && (isLetter(s.src[i-1]) || isDigit(s.src[i-1]) || s.src[i-1] == ')')
	end, ok := s.match[body-1]
	if body > 0 && !ok && !glued {
		s.warn(s.item(), "The box ."+strings.Join(classes, ".")+"[ is never closed, so it is shown as text; add ].")
	}
	if body == 0 || !ok || glued && !s.imported {
		s.copy(i, i+1)
		return i + 1
	}
	if _, taken := s.closing[end]; taken {
		s.copy(i, i+1)
		return i + 1
	}
	n := len(*s.boxes)
	b := &box{kind: "div", classes: classes}
	*s.boxes = append(*s.boxes, b)
	s.closing[end] = n
	prefix := s.linePrefix(i)
	if !strings.Contains(s.src[body:end], "\n") || !isIndent(prefix) {
		s.put(string(markInline) + mark('o', n) + string(markEnd))
		return body
	}
	s.block[n] = true
	b.indent = continuation(prefix)
	s.put(mark('o', n) + "\n")
	return s.restOfLine(body, b.indent)
}

// close handles the bracket at i.
func (s *spanScan) close(i int) int {
	n, ok := s.closing[i]
	if !ok {
		s.copy(i, i+1)
		return i + 1
	}
	if !s.block[n] {
		s.put(string(markInline) + mark('c', n) + string(markEnd))
		return i + 1
	}
	b := (*s.boxes)[n]
	s.put("\n" + b.indent + mark('c', n) + "\n")
	return s.restOfLine(i+1, b.indent)
}

// restOfLine goes to the next line when nothing is left on this one, else indents what is left.
func (s *spanScan) restOfLine(i int, indent string) int {
	end := strings.IndexByte(s.src[i:], '\n')
	if end >= 0 && strings.TrimSpace(s.src[i:i+end]) == "" {
		s.row++
		return i + end + 1
	}
	s.put(indent)
	return i
}

func (s *spanScan) linePrefix(i int) string {
	return s.src[strings.LastIndexByte(s.src[:i], '\n')+1 : i]
}

// isIndent says whether nothing but white space, quotes and list marks stands before a span.
func isIndent(prefix string) bool {
	for i := 0; i < len(prefix); {
		if c := prefix[i]; c == ' ' || c == '\t' || c == '>' {
			i++
		} else if w := listMark(prefix[i:]); w > 0 {
			i += w
		} else {
			return false
		}
	}
	return true
}

// continuation is what a later line of the same block starts with.
func continuation(prefix string) string {
	return strings.Map(func(r rune) rune {
		if r == '>' || r == '\t' {
			return r
		}
		return ' '
	}, prefix)
}
