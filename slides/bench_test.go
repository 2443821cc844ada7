package slides

import (
	"fmt"
	"io/fs"
	"testing"
)

var sizes = []int{50, 385, 2000}

// BenchmarkCold parses and highlights everything with an empty memory.
func BenchmarkCold(b *testing.B) {
	for _, n := range sizes {
		fsys := generate(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				load(b, NewLoader(Options{}), fsys)
			}
		})
	}
}

// BenchmarkWarm loads a deck in which nothing changed.
func BenchmarkWarm(b *testing.B) {
	for _, n := range sizes {
		fsys := generate(n)
		l := NewLoader(Options{})
		load(b, l, fsys)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				load(b, l, fsys)
			}
		})
	}
}

func BenchmarkSearch(b *testing.B) {
	d := load(b, NewLoader(Options{}), generate(2000))
	b.ResetTimer()
	for b.Loop() {
		d.Search("compose nowhere-to-be-found", true, 50)
	}
}

func load(tb testing.TB, l *Loader, fsys fs.FS) *Deck {
	tb.Helper()
	d, err := l.Load(fsys, ".")
	if err != nil {
		tb.Fatal(err)
	}
	return d
}
