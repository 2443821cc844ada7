package slides

import (
	"bytes"
	"fmt"
	"html"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func deckOf(t *testing.T, md string) *Deck {
	t.Helper()
	d, err := Load(fstest.MapFS{"workshop.yaml": {Data: []byte("title: T\nname: t\nchapters: [m.md]\n")}, "m.md": {Data: []byte(md)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSnippetBytes: what a fence shows, without its tags, is what stands in the source.
func TestSnippetBytes(t *testing.T) {
	for _, code := range []string{"echo hi\n", "cat <<EOF > f\n\ttab\n  <b>&amp;&lt;\nEOF\n", "echo 'a\n\n\nb'   \n", "\n\nls\n\n",
		"echo \"$(date)\" `x` \\\n  --y '\"'\n", "printf '\\033[1m' # é ü 漢字 🐳\n", "", "a\u00a0b\n", "if true; then\n\tls\nfi\n", "::\n", "@@X@@ .a[b] {{c}}\n"} {
		for _, lang := range []string{"bash", "yaml", "go", "json", "dockerfile", "console", "html", "python", "ini", "nginx", "make", "diff", "unknown"} {
			for _, indent := range []string{"", "  "} {
				text := strings.ReplaceAll(indent+"```"+lang+"\n"+code+"```\n", "\n", "\n"+indent)
				if indent != "" {
					text = "- item\n" + text
				}
				d := deckOf(t, text)
				if got := codeText(d.Slides[0].HTML); got != code {
					t.Errorf("%s: %q became %q", lang, code, got)
				}
				if lang == "bash" && d.Slides[0].Snippets[0].Text != code {
					t.Errorf("the snippet of %q is %q", code, d.Slides[0].Snippets[0].Text)
				}
			}
		}
	}
}

var codeElement = regexp.MustCompile(`(?s)<code>(.*)</code></pre>`)

func codeText(h string) string {
	m := codeElement.FindStringSubmatch(h)
	if m == nil {
		return "(no code)"
	}
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], ""))
}

func TestTyped(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"ls\n", "ls\n"},
		{"$ ls\na b\n$ pwd\n/\n", "ls\npwd\n"},
		{"$ a \\\n  b\nout\n", "a \\\n  b\n"},
		{"$ a \\\n> b\nout\n", "a \\\nb\n"},
		{"$ cat <<EOF\n> one\n> EOF\none\n", "cat <<EOF\none\nEOF\n"},
		{"$ cat <<'E'\none\nE\none\n", "cat <<'E'\none\nE\n"},
		{"$ grep <<< x\nout\n", "grep <<< x\n"},
		{"echo $ ls\n", "echo $ ls\n"},
		{"# comment\nls\n", "# comment\nls\n"},
	} {
		if got := typed(c.text); got != c.want {
			t.Errorf("%q is typed as %q, wanted %q", c.text, got, c.want)
		}
	}
}

// TestLongFence: a fence above the bound is shown whole but not coloured.
func TestLongFence(t *testing.T) {
	code := strings.Repeat("echo \"$x\" && true\n", maxHighlight/18+2)
	h := deckOf(t, "```bash\n"+code+"```\n").Slides[0].HTML
	if strings.Contains(h, "<span") || codeText(h) != code {
		t.Errorf("a fence of %d bytes became %d bytes of HTML", len(code), len(h))
	}
}

// TestMemory: a Loader gives the same deck again, renders only what changed, and forgets in time.
func TestMemory(t *testing.T) {
	fsys := generate(60)
	l := NewLoader(Options{})
	first := dump(load(t, l, fsys))
	if got := dump(load(t, l, fsys)); got != first {
		t.Errorf("the second load differs: %s", firstDifference(first, got))
	}
	if fresh := dump(load(t, NewLoader(Options{}), fsys)); fresh != first {
		t.Errorf("a fresh load differs: %s", firstDifference(first, fresh))
	}
	before := l.pages.len()
	f := fsys["part001.md"]
	fsys["part001.md"] = &fstest.MapFile{Data: bytes.Replace(f.Data, []byte("## Slide number 39"), []byte("## Changed"), 1)}
	d := load(t, l, fsys)
	if added := l.pages.len() - before; added != 1 {
		t.Errorf("one slide changed and %d were rendered", added)
	}
	if d.Slides[39].Title[:7] != "Changed" || d.Slides[38].HTML == "" {
		t.Errorf("slide 40 is %q", d.Slides[39].Title)
	}
	if n := newCache[int](10); true {
		for i := range 1000 {
			n.put(fmt.Sprint(i), i)
		}
		if n.len() > 20 {
			t.Errorf("a memory of 10 holds %d", n.len())
		}
		if _, ok := n.get("999"); !ok {
			t.Error("the last value is forgotten")
		}
	}
}

