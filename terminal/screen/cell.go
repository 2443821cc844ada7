package screen

import "unicode/utf8"

// Bits of a cell's ch: a code point or the index of a combined text, whether
// it is the latter, and how many columns it takes.
const (
	codeMask     = 1<<21 - 1
	combinedFlag = 1 << 21
	contentMask  = codeMask | combinedFlag
	widthShift   = 22
)

// Bits of fg and bg: a colour and flags. The values are our own business; that
// they have the layout of xterm.js makes comparing easy.
const (
	rgbMask   = 0xffffff
	modeMask  = 3 << 24
	mode16    = 1 << 24
	mode256   = 2 << 24
	modeRGB   = 3 << 24
	colorBits = modeMask | rgbMask

	inverse   = 1 << 26 // of fg
	bold      = 1 << 27
	underline = 1 << 28
	blink     = 1 << 29
	invisible = 1 << 30
	strike    = 1 << 31

	italic    = 1 << 26 // of bg
	dim       = 1 << 27
	extended  = 1 << 28
	protected = 1 << 29
	overline  = 1 << 30
)

// cell is one column of a line. The second column of a wide character has
// neither content nor width.
type cell struct {
	ch, fg, bg uint32
	ext        uint32 // index into Screen.exts; 0 unless bg has extended
}

const (
	nullCh  = 1 << widthShift
	spaceCh = nullCh | ' '
)

func (c cell) width() int    { return int(c.ch >> widthShift) }
func (c cell) content() bool { return c.ch&contentMask != 0 }
func (c cell) plain() bool   { return c.fg == 0 && c.bg == 0 }

// link is the target of an OSC 8. Two texts belong together when they have
// the same one.
type link struct{ params, uri string }

// extra is what an attribute has beyond colours and flags.
type extra struct {
	style uint8 // of the underline, 0 to 5
	color uint32
	link  *link
}

func (e extra) empty() bool { return e.style == 0 && e.link == nil }

// pen is how the next character is drawn.
type pen struct {
	fg, bg uint32
	extra  extra
}

// update keeps the flag in step with what it stands for.
func (p *pen) update() {
	if p.extra.empty() {
		p.bg &^= extended
	} else {
		p.bg |= extended
	}
}

// line is one row. In the alternate screen of a terminal that became narrower
// it has more cells than there are columns.
//
// Most lines are plain text, written once from left to right. As long as one is
// no more than that, its letters lie in text and its cells say nothing.
type line struct {
	cells   []cell
	text    []byte // ASCII letters of the usual pen, then empty cells
	plain   bool   // text counts
	wrapped bool
}

func newLine(cols int, fill cell) *line {
	l := &line{cells: make([]cell, cols)}
	l.clear(fill)
	return l
}

// clear makes all cells the same.
func (l *line) clear(fill cell) {
	if l.plain = fill == (cell{ch: nullCh}); l.plain {
		l.text = l.text[:0]
		return
	}
	fillCells(l.cells, fill)
}

// open makes the cells of a plain line count. All that reads or writes cells
// does so first.
func (l *line) open() {
	if !l.plain {
		return
	}
	l.plain = false
	n := min(len(l.text), len(l.cells))
	for x, c := range l.text[:n] {
		l.cells[x] = cell{ch: nullCh | uint32(c)}
	}
	fillCells(l.cells[n:], cell{ch: nullCh})
}

func fillCells(cells []cell, fill cell) {
	if len(cells) == 0 {
		return
	}
	cells[0] = fill
	for n := 1; n < len(cells); n *= 2 {
		copy(cells[n:], cells[:n])
	}
}

func (l *line) width(x int) int {
	if x < 0 || x >= len(l.cells) {
		return 0
	}
	l.open()
	return l.cells[x].width()
}

// set writes a cell if there is one.
func (l *line) set(x int, c cell) {
	if x >= 0 && x < len(l.cells) {
		l.open()
		l.cells[x] = c
	}
}

