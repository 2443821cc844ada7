package screen

// printASCII prints bytes from blank to tilde. No character set, insert mode
// or mark is in the way of taking them in one go.
func (s *Screen) printASCII(p []byte) {
	if s.charset != 0 || s.modes.insert || s.modes.noWrap || s.b.x < 0 {
		for _, c := range p {
			s.print(rune(c))
		}
		return
	}
	b := s.b
	c := s.penCell
	for len(p) > 0 {
		if b.x >= s.cols {
			s.wrap(b.x)
		}
		l := b.rows[clamp(b.y, 0, s.rows-1)]
		n := min(len(p), s.cols-b.x)
		if l.plain && b.x <= len(l.text) && c == (cell{ch: nullCh}) {
			l.text = append(l.text[:b.x], p[:n]...)[:max(b.x+n, len(l.text))]
			b.x += n
			p = p[n:]
			continue
		}
		l.open()
		if b.x > 0 && l.width(b.x-1) == 2 {
			l.set(b.x-1, null(c))
		}
		cells := l.cells[b.x : b.x+n]
		for i := range cells {
			c.ch = nullCh | uint32(p[i])
			cells[i] = c
		}
		b.x += n
		p = p[n:]
		s.mend(l)
	}
	s.join, s.dropped, s.resized = 1, false, false
}

// mend empties the second half of a wide character whose first was printed over.
func (s *Screen) mend(l *line) {
	if x := s.b.x; x < s.cols && x < len(l.cells) {
		if c := l.cells[x]; c.width() == 0 && !c.content() {
			l.cells[x] = s.penCell
		}
	}
}

// wrap goes on in the next line; the cells of the old one from col on are
// left empty.
func (s *Screen) wrap(col int) {
	b := s.b
	old := b.rows[clamp(b.y, 0, s.rows-1)]
	b.x = 0
	b.y++
	if b.y == b.end+1 {
		b.y--
		for x := col; x < s.cols; x++ { // before the line is history
			old.set(x, s.penCell)
		}
		s.scroll(true)
		if s.rows == 1 && !b.scrollback { // xterm.js uses the line again first
			for x := col; x < s.cols; x++ {
				b.rows[0].set(x, s.penCell)
			}
		}
		return
	}
	b.y = min(b.y, s.rows-1)
	b.rows[b.y].wrapped = true
	for x := col; x < s.cols; x++ {
		old.set(x, s.penCell)
	}
}

// print prints one character.
func (s *Screen) print(r rune) {
	if s.charset != 0 && r < 0x7f {
		r = s.drawn(r)
	}
	b := s.b
	l := s.line()
	if b.x > 0 && l.width(b.x-1) == 2 && !(s.dropped && s.join > 0) {
		l.set(b.x-1, s.penCell)
	}
	w, before := width(r), s.join
	joins := w == 0 && before > 0
	if joins {
		w = before
	}
	s.join, s.dropped, s.resized = w, false, false
	if joins {
		s.mark(l, r, w)
		s.mend(l)
		return
	}
	if b.x+w > s.cols {
		if s.modes.noWrap {
			b.x = s.cols - 1
			if w == 2 {
				s.dropped = true
				s.mend(l)
				return
			}
		} else {
			s.wrap(b.x)
			l = s.line()
		}
	}
	if s.modes.insert {
		l.insert(b.x, w, s.penCell)
		if l.width(s.cols-1) == 2 {
			l.set(s.cols-1, s.penCell)
		}
	}
	c := s.penCell
	c.ch = uint32(r) | uint32(w)<<widthShift
	l.set(b.x, c)
	b.x++
	if w == 2 {
		c.ch = 0
		l.set(b.x, c)
		b.x++
	}
	s.mend(l)
}

// mark adds a mark to the character before the cursor.
func (s *Screen) mark(l *line, r rune, w int) {
	x := s.b.x - 1
	if x < 0 {
		return
	}
	if l.width(x) == 0 {
		x--
	}
	if x >= 0 && x < len(l.cells) {
		s.combine(&l.cells[x], r, w)
	}
}

// repeat is REP: the character before the cursor once more, n times.
func (s *Screen) repeat(n int) {
	if s.join == 0 {
		return
	}
	x := s.b.x - s.join
	l := s.line()
	if x < 0 || x >= len(l.cells) {
		return
	}
	text := []rune(s.text(l.cells[x]))
	for range min(n, maxRepeat/max(len(text), 1)) {
		for _, r := range text {
			s.print(r)
		}
	}
}
