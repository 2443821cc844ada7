package exercises

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/parser"
)

// explainer puts into words why an expression is not true: the part that
// failed, what was seen there and what was expected.
type explainer struct {
	expression *Expression
	ev         *evaluation
	value      func(id int64) ref.Val
}

// gap explains an expression whose value is false.
func (x *explainer) gap(e ast.Expr) string {
	switch e.Kind() {
	case ast.ComprehensionKind:
		return x.loopGap(e)
	case ast.SelectKind:
		return x.propertyGap(e)
	case ast.CallKind:
		return x.callGap(e)
	}
	return x.plain(e, "true")
}

func (x *explainer) callGap(e ast.Expr) string {
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		for _, arg := range args {
			if x.value(arg.ID()) == types.False {
				return x.gap(arg)
			}
		}
	case operators.LogicalOr:
		var gaps []string
		for _, arg := range args {
			gaps = append(gaps, x.gap(arg))
		}
		return strings.Join(gaps, " Or: ")
	case operators.LogicalNot:
		return x.notGap(args[0])
	case operators.Conditional:
		if x.value(args[0].ID()) == types.True {
			return x.gap(args[1])
		}
		return x.gap(args[2])
	case operators.In:
		return fmt.Sprintf("%s is %s, expected one of %s.", x.subject(args[0]), x.seen(args[0]), x.seen(args[1]))
	case "@held":
		return x.heldGap(args)
	case "@once":
		return x.gap(args[2])
	}
	if words, ok := comparisons[call.FunctionName()]; ok && len(args) == 2 {
		return x.comparisonGap(call.FunctionName(), words, args[0], args[1])
	}
	if call.IsMemberFunction() {
		return x.methodGap(e)
	}
	return x.plain(e, "true")
}

var comparisons = map[string]string{
	operators.Equals: "", operators.NotEquals: "anything else",
	operators.Less: "less than ", operators.LessEquals: "at most ",
	operators.Greater: "more than ", operators.GreaterEquals: "at least ",
}

var mirrored = map[string]string{
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

func (x *explainer) comparisonGap(op, words string, left, right ast.Expr) string {
	if constant(left) && !constant(right) { // 1 == running reads as running == 1
		left, right = right, left
		if m, ok := mirrored[op]; ok {
			words = comparisons[m]
		}
	}
	expected := words
	if op != operators.NotEquals {
		expected += x.seen(right)
	}
	if !constant(right) {
		if s := x.subject(right); s != "" && op != operators.NotEquals {
			expected += " (" + s + ")"
		}
	}
	if missing := x.missing(left); missing != "" {
		return missing
	}
	return sentence(fmt.Sprintf("%s is %s, expected %s", x.subject(left), x.seen(left), expected))
}

// constant says whether an expression is written out: a literal, a list of
// them, or one with a sign.
func constant(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		return true
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			if !constant(element) {
				return false
			}
		}
		return true
	case ast.CallKind:
		return e.AsCall().FunctionName() == operators.Negate && constant(e.AsCall().Args()[0])
	}
	return false
}

// missing says that the thing a property was asked of isn't there at all:
// that is the news, not the property's empty value.
func (x *explainer) missing(e ast.Expr) string {
	for {
		switch {
		case e.Kind() == ast.SelectKind:
			e = e.AsSelect().Operand()
		case e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction():
			e = e.AsCall().Target()
		default:
			return ""
		}
		o, ok := x.value(e.ID()).(*object)
		if !ok {
			continue
		}
		switch v := o.data.(type) {
		case *Answer:
			if v.Status == 0 {
				return sentence(x.subject(e) + " does not answer: " + v.Error)
			}
		case *Service, *Project, *Container, *Image, *Network, *Volume, *SwarmService, *File:
			if f := o.kind.field("exists"); f != nil && f.get(o.data) == false {
				return sentence("there is no " + x.subject(e))
			}
		}
	}
}