// null is an empty cell with the attributes of another one.
func null(as cell) cell { as.ch = nullCh; return as }

// replace fills the cells from start to before end and repairs wide characters
// of which only half is left.
func (l *line) replace(start, end int, fill cell, respect bool) {
	l.open()
	guarded := func(x int) bool { return respect && x < len(l.cells) && l.cells[x].bg&protected != 0 }
	if start > 0 && l.width(start-1) == 2 && !guarded(start-1) {
		l.set(start-1, null(fill))
	}
	if end < len(l.cells) && l.width(end-1) == 2 && !guarded(end) {
		l.set(end, null(fill))
	}
	end = min(end, len(l.cells))
	if !respect && start < end {
		fillCells(l.cells[start:end], fill)
		return
	}
	for x := start; x < end; x++ {
		if !guarded(x) {
			l.cells[x] = fill
		}
	}
}

// insert shifts the cells from pos on by n to the right.
func (l *line) insert(pos, n int, fill cell) {
	l.open()
	size := len(l.cells)
	pos %= size
	if pos > 0 && l.width(pos-1) == 2 {
		l.set(pos-1, null(fill))
	}
	if n < size-pos {
		copy(l.cells[pos+n:], l.cells[pos:])
		fillCells(l.cells[pos:pos+n], fill)
	} else {
		fillCells(l.cells[pos:], fill)
	}
	if l.width(size-1) == 2 {
		l.set(size-1, null(fill))
	}
}

// remove shifts the cells after pos by n to the left.
func (l *line) remove(pos, n int, fill cell) {
	l.open()
	size := len(l.cells)
	pos %= size
	if n < size-pos {
		copy(l.cells[pos:], l.cells[pos+n:])
		fillCells(l.cells[size-n:], fill)
	} else {
		fillCells(l.cells[pos:], fill)
	}
	if pos > 0 && l.width(pos-1) == 2 {
		l.set(pos-1, null(fill))
	}
	if c := l.cells[pos]; c.width() == 0 && !c.content() {
		l.set(pos, null(fill))
	}
}

// resize cuts or lengthens a line.
func (l *line) resize(cols int) {
	l.open()
	old := len(l.cells)
	if cols <= old {
		l.cells = l.cells[:cols]
		return
	}
	bigger := make([]cell, cols)
	copy(bigger, l.cells)
	fillCells(bigger[old:], cell{ch: nullCh})
	l.cells = bigger
}

// trimmed is how many columns the line has up to its last content.
func (l *line) trimmed() int {
	l.open()
	for x := len(l.cells) - 1; x >= 0; x-- {
		if l.cells[x].content() {
			return x + l.cells[x].width()
		}
	}
	return 0
}

// Bounds of the tables that cells point into.
const (
	maxCombined = 128     // bytes of one combined text
	maxTable    = 1 << 20 // bytes of all combined texts, and of all links
	tidyAt      = 4096    // entries at which a table is tidied first
)

// table gives values small numbers. Number 0 is the zero value.
type table[T comparable] struct {
	all   []T
	index map[T]uint32
	bytes int
	limit int  // entries at which it is worth tidying
	open  bool // bounded by someone else for now
	full  int  // how often there was no room since it was tidied
}

func (t *table[T]) number(v T, size int) (uint32, bool) {
	var zero T
	if v == zero {
		return 0, true
	}
	if n, ok := t.index[v]; ok {
		return n, true
	}
	if t.index == nil {
		t.index, t.all, t.limit = map[T]uint32{}, make([]T, 1), tidyAt
	}
	if !t.open && (len(t.all) >= t.limit || t.bytes+size > maxTable) {
		return 0, false
	}
	n := uint32(len(t.all))
	t.all = append(t.all, v)
	t.index[v] = n
	t.bytes += size
	return n, true
}