// TestGenerated: a generated deck loads with nothing lost.
func TestGenerated(t *testing.T) {
	for _, n := range []int{1, 50, 385} {
		d := load(t, NewLoader(Options{}), generate(n))
		c := Count(d)
		if c.Slides != n || c.Generated != 0 || len(d.Problems) > 0 {
			t.Errorf("%d slides became %+v", n, c)
		}
		names := map[string]bool{}
		for i, s := range d.Slides {
			if s.Number != i+1 || names[s.Name] || d.Slide(s.Name) != s || d.Slide(fmt.Sprint(i+1)) != s {
				t.Errorf("slide %d is called %q and has number %d", i+1, s.Name, s.Number)
			}
			names[s.Name] = true
			if strings.Contains(s.HTML, "node1.ran") {
				t.Errorf("slide %d shows its check", i+1)
			}
		}
	}
}

func TestNames(t *testing.T) {
	d := deckOf(t, "# Same\n---\n# Same\n---\nname: same-2\n\n# Other\n---\n# 2024\n---\n# Ünï & Cödé's!\n---\n---\n# Assets\n")
	var got []string
	for _, s := range d.Slides {
		got = append(got, s.Name)
	}
	want := "same same-3 same-2 s-2024 ueni-coedes slide assets-2"
	if strings.Join(got, " ") != want {
		t.Errorf("names are %v, wanted %s", got, want)
	}
	if d.Slide("0") != nil || d.Slide("8") != nil || d.Slide("nothing") != nil || d.Slide("3").Name != "same-2" {
		t.Error("slides are found by wrong names")
	}
}

func TestAnswers(t *testing.T) {
	d := deckOf(t, "::: quiz {#c}\n- [x] a\n- [ ] b\n- [X] c\n:::\n::: quiz {#n}\nanswer: 3.33 ± 0.2\n:::\n::: quiz {#p}\nanswer: 200 ± 5%\n:::\n"+
		"::: quiz {#r}\nanswer: /sha-?256/\n:::\n::: quiz {#w}\nanswer: Round (robin)\n:::\n")
	for id, want := range map[string]string{
		"c": "choice 0 0  [true false true]", "n": "number 3.33 0.2  []", "p": "number 200 10  []", "r": "text 0 0 sha-?256 []", "w": `text 0 0 Round \(robin\) []`,
	} {
		q, right := d.Exercise(id).Quiz, []bool{}
		for _, c := range q.Choices {
			right = append(right, c.Right)
		}
		if got := fmt.Sprintf("%s %g %g %s %v", q.Kind, q.Number, q.Tolerance, q.Pattern, right); got != want {
			t.Errorf("%s is %q, wanted %q", id, got, want)
		}
	}
}

// TestActs: what a rehearsal does is read from every box that holds it, and a port that is none is told.
func TestActs(t *testing.T) {
	d := deckOf(t, "::: exercise {#x}\n```checks\n- says: a\n  that: b\n```\n::: solution\n```open {node=node2}\n8000\n```\n```key\n^C\n```\n:::\n"+
		"::: wrong {says=\"w\"}\n```bash\nfalse\n```\n:::\n::: clean-up\n```bash {terminal=2}\ndocker rm -f x\n```\n:::\n:::\n\n"+
		"::: exercise {#y}\n```open\n8001\n```\n:::\n\n::: exercise {#z}\n```open\nweb\n```\n:::\n")
	says := func(acts []Act) string {
		text := ""
		for _, a := range acts {
			text += fmt.Sprintf("%s %s %d %s;", a.Kind, a.Node, a.Terminal, a.Text)
		}
		return text
	}
	x, y := d.Exercise("x"), d.Exercise("y")
	for got, want := range map[string]string{
		says(x.Solution): "open node2 1 8000;key node1 1 ^C;", says(x.CleanUp): "shell node1 2 docker rm -f x;",
		says(x.Wrong[0].Acts): "shell node1 1 false;", says(y.Solution): "open node1 1 8001;",
	} {
		if got != want {
			t.Errorf("acts are %q, wanted %q", got, want)
		}
	}
	html := d.Slides[0].HTML
	if strings.Contains(html, "rm -f") || strings.Contains(html, "node2") || !strings.Contains(html, `<slip-open data-node="node1" data-port="8001">Open port 8001 of node1</slip-open>`) {
		t.Errorf("the slide is %s", html)
	}
	if len(d.Problems) == 0 || !strings.Contains(d.Problems[0].Message, "published port") {
		t.Errorf("problems are %v", d.Problems)
	}
}

