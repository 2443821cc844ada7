package exercises

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/checks.md")

// The reference says what the compiler knows, and its examples compile.
func TestReference(t *testing.T) {
	const path = "../docs/checks.md"
	want, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/checks.md is not what the declarations say: go test ./exercises -run Reference -update")
	}
	l := newLanguage(t)
	for _, k := range l.words.kinds {
		if !strings.Contains(want, "| `"+k.example+"."+k.fields[0].name+"` |") {
			t.Errorf("%s is not in the reference", k.name)
		}
	}
	_, examples, _ := strings.Cut(want, "## Examples\n\n```\n")
	examples, _, found := strings.Cut(examples, "\n```")
	if !found || strings.Count(examples, "\n") < 5 {
		t.Fatalf("examples not found: %q", examples)
	}
	for source := range strings.SplitSeq(examples, "\n") {
		if _, problems := l.Compile(source); len(problems) > 0 {
			t.Errorf("the example %s: %v", source, problems)
		}
	}
}
