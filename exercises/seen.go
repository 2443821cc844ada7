package exercises

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// maxSeen bounds the parts that an author is shown of one expression.
const maxParts = 20

// look lists the parts of an expression that say something about the lab, with
// what each one was.
func (e *Expression) look(ctx context.Context, w *world, m *memory, now time.Time) []Seen {
	ev := &evaluation{world: w, patterns: e.patterns, memory: m, now: now,
		reads: map[Input]struct{}{}, probes: map[Probe]struct{}{}}
	ctx, cancel := context.WithTimeout(ctx, judgingLimit)
	defer cancel()
	_, details, _ := e.traced.ContextEval(ctx, e.activation(ev))
	x := &explainer{expression: e, ev: ev, value: func(int64) ref.Val { return nil }}
	if details != nil && details.State() != nil {
		x.value = func(id int64) ref.Val { v, _ := details.State().Value(id); return v }
	}
	parts := []Seen{}
	x.parts(e.ast.Expr(), &parts)
	return parts
}

// parts goes down to what is compared, and not into what that is made of.
func (x *explainer) parts(e ast.Expr, all *[]Seen) {
	if len(*all) >= maxParts || constant(e) || e.Kind() == ast.IdentKind {
		return
	}
	if e.Kind() == ast.CallKind && !e.AsCall().IsMemberFunction() {
		call := e.AsCall()
		_, compares := comparisons[call.FunctionName()]
		switch call.FunctionName() {
		case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional, operators.In,
			operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, "@held", "@once":
			compares = true
		}
		if compares {
			for _, arg := range call.Args() {
				x.parts(arg, all)
			}
			return
		}
	}
	*all = append(*all, Seen{x.partSource(e), x.partValue(e)})
	if e.Kind() == ast.SelectKind { // what a property was asked of tells more
		if o, ok := x.value(e.AsSelect().Operand().ID()).(*object); ok {
			if words := o.detail(); words != "" {
				*all = append(*all, Seen{x.partSource(e.AsSelect().Operand()), words})
			}
		}
	}
}

// partSource is the part as its author wrote it.
func (x *explainer) partSource(e ast.Expr) string {
	if macro, ok := x.expression.ast.SourceInfo().GetMacroCall(e.ID()); ok {
		return x.source(macro)
	}
	return x.source(e)
}

func (x *explainer) partValue(e ast.Expr) string {
	v := x.value(e.ID())
	switch {
	case v == nil:
		return "not looked at"
	case types.IsUnknown(v):
		return "can't be told now: " + strings.Join(x.ev.missing, " ")
	case types.IsError(v):
		return fmt.Sprint("an error: ", v.Value())
	}
	return words(v)
}

// detail says more of an object than its name.
func (o *object) detail() string {
	switch v := o.data.(type) {
	case *Answer:
		if v.Status == 0 {
			return "no answer: " + v.Error
		}
		return fmt.Sprintf("status %d after %.1f ms, body %q", v.Status, v.Millis, shorten(v.Body))
	case *Container:
		if !v.Exists {
			return "no such container"
		}
		return fmt.Sprintf("container %s of %s, %s", v.Name, v.Image, v.State)
	case *Service:
		names := []string{}
		for _, c := range v.Containers {
			names = append(names, c.Name+" "+c.State)
		}
		return fmt.Sprintf("%d containers: %s", len(names), shorten(strings.Join(names, ", ")))
	case *File:
		if !v.Exists {
			return "no such file"
		}
		return fmt.Sprintf("%d bytes: %q", v.Size, shorten(v.Text))
	case *SwarmService:
		return fmt.Sprintf("%d replicas wanted, %d tasks known", v.Replicas, len(v.Tasks))
	}
	return ""
}
