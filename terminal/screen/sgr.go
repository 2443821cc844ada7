package screen

// sgr sets colours and attributes of what is printed next.
func (s *Screen) sgr(p *params) {
	for i := 0; i < p.n; i++ {
		switch v := p.value[i]; {
		case v == 38 || v == 48 || v == 58:
			i += s.longColour(p, i)
		case v == 4:
			style := int32(1)
			if subs := p.subsOf(i); len(subs) > 0 {
				style = subs[0]
			}
			s.underlined(style)
		default:
			s.attribute(v)
		}
	}
	s.penChanged()
}

// change is what a number sets and clears.
type change struct{ fgSet, bgSet, fgClear, bgClear uint32 }

// changes are those of the simple attributes, by their number.
var changes = [56]change{
	1: {fgSet: bold}, 5: {fgSet: blink}, 7: {fgSet: inverse}, 8: {fgSet: invisible}, 9: {fgSet: strike},
	2: {bgSet: dim}, 3: {bgSet: italic}, 53: {bgSet: overline},
	22: {fgClear: bold, bgClear: dim}, 23: {bgClear: italic}, 25: {fgClear: blink}, 27: {fgClear: inverse},
	28: {fgClear: invisible}, 29: {fgClear: strike}, 39: {fgClear: colorBits}, 49: {bgClear: colorBits}, 55: {bgClear: overline},
}

func (s *Screen) attribute(v int32) {
	p := &s.pen
	switch {
	case v == 0:
		p.fg, p.bg = 0, 0
		p.extra.style, p.extra.color = 0, 0
		p.update()
	case v >= 30 && v <= 37:
		p.fg = p.fg&^colorBits | mode16 | uint32(v-30)
	case v >= 40 && v <= 47:
		p.bg = p.bg&^colorBits | mode16 | uint32(v-40)
	case v >= 90 && v <= 97:
		p.fg = p.fg&^colorBits | mode16 | uint32(v-90+8)
	case v >= 100 && v <= 107:
		p.bg = p.bg&^colorBits | mode16 | uint32(v-100+8)
	case v == 21:
		s.underlined(2)
	case v == 24:
		s.underlined(0)
	case v == 59:
		p.extra.color = colorBits
		p.update()
	case v > 0 && int(v) < len(changes):
		c := changes[v]
		p.fg = (p.fg | c.fgSet) &^ c.fgClear
		p.bg = (p.bg | c.bgSet) &^ c.bgClear
	}
}

func (s *Screen) underlined(style int32) {
	p := &s.pen
	if style < 0 || style > 5 {
		style = 1
	}
	p.extra.style = uint8(style)
	p.fg |= underline
	if style == 0 {
		p.fg &^= underline
	}
	p.update()
}

// longColour reads a colour of the palette or of red, green and blue, whose
// parts are divided by semicolons or colons in any of the usual ways. It
// returns how many numbers it took beyond the first.
func (s *Screen) longColour(p *params, at int) int {
	// target, kind, colour space, three parts; a palette's number is the first part.
	parts := [6]int32{0, 0, -1, 0, 0, 0}
	space, took := 0, 0
	for ok := true; ok; ok = took+at < p.n && took+space < len(parts) {
		parts[took+space] = p.value[at+took]
		if subs := p.subsOf(at + took); len(subs) > 0 {
			for i := 0; ; {
				if parts[1] == 5 {
					space = 1
				}
				parts[took+i+1+space] = subs[i]
				if i++; i >= len(subs) || i+took+1+space >= len(parts) {
					break
				}
			}
			break
		}
		if parts[1] == 5 && took+space >= 2 || parts[1] == 2 && took+space >= 5 {
			break
		}
		if parts[1] != 0 {
			space = 1
		}
		took++
	}
	for i := 2; i < len(parts); i++ {
		if parts[i] == -1 {
			parts[i] = 0
		}
	}
	switch pen := &s.pen; parts[0] {
	case 38:
		pen.fg = colour(pen.fg, parts)
	case 48:
		pen.bg = colour(pen.bg, parts)
	case 58:
		pen.extra.color = colour(pen.extra.color, parts)
	}
	return took
}

func colour(old uint32, parts [6]int32) uint32 {
	switch parts[1] {
	case 2:
		return old&^colorBits | modeRGB | uint32(parts[3]&255)<<16 | uint32(parts[4]&255)<<8 | uint32(parts[5]&255)
	case 5:
		return old&^colorBits | mode256 | uint32(parts[3]&255)
	}
	return old
}