// propertyGap explains a property that is false.
func (x *explainer) propertyGap(e ast.Expr) string {
	s := e.AsSelect()
	if s.FieldName() == "exists" {
		return sentence("there is no " + x.subject(s.Operand()))
	}
	if missing := x.missing(e); missing != "" {
		return missing
	}
	if o, ok := x.value(s.Operand().ID()).(*object); ok {
		switch v := o.data.(type) {
		case *Answer:
			return fmt.Sprintf("%s answers with status %d, expected 200.", upper(x.subject(s.Operand())), v.Status)
		case *Container:
			if s.FieldName() == "running" {
				return sentence(x.subject(s.Operand()) + " is " + v.State + ", expected running")
			}
		}
	}
	if x.value(e.ID()) == types.False {
		return sentence(x.subject(s.Operand()) + " is not " + adjective(s.FieldName()))
	}
	return x.plain(e, "true")
}

// adjective words a property that is true or false.
func adjective(field string) string {
	switch field {
	case "dir":
		return "a folder"
	case "manager":
		return "a manager's"
	case "leader":
		return "the leader"
	case "readOnly":
		return "read-only"
	case "oomKilled":
		return "ended by its memory limit"
	case "autoRemove":
		return "started with --rm"
	case "tty":
		return "started with -t"
	case "stdin":
		return "started with -i"
	}
	return field
}

// notGap explains why something is true that should not be.
func (x *explainer) notGap(e ast.Expr) string {
	if e.Kind() == ast.SelectKind && e.AsSelect().FieldName() == "exists" {
		return sentence(x.subject(e.AsSelect().Operand()) + " is still there")
	}
	if e.Kind() == ast.SelectKind && x.value(e.ID()) == types.True {
		return sentence(x.subject(e.AsSelect().Operand()) + " is " + adjective(e.AsSelect().FieldName()) + ", expected not to be")
	}
	if e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction() && len(e.AsCall().Args()) > 0 {
		target := x.subject(e.AsCall().Target())
		switch e.AsCall().FunctionName() {
		case "busy":
			if c := x.match(e, func(c *Command) bool { return !c.Done }); c != nil {
				return fmt.Sprintf("On %s a shell is still busy with `%s`.", target, shorten(c.Line))
			}
		case "ran", "ranAny":
			if c := x.match(e, func(*Command) bool { return true }); c != nil {
				return fmt.Sprintf("On %s `%s` was typed, which this check expects not to be.", target, shorten(c.Line))
			}
		case "tcp":
			return sentence(x.subject(e) + " accepts connections, expected that nothing does")
		}
	}
	return x.plain(e, "false")
}

func (x *explainer) plain(e ast.Expr, expected string) string {
	return sentence(fmt.Sprintf("%s is %s, expected %s", x.subject(e), x.seen(e), expected))
}

// heldWords begin what is said of a condition that has to last.
const heldWords = "True now; it has to stay so"

func (x *explainer) heldGap(args []ast.Expr) string {
	window, _ := x.value(args[2].ID()).Value().(time.Duration)
	if x.value(args[3].ID()) != types.True {
		return x.gap(args[3])
	}
	return fmt.Sprintf(heldWords+" for %v.", window)
}

// methodGap explains a function that answered false.
func (x *explainer) methodGap(e ast.Expr) string {
	call := e.AsCall()
	switch call.FunctionName() {
	case "ran", "ranAny":
		if len(call.Args()) == 1 {
			return x.ranGap(e)
		}
	case "tcp":
		return sentence("nothing accepts connections on " + x.subject(e))
	case "opened":
		return fmt.Sprintf("Port %s of %s has not been opened from this page yet.", x.seen(call.Args()[0]), x.subject(call.Target()))
	case "busy":
		return fmt.Sprintf("No shell of %s runs that at the moment.", x.subject(call.Target()))
	case "contains", "startsWith", "endsWith", "matches":
		if missing := x.missing(e); missing != "" {
			return missing
		}
		verb := map[string]string{"contains": "that contains", "startsWith": "that starts with", "endsWith": "that ends with", "matches": "that matches"}[call.FunctionName()]
		return sentence(fmt.Sprintf("%s is %s, expected something %s %s", x.subject(call.Target()), x.seen(call.Target()), verb, x.seen(call.Args()[0])))
	}
	return x.plain(e, "true")
}

