package screen

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// history keeps the lines that scrolled out above, encoded, in blocks: a line
// of plain text costs about its bytes. The oldest go when there are more than
// HistoryLines or HistoryBytes.
type history struct {
	blocks []*block
	first  int // lines of the first block that are gone
	lines  int
	bytes  int
	spare  *block
}

const blockBytes = 32 << 10

type block struct {
	data  []byte
	start []uint32 // of each line
}

// Codes in an encoded line. Everything else is UTF-8 of characters that take
// one column and have the attributes told last.
const (
	opWrapped = 1 // the line goes on from the one before
	opPlain   = 2 // the attributes of a reset pen
	opPen     = 3 // fg, bg; and style, colour, params, uri if bg says so
	opNull    = 4 // count of empty cells
	opWide    = 5 // a character and its second column
	opText    = 6 // width, a text: any cell
)

func (h *history) len() int { return h.lines }

// push adds a line.
func (h *history) push(s *Screen, l *line) {
	n := len(h.blocks)
	if n == 0 || len(h.blocks[n-1].data) >= blockBytes {
		b := h.spare
		h.spare = nil
		if b == nil {
			b = &block{data: make([]byte, 0, blockBytes+1024)}
		}
		b.data, b.start = b.data[:0], b.start[:0]
		h.blocks = append(h.blocks, b)
		n++
	}
	b := h.blocks[n-1]
	had := len(b.data)
	b.start = append(b.start, uint32(had))
	b.data = s.encode(b.data, l)
	h.lines++
	h.bytes += len(b.data) - had
	for h.lines > HistoryLines || h.bytes > HistoryBytes && h.lines > 0 {
		h.drop()
	}
}

// drop forgets the oldest line.
func (h *history) drop() {
	b := h.blocks[0]
	h.bytes -= len(b.line(h.first))
	h.lines--
	h.first++
	if h.first == len(b.start) {
		if cap(b.data) <= 2*blockBytes {
			h.spare = b
		}
		h.blocks[0] = nil
		h.blocks = h.blocks[1:]
		h.first = 0
	}
}

func (b *block) line(i int) []byte {
	if i+1 < len(b.start) {
		return b.data[b.start[i]:b.start[i+1]]
	}
	return b.data[b.start[i]:]
}

// from calls f with the encoded lines from the n-th on, oldest first.
func (h *history) from(n int, f func(i int, enc []byte)) {
	i, k := 0, h.first
	for _, b := range h.blocks {
		for ; k < len(b.start); k++ {
			if i >= n {
				f(i, b.line(k))
			}
			i++
		}
		k = 0
	}
}

// unwrap makes the n-th line begin anew.
func (h *history) unwrap(n int) {
	h.from(n, func(i int, enc []byte) {
		if i == n && len(enc) > 0 && enc[0] == opWrapped {
			enc[0] = opPlain // which is how a line begins anyway
		}
	})
}

// encode appends a line up to its last cell that isn't as a fresh line has it.
func (s *Screen) encode(dst []byte, l *line) []byte {
	if l.wrapped {
		dst = append(dst, opWrapped)
	}
	if l.plain {
		return append(dst, l.text...)
	}
	n := len(l.cells)
	for n > 0 && l.cells[n-1] == (cell{ch: nullCh}) {
		n--
	}
	cells := l.cells[:n]
	dst = slices.Grow(dst, n)
	pen := cell{ch: nullCh}
	for x := 0; x < len(cells); {
		c := cells[x]
		if c.fg != pen.fg || c.bg != pen.bg || c.ext != pen.ext {
			dst = s.encodePen(dst, c)
			pen = c
		}
		if n := plainRun(dst, cells[x:], pen); n > 0 {
			dst = dst[:len(dst)+n]
			x += n
			continue
		}
		x++
		switch r := c.ch & codeMask; {
		case c.ch == nullCh:
			n := 1
			for ; x < len(cells) && cells[x] == c; x++ {
				n++
			}
			dst = binary.AppendUvarint(append(dst, opNull), uint64(n))
		case c.ch>>widthShift == 1 && r >= 0xa0 && c.ch&combinedFlag == 0:
			dst = utf8.AppendRune(dst, rune(r))
		case c.ch>>widthShift == 2 && c.ch&combinedFlag == 0 && x < len(cells) && cells[x] == (cell{0, c.fg, c.bg, c.ext}):
			dst = utf8.AppendRune(append(dst, opWide), rune(r))
			x++
		default:
			text := s.text(c)
			dst = append(dst, opText, byte(c.width()), byte(len(text)))
			dst = append(dst, text...)
		}
	}
	return dst
}

