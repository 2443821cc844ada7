package screen

// Bounds of a screen.
const (
	MinCols      = 2 // as in xterm.js: less has no room for a wide character
	MinRows      = 1
	MaxSize      = 1000    // columns, rows
	HistoryLines = 5000    // that scrolled out above
	HistoryBytes = 2 << 20 // in our encoding

	maxRepeat = 1 << 16 // of the character before
	maxTitle  = 4 << 10 // bytes
	maxLink   = 4 << 10
	tabWidth  = 8
)

// Screen is a terminal's state. The zero value is of no use: see [New].
type Screen struct {
	cols, rows  int
	normal, alt buffer
	b           *buffer // the one that is shown

	pen     pen
	penCell cell // pen as a cell: null, with its attributes
	exts    table[extra]
	combs   table[string]
	join    int  // columns of the character just printed; 0 when a mark can't join it
	resized bool // the size changed since
	dropped bool // it was a wide one that had no room, and is not there

	charset  byte    // in use; 0 is the usual
	charsets [4]byte // G0 to G3
	level    int     // which of them

	mapped    [128]rune // the set mappedFor
	mappedFor byte

	modes  modes
	title  string
	titled bool
	parse  parser
}

// modes are what DECSET, SM and friends set. Those that outlive a reset of
// xterm.js are marked.
type modes struct {
	insert, appCursor, appKeypad, paste, focus, origin, noWrap, reverseWrap, sync bool

	newline, hidden, blinking bool // outlive a reset
	style                     int  // of the cursor, as DECSCUSR counts; 0 when not set
	mouse, encoding           int  // the mode's number, 0 for none
}

// buffer is one of the two screens.
type buffer struct {
	scrollback bool
	rows       []*line // empty while the alternate screen is not shown
	history    history // lines above; the oldest may be missing
	above      int     // how many lines are above in xterm.js, at most HistoryLines
	x, y       int     // x may be cols: the next character wraps
	top, end   int     // first and last row of the scrolling region
	tabs       map[int]bool
	saved      saved
}

// saved is what DECSC keeps. Its row counts from the oldest line above.
type saved struct {
	x, y    int
	fg, bg  uint32
	charset byte
}

// New returns a screen that has just been switched on. The size is clamped to
// what xterm.js and [MaxSize] allow.
func New(cols, rows int) *Screen {
	s := &Screen{cols: clamp(cols, MinCols, MaxSize), rows: clamp(rows, MinRows, MaxSize)}
	s.reset()
	return s
}

func clamp(n, low, high int) int { return min(max(n, low), high) }

// Size returns the columns and rows.
func (s *Screen) Size() (cols, rows int) { return s.cols, s.rows }

// reset does what RIS does: some modes and the title stay.
func (s *Screen) reset() {
	m := modes{newline: s.modes.newline, hidden: s.modes.hidden, blinking: s.modes.blinking}
	s.modes = m
	s.pen = pen{}
	s.exts, s.combs = table[extra]{}, table[string]{}
	s.normal = buffer{scrollback: true, tabs: standardTabs(s.cols), end: s.rows - 1}
	s.alt = buffer{tabs: standardTabs(s.cols), end: s.rows - 1}
	s.b = &s.normal
	s.b.fill(s.cols, s.rows, cell{ch: nullCh})
	s.resetCharsets()
	s.penChanged()
	s.join = 0
}

func (s *Screen) resetCharsets() {
	s.charset, s.charsets, s.level = 0, [4]byte{}, 0
}

func (b *buffer) fill(cols, rows int, c cell) {
	b.rows = make([]*line, rows)
	for y := range b.rows {
		b.rows[y] = newLine(cols, c)
	}
}

func standardTabs(cols int) map[int]bool {
	tabs := map[int]bool{}
	for x := 0; x < cols; x += tabWidth {
		tabs[x] = true
	}
	return tabs
}

// penChanged keeps penCell in step with pen.
func (s *Screen) penChanged() {
	s.penCell = cell{ch: nullCh, fg: s.pen.fg, bg: s.pen.bg}
	if s.pen.bg&extended != 0 {
		s.penCell.ext = s.extraNumber(s.pen.extra)
	}
}

// blank is an erased cell: of the pen only the background counts.
func (s *Screen) blank() cell { return cell{ch: nullCh, bg: s.pen.bg & colorBits} }

// line is the line with the cursor, open.
func (s *Screen) line() *line {
	l := s.b.rows[clamp(s.b.y, 0, s.rows-1)]
	l.open()
	return l
}

// scroll moves the region up by one line; what leaves at the top of the whole
// screen is history.
func (s *Screen) scroll(wrapped bool) {
	b := s.b
	var l *line
	if b.top > 0 {
		l = b.rows[b.top]
	} else {
		l = b.rows[0]
		if b.scrollback {
			s.remember(b, l)
		}
	}
	copy(b.rows[b.top:b.end], b.rows[b.top+1:b.end+1])
	l.cells = l.cells[:min(s.cols, cap(l.cells))]
	if len(l.cells) < s.cols {
		l.cells = make([]cell, s.cols)
	}
	l.clear(s.blank())
	l.wrapped = wrapped
	b.rows[b.end] = l
}

