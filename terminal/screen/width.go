package screen

import (
	"sort"
	"sync"
	"unicode/utf8"
)

// width is how many columns a code point takes: 0, 1 or 2.
func width(r rune) int {
	if r < 0x300 {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return 0
		}
		return 1
	}
	if t := firstPlane(); int(r) < len(t) {
		return int(t[r])
	}
	return search(r)
}

// firstPlane is a table of those that are used most.
var firstPlane = sync.OnceValue(func() *[1 << 16]uint8 {
	t := new([1 << 16]uint8)
	for r := range t {
		t[r] = uint8(search(rune(r)))
	}
	return t
})

func search(r rune) int {
	switch {
	case within(zeroWidth[:], r):
		return 0
	case within(doubleWidth[:], r):
		return 2
	}
	return 1
}

func within(spans []span, r rune) bool {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].last >= r })
	return i < len(spans) && spans[i].first <= r
}

// Widths returns how many columns each code point takes, from 0 to U+10FFFF.
func Widths() []byte {
	all := make([]byte, utf8.MaxRune+1)
	for r := range all {
		all[r] = byte(width(rune(r)))
	}
	return all
}
