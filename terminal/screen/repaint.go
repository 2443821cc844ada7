package screen

import (
	"fmt"
	"sort"
)

// Repaint returns bytes that bring a freshly reset xterm of the same size to
// the present state, and how many of the last bytes written are not part of
// it, because they are the beginning of a character. It has at most max bytes,
// about history of them for what scrolled out above, of which the oldest is
// left out first. A screen that doesn't fit even without any gives nil.
func (s *Screen) Repaint(max, history int) (paint []byte, behind int) {
	n := s.normal.history.len()
	from := s.historyFrom(min(max*3/4, history))
	for {
		p := painter{s: s, max: max}
		p.everything(from)
		switch {
		case len(p.out) <= max:
			return p.out, len(s.parse.partial)
		case from == n:
			return nil, 0
		}
		from = n - (n-from)/2
	}
}

// historyFrom is the line from which on the history has at most so many bytes.
func (s *Screen) historyFrom(bytes int) int {
	h := &s.normal.history
	if h.bytes+4*h.lines <= bytes {
		return 0
	}
	sizes := make([]int, 0, h.lines)
	h.from(0, func(_ int, enc []byte) { sizes = append(sizes, len(enc)+4) })
	for i := len(sizes) - 1; i >= 0; i-- {
		if bytes -= sizes[i]; bytes < 0 {
			return i + 1
		}
	}
	return 0
}

// painter writes a repaint.
type painter struct {
	s   *Screen
	out []byte
	max int

	pen  pen // of the terminal that is painted
	x    int // its column
	rows int // lines painted on the present screen
}

func (p *painter) put(format string, args ...any) { p.out = fmt.Appendf(p.out, format, args...) }

func (p *painter) everything(from int) {
	s := p.s
	n := &s.normal
	p.out = make([]byte, 0, 4096)
	p.lines(n, from)
	p.tabs(n)
	p.saved(n)
	if s.b == n && s.alt.saved != (saved{}) {
		p.put("\x1b[?47h")
		p.saved(&s.alt)
		p.put("\x1b[?47l")
	}
	if s.b == &s.alt {
		p.region(n)
		p.put("\x1b[%d;%dH", n.y+1, min(n.x, s.cols-1)+1)
		p.reset()
		p.put("\x1b[?47h\x1b[H")
		p.x = 0
		p.lines(&s.alt, 0)
		p.tabs(&s.alt)
		p.saved(&s.alt)
	}
	p.ending()
}

// lines paints a buffer's lines from the top, with the history from a line on.
func (p *painter) lines(b *buffer, from int) {
	s := p.s
	var last *line
	p.rows = 0
	next := func(l *line) {
		switch {
		case last != nil:
			p.newLine(last, l)
		case l.wrapped && s.rows > 1: // the line it goes on from is gone
			p.put("\x1b[%dGxx\x1b[S\x1b[H\x1b[X", s.cols)
		}
		p.cells(l, 0, s.cols)
		last = l
		p.rows++
	}
	if b.scrollback {
		s.exts.open, s.combs.open = true, true // bounded by the history
		room := [2]*line{newLine(s.cols, cell{ch: nullCh}), newLine(s.cols, cell{ch: nullCh})}
		b.history.from(from, func(i int, enc []byte) {
			switch l := room[i%2]; {
			case len(p.out) > p.max:
			case l.setPlain(enc):
				next(l)
			default:
				next(s.decodeLine(enc, s.cols))
			}
		})
		defer s.tidyAfter(len(s.exts.all) + len(s.combs.all))
	}
	for _, l := range b.rows {
		next(l)
		l.open()
	}
}

