package exercises

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"slipway/workshop"
)

// Limits of one expression: what an author may write, and how much work one
// judging may be (in CEL's cost units; the built-in checks need under 1,000).
const (
	maxExpression = 4096
	maxCost       = 200_000
	interruptEach = 100
)

// Language compiles checks. It is immutable and safe for concurrent use.
type Language struct {
	words *vocabulary
	env   *cel.Env
	nodes []string
}

// NewLanguage makes the language for labs with these nodes, in order.
func NewLanguage(nodes []string) (*Language, error) {
	words, err := newVocabulary(newKinds())
	if err != nil {
		return nil, err
	}
	opts := append(words.options(),
		ext.Strings(), ext.Lists(), ext.Math(), ext.Sets(),
		cel.EnableMacroCallTracking(),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserRecursionLimit(64), cel.ParserExpressionSizeLimit(maxExpression),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals()),
		cel.Variable("lab", words.byName["Lab"].typ),
		cel.Function("sha256", cel.Overload("sha256_string", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(hexDigest(text(v))) }))),
	)
	opts = append(opts, overtimeOptions(words.byName["Lab"])...)
	for _, name := range nodes {
		opts = append(opts, cel.Variable(name, words.byName["Node"].typ))
	}
	env, err := cel.NewCustomEnv(append([]cel.EnvOption{cel.StdLib()}, opts...)...)
	if err != nil {
		return nil, err
	}
	return &Language{words: words, env: env, nodes: nodes}, nil
}

// Expression is a compiled check. It is immutable and safe for concurrent use.
type Expression struct {
	source   string
	language *Language
	ast      *ast.AST
	program  cel.Program // judges
	traced   cel.Program // judges and remembers what each part was
	patterns map[string]*regexp.Regexp
}

// Compile checks and compiles one expression. Its errors are [Problem]s
// without a file, with Line counted from 1 in the source.
func (l *Language) Compile(source string) (*Expression, []Problem) {
	if len(source) > maxExpression {
		return nil, []Problem{{Line: 1, Message: fmt.Sprintf("a check may have %d characters, this one has %d", maxExpression, len(source))}}
	}
	checked, issues := l.env.Compile(source)
	if issues.Err() != nil {
		return nil, l.problems(source, issues)
	}
	e := &Expression{source: source, language: l, ast: checked.NativeRep()}
	var err error
	if e.patterns, err = l.inspect(e.ast); err != nil {
		return nil, []Problem{{Line: 1, Message: err.Error()}}
	}
	if t := checked.OutputType(); t != cel.BoolType {
		return nil, []Problem{{Line: 1, Message: fmt.Sprintf("a check must be true or false, this is %s: compare it with something", typeWords(t))}}
	}
	common := []cel.ProgramOption{cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEach)}
	if e.program, err = l.env.Program(checked, common...); err == nil {
		e.traced, err = l.env.Program(checked, append(common, cel.EvalOptions(cel.OptTrackState))...)
	}
	if err != nil {
		return nil, []Problem{{Line: 1, Message: err.Error()}}
	}
	return e, nil
}

// inspect looks for what CEL's types can't tell: patterns that are none, and
// measurements over time inside a loop, where one memory would serve many.
func (l *Language) inspect(tree *ast.AST) (map[string]*regexp.Regexp, error) {
	patterns := map[string]*regexp.Regexp{}
	var failed error
	visit := ast.NewExprVisitor(func(e ast.Expr) {
		if failed == nil && e.Kind() == ast.StructKind {
			failed = fmt.Errorf("a %s comes from the lab, it can't be made in a check", e.AsStruct().TypeName())
		}
		if failed != nil || e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		if !call.IsMemberFunction() || len(call.Args()) == 0 || call.Args()[0].Kind() != ast.LiteralKind {
			return
		}
		k := l.words.byName[tree.GetType(call.Target().ID()).TypeName()]
		if k == nil || k.method(call.FunctionName()) == nil || !k.method(call.FunctionName()).pattern {
			return
		}
		re := text(call.Args()[0].AsLiteral())
		compiled, err := regexp.Compile(re)
		if err != nil {
			failed = fmt.Errorf("%q is no pattern: %w", re, err)
			return
		}
		patterns[re] = compiled
	})
	ast.PostOrderVisit(tree.Expr(), visit)
	if failed == nil && overtimeInLoop(tree) {
		failed = fmt.Errorf("held, once, rate and speed can't be used inside all, exists, map or filter: write them once for each node")
	}
	return patterns, failed
}

func overtimeInLoop(tree *ast.AST) bool {
	found := false
	inside := ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.CallKind && strings.HasPrefix(e.AsCall().FunctionName(), "@") &&
			overtimeNames[e.AsCall().FunctionName()] != ""
	})
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			ast.PostOrderVisit(e.AsComprehension().LoopStep(), inside)
		}
	}))
	return found
}

var overtimeNames = map[string]string{"@held": "held", "@once": "once", "@rate": "rate"}

// Book is a workshop's exercises, ready to be judged. It is immutable and
// shared by the watchers of all labs.
type Book struct {
	language *Language
	entries  []*entry
	byID     map[workshop.ExerciseID]*entry
}

type entry struct {
	Exercise
	expressions []*Expression // nil where the check has a mistake
}

// Compile makes a book. What is wrong with some checks is reported and costs
// those checks alone: they are judged unknown, and say so.
func Compile(nodes []string, all []Exercise) (*Book, []Problem, error) {
	language, err := NewLanguage(nodes)
	if err != nil {
		return nil, nil, err
	}
	b := &Book{language: language, byID: map[workshop.ExerciseID]*entry{}}
	var problems []Problem
	for _, x := range all {
		if b.byID[x.ID] != nil {
			problems = append(problems, Problem{x.File, x.Line, fmt.Sprintf("there are two exercises %q: give each its own id", x.ID)})
			continue
		}
		e := &entry{Exercise: x}
		for _, c := range x.Checks {
			expression, wrong := language.Compile(c.That)
			e.expressions = append(e.expressions, expression)
			for _, p := range wrong {
				p.File = x.File
				p.Line += max(c.Line, x.Line) - 1
				p.Message = fmt.Sprintf("exercise %s: %s", x.ID, p.Message)
				problems = append(problems, p)
			}
		}
		b.entries = append(b.entries, e)
		b.byID[x.ID] = e
	}
	return b, append(problems, b.checkReferences()...), nil
}

func (b *Book) checkReferences() []Problem {
	var problems []Problem
	ids := []string{}
	for _, e := range b.entries {
		ids = append(ids, string(e.ID))
	}
	for _, e := range b.entries {
		for _, need := range e.Needs {
			if b.byID[need] == nil {
				problems = append(problems, Problem{e.File, e.Line,
					fmt.Sprintf("exercise %s needs %q, which is no exercise%s", e.ID, need, didYouMean(string(need), ids))})
			}
		}
	}
	return problems
}

// Nodes names the nodes that the book's checks may speak of, in order.
func (b *Book) Nodes() []string { return b.language.nodes }

// Exercise finds an exercise by its id, or nil.
func (b *Book) Exercise(id workshop.ExerciseID) *Exercise {
	if e := b.byID[id]; e != nil {
		return &e.Exercise
	}
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }
