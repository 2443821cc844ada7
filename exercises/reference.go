package exercises

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/google/cel-go/cel"
)

//go:embed reference.md.tmpl
var referenceText string

// Reference writes docs/checks.md: our words around tables that are made of
// the declarations the compiler uses, so that it can't drift from them.
func Reference() (string, error) {
	words, err := newVocabulary(newKinds())
	if err != nil {
		return "", err
	}
	page, err := template.New("reference").Funcs(template.FuncMap{
		"kind": func(name string) (string, error) {
			k := words.byName[name]
			if k == nil {
				return "", fmt.Errorf("there is no kind %q", name)
			}
			return k.table(), nil
		},
		"window": func() string { return fmt.Sprintf("%d minutes", int(maxWindow.Minutes())) },
		"length": func() int { return maxExpression },
	}).Parse(referenceText)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	if err := page.Execute(&out, nil); err != nil {
		return "", err
	}
	return out.String(), nil
}

// table lists what a kind has and can, as Markdown.
func (k *kind) table() string {
	var out strings.Builder
	out.WriteString("| name | type | what it is |\n| --- | --- | --- |\n")
	row := func(name string, t *cel.Type, doc string) {
		fmt.Fprintf(&out, "| `%s.%s` | %s | %s |\n", k.example, name, typeName(t), doc)
	}
	for _, f := range k.fields {
		row(f.name, f.typ, f.doc)
	}
	for i := range k.methods {
		row(k.methods[i].signature(), k.methods[i].result, k.methods[i].doc)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// typeName writes a type as the reference does.
func typeName(t *cel.Type) string {
	switch t.Kind() {
	case cel.ListKind:
		return "list of " + typeName(t.Parameters()[0])
	case cel.MapKind:
		return "map of " + typeName(t.Parameters()[0]) + " to " + typeName(t.Parameters()[1])
	case cel.TimestampKind:
		return "timestamp"
	case cel.DynKind:
		return "any JSON"
	}
	return t.TypeName()
}
