package screen

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// endOSC obeys an operating system command, if it was not cancelled.
func (s *Screen) endOSC(whole bool) {
	s.join = 0
	if !whole {
		return
	}
	number, text, _ := bytes.Cut(s.parse.payload, []byte(";"))
	switch string(bytes.TrimLeft(number, "0")) {
	case "":
		if len(number) > 0 {
			s.setTitle(text)
		}
	case "2":
		s.setTitle(text)
	case "8":
		if !s.parse.tooLong {
			s.setLink(string(text))
		}
	}
}

func (s *Screen) setTitle(text []byte) {
	if len(text) > maxTitle {
		text = text[:maxTitle]
		for len(text) > 0 && !utf8.Valid(text) {
			text = text[:len(text)-1]
		}
	}
	s.title, s.titled = string(text), true
}

// Title returns the title as the program set it last.
func (s *Screen) Title() string { return s.title }

// setLink begins or ends a link.
func (s *Screen) setLink(text string) {
	params, uri, ok := strings.Cut(text, ";")
	if !ok {
		return
	}
	params = strings.TrimSpace(params)
	switch {
	case uri != "" && len(text) <= maxLink:
		s.pen.extra.link = &link{linkID(params), uri}
	case uri == "" && params != "":
		return
	default:
		s.pen.extra.link = nil
	}
	s.pen.update()
	s.penChanged()
}

// linkID returns the parameter that says which links are one.
func linkID(params string) string {
	for p := range strings.SplitSeq(params, ":") {
		if id, ok := strings.CutPrefix(p, "id="); ok {
			if id == "" {
				return ""
			}
			return p
		}
	}
	return ""
}