// ranGap says what became of the command: typed wrongly, on the wrong node,
// still running, or not at all.
func (x *explainer) ranGap(e ast.Expr) string {
	where := x.subject(e.AsCall().Target())
	if where == "the lab" {
		where = "any node"
	}
	if c := x.match(e, func(*Command) bool { return true }); c != nil {
		if !c.Done {
			return fmt.Sprintf("`%s` is still running on %s.", shorten(c.Line), c.Node)
		}
		return fmt.Sprintf("`%s` on %s ended with exit code %d, expected 0.", shorten(c.Line), c.Node, c.ExitCode)
	}
	if c := x.matchIn(e, x.ev.allCommands(), func(*Command) bool { return true }); c != nil {
		return fmt.Sprintf("`%s` was typed on %s, expected on %s.", shorten(c.Line), c.Node, where)
	}
	return fmt.Sprintf("Not typed on %s yet.", where)
}

// match finds the newest command that the pattern of a ran or busy call fits.
func (x *explainer) match(e ast.Expr, fits func(*Command) bool) *Command {
	if o, ok := x.value(e.AsCall().Target().ID()).(*object); ok {
		if n, ok := o.data.(*nodeView); ok {
			return x.matchIn(e, x.ev.commands(n.name), fits)
		}
	}
	return x.matchIn(e, x.ev.allCommands(), fits)
}

func (x *explainer) matchIn(e ast.Expr, all []*Command, fits func(*Command) bool) *Command {
	re := x.value(e.AsCall().Args()[0].ID())
	if re == nil {
		return nil
	}
	pattern, err := x.ev.pattern(text(re))
	if err != nil {
		return nil
	}
	for i := len(all) - 1; i >= 0; i-- {
		if fits(all[i]) && pattern.MatchString(all[i].Line) {
			return all[i]
		}
	}
	return nil
}

// loopGap explains all, exists and the like.
func (x *explainer) loopGap(e ast.Expr) string {
	loop := e.AsComprehension()
	macro, ok := x.expression.ast.SourceInfo().GetMacroCall(e.ID())
	if !ok {
		return x.plain(e, "true")
	}
	switch macro.AsCall().FunctionName() {
	case operators.All:
		if step := loop.LoopStep(); step.Kind() == ast.CallKind && len(step.AsCall().Args()) == 2 {
			return x.gap(step.AsCall().Args()[1])
		}
	case operators.Exists, operators.ExistsOne:
		n := 0
		if list, ok := x.value(loop.IterRange().ID()).(traits.Sizer); ok {
			n = number(list.Size())
		}
		which := "none"
		if macro.AsCall().FunctionName() == operators.ExistsOne {
			which = "not exactly one"
		}
		return fmt.Sprintf("%s of %s (%d there) fits: %s.", upper(which), x.subject(loop.IterRange()), n, x.source(macro.AsCall().Args()[1]))
	}
	return x.plain(e, "true")
}

// error puts a failed evaluation into words.
func (x *explainer) error(err error) string {
	for p := range x.ev.probes {
		if a, ok := x.ev.world.results[p].value.(*Answer); ok && a.Status == 0 {
			return sentence(p.String() + " does not answer: " + a.Error)
		}
	}
	message := strings.TrimPrefix(err.Error(), "no such key: ")
	if message != err.Error() {
		return fmt.Sprintf("There is no %q in what was read.", message)
	}
	return sentence("this can't be judged: " + message)
}

// source writes an expression out.
func (x *explainer) source(e ast.Expr) string {
	words, err := parser.Unparse(e, x.expression.ast.SourceInfo())
	if err != nil {
		return "the condition"
	}
	return words
}
