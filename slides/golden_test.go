package slides

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the tests got into testdata")

// TestGolden loads each testdata/*.txtar and compares all it became with the part named "want".
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			fsys, want := split(a)
			d, err := Load(fsys, manifestOf(a))
			if err != nil {
				t.Fatal(err)
			}
			got := dump(d)
			if *update {
				writeGolden(t, f, a, got)
			} else if got != want {
				t.Errorf("%s differs; run with -update and read the difference\n%s", f, firstDifference(want, got))
			}
			for _, s := range append(d.Slides, d.Excluded...) {
				if strings.Contains(s.HTML+s.Text, "SECRET") {
					t.Errorf("slide %s shows what it must not:\n%s", s.Name, s.HTML)
				}
			}
		})
	}
}

func split(a *txtar.Archive) (fstest.MapFS, string) {
	fsys, want := fstest.MapFS{}, ""
	for _, f := range a.Files {
		if f.Name == "want" {
			want = string(f.Data)
		} else {
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return fsys, want
}

func manifestOf(a *txtar.Archive) string { return a.Files[0].Name }

func writeGolden(t *testing.T, f string, a *txtar.Archive, got string) {
	var keep []txtar.File
	for _, x := range a.Files {
		if x.Name != "want" {
			keep = append(keep, x)
		}
	}
	a.Files = append(keep, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(f, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// dump writes all of a deck that matters as text.
func dump(d *Deck) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "deck %s %q imported=%v minutes=%v\n", d.Name, d.Title, d.Imported, d.Minutes)
	for _, p := range d.Plan() {
		fmt.Fprintf(&b, "chapter %s %q level=%d start=%v minutes=%v first=%d slides=%d\n", p.Chapter, p.Title, p.Level, p.Start, p.Minutes, p.First, p.Slides)
	}
	for _, s := range d.Slides {
		fmt.Fprintf(&b, "\n=== %d %s %q %s:%d steps=%d classes=%v minutes=%v generated=%v exercises=%v\n%s", s.Number, s.Name, s.Title,
			s.File, s.Line, len(s.Steps), s.Classes, s.Minutes, s.Generated, s.Exercises, s.HTML)
		if s.Background != "" {
			fmt.Fprintf(&b, "background %s\n", s.Background)
		}
		for _, sn := range s.Snippets {
			fmt.Fprintf(&b, "snippet %s %s/%d run=%v dangerous=%v hidden=%v line=%d %q", sn.Lang, sn.Node, sn.Terminal, sn.Run, sn.Dangerous, sn.Hidden, sn.Line, sn.Text)
			if sn.Typed != sn.Text {
				fmt.Fprintf(&b, " typed %q", sn.Typed)
			}
			b.WriteByte('\n')
		}
		if s.NotesHTML != "" {
			fmt.Fprintf(&b, "--- notes\n%s", s.NotesHTML)
		}
	}
	for _, s := range d.Excluded {
		fmt.Fprintf(&b, "\n=== excluded %q %s:%d\n", s.Title, s.File, s.Line)
	}
	b.WriteByte('\n')
	for _, e := range d.Exercises {
		dumpExercise(&b, e)
	}
	for _, p := range Lint(d) {
		fmt.Fprintln(&b, p)
	}
	r := Count(d)
	fmt.Fprintf(&b, "stats slides=%d excluded=%d generated=%d steps=%d notes=%d fences=%d words=%d exercises=%v problems=%d\n", r.Slides, r.Excluded, r.Generated,
		r.Steps, r.Notes, r.Fences, r.Words, r.Exercises, len(r.Problems))
	return b.String()
}

func dumpExercise(b *bytes.Buffer, e *Exercise) {
	fmt.Fprintf(b, "exercise %s %q on %s/%s minutes=%v optional=%v keep=%v needs=%v %s:%d\n", e.ID, e.Title, e.Chapter, e.Slide, e.Minutes, e.Optional, e.Keep, e.Needs, e.File, e.Line)
	for _, c := range e.Checks {
		fmt.Fprintf(b, "  check %q that %q else %q line=%d\n", c.Says, c.That, c.Else, c.Line)
	}
	for _, h := range e.Hints {
		fmt.Fprintf(b, "  hint for=%q %q line=%d\n", h.For, h.HTML, h.Line)
	}
	for _, a := range e.Solution {
		fmt.Fprintf(b, "  do %+v\n", a)
	}
	for _, w := range e.Wrong {
		fmt.Fprintf(b, "  wrong %q %+v\n", w.Says, w.Acts)
	}
	if q := e.Quiz; q != nil {
		fmt.Fprintf(b, "  quiz %s choices=%+v multiple=%v number=%v±%v pattern=%q explain=%q\n", q.Kind, q.Choices, q.Multiple, q.Number, q.Tolerance, q.Pattern, q.Explain)
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range g {
		if i >= len(w) || w[i] != g[i] {
			old := "(end)"
			if i < len(w) {
				old = w[i]
			}
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, old, g[i])
		}
	}
	return fmt.Sprintf("line %d is missing", len(g)+1)
}
