package terminal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"slipway/terminal/screen"
)

// onlooker draws what a view gets, as a page does.
type onlooker struct {
	*view
	screen *screen.Screen
	parts  []byte
	made   int    // parts seen
	wait   [2]int // size to wait for too
}

func (o *onlooker) size() [2]int { cols, rows := o.screen.Size(); return [2]int{cols, rows} }

func look(t *testing.T, tm *Terminal, a Attach) *onlooker {
	v := attach(t, tm, a)
	return &onlooker{view: v, screen: screen.New(v.hello.Cols, v.hello.Rows)}
}

// upTo draws until everything before an offset is drawn.
func (o *onlooker) upTo(offset uint64) {
	o.t.Helper()
	for o.next < offset || o.wait != [2]int{} && o.wait != o.size() {
		switch f := o.frame(); f.Kind {
		case KindSize:
			o.parts = nil
			o.screen.Resize(int(f.Cols), int(f.Rows))
		case KindPart:
			o.parts = append(o.parts, f.Data...)
			o.made++
		case KindRepaint:
			cols, rows := o.screen.Size()
			o.screen = screen.New(cols, rows)
			o.screen.Write(append(o.parts, f.Data...))
			o.parts = nil
		case KindOutput:
			o.screen.Write(f.Data)
		}
	}
}

func withScreen(o Options) Options {
	o.Screen = func(cols, rows int) Screen { return screen.New(cols, rows) }
	return o
}

// paintOf is a screen as bytes; two that are the same have the same.
func paintOf(s Screen, history int) []byte {
	paint, _ := s.Repaint(8<<20, history)
	return paint
}

const printsMuch = `
stty -echo
for r in {1..12}; do
  for i in {1..120}; do
    printf '\e[3%dmline %d of some length that may wrap, é日本 \e[0m and so on\r\n' $((i%8)) $i
    (( i % 37 )) || printf '\e[?1049h\e[H\e[2J\e[7mfull\e[0m\e[5;5H%d\e[?1049l' $i
  done
  read -n 1
done
printf '\e[?1049h\e[3;4r\e[?1h\e]2;at the end\a\e[2;70Hinto the last column: \e[31mEND'
exec cat > /dev/null`

func TestWhoeverComesLateSeesWhatTheFirstSaw(t *testing.T) {
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		tm := start(t, withScreen(Options{Command: []string{"bash", "-c", printsMuch}}))
		all := []*onlooker{look(t, tm, Attach{Client: "owner", Role: RoleOwner, From: 0})}
		owner := all[0]
		for i := range 12 {
			owner.upTo(owner.next + 1)
			owner.key("x")
			if rnd.IntN(2) == 0 {
				owner.resize(20+rnd.IntN(100), 5+rnd.IntN(40))
			}
			role := []Role{RoleOwner, RoleWatcher}[rnd.IntN(2)]
			all = append(all, look(t, tm, Attach{Client: fmt.Sprint("late-", i), Role: role, From: FromRepaint}))
		}
		eventually(t, "the program ends", func() bool { return tm.Status().Title == "at the end" })
		owner.resize(77, 21)
		for i, o := range append(all, look(t, tm, Attach{Client: "last", Role: RoleOwner, From: FromRepaint})) {
			o.wait = [2]int{77, 21}
			o.upTo(tm.Status().Offset)
			history := 8 << 20
			if o.paint > 1 || o == owner && o.paint > 0 { // skipped ahead, with less of what scrolled out
				history = 0
			}
			if got, want := paintOf(o.screen, history), paintOf(tm.screen, history); !bytes.Equal(got, want) {
				t.Fatalf("seed %d: viewer %d, painted %d times:\n%q\nwant:\n%q", seed, i, o.paint, tail(string(got)), tail(string(want)))
			}
		}
	}
}

func (o *onlooker) resize(cols, rows int) {
	o.t.Helper()
	if err := o.fw.Write(Frame{Kind: KindResize, Cols: uint16(cols), Rows: uint16(rows)}); err != nil {
		o.t.Fatal(err)
	}
}

func TestALongRepaintComesInParts(t *testing.T) {
	tm := start(t, withScreen(Options{Command: []string{"bash", "-c", "for i in {1..4000}; do echo line $i of some more text; done; printf END; exec cat"}}))
	owner := look(t, tm, Attach{Client: "owner", Role: RoleOwner, From: 0})
	for !bytes.Contains(owner.text.Bytes(), []byte("END")) {
		owner.upTo(owner.next + 1)
	}
	end := owner.next
	l := look(t, tm, Attach{Client: "late", Role: RoleWatcher, From: FromRepaint})
	l.upTo(end)
	if l.made < 2 || !bytes.Equal(paintOf(l.screen, 8<<20), paintOf(owner.screen, 8<<20)) {
		t.Errorf("%d parts, and another screen", l.made)
	}
}
