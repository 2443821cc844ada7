package exercises

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	exprpb "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

var (
	undefinedField = regexp.MustCompile(`^undefined field '([^']*)'`)
	undeclared     = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload     = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'`)
)

// problems puts the compiler's complaints into our words, with the nearest
// right name.
func (l *Language) problems(source string, issues *cel.Issues) []Problem {
	parsed, _ := l.env.Parse(source)
	var found []Problem
	for _, e := range issues.Errors() {
		p := Problem{Line: max(e.Location.Line(), 1), Message: l.inWords(source, parsed, e)}
		if !slices.Contains(found, p) {
			found = append(found, p)
		}
		if len(found) == 5 {
			break
		}
	}
	return found
}

func (l *Language) inWords(source string, parsed *cel.Ast, e *common.Error) string {
	if m := undefinedField.FindStringSubmatch(e.Message); m != nil {
		k := l.kindOfOperand(parsed, e.ExprID)
		if k == nil {
			return fmt.Sprintf("there is no property %q%s", m[1], didYouMean(m[1], l.allNames()))
		}
		if k.method(m[1]) != nil {
			return fmt.Sprintf("%s of %s is a function: write %s", m[1], k.a(), k.method(m[1]).signature())
		}
		return fmt.Sprintf("%s has no %q%s", k.a(), m[1], didYouMean(m[1], k.names()))
	}
	if m := undeclared.FindStringSubmatch(e.Message); m != nil {
		if k := l.kindOfOperand(parsed, e.ExprID); k != nil {
			if k.field(m[1]) != nil {
				return fmt.Sprintf("%s of %s is a property: write it without ()", m[1], k.a())
			}
			return fmt.Sprintf("%s has no %q%s", k.a(), m[1], didYouMean(m[1], k.names()))
		}
		return fmt.Sprintf("%q is unknown%s", m[1], didYouMean(m[1], append(l.freeNames(), l.allNames()...)))
	}
	if m := noOverload.FindStringSubmatch(e.Message); m != nil {
		return l.wrongUse(parsed, e.ExprID, m[1], m[2])
	}
	if strings.Contains(e.Message, "token recognition error at: '= '") {
		return "compare with ==, not with ="
	}
	message, _, _ := strings.Cut(e.Message, "\n")
	return fmt.Sprintf("%s (column %d)", message, e.Location.Column()+1)
}

func (l *Language) wrongUse(parsed *cel.Ast, id int64, function, applied string) string {
	if k := l.kindOfOperand(parsed, id); k != nil {
		if m := k.method(function); m != nil {
			return fmt.Sprintf("%s of %s is used as %s", function, k.a(), m.signature())
		}
		if k.field(function) != nil {
			return fmt.Sprintf("%s of %s is a property: write it without ()", function, k.a())
		}
		return fmt.Sprintf("%s has no %q%s", k.a(), function, didYouMean(function, k.names()))
	}
	if symbol := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(function, "@"), "_[_]"), "_"); len(symbol) <= 2 && symbol != "" {
		sides := strings.SplitN(strings.Trim(applied, "()"), ", ", 2)
		if len(sides) == 2 {
			return fmt.Sprintf("%s can't stand between %s and %s", symbol, sides[0], sides[1])
		}
	}
	return fmt.Sprintf("%s can't be used with %s", strings.TrimPrefix(function, "@"), applied)
}

// kindOfOperand finds the kind of what a property or function was asked of:
// the operand alone is compiled.
func (l *Language) kindOfOperand(parsed *cel.Ast, id int64) *kind {
	if parsed == nil {
		return nil
	}
	var operand ast.Expr
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch {
		case e.ID() != id:
		case e.Kind() == ast.SelectKind:
			operand = e.AsSelect().Operand()
		case e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction():
			operand = e.AsCall().Target()
		}
	}))
	if operand == nil {
		return nil
	}
	return l.kindOf(parsed, operand)
}

// kindOf types an operand; a loop's variable is typed by the list it runs over.
func (l *Language) kindOf(parsed *cel.Ast, operand ast.Expr) *kind {
	if t := typeOf(l.env, parsed, operand, maxLoops); t != nil {
		return l.words.byName[t.TypeName()]
	}
	return nil
}

const maxLoops = 4 // loops in loops that types are followed through

func typeOf(env *cel.Env, parsed *cel.Ast, part ast.Expr, loops int) *cel.Type {
	for range maxLoops {
		checked, issues := checkPart(env, part)
		if issues.Err() == nil {
			return checked.OutputType()
		}
		m := undeclared.FindStringSubmatch(issues.Errors()[0].Message)
		if m == nil || loops == 0 {
			return nil
		}
		if env = declareLoopVariable(env, parsed, m[1], loops-1); env == nil {
			return nil
		}
	}
	return nil
}

// checkPart types a part of an expression alone.
func checkPart(env *cel.Env, part ast.Expr) (*cel.Ast, *cel.Issues) {
	proto, err := ast.ExprToProto(part)
	if err != nil {
		return nil, cel.NewIssues(common.NewErrors(common.NewTextSource("")).Append([]*common.Error{{Message: err.Error()}}))
	}
	return env.Check(cel.ParsedExprToAst(&exprpb.ParsedExpr{Expr: proto}))
}

func declareLoopVariable(env *cel.Env, parsed *cel.Ast, name string, loops int) *cel.Env {
	var extended *cel.Env
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if extended != nil || e.Kind() != ast.ComprehensionKind || e.AsComprehension().IterVar() != name {
			return
		}
		list := typeOf(env, parsed, e.AsComprehension().IterRange(), loops)
		if list == nil || len(list.Parameters()) == 0 {
			return
		}
		if x, err := env.Extend(cel.Variable(name, list.Parameters()[0])); err == nil {
			extended = x
		}
	}))
	return extended
}

// signature shows how a function is used.
func (m *method) signature() string {
	args := make([]string, 0, len(m.args))
	for _, a := range m.args {
		args = append(args, a.name)
	}
	return m.name + "(" + strings.Join(args, ", ") + ")"
}

// a is the kind's name with its article.
func (k *kind) a() string {
	if strings.ContainsAny(k.name[:1], "AEIOU") {
		return "an " + k.name
	}
	return "a " + k.name
}

func (k *kind) names() []string {
	names := []string{}
	for _, f := range k.fields {
		names = append(names, f.name)
	}
	for _, m := range k.methods {
		names = append(names, m.name)
	}
	if k.name == "Node" {
		names = append(names, "speed")
	}
	return names
}

func (l *Language) allNames() []string {
	names := []string{}
	for _, k := range l.words.kinds {
		names = append(names, k.names()...)
	}
	return names
}

func (l *Language) freeNames() []string {
	return append([]string{"lab", "held", "once", "rate", "duration", "timestamp", "sha256", "size", "matches",
		"contains", "startsWith", "endsWith", "exists", "exists_one", "all", "map", "filter", "true", "false"}, l.nodes...)
}

// didYouMean proposes the nearest of the names, or says nothing when none is
// near.
func didYouMean(wrong string, names []string) string {
	best, distance := "", max(len(wrong)/2, 1)+1
	for _, name := range names {
		if d := editDistance(strings.ToLower(wrong), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the letters to add, drop, change or swap with their
// neighbour.
func editDistance(a, b string) int {
	before, last := []int{}, make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func typeWords(t *cel.Type) string {
	switch t {
	case cel.IntType, cel.DoubleType, cel.UintType:
		return "a number"
	case cel.StringType:
		return "a text"
	}
	if t.Kind() == cel.ListKind {
		return "a list"
	}
	return "a " + t.TypeName()
}
