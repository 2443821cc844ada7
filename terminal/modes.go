package terminal

import (
	"bytes"
	"fmt"
	"strconv"
)

// pointEvery is how much output lies between two points at which a replay may
// begin.
const pointEvery = 32 << 10

// Bounds of what is remembered of escape sequences.
const (
	maxParams = 64
	maxSGR    = 160
	maxTitle  = 256
)

// tracker follows the output just far enough to know how a terminal is set at
// some points of the ring: which screen it shows, colours, cursor keys, mouse,
// bracketed paste, title. A replay that begins there sets this first. What
// stands where on the screen it doesn't know; see Screen.
type tracker struct {
	now    modes
	state  trackState
	params []byte
	offset uint64  // of the next byte
	last   uint64  // of the newest point
	points []point // ascending
}

// point is an offset between two lines and how the terminal is set there.
type point struct {
	offset uint64
	modes  modes
}

type trackState byte

const (
	ground trackState = iota
	inEscape
	inCSI
	inCharset // ESC ( or ): the designator follows
	inOSC
	inOSCEscape
	inString // DCS, APC, PM: skipped
	inStringEscape
)

// privateModes are the modes that a replay must set, in the order in which it
// does so: the screen first. The values are those of a reset terminal.
var privateModes = [...]struct {
	number int
	on     bool
}{
	{1049, false}, {1047, false}, {47, false}, {1, false}, {5, false}, {6, false}, {7, true}, {12, false}, {25, true}, {45, false},
	{66, false}, {9, false}, {1000, false}, {1002, false}, {1003, false}, {1004, false}, {1005, false}, {1006, false},
	{1015, false}, {1016, false}, {2004, false},
}

// modes is how a terminal is set, without its contents. It is a value: points
// copy it. The slices are replaced, never written into.
type modes struct {
	changed uint32 // bit i: privateModes[i] is not as after a reset
	insert  bool
	newline bool
	keypad  bool
	shifted bool // G1 is in use
	g0, g1  byte // designators, 0 for the usual
	sgr     []byte
	region  []byte // parameters of the scrolling region
	cursor  []byte // parameters of the cursor's style
	title   []byte
}

// write follows the next piece of output.
func (t *tracker) write(p []byte) {
	for _, b := range p {
		t.offset++
		if t.state != ground {
			t.step(b)
			continue
		}
		switch {
		case b == '\n':
			if t.offset-t.last >= pointEvery {
				t.point()
			}
		case b == 0x1b:
			t.state = inEscape
		case b == 0x0e:
			t.now.shifted = true
		case b == 0x0f:
			t.now.shifted = false
		case b < 0x80 && t.offset-t.last >= 2*pointEvery:
			t.point() // no line ends here: a full-screen program at work
		}
	}
}

func (t *tracker) point() {
	t.last = t.offset
	t.points = append(t.points, point{t.offset, t.now})
}

// forget drops the points that lie before the ring's start.
func (t *tracker) forget(start uint64) {
	n := 0
	for n < len(t.points) && t.points[n].offset < start {
		n++
	}
	if n > 0 {
		t.points = append(t.points[:0], t.points[n:]...)
	}
}

// from returns the point at which a replay of what follows offset should
// begin: the first one after it, else the last one before it.
func (t *tracker) from(offset uint64) (point, bool) {
	for _, p := range t.points {
		if p.offset >= offset {
			return p, true
		}
	}
	if n := len(t.points); n > 0 {
		return t.points[n-1], true
	}
	return point{}, false
}

// step follows one byte inside an escape sequence.
func (t *tracker) step(b byte) {
	if b == 0x18 || b == 0x1a { // cancelled
		t.state = ground
		return
	}
	switch t.state {
	case inEscape:
		t.escape(b)
	case inCSI:
		switch {
		case b >= 0x40 && b <= 0x7e:
			t.state = ground
			t.control(b)
		case b == 0x1b:
			t.state = inEscape
		case b >= 0x20 && b < 0x40 && len(t.params) < maxParams:
			t.params = append(t.params, b)
		}
	case inCharset:
		t.charset(b)
	case inOSC, inOSCEscape:
		t.command(b)
	case inString:
		if b == 0x1b {
			t.state = inStringEscape
		}
	case inStringEscape:
		t.state = ground
		if b != '\\' {
			t.state = inEscape
			t.escape(b)
		}
	}
}

func (t *tracker) escape(b byte) {
	t.state, t.params = ground, t.params[:0]
	switch b {
	case '[':
		t.state = inCSI
	case ']':
		t.state = inOSC
	case 'P', '_', '^', 'X':
		t.state = inString
	case '(', ')':
		t.state = inCharset
		t.params = append(t.params, b)
	case 'c':
		t.now = modes{}
	case '=':
		t.now.keypad = true
	case '>':
		t.now.keypad = false
	case 0x1b:
		t.state = inEscape
	case ' ', '#', '%', '*', '+', '-', '.', '/':
		t.state = inCharset // two bytes long; nothing we follow
	}
}