// newLine goes to the beginning of the next line, which is empty, scrolling if
// need be.
func (p *painter) newLine(last, next *line) {
	s := p.s
	if !next.wrapped {
		p.freshLine()
		return
	}
	last.open()
	next.open()
	first := next.cells[0]
	if first.width() == 2 && next.cells[1].ch != 0 {
		first = cell{ch: nullCh} // half of one that was cut; it isn't printed
	}
	harmless := first.bg&colorBits == 0 || p.rows < s.rows // else the new line would come with a background
	if s.rows == 1 && (p.x < s.cols || !first.content() || !harmless) {
		p.freshLine()
		return
	}
	edge := last.cells[s.cols-1]
	switch {
	case first.content() && first.width() > 0 && p.x == s.cols && harmless:
		// Printing the first character wraps, as it did then.
		p.x = s.cols
	case first.width() == 2 && last.width(s.cols-2) != 2 && edge.ch == nullCh && edge.fg == first.fg && edge.bg == first.bg && edge.ext == first.ext && p.x < s.cols && harmless:
		p.column(s.cols - 1)
		p.x = s.cols
	default:
		p.forceWrap(last)
	}
}

func (p *painter) freshLine() {
	if p.pen.bg&colorBits != 0 {
		p.reset() // a line that comes into sight has the pen's background
	}
	p.out = append(p.out, "\r\n"...)
	p.x = 0
}

// forceWrap makes the next line one that wrapped, with letters that are erased
// afterwards.
func (p *painter) forceWrap(last *line) {
	s := p.s
	p.reset()
	p.put("\x1b[%dGxx", s.cols)
	from := s.cols - 1
	if last.cells[from].width() == 0 || last.width(from-1) == 2 {
		from--
	}
	p.put("\x1b[A\x1b[%dG\x1b[%dX", from+1, s.cols-from)
	p.x = from
	p.cells(last, from, s.cols)
	p.reset()
	p.put("\x1b[B")
	p.put("\r\x1b[X")
	p.x = 0
}

// reset gives the terminal the usual pen.
func (p *painter) reset() { p.setPen(pen{}) }

// column moves to a column of the same line.
func (p *painter) column(x int) {
	switch {
	case p.x >= p.s.cols || x < p.x:
		p.put("\x1b[%dG", x+1)
	case x == p.x+1:
		p.put("\x1b[C")
	case x > p.x:
		p.put("\x1b[%dC", x-p.x)
	}
	p.x = x
}

// cells paints the cells from one column to before another. They are empty
// with the usual pen before.
func (p *painter) cells(l *line, from, to int) {
	s := p.s
	if l.plain && p.x == from {
		if len(l.text) > 0 {
			p.reset()
			p.out = append(p.out, l.text...)
			p.x += len(l.text)
		}
		return
	}
	l.open()
	for x := from; x < to; {
		c := l.cells[x]
		switch {
		case c.ch == nullCh:
			n := 1
			for x+n < to && l.cells[x+n] == c {
				n++
			}
			p.nulls(l, x, n)
			x += n
		case c.width() == 2 && x+2 == s.cols && l.cells[x+1].ch == nullCh && l.cells[x+1].fg == c.fg:
			p.brokenWide(c, x)
			x += 2
		case !c.content(), c.width() == 2 && (x+1 >= s.cols || l.cells[x+1].ch != 0):
			x++ // half of a wide character that was cut
		default:
			p.cell(c, x)
			x += max(c.width(), 1)
		}
	}
}

// brokenWide prints a wide character at the end of a line whose second column
// was lost to another one that found no room and did not wrap.
func (p *painter) brokenWide(c cell, x int) {
	p.put("\x1b[?7l")
	p.x = p.s.cols // unknown
	p.cell(c, x)
	p.put("\u3000\x1b[?7h")
	p.x = x + 1
}

// cell prints what a cell shows.
func (p *painter) cell(c cell, x int) {
	if x != p.x {
		if p.x == p.s.cols && x == 0 { // wraps by itself
			p.x = 0
		} else {
			p.column(x)
		}
	}
	p.setPen(p.penOf(c))
	if c.width() == 0 { // a mark that stands alone, as after a sequence
		p.put("\x1b[%dG", x+1)
	}
	p.out = append(p.out, p.s.text(c)...)
	p.x = x + max(c.width(), 1)
}

