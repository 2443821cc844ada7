package screen

// control obeys a control sequence; id is its prefix, intermediates and final
// character.
func (s *Screen) control(id int32) {
	p := &s.parse.params
	switch id {
	case 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'Z', '`', 'a', 'd', 'e', 'f':
		s.move(byte(id), p)
	case 'J', '?'<<8 | 'J':
		s.eraseDisplay(p.value[0], id != 'J')
	case 'K', '?'<<8 | 'K':
		s.eraseLine(p.value[0], id != 'K')
	case '@', 'P', 'X':
		s.editLine(byte(id), p.first())
	case 'L', 'M':
		s.editLines(id == 'L', p.first())
	case 'S', 'T':
		s.roll(id == 'S', p.first())
	case ' '<<8 | '@', ' '<<8 | 'A', '\''<<8 | '}', '\''<<8 | '~':
		s.editColumns(id, p.first())
	case 'b':
		s.repeat(p.first())
	case 'g':
		switch p.value[0] {
		case 0:
			delete(s.b.tabs, s.b.x)
		case 3:
			clear(s.b.tabs)
		}
	case 'h', 'l':
		s.setModes(p, id == 'h')
	case '?'<<8 | 'h', '?'<<8 | 'l':
		for i := range p.n {
			s.setPrivate(p.value[i], id&0xff == 'h')
		}
	case 'm':
		s.sgr(p)
	case '!'<<8 | 'p':
		s.softReset()
	case ' '<<8 | 'q':
		if p.value[0] <= 6 {
			s.modes.style = int(p.value[0])
		}
	case '"'<<8 | 'q':
		switch p.value[0] {
		case 0, 2:
			s.pen.bg &^= protected
		case 1:
			s.pen.bg |= protected
		}
		s.penChanged()
	case 'r':
		s.setRegion(p)
	case 's':
		s.save()
	case 'u':
		s.restore()
	}
}

// move obeys the sequences that only move the cursor.
func (s *Screen) move(final byte, p *params) {
	b, n := s.b, p.first()
	switch final {
	case 'A', 'F':
		if up := b.y - b.top; up >= 0 {
			n = min(n, up)
		}
		s.moveBy(0, -n)
	case 'B', 'E':
		if down := b.end - b.y; down >= 0 {
			n = min(n, down)
		}
		s.moveBy(0, n)
	case 'C', 'a':
		s.moveBy(min(n, MaxSize), 0)
	case 'D':
		s.moveBy(-min(n, MaxSize), 0)
	case 'e':
		s.moveBy(0, min(n, MaxSize))
	case 'G', '`':
		s.moveTo(n-1, b.y)
	case 'd':
		s.moveTo(b.x, n-1)
	case 'H', 'f':
		x := 0
		if p.n > 1 {
			x = max(int(p.value[1]), 1) - 1
		}
		s.moveTo(x, n-1)
	case 'I':
		for i := 0; i < min(n, s.cols) && b.x < s.cols; i++ {
			b.x = b.nextTab(b.x, s.cols)
		}
	case 'Z':
		for i, back := 0, b.x < s.cols; back && i < min(n, s.cols); i++ {
			b.x = b.lastTab(b.x, s.cols)
		}
	}
	if final == 'E' || final == 'F' {
		b.x = 0
	}
}

func (s *Screen) eraseDisplay(what int32, respect bool) {
	s.restrict(s.cols)
	b, fill := s.b, s.blank()
	rows := func(from, to int) {
		for y := from; y < to; y++ {
			l := b.rows[y]
			l.replaceAll(fill, respect)
			l.wrapped = false
		}
	}
	switch what {
	case 0:
		l := b.rows[b.y]
		l.replace(b.x, s.cols, fill, respect)
		l.wrapped = l.wrapped && b.x > 0
		rows(b.y+1, s.rows)
	case 1:
		l := b.rows[b.y]
		l.replace(0, b.x+1, fill, respect)
		l.wrapped = false
		if b.x+1 >= s.cols {
			s.unwrap(b.y + 1)
		}
		rows(0, b.y)
	case 2:
		rows(0, s.rows)
	case 3:
		b.history, b.above = history{}, 0
	}
}

// unwrap makes a line begin anew. xterm.js counts it from the oldest line
// above rather than from the top of the screen, and so do we.
func (s *Screen) unwrap(n int) {
	b := s.b
	switch y := n - b.above; {
	case y >= 0 && y < len(b.rows):
		b.rows[y].wrapped = false
	case y < 0 && b.scrollback:
		b.history.unwrap(n - (b.above - b.history.len()))
	}
}