// remember puts a line into the history.
func (s *Screen) remember(b *buffer, l *line) {
	b.above = min(b.above+1, HistoryLines)
	b.history.push(s, l)
}

// lineFeed moves down, scrolling at the end of the region.
func (s *Screen) lineFeed() {
	b := s.b
	if s.modes.newline {
		b.x = 0
	}
	b.y++
	switch {
	case b.y == b.end+1:
		b.y--
		s.scroll(false)
	case b.y >= s.rows:
		b.y = s.rows - 1
	default:
		b.rows[b.y].wrapped = false
	}
	if b.x >= s.cols {
		b.x--
	}
}

// restrict brings the cursor back to where it may be.
func (s *Screen) restrict(right int) {
	b := s.b
	b.x = clamp(b.x, 0, right)
	if s.modes.origin {
		b.y = clamp(b.y, b.top, b.end)
	} else {
		b.y = clamp(b.y, 0, s.rows-1)
	}
}

func (s *Screen) moveTo(x, y int) {
	s.b.x, s.b.y = x, y
	if s.modes.origin {
		s.b.y += s.b.top
	}
	s.restrict(s.cols - 1)
}

func (s *Screen) moveBy(x, y int) {
	s.restrict(s.cols - 1)
	s.moveTo(s.b.x+x, s.b.y+y)
}

func (s *Screen) index() {
	s.restrict(s.cols - 1)
	b := s.b
	b.y++
	if b.y == b.end+1 {
		b.y--
		s.scroll(false)
	}
	b.y = min(b.y, s.rows-1)
	s.restrict(s.cols - 1)
}

func (s *Screen) reverseIndex() {
	s.restrict(s.cols - 1)
	b := s.b
	if b.y != b.top {
		b.y--
		s.restrict(s.cols - 1)
		return
	}
	copy(b.rows[b.top+1:b.end+1], b.rows[b.top:b.end])
	b.rows[b.top] = newLine(s.cols, s.blank())
}

// backspace moves left; with reverse wrap-around also to the line before.
func (s *Screen) backspace() {
	b := s.b
	if !s.modes.reverseWrap {
		s.restrict(s.cols - 1)
		b.x = max(b.x-1, 0)
		return
	}
	s.restrict(s.cols)
	switch l := b.rows[b.y]; {
	case b.x > 0:
		b.x--
	case b.y > b.top && b.y <= b.end && l.wrapped:
		l.wrapped = false
		b.y--
		b.x = s.cols - 1
		if l := b.rows[b.y]; l.width(b.x) > 0 && !l.cells[b.x].content() {
			b.x--
		}
	}
	s.restrict(s.cols - 1)
}

func (b *buffer) nextTab(x, cols int) int {
	for x++; x < cols && !b.tabs[x]; x++ {
	}
	return clamp(x, 0, cols-1)
}

func (b *buffer) lastTab(x, cols int) int {
	for x--; x > 0 && !b.tabs[x]; x-- {
	}
	return clamp(x, 0, cols-1)
}

// save and restore are DECSC and DECRC.
func (s *Screen) save() {
	b := s.b
	b.saved = saved{x: b.x, y: b.above + b.y, fg: s.pen.fg, bg: s.pen.bg, charset: s.charset}
}

func (s *Screen) restore() {
	b := s.b
	b.x, b.y = b.saved.x, max(b.saved.y-b.above, 0)
	s.pen.fg, s.pen.bg = b.saved.fg, b.saved.bg
	s.charset = b.saved.charset
	s.penChanged()
	s.restrict(s.cols - 1)
}

// showAlt and showNormal switch screens. The cursor goes along.
func (s *Screen) showAlt() {
	if s.b == &s.alt {
		return
	}
	s.alt.fill(s.cols, s.rows, s.blank())
	s.alt.x, s.alt.y = s.normal.x, s.normal.y
	s.b = &s.alt
}

func (s *Screen) showNormal() {
	if s.b == &s.normal {
		return
	}
	s.normal.x, s.normal.y = s.alt.x, s.alt.y
	s.alt = buffer{tabs: standardTabs(s.cols), end: s.rows - 1, saved: s.alt.saved}
	s.b = &s.normal
}

// softReset is DECSTR.
func (s *Screen) softReset() {
	b := s.b
	b.top, b.end = 0, s.rows-1
	s.modes = modes{newline: s.modes.newline, blinking: s.modes.blinking, mouse: s.modes.mouse, encoding: s.modes.encoding}
	s.pen = pen{}
	s.penChanged()
	s.resetCharsets()
	b.saved = saved{y: b.above}
}
