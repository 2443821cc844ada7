package screen

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// pieces of what programs print, and of what they shouldn't.
var pieces = []string{
	"text ", "the quick brown fox jumps over the lazy dog", "é日😀", "e\u0301", "\u0301", "日本語日本語日本語", "\r\n", "\n", "\r", "\b", "\t",
	"\x1b[?1049h", "\x1b[?1049l", "\x1b[?47h", "\x1b[?47l", "\x1b[1;31m", "\x1b[0m", "\x1b[7m", "\x1b[44m", "\x1b[38;2;1;2;3m", "\x1b[4:3m", "\x1b[58;5;9m",
	"\x1b[2;5r", "\x1b[r", "\x1b[H", "\x1b[2J", "\x1b[K", "\x1b[1K", "\x1b[3J", "\x1b[J", "\x1b[1J", "\x1b[10;20H", "\x1b[3;1H", "\x1b[99;99H",
	"\x1b]0;title\x07", "\x1b]8;;http://a.example\x1b\\", "\x1b]8;;\x07", "\x1b(0", "\x1b(B", "\x0e", "\x0f", "lqqk", "\x1b[4h", "\x1b[4l", "\x1b[?7h",
	"\x1b[?6h", "\x1b[?6l", "\x1b[L", "\x1b[3M", "\x1b[2@", "\x1b[2P", "\x1b[4X", "\x1b[2S", "\x1b[2T", "\x1bM", "\x1bD", "\x1b7", "\x1b8", "\x1b[5b",
	"\x1b#8", "\x1b[!p", "\x1bc", "\x1bH", "\x1b[3g", "\x1b[?2004h", "\x1b[?1002;1006h", "\x1b[6 q", "\x1bP1$r0m\x1b\\", "\x1b[1\"q", "\x1b[?J",
	"\x1b[12", "\x1b]2;unfinished", "\xe6\x97", "\xff", "\x1b[999999999b", "\u009b31m", "\x1b[2'}", "\x1b[ @",
}

// agree reports how two screens differ, by what each would have painted.
func agree(a, b *Screen) error {
	const all = 8 << 20
	x, _ := a.Repaint(all, all)
	y, _ := b.Repaint(all, all)
	if bytes.Equal(x, y) {
		return nil
	}
	i := 0
	for i < len(x) && i < len(y) && x[i] == y[i] {
		i++
	}
	from := max(0, i-60)
	return fmt.Errorf("at %d\n%q\n%q", i, x[from:min(len(x), i+60)], y[from:min(len(y), i+60)])
}

func TestCutAnywhereIsTheSame(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		cols, rows := 2+rnd.IntN(40), 1+rnd.IntN(12)
		whole, cut := New(cols, rows), New(cols, rows)
		for range 150 {
			p := []byte(pieces[rnd.IntN(len(pieces))])
			if rnd.IntN(30) == 0 {
				cols, rows = 2+rnd.IntN(60), 1+rnd.IntN(20)
				whole.Resize(cols, rows)
				cut.Resize(cols, rows)
			}
			whole.Write(p)
			for len(p) > 0 {
				n := 1 + rnd.IntN(len(p))
				cut.Write(p[:n])
				p = p[n:]
			}
			if err := agree(whole, cut); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := New(80, 24)
	for i := range 3 * HistoryLines {
		fmt.Fprintf(writer{s}, "line %d\r\n", i)
	}
	if n := s.normal.history.len(); n != HistoryLines {
		t.Errorf("%d lines of history", n)
	}
	paint, _ := s.Repaint(1<<20, 1<<20)
	if !strings.Contains(string(paint), fmt.Sprintf("line %d\r\n", 2*HistoryLines)) {
		t.Error("the older half of the history is missing")
	}
	for i := range 2 * HistoryLines { // every letter of another colour
		for c := range 78 {
			fmt.Fprintf(writer{s}, "\x1b[38;2;%d;%d;7mx", i%256, c)
		}
		s.Write([]byte("\r\n"))
	}
	if h := &s.normal.history; h.bytes > HistoryBytes || h.bytes < HistoryBytes/2 || h.len() > HistoryLines {
		t.Errorf("%d bytes and %d lines of history", h.bytes, h.len())
	}
	for _, most := range []int{512 << 10, 200 << 10} {
		if paint, _ := s.Repaint(most, most); len(paint) > most || len(paint) < most/4 {
			t.Errorf("a repaint of at most %d bytes has %d", most, len(paint))
		}
	}
	if paint, _ := s.Repaint(2000, 2000); paint != nil {
		t.Errorf("%d bytes where the screen doesn't fit", len(paint))
	}
}

func TestTablesAreBounded(t *testing.T) {
	s := New(80, 24)
	for i := range 100_000 {
		fmt.Fprintf(writer{s}, "\x1b]8;;http://example.org/%d/%s\x07x\u0301", i, strings.Repeat("y", 200))
		s.Write([]byte("e" + strings.Repeat("\u0301", i%70)))
	}
	if s.exts.bytes > 2*maxTable || s.combs.bytes > 2*maxTable || len(s.exts.all) > 20_000 {
		t.Errorf("%d bytes of links, %d of marks, %d entries", s.exts.bytes, s.combs.bytes, len(s.exts.all))
	}
}

type writer struct{ s *Screen }

func (w writer) Write(p []byte) (int, error) { w.s.Write(p); return len(p), nil }

func FuzzScreen(f *testing.F) {
	for i, p := range pieces {
		f.Add([]byte(p+pieces[(i*7)%len(pieces)]), uint16(i*977))
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		cols, rows := 2+int(size%50), 1+int(size>>8)%20
		s := New(cols, rows)
		n := len(b) / 2
		s.Write(b[:n])
		s.Resize(2+int(size>>4)%60, 1+int(size>>2)%20)
		s.Write(b[n:])
		paint, behind := s.Repaint(8<<20, 8<<20)
		if behind > 3 || paint == nil {
			t.Fatalf("behind %d, %d bytes", behind, len(paint))
		}
		New(s.Size()).Write(paint)
	})
}

func BenchmarkWrite(b *testing.B) {
	for name, text := range map[string]string{
		"lines":   strings.Repeat("0123456789012345678901234567890123456789\r\n", 1000),
		"colours": strings.Repeat("\x1b[1;34mfolder\x1b[0m  \x1b[32mprogram\x1b[0m some more text here\r\n", 1000),
		"unicode": strings.Repeat("日本語 и кириллица — é\r\n", 1000),
		"screen":  strings.Repeat("\x1b[H"+strings.Repeat("\x1b[7m 1234 root \x1b[m 20  0 some process\x1b[K\r\n", 20), 40),
	} {
		b.Run(name, func(b *testing.B) {
			s := New(120, 40)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				s.Write([]byte(text))
			}
		})
	}
}

func BenchmarkRepaint(b *testing.B) {
	s := New(120, 40)
	for i := range HistoryLines + 40 {
		fmt.Fprintf(writer{s}, "line %d of some output that is neither long nor short\r\n", i)
	}
	for name, history := range map[string]int{"screen": 0, "history": 512 << 10} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.Repaint(512<<10, history)
			}
		})
	}
}

func BenchmarkResize(b *testing.B) {
	s := New(120, 40)
	for i := range HistoryLines + 40 {
		fmt.Fprintf(writer{s}, "line %d of some output that is neither long nor short\r\n", i)
	}
	for i := 0; b.Loop(); i++ {
		s.Resize(80+i%2*40, 40)
	}
}