func (l *line) replaceAll(fill cell, respect bool) {
	if !respect {
		l.clear(fill)
		return
	}
	l.open()
	for x := range l.cells {
		if l.cells[x].bg&protected == 0 {
			l.cells[x] = fill
		}
	}
}

func (s *Screen) eraseLine(what int32, respect bool) {
	s.restrict(s.cols)
	b, l, fill := s.b, s.b.rows[s.b.y], s.blank()
	switch what {
	case 0:
		l.replace(b.x, s.cols, fill, respect)
		l.wrapped = l.wrapped && b.x > 0
	case 1:
		l.replace(0, b.x+1, fill, respect)
	case 2:
		l.replace(0, s.cols, fill, respect)
		l.wrapped = false
	}
}

// editLine inserts, deletes or erases characters.
func (s *Screen) editLine(final byte, n int) {
	s.restrict(s.cols - 1)
	x, l, fill := s.b.x, s.line(), s.blank()
	n = min(n, MaxSize+1)
	switch final {
	case '@':
		l.insert(x, n, fill)
	case 'P':
		l.remove(x, n, fill)
	case 'X':
		l.replace(x, x+n, fill, false)
	}
}

// editLines inserts or deletes lines at the cursor.
func (s *Screen) editLines(insert bool, n int) {
	s.restrict(s.cols - 1)
	b := s.b
	if b.y < b.top || b.y > b.end {
		return
	}
	for range min(n, b.end-b.y+1) {
		fresh := newLine(s.cols, s.blank())
		if insert {
			copy(b.rows[b.y+1:b.end+1], b.rows[b.y:b.end])
			b.rows[b.y] = fresh
		} else {
			copy(b.rows[b.y:b.end], b.rows[b.y+1:b.end+1])
			b.rows[b.end] = fresh
		}
	}
	b.x = 0
}

// roll moves the region's lines up or down.
func (s *Screen) roll(up bool, n int) {
	b := s.b
	for range min(n, b.end-b.top+1) {
		if up {
			copy(b.rows[b.top:b.end], b.rows[b.top+1:b.end+1])
			b.rows[b.end] = newLine(s.cols, s.blank())
		} else {
			copy(b.rows[b.top+1:b.end+1], b.rows[b.top:b.end])
			b.rows[b.top] = newLine(s.cols, cell{ch: nullCh})
		}
	}
}

// editColumns shifts the lines of the region left or right.
func (s *Screen) editColumns(id int32, n int) {
	b, fill := s.b, s.blank()
	if b.y < b.top || b.y > b.end {
		return
	}
	n = min(n, MaxSize+1)
	for y := b.top; y <= b.end; y++ {
		l := b.rows[y]
		switch id {
		case ' '<<8 | '@':
			l.remove(0, n, fill)
		case ' '<<8 | 'A':
			l.insert(0, n, fill)
		case '\''<<8 | '}':
			l.insert(b.x, n, fill)
		case '\''<<8 | '~':
			l.remove(b.x, n, fill)
		}
		l.wrapped = false
	}
}

func (s *Screen) setRegion(p *params) {
	top, end := p.first(), s.rows
	if p.n > 1 && p.value[1] > 0 && int(p.value[1]) <= s.rows {
		end = int(p.value[1])
	}
	if end > top {
		s.b.top, s.b.end = top-1, end-1
		s.moveTo(0, 0)
	}
}

func (s *Screen) setModes(p *params, on bool) {
	for i := range p.n {
		switch p.value[i] {
		case 4:
			s.modes.insert = on
		case 20:
			s.modes.newline = on
		}
	}
}

func (s *Screen) setPrivate(mode int32, on bool) {
	m := &s.modes
	number := map[bool]int{true: int(mode)}[on]
	switch mode {
	case 1:
		m.appCursor = on
	case 2:
		if on {
			for g := range s.charsets {
				s.designate(g, 0)
			}
		}
	case 6:
		m.origin = on
		s.moveTo(0, 0)
	case 7:
		m.noWrap = !on
	case 9, 1000, 1002, 1003:
		m.mouse = number
	case 12:
		m.blinking = on
	case 25:
		m.hidden = !on
	case 45:
		m.reverseWrap = on
	case 66:
		m.appKeypad = on
	case 1004:
		m.focus = on
	case 1006, 1016:
		m.encoding = number
	case 2004:
		m.paste = on
	case 2026:
		m.sync = on
	case 47, 1047, 1048, 1049:
		s.switchScreen(mode, on)
	}
}

func (s *Screen) switchScreen(mode int32, on bool) {
	if mode >= 1048 && on {
		s.save()
	}
	switch {
	case mode == 1048:
	case on:
		s.showAlt()
	default:
		s.showNormal()
	}
	if mode >= 1048 && !on {
		s.restore()
	}
}
