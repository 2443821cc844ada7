package slides

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
)

// FuzzLoad feeds any text to the parser: no panic, bounded time and size, no line lost by the cutter,
// and no slide that shows what stands in its solutions.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range txtar.Parse(raw).Files {
			if strings.HasSuffix(part.Name, ".md") {
				f.Add(string(part.Data))
			}
		}
	}
	loader := NewLoader(Options{})
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 8<<10 {
			return
		}
		survives(t, loader, s)
	})
}

// TestHostile feeds texts that make naive parsers slow: one that takes hours
// runs into the tests' own time limit.
func TestHostile(t *testing.T) {
	for _, s := range hostile {
		survives(t, NewLoader(Options{}), s)
	}
}

// secretEnd is an exercise that is right. Whatever stands before it, nobody may see its secrets.
const secretEnd = "\n\n::: exercise {#x}\n```checks\n- says: s\n  that: sEcReT\n```\n::: hint\nsEcReT\n:::\n::: solution\n```bash\nsEcReT\n```\n" +
	"```\nsEcReT\n```\n:::\n:::\n\n???\n\nsEcReT\n"

// keepsSecrets proves that no slip before an exercise opens it.
func keepsSecrets(t *testing.T, loader *Loader, s string) {
	d, err := loader.Load(fstest.MapFS{"workshop.yaml": {Data: []byte("title: T\nchapters: [m.md]\n")}, "m.md": {Data: []byte(s + secretEnd)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, sl := range d.Slides {
		if strings.Contains(sl.HTML+sl.Text, "sEcReT") {
			t.Errorf("after %q the slide shows %s", s, sl.HTML)
		}
	}
}

func survives(t *testing.T, loader *Loader, s string) {
	linesKept(t, s)
	keepsSecrets(t, loader, s)
	for _, manifest := range []string{"workshop.yaml", "theirs.yml"} {
		d, err := loader.Load(fstest.MapFS{
			"workshop.yaml": {Data: []byte("title: T\nchapters:\n- m.md\n")},
			"theirs.yml":    {Data: []byte("title: T\ncontent:\n- m.md\n")},
			"m.md":          {Data: []byte(s)},
		}, manifest)
		if err != nil {
			t.Fatal(err)
		}
		Lint(d)
		for _, sl := range d.Slides {
			if len(sl.HTML) > 200*len(s)+4096 {
				t.Errorf("%d bytes of Markdown became %d of HTML", len(s), len(sl.HTML))
			}
			if strings.ContainsAny(sl.HTML, "\x02\x03") {
				t.Errorf("a mark is left in %q", sl.HTML)
			}
		}
	}
}

// hostile are texts that make naive parsers slow or confused.
var hostile = []string{
	strings.Repeat(".a[", 5000), strings.Repeat(".a[\n", 3000) + strings.Repeat("]\n", 3000),
	strings.Repeat("::: a\n", 2000), strings.Repeat("```bash\n", 3000), strings.Repeat("````x\n---\n", 2000),
	strings.Repeat("`", 3000) + strings.Repeat(" `", 3000), strings.Repeat("<!--\n", 3000), strings.Repeat("--\n", 3000),
	strings.Repeat("- ", 2000) + "x", strings.Repeat("> ", 2000) + "x", strings.Repeat("[", 5000) + strings.Repeat("](", 2000),
	"layout: true\n{{content}}{{content}}\n---\n" + strings.Repeat("layout: true\nx\n---\n", 200),
	"\x02f0\n\x02o0\n<\x02o0\x03\x00", "```checks\n- &a [*a]\n```", "::: exercise {#a}\n```checks\n- says: {a: [}\n  that: \"\\x\"\n```",
	"\ufeff---\r\n--\r???\r\n```\r\n", "::: quiz {#q}\n- [x] " + strings.Repeat("- [x] ", 500), ".a[`]` x]", "````", "```", "```text", "```bash", "~~~", "````markdown\n```", "<!--", ".a[", "::: hint", "::: quiz {#q}", "::: solution", "- ```bash", "> ````\n> x",
	"layout: true", "???", "```checks", "<div>", "<script>", "::: exercise {#y}\n```text\nx", "a `", "```markdown", "````text\n```\n",
	"~~~~\n~~~\n---\n~~~",
}

// linesKept proves that the cutter puts every line in exactly one slide, in order.
func linesKept(t *testing.T, s string) {
	lines := splitLines(s)
	next := 1
	for _, src := range cut("m.md", s, 1) {
		for _, it := range src.items {
			if it.line != next {
				t.Fatalf("line %d comes after line %d of %q", it.line, next-1, s)
			}
			next++
			if it.fence != nil {
				next = endOf(t, lines, it, src, next)
			} else if it.text != lines[it.line-1] {
				t.Fatalf("line %d became %q", it.line, it.text)
			}
		}
		if next <= len(lines) {
			if lines[next-1] != "---" {
				t.Fatalf("line %d, %q, is in no slide", next, lines[next-1])
			}
			next++
		}
	}
	if next < len(lines)+1 {
		t.Fatalf("%d of %d lines were read", next-1, len(lines))
	}
}

// endOf compares a fence's text with its lines and returns the line after it.
func endOf(t *testing.T, lines []string, it item, src *source, next int) int {
	n := strings.Count(it.fence.text, "\n")
	for i := 0; i < n; i++ {
		got := strings.Split(it.fence.text, "\n")[i]
		if next-1 >= len(lines) {
			t.Fatalf("the fence at line %d has lines that are not in the file", it.line)
		}
		if line := lines[next-1]; !strings.Contains(strings.ReplaceAll(line, "\t", "    "), strings.TrimSpace(strings.ReplaceAll(got, "\t", "    "))) {
			t.Fatalf("line %d: %q became %q", next, line, got)
		}
		next++
		if i == n-1 && endsWithMarks(lines[next-2], it.fence) && strings.TrimRight(lines[next-2], " \t") != strings.TrimRight(got, " \t") {
			return next // the marks stood at the end of the last line
		}
	}
	if next <= len(lines) && (it.fence.closes(lines[next-1], it.fence.marks) || it.fence.closes(lines[next-1], 3) && broken(src, it.line)) {
		next++
	}
	return next
}

func broken(src *source, line int) bool {
	for _, p := range src.problems {
		if p.Line == line && strings.Contains(p.Message, "other marks") {
			return true
		}
	}
	return false
}