// nulls makes empty cells that may have a background, or even more.
func (p *painter) nulls(l *line, x, n int) {
	c := l.cells[x]
	if c.plain() {
		return // they are
	}
	if p.x == p.s.cols && x == 0 {
		p.x = 0
	}
	if c.fg == 0 && c.bg&^colorBits == 0 {
		p.column(x)
		if p.pen.bg&colorBits != c.bg {
			p.setPen(pen{bg: c.bg})
		}
		p.put("\x1b[%dX", n)
		return
	}
	for i := x; i < x+n; i++ {
		p.oddNull(l, i)
	}
}

// oddNull makes an empty cell with all of a pen: half of a wide character is
// what printing over the other half leaves.
func (p *painter) oddNull(l *line, x int) {
	s := p.s
	c := l.cells[x]
	if x+1 < s.cols {
		p.column(x)
		p.setPen(pen{})
		p.put("\u3000\x1b[%dG", x+2)
		p.setPen(p.penOf(c))
		p.put(" \x1b[%dG", x+2)
		p.reset()
		p.put("\x1b[X")
		p.x = x + 1
		return
	}
	from := x - 1
	if l.cells[from].width() == 0 && from > 0 {
		from--
	}
	p.column(x - 1)
	p.reset()
	p.put("\u3000\x1b[%dG", x)
	p.setPen(p.penOf(c))
	p.put(" \x1b[%dG", x)
	p.reset()
	p.put("\x1b[X")
	p.x = x - 1
	p.cells(l, from, x)
}

func (p *painter) penOf(c cell) pen {
	q := pen{fg: c.fg, bg: c.bg}
	if c.bg&extended != 0 {
		q.extra = p.s.extraOf(c)
		if l, now := q.extra.link, p.pen.extra.link; l != nil && now != nil && *l == *now {
			q.extra.link = now
		}
	}
	return q
}

// tabs sets the stops if they are not the usual ones.
func (p *painter) tabs(b *buffer) {
	usual := standardTabs(p.s.cols)
	same := true
	var stops []int
	for x := range p.s.cols {
		if b.tabs[x] {
			stops = append(stops, x)
		}
		same = same && b.tabs[x] == usual[x]
	}
	if same {
		return
	}
	sort.Ints(stops)
	p.put("\x1b[3g")
	for _, x := range stops {
		p.put("\x1b[%dG\x1bH", x+1)
	}
}

// saved makes the cursor that a buffer saved.
func (p *painter) saved(b *buffer) {
	v := b.saved
	if v == (saved{}) {
		return
	}
	p.put("\x1b[%d;%dH", clamp(v.y-b.above, 0, p.s.rows-1)+1, min(v.x, p.s.cols-1)+1)
	q := pen{fg: v.fg, bg: v.bg}
	if v.fg&underline != 0 && v.bg&extended != 0 {
		q.extra.style = 1
	}
	p.setPen(q)
	p.put("\x1b(%c\x1b7\x1b(B", charsetName(v.charset))
}

func charsetName(set byte) byte {
	if set == 0 {
		return 'B'
	}
	return set
}

func (p *painter) region(b *buffer) {
	if b.top != 0 || b.end != p.s.rows-1 {
		p.put("\x1b[%d;%dr", b.top+1, b.end+1)
	}
}

// ending sets all that isn't cells, the cursor last.
func (p *painter) ending() {
	s, b := p.s, p.s.b
	if s.titled {
		p.put("\x1b]2;%s\x07", s.title)
	}
	p.region(b)
	if s.modes.origin {
		p.put("\x1b[?6h")
	}
	if s.charset != s.charsets[s.level] && b.saved.charset == s.charset {
		// Restoring is the only way to a set that isn't the one of its place.
		p.charsets()
		p.reset()
		p.put("\x1b8")
		p.pen = pen{fg: b.saved.fg, bg: b.saved.bg}
		p.cursor()
	} else {
		p.cursor()
		p.charsets()
	}
	p.modes()
	p.lastPrinted()
	p.out = append(p.out, s.parse.pending...)
}

