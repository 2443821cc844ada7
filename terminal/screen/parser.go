package screen

import "unicode/utf8"

// Bounds of the parser.
const (
	maxParams  = 32
	maxPayload = 8 << 10 // bytes of an operating system command
	maxPending = 4 << 10 // bytes of an unfinished sequence that a repaint repeats
)

type state byte

const (
	ground state = iota
	escape
	escapeMore
	csiEntry
	csiParam
	csiMore
	csiIgnore
	stringIgnore // SOS, PM, APC
	oscString
	dcsEntry
	dcsParam
	dcsMore
	dcsIgnore
	dcsData
)

// parser is where in a sequence the output stands.
type parser struct {
	state   state
	collect int32 // prefix and intermediates
	params  params
	payload []byte // of an OSC
	tooLong bool
	partial []byte // of a UTF-8 sequence
	pending []byte // the bytes of the unfinished sequence
}

// params are the numbers of a sequence; each may have numbers of its own,
// divided by colons.
type params struct {
	n, subs   int
	value     [maxParams]int32
	sub       [maxParams]int32
	from, to  [maxParams]uint8 // of the sub-parameters of each
	full      bool
	subsFull  bool
	digitsSub bool
}

const maxValue = 1<<31 - 1

func (p *params) reset() {
	p.n, p.subs, p.full, p.subsFull, p.digitsSub = 0, 0, false, false, false
	p.add()
}

func (p *params) add() {
	p.digitsSub = false
	if p.n == maxParams {
		p.full = true
		return
	}
	p.from[p.n], p.to[p.n] = uint8(p.subs), uint8(p.subs)
	p.value[p.n] = 0
	p.n++
}

func (p *params) addSub() {
	p.digitsSub = true
	if p.full || p.subs == maxParams {
		p.subsFull = true
		return
	}
	p.sub[p.subs] = -1
	p.subs++
	p.to[p.n-1]++
}

func (p *params) digit(d int32) {
	var v *int32
	switch {
	case p.full || p.digitsSub && (p.subsFull || p.subs == 0):
		return
	case p.digitsSub:
		v = &p.sub[p.subs-1]
	default:
		v = &p.value[p.n-1]
	}
	if *v < 0 {
		*v = d
		return
	}
	*v = int32(min(int64(*v)*10+int64(d), maxValue))
}

func (p *params) subsOf(i int) []int32 { return p.sub[p.from[i]:p.to[i]] }

// first is the first number, at least 1.
func (p *params) first() int { return max(int(p.value[0]), 1) }

// Write follows the next piece of output. It may be cut anywhere.
func (s *Screen) Write(p []byte) {
	for len(p) > 0 {
		if len(s.parse.partial) > 0 {
			p = s.complete(p)
			continue
		}
		n := 0
		if s.parse.state == ground {
			for n < len(p) && p[n] >= ' ' && p[n] < 0x7f {
				n++
			}
			if n > 0 {
				s.printASCII(p[:n])
				p = p[n:]
				continue
			}
		}
		if p[0] < utf8.RuneSelf {
			s.code(rune(p[0]), p[:1])
			p = p[1:]
			continue
		}
		p = s.decode(p)
	}
}

// decode takes one character that is not ASCII, or skips what is none.
func (s *Screen) decode(p []byte) []byte {
	need := sequenceLength(p[0])
	if need == 0 {
		return p[1:]
	}
	for i := 1; i < need; i++ {
		if i == len(p) {
			s.parse.partial = append(s.parse.partial, p...)
			return nil
		}
		if p[i]&0xc0 != 0x80 {
			return p[i:]
		}
	}
	var r rune
	switch need {
	case 2:
		if r = rune(p[0]&0x1f)<<6 | rune(p[1]&0x3f); r < 0x80 {
			return p[1:] // the other byte begins nothing and is skipped too
		}
	case 3:
		r = rune(p[0]&0x0f)<<12 | rune(p[1]&0x3f)<<6 | rune(p[2]&0x3f)
		if r < 0x800 || r >= 0xd800 && r <= 0xdfff || r == 0xfeff {
			return p[need:]
		}
	case 4:
		r = rune(p[0]&0x07)<<18 | rune(p[1]&0x3f)<<12 | rune(p[2]&0x3f)<<6 | rune(p[3]&0x3f)
		if r < 0x10000 || r > utf8.MaxRune {
			return p[need:]
		}
	}
	s.code(r, p[:need])
	return p[need:]
}

