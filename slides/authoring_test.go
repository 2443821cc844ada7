package slides

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// TestAuthoringGuide loads every example of docs/authoring.md: each must be without a problem.
func TestAuthoringGuide(t *testing.T) {
	raw, err := os.ReadFile("../docs/authoring.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, it := range cut("docs/authoring.md", string(raw), 1)[0].items {
		if it.fence == nil {
			continue
		}
		examples++
		fsys := fstest.MapFS{}
		switch it.fence.lang {
		case "markdown":
			fsys["workshop.yaml"] = &fstest.MapFile{Data: []byte("title: Example\nchapters: [example.md]\n")}
			fsys["example.md"] = &fstest.MapFile{Data: []byte(it.fence.text)}
		case "yaml":
			fsys["workshop.yaml"] = &fstest.MapFile{Data: []byte(it.fence.text)}
			for _, name := range regexp.MustCompile(`[a-z]+\.md`).FindAllString(it.fence.text, -1) {
				fsys[name] = &fstest.MapFile{Data: []byte("# " + name + "\n")}
			}
		case "sh": // for the author's own shell
			continue
		default:
			t.Errorf("line %d: an example of an unknown kind, %q", it.line, it.fence.lang)
			continue
		}
		d, err := Load(fsys, ".")
		if err != nil {
			t.Errorf("the example at line %d: %v", it.line, err)
			continue
		}
		for _, p := range Lint(d) {
			t.Errorf("the example at line %d: %v", it.line, p)
		}
		if len(d.Slides) == 0 {
			t.Errorf("the example at line %d makes no slide", it.line)
		}
	}
	if examples < 6 {
		t.Errorf("found %d examples", examples)
	}
}

// TestGuideNamesEverything keeps the guide complete: every attribute and property stands in it.
func TestGuideNamesEverything(t *testing.T) {
	raw, err := os.ReadFile("../docs/authoring.md")
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{"hint", "solution", "wrong", "clean-up", "explain", "quiz", "checks", "answer", "key", "open", "optional", "keep", "needs"}, fenceAttrs...)
	want = append(append(want, knownKeys...), "template:", "layout:", "background-image:", "exclude:")
	for _, w := range want {
		if !strings.Contains(string(raw), w) {
			t.Errorf("the guide doesn't mention %q", w)
		}
	}
}