func (t *tracker) charset(b byte) {
	t.state = ground
	if len(t.params) == 0 || b < '0' || b > '~' {
		return
	}
	if b == 'B' {
		b = 0
	}
	if t.params[0] == '(' {
		t.now.g0 = b
	} else {
		t.now.g1 = b
	}
}

// command follows an OSC; of all of them only titles matter.
func (t *tracker) command(b byte) {
	end := b == 0x07
	switch {
	case t.state == inOSCEscape && b != '\\':
		t.state = inEscape
		t.escape(b)
		return
	case t.state == inOSCEscape:
		end = true
	case b == 0x1b:
		t.state = inOSCEscape
		return
	}
	if !end {
		if b >= 0x20 && len(t.params) < maxTitle {
			t.params = append(t.params, b)
		}
		return
	}
	t.state = ground
	kind, text, ok := bytes.Cut(t.params, []byte(";"))
	if ok && (string(kind) == "0" || string(kind) == "2") {
		t.now.title = bytes.ToValidUTF8(text, nil)
	}
}

// control follows a CSI sequence.
func (t *tracker) control(final byte) {
	p := t.params
	switch {
	case final == 'm' && (len(p) == 0 || p[0] < '<'):
		t.now.colour(p)
	case final == 'r' && (len(p) == 0 || p[0] != '?'):
		t.now.region = bytes.Clone(p)
	case final == 'q' && bytes.HasSuffix(p, []byte(" ")):
		t.now.cursor = bytes.Clone(p)
	case final == 'p' && string(p) == "!": // soft reset
		t.now = modes{title: t.now.title, changed: t.now.changed & screens}
	case (final == 'h' || final == 'l') && len(p) > 0 && p[0] == '?':
		for n := range bytes.SplitSeq(p[1:], []byte(";")) {
			t.now.private(string(n), final == 'h')
		}
	case final == 'h' || final == 'l':
		for n := range bytes.SplitSeq(p, []byte(";")) {
			switch string(n) {
			case "4":
				t.now.insert = final == 'h'
			case "20":
				t.now.newline = final == 'h'
			}
		}
	}
}

// screens are the bits of the modes that show another screen: the first three.
const screens = 1<<3 - 1

// mice are the modes of the mouse that exclude each other.
func isMouse(n int) bool { return n == 9 || n >= 1000 && n <= 1003 }

func (m *modes) private(text string, on bool) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return
	}
	for i, p := range privateModes {
		switch {
		case p.number != n && !(isMouse(n) && isMouse(p.number)):
			continue
		case p.number == n && on != p.on:
			m.changed |= 1 << i
		default:
			m.changed &^= 1 << i
		}
	}
}

// colour notes an SGR. One that resets all makes those before it irrelevant;
// else they add up.
func (m *modes) colour(p []byte) {
	reset := len(p) == 0 || string(p) == "0"
	if reset {
		m.sgr = nil
		return
	}
	if bytes.HasPrefix(p, []byte("0;")) {
		m.sgr = nil
	}
	next := append(append(bytes.Clone(m.sgr), "\x1b["...), p...)
	next = append(next, 'm')
	for len(next) > maxSGR { // the oldest ones are long overruled, most likely
		_, rest, _ := bytes.Cut(next[1:], []byte("\x1b"))
		next = append([]byte("\x1b"), rest...)
	}
	m.sgr = next
}

// set returns the sequences that set a reset terminal this way.
func (m modes) set() []byte {
	var out []byte
	for i, p := range privateModes {
		if m.changed&(1<<i) == 0 {
			continue
		}
		end := byte('h')
		if p.on {
			end = 'l'
		}
		out = fmt.Appendf(out, "\x1b[?%d%c", p.number, end)
	}
	for _, s := range []struct {
		on   bool
		text string
	}{{m.insert, "\x1b[4h"}, {m.newline, "\x1b[20h"}, {m.keypad, "\x1b="}, {m.shifted, "\x0e"}} {
		if s.on {
			out = append(out, s.text...)
		}
	}
	if m.g0 != 0 {
		out = append(out, "\x1b("+string(rune(m.g0))...)
	}
	if m.g1 != 0 {
		out = append(out, "\x1b)"+string(rune(m.g1))...)
	}
	if len(m.title) > 0 {
		out = fmt.Appendf(out, "\x1b]2;%s\x07", m.title)
	}
	if len(m.region) > 0 {
		out = fmt.Appendf(out, "\x1b[%sr", m.region)
	}
	if len(m.cursor) > 0 {
		out = fmt.Appendf(out, "\x1b[%sq", m.cursor)
	}
	return append(out, m.sgr...)
}