// complete goes on with a character of which the beginning was there.
func (s *Screen) complete(p []byte) []byte {
	need := sequenceLength(s.parse.partial[0])
	whole := append(s.parse.partial, p[:min(len(p), need-len(s.parse.partial))]...)
	had := len(s.parse.partial)
	s.parse.partial = s.parse.partial[:0]
	var room [utf8.UTFMax]byte
	rest := s.decode(room[:copy(room[:], whole)])
	if len(s.parse.partial) > 0 {
		return p[len(whole)-had:]
	}
	// What is left of the piece lies at its end, and so in p: continuation
	// bytes that were left over are skipped anyway.
	return p[max(0, len(whole)-had-len(rest)):]
}

func sequenceLength(b byte) int {
	switch {
	case b&0xe0 == 0xc0:
		return 2
	case b&0xf0 == 0xe0:
		return 3
	case b&0xf8 == 0xf0:
		return 4
	}
	return 0
}

// code takes one character; raw is how it was written.
func (s *Screen) code(r rune, raw []byte) {
	p := &s.parse
	switch {
	case r == 0x18 || r == 0x1a || r == 0x99 || r == 0x9a:
		s.cancel(r)
	case r >= 0x80 && r < 0x98 && r != 0x90:
		p.state = ground
		s.execute(r)
	case r == 0x9c:
		if p.state == oscString {
			s.endOSC(true)
		}
		if p.state == dcsData {
			s.join = 0
		}
		p.state = ground
	case r == 0x1b:
		s.begin(escape)
	case r == 0x9d:
		s.begin(oscString)
	case r == 0x98 || r == 0x9e || r == 0x9f:
		s.begin(stringIgnore)
	case r == 0x9b:
		s.begin(csiEntry)
	case r == 0x90:
		s.begin(dcsEntry)
	default:
		s.step(r)
	}
	if p.state == ground {
		p.pending = p.pending[:0]
	} else if !executes(p.state, r) && len(p.pending)+len(raw) <= maxPending {
		p.pending = append(p.pending, raw...)
	}
}

// executes reports whether a control was obeyed inside a sequence, which then
// must not be repeated with it.
func executes(st state, r rune) bool { return r < ' ' && r != 0x1b && st >= escape && st <= csiIgnore }

// cancel is CAN or SUB: it ends whatever was begun.
func (s *Screen) cancel(r rune) {
	if st := s.parse.state; st == oscString && r < ' ' {
		s.endOSC(false)
	}
	s.parse.state = ground
	s.join = 0
}

// begin enters a sequence, ending the string before it.
func (s *Screen) begin(to state) {
	p := &s.parse
	if to == escape {
		switch p.state {
		case oscString:
			s.endOSC(true)
		case dcsData:
			s.join = 0
		}
	}
	p.pending = p.pending[:0]
	p.state = to
	switch to {
	case escape, csiEntry, dcsEntry:
		p.collect = 0
		p.params.reset()
	case oscString:
		p.payload, p.tooLong = p.payload[:0], false
	}
}

// step takes a character that means something only where it stands.
func (s *Screen) step(r rune) {
	p := &s.parse
	control := r < ' '
	switch p.state {
	case ground:
		switch {
		case control:
			s.execute(r)
		case r != 0x7f:
			s.print(r)
		}
	case escape, escapeMore:
		s.stepEscape(r)
	case csiEntry, csiParam, csiMore, csiIgnore:
		s.stepCSI(r)
	case stringIgnore:
		if r >= 0xa0 {
			p.state = ground
		}
	case oscString:
		s.stepOSC(r)
	default:
		p.stepDCS(r)
	}
}

func (s *Screen) stepEscape(r rune) {
	p := &s.parse
	more := p.state == escapeMore
	switch {
	case r < ' ':
		s.execute(r)
	case r == 0x7f:
	case r < '0':
		p.collect = p.collect<<8 | int32(r)
		p.state = escapeMore
	case r >= 0xa0:
		p.state = ground
	case more:
		p.state = ground
		s.escape(r)
	case r == '[':
		p.state, p.collect = csiEntry, 0
		p.params.reset()
	case r == ']':
		p.state = oscString
		p.payload, p.tooLong = p.payload[:0], false
	case r == 'P':
		p.state, p.collect = dcsEntry, 0
		p.params.reset()
	case r == 'X' || r == '^' || r == '_':
		p.state = stringIgnore
	default:
		p.state = ground
		s.escape(r)
	}
}