// plainRun writes ASCII letters of one pen behind dst, as far as its capacity
// reaches, and returns how many.
func plainRun(dst []byte, cells []cell, pen cell) int {
	room := dst[len(dst):cap(dst)]
	n := min(len(room), len(cells))
	for i := range cells[:n] {
		c := &cells[i]
		if c.ch-(nullCh|' ') > '~'-' ' || c.fg != pen.fg || c.bg != pen.bg || c.ext != pen.ext {
			return i
		}
		room[i] = byte(c.ch)
	}
	return n
}

func (s *Screen) encodePen(dst []byte, c cell) []byte {
	if c.plain() {
		return append(dst, opPlain)
	}
	dst = append(dst, opPen)
	dst = binary.LittleEndian.AppendUint32(dst, c.fg)
	dst = binary.LittleEndian.AppendUint32(dst, c.bg)
	if c.bg&extended == 0 {
		return dst
	}
	e := s.extraOf(c)
	if e.link == nil {
		e.link = &link{}
	}
	dst = append(dst, e.style)
	dst = binary.LittleEndian.AppendUint32(dst, e.color)
	dst = binary.AppendUvarint(dst, uint64(len(e.link.params)))
	dst = append(dst, e.link.params...)
	dst = binary.AppendUvarint(dst, uint64(len(e.link.uri)))
	return append(dst, e.link.uri...)
}

// decodeLine makes a line of cols columns, or more if it was longer.
func (s *Screen) decodeLine(enc []byte, cols int) *line {
	l := &line{cells: make([]cell, 0, cols)}
	pen := cell{ch: nullCh}
	for len(enc) > 0 {
		op := enc[0]
		switch op {
		case opWrapped:
			l.wrapped, enc = true, enc[1:]
		case opPlain:
			pen, enc = cell{ch: nullCh}, enc[1:]
		case opPen:
			pen, enc = s.decodePen(enc[1:])
		case opNull:
			n, size := binary.Uvarint(enc[1:])
			enc = enc[1+size:]
			for range n {
				l.cells = append(l.cells, pen)
			}
		case opWide:
			r, size := utf8.DecodeRune(enc[1:])
			enc = enc[1+size:]
			c := pen
			c.ch = uint32(r) | 2<<widthShift
			second := pen
			second.ch = 0
			l.cells = append(l.cells, c, second)
		case opText:
			c := pen
			n := int(enc[2])
			c.ch = s.textCh(string(enc[3:3+n])) | uint32(enc[1])<<widthShift
			enc = enc[3+n:]
			l.cells = append(l.cells, c)
		default:
			r, size := utf8.DecodeRune(enc)
			enc = enc[size:]
			c := pen
			c.ch = uint32(r) | nullCh
			l.cells = append(l.cells, c)
		}
	}
	for len(l.cells) < cols {
		l.cells = append(l.cells, cell{ch: nullCh})
	}
	return l
}

// setPlain makes the line what enc says, if that is plain text.
func (l *line) setPlain(enc []byte) bool {
	l.wrapped = len(enc) > 0 && enc[0] == opWrapped
	if l.wrapped {
		enc = enc[1:]
	}
	for _, c := range enc {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	l.plain, l.text = true, append(l.text[:0], enc...)
	return len(enc) <= len(l.cells)
}

// textCh is a cell's content for a text, without its width.
func (s *Screen) textCh(text string) uint32 {
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case text == "":
		return 0
	case size == len(text):
		return uint32(r)
	}
	if n := s.combinedNumber(text); n != 0 {
		return combinedFlag | n
	}
	return uint32(r)
}

func (s *Screen) decodePen(enc []byte) (cell, []byte) {
	c := cell{ch: nullCh, fg: binary.LittleEndian.Uint32(enc), bg: binary.LittleEndian.Uint32(enc[4:])}
	enc = enc[8:]
	if c.bg&extended == 0 {
		return c, enc
	}
	e := extra{style: enc[0], color: binary.LittleEndian.Uint32(enc[1:])}
	var params, uri string
	params, enc = cutText(enc[5:])
	uri, enc = cutText(enc)
	if uri != "" {
		e.link = &link{params, uri}
	}
	c.ext = s.extraNumber(e)
	return c, enc
}

func cutText(enc []byte) (string, []byte) {
	n, size := binary.Uvarint(enc)
	return string(enc[size : size+int(n)]), enc[size+int(n):]
}

// pop forgets the newest line.
func (h *history) pop() {
	n := len(h.blocks) - 1
	b := h.blocks[n]
	i := len(b.start) - 1
	h.bytes -= len(b.line(i))
	h.lines--
	b.data, b.start = b.data[:b.start[i]], b.start[:i]
	if i == 0 || n == 0 && i == h.first {
		h.blocks = h.blocks[:n]
		if n == 0 {
			h.first = 0
		}
	}
}
