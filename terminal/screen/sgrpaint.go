package screen

// setPen changes the painted terminal's pen to another one.
func (p *painter) setPen(to pen) {
	if to.bg&extended == 0 { // as restoring a cursor may leave it
		to.extra = extra{color: to.extra.color}
	}
	if to == p.pen {
		return
	}
	if to.extra.link != p.pen.extra.link {
		p.out = append(p.out, "\x1b]8;"...)
		if l := to.extra.link; l != nil {
			p.put("%s;%s", l.params, l.uri)
		} else {
			p.put(";")
		}
		p.out = append(p.out, "\x1b\\"...)
	}
	from := p.pen
	p.pen = to
	from.extra.link, to.extra.link = nil, nil
	from.bg, to.bg = from.bg&^extended, to.bg&^extended
	if from == to {
		return
	}
	p.out = append(p.out, "\x1b["...)
	if from != (pen{}) && to != (pen{}) {
		p.out = append(p.out, "0"...)
	}
	for _, f := range fgNumbers {
		if to.fg&f.bit != 0 {
			p.put(";%d", f.number)
		}
	}
	for _, f := range bgNumbers {
		if to.bg&f.bit != 0 {
			p.put(";%d", f.number)
		}
	}
	if to.fg&underline != 0 {
		switch to.extra.style {
		case 0, 1:
			p.put(";4")
		default:
			p.put(";4:%d", to.extra.style)
		}
	}
	p.colour(38, to.fg)
	p.colour(48, to.bg)
	p.colour(58, to.extra.color)
	p.out = append(p.out, 'm')
	if to.bg&protected != 0 {
		p.put("\x1b[1\"q")
	}
}

type flagNumber struct {
	bit    uint32
	number int
}

var (
	fgNumbers = [...]flagNumber{{bold, 1}, {blink, 5}, {inverse, 7}, {invisible, 8}, {strike, 9}}
	bgNumbers = [...]flagNumber{{dim, 2}, {italic, 3}, {overline, 53}}
)

// colour appends the parameters of a colour; target is 38, 48 or 58.
func (p *painter) colour(target int, c uint32) {
	n := int(c & 255)
	switch c & modeMask {
	case mode16:
		if n < 8 {
			p.put(";%d", target-8+n)
		} else {
			p.put(";%d", target+52+n-8)
		}
	case mode256:
		p.put(";%d;5;%d", target, n)
	case modeRGB:
		p.put(";%d;2;%d;%d;%d", target, c>>16&255, c>>8&255, n)
	}
}