// TestAsset: pictures are handed out, sources never.
func TestAsset(t *testing.T) {
	d, err := Load(fstest.MapFS{
		"w/workshop.yaml": {Data: []byte("title: T\nchapters: [ch/m.md]\n")}, "w/ch/m.md": {Data: []byte("# A\n\n![a](pic.PNG) ![b](../b.svg) ![c](/c.svg?x#y)\n")},
		"w/ch/pic.PNG": {Data: []byte("p")}, "w/b.svg": {}, "w/c.svg": {}, "w/.git/x.png": {}, "secret.png": {}, "w/x.sh": {},
	}, "w")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"/w/t/assets/ch/pic.PNG"`, `"/w/t/assets/b.svg"`, `"/w/t/assets/c.svg?x#y"`} {
		if !strings.Contains(d.Slides[0].HTML, want) {
			t.Errorf("no %s in %s", want, d.Slides[0].HTML)
		}
	}
	for _, p := range Lint(d) {
		t.Error(p)
	}
	if f, err := d.Asset("ch/pic.PNG"); err != nil {
		t.Error(err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"ch/m.md", "workshop.yaml", "x.sh", "../secret.png", ".git/x.png", "", "ch", "/b.svg", "none.png"} {
		if f, err := d.Asset(name); err == nil {
			t.Errorf("%q is handed out: %v", name, f)
		}
	}
}

func TestSearch(t *testing.T) {
	d := deckOf(t, "# Rng\n\nRandom *numbers* here\n\n???\n\nwhisper numbers\n---\n# Numbers\n\n```bash\ncurl localhost:8001\n```\n")
	for _, c := range []struct {
		query string
		notes bool
		want  string
	}{
		{"numbers", false, "numbers/title rng/text"}, {"NUMBERS random", false, "rng/text"}, {"whisper", false, ""},
		{"whisper", true, "rng/notes"}, {"8001", false, "numbers/text"}, {"", true, ""}, {"   ", true, ""}, {strings.Repeat("x", 999), true, ""},
	} {
		var got []string
		for _, h := range d.Search(c.query, c.notes, 10) {
			got = append(got, h.Name+"/"+h.Where)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q finds %v, wanted %s", c.query, got, c.want)
		}
	}
	if h := d.Search("8001", false, 1)[0]; h.Before+h.Match+h.After != "curl localhost:8001\n" && !strings.HasSuffix(h.Before, "localhost:") {
		t.Errorf("the hit is %+v", h)
	}
	if n := len(d.Search("n", true, 1)); n != 1 {
		t.Errorf("a limit of 1 gives %d", n)
	}
}

func TestPlan(t *testing.T) {
	d, err := Load(fstest.MapFS{"workshop.yaml": {Data: []byte("title: T\nchapters:\n- {title: A, file: a.md, minutes: 20}\n- {title: Tea, break: 10}\n- {title: B, file: b.md}\n")},
		"a.md": {Data: []byte("# a\n")}, "b.md": {Data: []byte("minutes: 7\n\n# b\n")}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Plan()); got != "[{a A 0 0 20 false 1 1} {tea Tea 0 20 10 true 2 1} {b B 0 30 7 false 3 1}]" || d.Minutes != 37 {
		t.Errorf("the plan is %s, %v minutes", got, d.Minutes)
	}
}

func TestManifestErrors(t *testing.T) {
	for name, fsys := range map[string]fs.FS{
		"empty folder":     fstest.MapFS{"x.txt": {}},
		"YAML with a slip": fstest.MapFS{"workshop.yaml": {Data: []byte("title: [\n")}},
		"a list":           fstest.MapFS{"workshop.yaml": {Data: []byte("- a\n")}},
	} {
		if _, err := Load(fsys, "."); err == nil {
			t.Errorf("%s loads", name)
		}
	}
	for _, p := range []string{"../x", "/etc", "none.yaml", "x.txt"} {
		if _, err := Load(fstest.MapFS{"x.txt": {}}, p); err == nil {
			t.Errorf("%q loads", p)
		}
	}
	d, err := Load(fstest.MapFS{"b.md": {Data: []byte("# B\n")}, "a.md": {Data: []byte("# A\n")}}, "")
	if err != nil || len(d.Slides) != 2 || d.Slides[0].Title != "A" {
		t.Errorf("a folder without manifest: %v", err)
	}
}

// TestLinesOfSystems: files of any system and editor are read alike.
func TestLinesOfSystems(t *testing.T) {
	want := dump(deckOf(t, "# A\n\n```bash\nls\n```\n---\n# B\n"))
	for _, md := range []string{"# A\r\n\r\n```bash\r\nls\r\n```\r\n---\r\n# B\r\n", "\ufeff# A\n\n```bash\nls\n```\n---\n# B", "# A\r\r```bash\rls\r```\r---\r# B"} {
		if got := dump(deckOf(t, md)); got != want {
			t.Errorf("%q: %s", md, firstDifference(want, got))
		}
	}
}

func TestStylesheet(t *testing.T) {
	var b bytes.Buffer
	if err := Stylesheet(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".chroma .k", `:root[data-theme="dark"] .chroma .k`, "@media (prefers-color-scheme: dark)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in the stylesheet", want)
		}
	}
	if strings.Contains(b.String(), "background") || b.Len() > 24<<10 {
		t.Errorf("the stylesheet has %d bytes, or backgrounds", b.Len())
	}
}
