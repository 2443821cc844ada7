package terminal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// same compares settings; how they came about doesn't matter.
func same(a, b modes) bool { return string(a.set()) == string(b.set()) }

func track(s string) *tracker {
	var t tracker
	t.write([]byte(s))
	return &t
}

func TestWhatATrackerSetsAgain(t *testing.T) {
	for out, want := range map[string]string{
		"plain\r\ntext":                                "",
		"\x1b[?1049h\x1b[?1h\x1b=":                     "\x1b[?1049h\x1b[?1h\x1b=",
		"\x1b[?1049h\x1b[?1049l":                       "",
		"\x1b[?25l\x1b[?2004h":                         "\x1b[?25l\x1b[?2004h",
		"\x1b[?7l\x1b[?7h":                             "",
		"\x1b[?1000h\x1b[?1002h\x1b[?1006h":            "\x1b[?1002h\x1b[?1006h",
		"\x1b[?1002;1006h\x1b[?1000l":                  "\x1b[?1006h",
		"\x1b[1m\x1b[31m":                              "\x1b[1m\x1b[31m",
		"\x1b[1m\x1b[0m\x1b[38;5;9m":                   "\x1b[38;5;9m",
		"\x1b[1m\x1b[0;32m":                            "\x1b[0;32m",
		"\x1b[1m\x1b[m":                                "",
		"\x1b[>4;2m":                                   "", // no colour: keyboard modes of xterm
		"\x1b[3;20r":                                   "\x1b[3;20r",
		"\x1b[3;20r\x1b[r":                             "",
		"\x1b[4 q":                                     "\x1b[4 q",
		"\x1b]0;vim é\x07":                             "\x1b]2;vim é\x07",
		"\x1b]2;a\x1b\\\x1b]8;;http://x\x07":           "\x1b]2;a\x07",
		"\x1b(0\x1b)0\x0e":                             "\x0e\x1b(0\x1b)0",
		"\x1b(0\x1b(B":                                 "",
		"\x1b[?1049h\x1bc":                             "",
		"\x1b[?1049h\x1b[1m\x1b[!p":                    "\x1b[?1049h",
		"\x1bP+q\x1b[?1049h544e\x1b\\":                 "\x1b[?1049h", // ESC ends a string early
		"\x1bPq[?1049h\x1b\\x":                         "",
		"\x1b[?10\x1849h":                              "", // cancelled
		"\x1b[" + strings.Repeat("1;", 5000) + "m":     "\x1b[" + strings.Repeat("1;", 32) + "m",
		"\x1b]0;" + strings.Repeat("x", 5000) + "\x07": "\x1b]2;" + strings.Repeat("x", maxTitle-2) + "\x07",
	} {
		if got := string(track(out).now.set()); got != want {
			t.Errorf("%.60q sets %.60q, want %.60q", out, got, want)
		}
	}
}

// pieces of output that a program might print.
var pieces = []string{
	"text ", "é日😀", "\r\n", "\n", "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25l", "\x1b[?25h", "\x1b[1;31m", "\x1b[0m", "\x1b[7m", "\x1b[2;5r",
	"\x1b[H\x1b[2J", "\x1b[10;20H", "\x1b]0;title\x07", "\x1b]2;other\x1b\\", "\x1b(0", "\x1b(B", "\x1b=", "\x1b>", "\x1b[4h", "\x1b[4l", "\x1b[?2004h",
	"\x1b[?2004l", "\x1b[?1002h\x1b[?1006h", "\x1b[?1002l", "\x1b[38;2;1;2;3m", "\x1bP1$r0m\x1b\\", "\x0e", "\x0f", "\x1b[6 q",
}

func TestAReplayEndsAsTheWholeOutputDoes(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var all strings.Builder
		whole := &tracker{}
		for all.Len() < 600<<10 {
			p := pieces[rnd.IntN(len(pieces))]
			if rnd.IntN(3) > 0 {
				p = strings.Repeat("x", rnd.IntN(200))
			}
			all.WriteString(p)
			cut := rnd.IntN(len(p) + 1) // how it is cut must not matter
			whole.write([]byte(p[:cut]))
			whole.write([]byte(p[cut:]))
		}
		if len(whole.points) < 5 || len(whole.points) > 600/32+1 {
			t.Fatalf("%d points", len(whole.points))
		}
		for _, p := range whole.points {
			again := track(string(p.modes.set()) + all.String()[p.offset:])
			if !same(again.now, whole.now) {
				t.Fatalf("seed %d from %d: %q, want %q", seed, p.offset, again.now.set(), whole.now.set())
			}
		}
		whole.forget(whole.points[2].offset)
		if p, ok := whole.from(0); !ok || p.offset != whole.points[0].offset {
			t.Error("the oldest point that is left was not found")
		}
	}
}

func TestALateViewerOfAFullScreenProgramSeesItsScreen(t *testing.T) {
	// The alternate screen was entered long before the oldest byte that is kept.
	tm := start(t, Options{
		Command: []string{"bash", "-c", `printf '\e[?1049h\e[?25l\e[31m'; for i in {1..4000}; do printf '\e[H%0100d' $i; done; printf END; cat`},
		Ring:    128 << 10,
	})
	o := attach(t, tm, Attach{Client: "o", Role: RoleOwner, From: 0})
	o.until("END")
	for _, role := range []Role{RoleOwner, RoleWatcher} {
		v := attach(t, tm, Attach{Client: fmt.Sprint("late-", role), Role: role, From: FromRepaint})
		v.until("END")
		got := v.text.String()
		if v.paint != 1 || !strings.HasPrefix(got, "\x1b[?1049h\x1b[?25l\x1b[31m") {
			t.Errorf("%s: %d repaints, begins with %q", role, v.paint, got[:40])
		}
		if n := v.next; n != tm.Status().Offset {
			t.Errorf("%s: at %d of %d", role, n, tm.Status().Offset)
		}
	}
}

func FuzzTracker(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte(p), uint16(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		whole := track(string(b))
		n := int(cut) % (len(b) + 1)
		two := track(string(b[:n]))
		two.write(b[n:])
		if !same(whole.now, two.now) || whole.state != two.state {
			t.Fatalf("%q cut at %d: %q, whole %q", b, n, two.now.set(), whole.now.set())
		}
		if again := track(string(whole.now.set())); again.state == ground && !same(again.now, whole.now) {
			t.Fatalf("%q sets %q, which sets %q", b, whole.now.set(), again.now.set())
		}
	})
}
