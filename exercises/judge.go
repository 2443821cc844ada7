package exercises

import (
	"context"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"slipway/workshop"
)

// judgingLimit bounds one judging. Expressions read what is in memory, and
// their cost is limited: this is for the case nobody thought of.
const judgingLimit = time.Second

// judgement is what one judging of one check found.
type judgement struct {
	workshop.CheckVerdict
	reads   map[Input]struct{}
	probes  map[Probe]struct{}
	waiting bool
	brisk   bool
	again   time.Time
}

func (e *Expression) activation(ev *evaluation) map[string]any {
	vars := map[string]any{"lab": &labView{ev}, hiddenLab: &labView{ev}}
	for _, name := range e.language.nodes {
		vars[name] = &nodeView{ev, name}
	}
	return vars
}

// judge evaluates an expression against the world as it is. It never blocks.
func (e *Expression) judge(ctx context.Context, w *world, m *memory, now time.Time) judgement {
	ev := &evaluation{world: w, patterns: e.patterns, memory: m, now: now,
		reads: map[Input]struct{}{}, probes: map[Probe]struct{}{}}
	ctx, cancel := context.WithTimeout(ctx, judgingLimit)
	defer cancel()
	value, _, err := e.program.ContextEval(ctx, e.activation(ev))
	j := judgement{reads: ev.reads, probes: ev.probes, brisk: ev.brisk, again: ev.again}
	switch {
	case err == nil && value == types.True:
		j.State = workshop.Passing
	case err == nil && types.IsUnknown(value):
		j.State, j.Reason = workshop.Unsure, strings.Join(ev.missing, " ")
		j.waiting = ev.waiting && len(ev.missing) == 1
	case err != nil && (ctx.Err() != nil || strings.Contains(err.Error(), "cost limit")):
		j.State, j.Reason = workshop.Unsure, "This check is too much work to judge. That is a mistake in it, not yours."
	default:
		j.State = workshop.Failing
		j.Reason = e.explain(ctx, ev, err)
	}
	return j
}

// explain judges once more, now keeping what each part was, and puts the gap
// into words. What the second judging reads, the first has read too.
func (e *Expression) explain(ctx context.Context, ev *evaluation, failed error) string {
	_, details, _ := e.traced.ContextEval(ctx, e.activation(ev))
	x := &explainer{expression: e, ev: ev, value: func(int64) ref.Val { return nil }}
	if details != nil && details.State() != nil {
		x.value = func(id int64) ref.Val { v, _ := details.State().Value(id); return v }
	}
	if failed != nil {
		return x.error(failed)
	}
	return x.gap(e.ast.Expr())
}