func (s *Screen) stepCSI(r rune) {
	p := &s.parse
	switch {
	case r < ' ':
		s.execute(r)
	case r == 0x7f:
	case r >= 0xa0:
		if p.state != csiIgnore {
			p.state = ground
		}
	case r >= '@':
		ignored := p.state == csiIgnore
		p.state = ground
		if !ignored {
			s.control(p.collect<<8 | int32(r))
			s.join = 0
		}
	case p.state == csiIgnore:
	case r < '0':
		p.collect = p.collect<<8 | int32(r)
		p.state = csiMore
	case p.state == csiMore || r >= '<' && p.state == csiParam:
		p.state = csiIgnore
	case r >= '<':
		p.collect = p.collect<<8 | int32(r)
		p.state = csiParam
	default:
		p.state = csiParam
		p.params.take(r)
	}
}

func (p *params) take(r rune) {
	switch r {
	case ';':
		p.add()
	case ':':
		p.addSub()
	default:
		p.digit(int32(r - '0'))
	}
}

func (s *Screen) stepOSC(r rune) {
	p := &s.parse
	switch {
	case r == 0x07:
		s.endOSC(true)
		p.state = ground
	case r < ' ':
	case len(p.payload)+utf8.UTFMax > maxPayload:
		p.tooLong = true
	default:
		p.payload = utf8.AppendRune(p.payload, r)
	}
}

// stepDCS follows device control strings, none of which changes the screen.
func (p *parser) stepDCS(r rune) {
	printable := r >= ' ' && r < 0x7f
	switch {
	case p.state == dcsData || p.state == dcsIgnore || r < ' ' || r == 0x7f:
	case !printable:
		p.state = ground
	case r >= '@':
		p.state = dcsData
	case r < '0':
		p.state = dcsMore
	case p.state == dcsMore || p.state == dcsParam && r >= '<':
		p.state = dcsIgnore
	default:
		p.state = dcsParam
	}
}

// execute obeys a control character.
func (s *Screen) execute(r rune) {
	switch r {
	case '\n', '\v', '\f':
		s.lineFeed()
	case '\r':
		s.b.x = 0
	case '\b':
		s.backspace()
	case '\t':
		if s.b.x < s.cols {
			s.b.x = s.b.nextTab(s.b.x, s.cols)
		}
	case 0x0e:
		s.shift(1)
	case 0x0f:
		s.shift(0)
	case 0x84:
		s.index()
	case 0x85:
		s.b.x = 0
		s.index()
	case 0x88:
		s.b.tabs[s.b.x] = true
	}
	s.join = 0
}

// shift puts one of G0 to G3 into use.
func (s *Screen) shift(level int) { s.level, s.charset = level, s.charsets[level] }

// designate sets one of G0 to G3.
func (s *Screen) designate(level int, set byte) {
	s.charsets[level] = set
	if s.level == level {
		s.charset = set
	}
}

// escape obeys an escape sequence.
func (s *Screen) escape(final rune) {
	s.join = 0
	more := s.parse.collect
	switch {
	case more == 0:
		s.plainEscape(final)
	case more == '#' && final == '8':
		s.align()
	case more == '%' && (final == '@' || final == 'G'):
		s.shift(0)
		s.designate(0, 0)
	case more >= '(' && more <= '.' && more != ',':
		if set, ok := designator(byte(final)); ok {
			s.designate([...]int{0, 1, 2, 3, 0, 1, 2}[more-'('], set)
		}
	}
}

func (s *Screen) plainEscape(final rune) {
	switch final {
	case '7':
		s.save()
	case '8':
		s.restore()
	case 'D':
		s.index()
	case 'E':
		s.b.x = 0
		s.index()
	case 'H':
		s.b.tabs[s.b.x] = true
	case 'M':
		s.reverseIndex()
	case '=':
		s.modes.appKeypad = true
	case '>':
		s.modes.appKeypad = false
	case 'c':
		s.reset()
	case 'n', '}':
		s.shift(2)
	case 'o', '|':
		s.shift(3)
	case '~':
		s.shift(1)
	}
}

// align is DECALN: the screen full of E.
func (s *Screen) align() {
	fill := s.penCell
	fill.ch, fill.ext = nullCh|'E', 0
	s.moveTo(0, 0)
	for y := s.b.y; y < s.rows; y++ {
		s.b.rows[y].clear(fill)
		s.b.rows[y].wrapped = false
	}
	s.moveTo(0, 0)
}
