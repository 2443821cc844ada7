package slides

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// node is a YAML value that knows its line. Exactly one of its three forms is used.
type node struct {
	line  int
	kind  byte // 's' scalar, 'l' list, 'm' mapping
	text  string
	list  []node
	keys  []string
	pairs map[string]node
}

const (
	maxYAML      = 256 << 10
	maxYAMLDepth = 40
)

// parseYAML reads one document. Lines count from first.
func parseYAML(text string, first int) (n node, err error) {
	if len(text) > maxYAML {
		return node{}, fmt.Errorf("more than %d KiB of YAML", maxYAML>>10)
	}
	defer func() { // the library has a history of panics on odd input, and authors write odd input
		if r := recover(); r != nil {
			err = fmt.Errorf("unreadable YAML")
		}
	}()
	f, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return node{}, yamlError(err, first)
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return node{kind: 'm', line: first}, nil
	}
	return convert(f.Docs[0].Body, first-1, 0)
}

// syntaxError is a mistake in YAML with its line in the author's file.
type syntaxError struct {
	line int
	msg  string
}

func (e *syntaxError) Error() string { return e.msg + " (line " + itoa(e.line) + ")" }

var yamlPlace = regexp.MustCompile(`^\[(\d+):\d+\] (.*)`)

// yamlError moves the library's place in the text to the place in the file.
func yamlError(err error, first int) error {
	msg := firstLine(err.Error())
	m := yamlPlace.FindStringSubmatch(msg)
	if m == nil {
		return errors.New(msg)
	}
	n, _ := strconv.Atoi(m[1])
	return &syntaxError{line: first + n - 1, msg: m[2]}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

var errDeep = errors.New("YAML nested too deeply")

func convert(v ast.Node, shift, depth int) (node, error) {
	if depth > maxYAMLDepth {
		return node{}, errDeep
	}
	out := node{line: shift + 1}
	if t := v.GetToken(); t != nil && t.Position != nil {
		out.line = shift + t.Position.Line
	}
	switch x := v.(type) {
	case *ast.AnchorNode:
		return convert(x.Value, shift, depth+1)
	case *ast.TagNode:
		return convert(x.Value, shift, depth+1)
	case *ast.SequenceNode:
		out.kind = 'l'
		for _, e := range x.Values {
			n, err := convert(e, shift, depth+1)
			if err != nil {
				return out, err
			}
			out.list = append(out.list, n)
		}
	case *ast.MappingValueNode:
		return convertPairs(out, []*ast.MappingValueNode{x}, shift, depth)
	case *ast.MappingNode:
		return convertPairs(out, x.Values, shift, depth)
	case *ast.LiteralNode:
		out.kind, out.text = 's', x.Value.Value
	case *ast.StringNode:
		out.kind, out.text = 's', x.Value
	case *ast.NullNode:
		out.kind = 's'
	case ast.ScalarNode:
		out.kind, out.text = 's', x.GetToken().Value
	default:
		return out, fmt.Errorf("line %d: YAML of a kind that is not used here", out.line)
	}
	return out, nil
}

func convertPairs(out node, values []*ast.MappingValueNode, shift, depth int) (node, error) {
	out.kind, out.pairs = 'm', make(map[string]node, len(values))
	for i, p := range values {
		n, err := convert(p.Value, shift, depth+1)
		if err != nil {
			return out, err
		}
		key := p.Key.GetToken()
		if i == 0 {
			out.line = shift + key.Position.Line
		}
		if n.kind == 's' {
			n.line = shift + key.Position.Line
		}
		if _, twice := out.pairs[key.Value]; !twice {
			out.keys = append(out.keys, key.Value)
		}
		out.pairs[key.Value] = n
	}
	return out, nil
}

func (n node) get(key string) string { return strings.TrimSpace(n.pairs[key].text) }

// parseChecks reads the list of a checks fence.
func parseChecks(f *fence) ([]Check, []Problem) {
	var out []Check
	var problems []Problem
	bad := func(line int, msg string) {
		problems = append(problems, Problem{File: f.file, Line: line, Message: msg, Severity: Error})
	}
	doc, err := parseYAML(f.text, f.line+1)
	if err != nil {
		line := f.line
		var at *syntaxError
		if errors.As(err, &at) {
			line = at.line
		}
		bad(line, "These checks can't be read: "+err.Error()+". Put quotes around text that holds a colon or a hash.")
		return nil, problems
	}
	if doc.kind != 'l' {
		bad(f.line, "Checks are a list; start each with \"- says:\".")
		return nil, problems
	}
	for _, n := range doc.list {
		if n.kind != 'm' {
			bad(n.line, "A check has says, that and, if wanted, else.")
			continue
		}
		for _, k := range n.keys {
			if k != "says" && k != "that" && k != "else" {
				bad(n.pairs[k].line, "A check knows no "+quote(k)+"; it knows says, that and else.")
			}
		}
		ck := Check{Says: n.get("says"), That: n.get("that"), Else: n.get("else"), File: f.file, Line: n.line}
		if ck.Says == "" || ck.That == "" {
			bad(n.line, "A check needs says (what people read) and that (what must hold).")
			continue
		}
		if t := n.pairs["that"]; t.line > 0 {
			ck.Line = t.line
		}
		out = append(out, ck)
	}
	return out, problems
}