func (p *painter) charsets() {
	s := p.s
	for g, set := range s.charsets {
		if set != 0 {
			p.put("\x1b%c%c", "()*+"[g], set)
		}
	}
	if s.level > 0 {
		p.out = append(p.out, [...]string{"", "\x0e", "\x1bn", "\x1bo"}[s.level]...)
	}
}

// cursor puts the cursor into its place. Behind the last column it comes only
// by printing there.
func (p *painter) cursor() {
	s, b := p.s, p.s.b
	y := b.y
	if s.modes.origin {
		y -= b.top
	}
	if b.x < s.cols {
		p.put("\x1b[%d;%dH", y+1, b.x+1)
		return
	}
	l := b.rows[b.y]
	x := s.cols - 1
	if l.cells[x].width() == 0 && x > 0 && l.width(x-1) == 2 {
		x--
	}
	p.put("\x1b[%d;%dH", y+1, x+1)
	c := l.cells[x]
	if c.ch == nullCh || !c.content() {
		c.ch = spaceCh
	}
	p.x = x
	p.cell(c, x)
	for range min(b.x-s.cols, MaxSize) {
		p.put("\x1b[m\u0300")
		p.pen = pen{extra: extra{link: p.pen.extra.link}}
		p.pen.update()
	}
}

func (p *painter) modes() {
	m := p.s.modes
	set := func(on bool, text string) {
		if on {
			p.out = append(p.out, text...)
		}
	}
	set(m.insert, "\x1b[4h")
	set(m.appCursor, "\x1b[?1h")
	set(m.noWrap, "\x1b[?7l")
	set(m.reverseWrap, "\x1b[?45h")
	set(m.appKeypad, "\x1b=")
	set(m.focus, "\x1b[?1004h")
	set(m.paste, "\x1b[?2004h")
	set(m.sync, "\x1b[?2026h")
	for _, n := range []int{m.mouse, m.encoding} {
		if n != 0 {
			p.put("\x1b[?%dh", n)
		}
	}
	if m.style != 0 {
		p.put("\x1b[%d q", m.style)
	}
	// These outlive a reset, so they are always told.
	p.put("\x1b[?25%c\x1b[?12%c\x1b[20%c", onOff(!m.hidden), onOff(m.blinking), onOff(m.newline))
}

func onOff(on bool) byte {
	if on {
		return 'h'
	}
	return 'l'
}

// lastPrinted sets the pen and, when a mark could still join the character
// before the cursor, prints that one again.
func (p *painter) lastPrinted() {
	s, b := p.s, p.s.b
	x := b.x - s.join
	if s.dropped {
		x = b.x
	}
	again := s.join > 0 && !s.resized && x >= 0 && b.x <= s.cols
	if again && !s.dropped {
		c := b.rows[b.y].cells[x]
		again = c.content() && c.width() == s.join
	}
	if !again {
		p.setPen(s.pen)
		return
	}
	y := b.y
	if s.modes.origin {
		y -= b.top
	}
	p.put("\x1b[%d;%dH", y+1, x+1)
	if s.dropped {
		if l := b.rows[b.y]; l.width(x-1) == 2 { // printed in one go with it
			p.put("\x1b[%dG", x)
			p.setPen(s.pen)
			p.out = append(p.out, s.text(l.cells[x-1])...)
		}
		p.setPen(s.pen)
		p.out = append(p.out, "\u3000"...)
		return
	}
	if s.modes.insert {
		p.reset()
		p.put("\x1b[%dP", s.join)
	}
	p.setPen(s.pen)
	p.out = append(p.out, s.text(b.rows[b.y].cells[x])...)
}