// worthTidying keeps a program that fills a table with what stays on the
// screen from having it tidied in vain all the time.
func (t *table[T]) worthTidying() bool {
	t.full++
	return t.full%tidyAt == 1
}

// extraNumber returns the number of an extra. When the table is full even
// after tidying, the link is left out.
func (s *Screen) extraNumber(e extra) uint32 {
	size := 32
	if e.link != nil {
		size += len(e.link.params) + len(e.link.uri)
	}
	n, ok := s.exts.number(e, size)
	if !ok && s.exts.worthTidying() {
		s.tidy()
		n, ok = s.exts.number(e, size)
	}
	if !ok {
		n, _ = s.exts.number(extra{style: e.style}, 32)
	}
	return n
}

// combinedNumber returns the number of a text; 0 when there is no room for it.
func (s *Screen) combinedNumber(text string) uint32 {
	n, ok := s.combs.number(text, len(text)+32)
	if !ok && s.combs.worthTidying() {
		s.tidy()
		n, _ = s.combs.number(text, len(text)+32)
	}
	return n
}

// tidy forgets the extras and texts that no cell points to.
func (s *Screen) tidy() {
	exts, combs := s.exts, s.combs
	s.exts, s.combs = table[extra]{}, table[string]{}
	s.exts.open, s.combs.open = true, true
	for _, b := range []*buffer{&s.normal, &s.alt} {
		for _, l := range b.rows {
			l.open()
			for x := range l.cells {
				c := &l.cells[x]
				if c.ext != 0 {
					e := exts.all[c.ext]
					c.ext, _ = s.exts.number(e, 32)
				}
				if c.ch&combinedFlag != 0 {
					n, _ := s.combs.number(combs.all[c.ch&codeMask], 33)
					c.ch = c.ch&^codeMask | n
				}
			}
		}
	}
	s.recount()
	s.penChanged()
}

// tidyAfter closes the tables again after history was decoded, which may have
// left much in them.
func (s *Screen) tidyAfter(had int) {
	s.exts.open, s.combs.open = false, false
	if len(s.exts.all)+len(s.combs.all) > had+tidyAt/4 {
		s.tidy()
	}
}

// recount sets the tables' sizes by what they hold, and when to tidy next.
func (s *Screen) recount() {
	s.exts.bytes, s.combs.bytes = 0, 0
	for _, e := range s.exts.all {
		s.exts.bytes += 32
		if e.link != nil {
			s.exts.bytes += len(e.link.params) + len(e.link.uri)
		}
	}
	for _, c := range s.combs.all {
		s.combs.bytes += len(c) + 32
	}
	s.exts.limit = max(tidyAt, 2*len(s.exts.all))
	s.combs.limit = max(tidyAt, 2*len(s.combs.all))
	s.exts.open, s.combs.open = false, false
	s.exts.full, s.combs.full = 1, 1
}

// extraOf is what a cell's attributes have beyond colours and flags.
func (s *Screen) extraOf(c cell) extra {
	if c.ext == 0 {
		return extra{}
	}
	return s.exts.all[c.ext]
}

// text is what stands in a cell.
func (s *Screen) text(c cell) string {
	if c.ch&combinedFlag != 0 {
		return s.combs.all[c.ch&codeMask]
	}
	if r := rune(c.ch & codeMask); r != 0 {
		return string(r)
	}
	return ""
}

// combine adds a mark to what stands in a cell.
func (s *Screen) combine(c *cell, mark rune, width int) {
	if !c.content() {
		c.ch = uint32(mark) | nullCh
	} else if text := s.text(*c); len(text)+utf8.RuneLen(mark) <= maxCombined {
		if n := s.combinedNumber(text + string(mark)); n != 0 { // may renumber the cell
			c.ch = c.ch&^contentMask | combinedFlag | n
		}
	}
	if width > 0 {
		c.ch = c.ch&contentMask | uint32(width)<<widthShift
	}
}
