package exercises

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/parser"
)

// What a check says over time. held, once and rate are macros: each use gets
// a key by which its memory is kept between judgings of the same check in
// the same lab.

// samplePeriod is how often what rate measures is sampled.
const samplePeriod = 500 * time.Millisecond

// measuring begins what is said while a window is not full yet.
const measuring = "Measuring"

// maxWindow bounds how long held and rate may look back.
const maxWindow = 10 * time.Minute

// memory is what one check of one lab remembers between judgings.
type memory struct {
	since   map[string]time.Time // held: true since
	once    map[string]bool
	samples map[string][]sample
}

type sample struct {
	at    time.Time
	value float64
}

func newMemory() *memory {
	return &memory{since: map[string]time.Time{}, once: map[string]bool{}, samples: map[string][]sample{}}
}

const hiddenLab = "@lab" // the lab, by a name no expression can use for something else

func overtimeOptions(lab *kind) []cel.EnvOption {
	named := func(function string) parser.MacroExpander {
		return func(eh parser.ExprHelper, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
			return eh.NewCall(function, append([]ast.Expr{eh.NewIdent(hiddenLab), memoryKey(eh, args...)}, args...)...), nil
		}
	}
	return []cel.EnvOption{
		cel.Variable(hiddenLab, lab.typ),
		cel.Macros(
			cel.GlobalMacro("held", 2, named("@held")),
			cel.GlobalMacro("once", 1, named("@once")),
			cel.GlobalMacro("rate", 2, named("@rate")),
			cel.ReceiverMacro("speed", 0, expandSpeed), cel.ReceiverMacro("speed", 1, expandSpeed)),
		overtime("@held", lab, []*cel.Type{cel.DurationType, cel.BoolType}, cel.BoolType, held),
		overtime("@once", lab, []*cel.Type{cel.BoolType}, cel.BoolType, once),
		overtime("@rate", lab, []*cel.Type{cel.DynType, cel.DurationType}, cel.DoubleType, rate),
	}
}

// expandSpeed makes node1.speed(port) of what it is short for.
func expandSpeed(eh parser.ExprHelper, target ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
	port := eh.NewLiteral(types.Int(8000))
	if len(args) == 1 {
		port = args[0]
	}
	document := eh.NewMemberCall("json", target, port, eh.NewLiteral(types.String("/json")))
	hashes := eh.NewSelect(document, "hashes")
	window := eh.NewCall("duration", eh.NewLiteral(types.String("10s")))
	return eh.NewCall("@rate", eh.NewIdent(hiddenLab), memoryKey(eh, hashes, window), hashes, window), nil
}

// memoryKey names what is remembered by what is asked: the same words in two
// places of a check are one measurement.
func memoryKey(eh parser.ExprHelper, args ...ast.Expr) ast.Expr {
	key := ""
	for _, arg := range args {
		words, err := parser.Unparse(arg, ast.NewSourceInfo(nil))
		if err != nil { // a macro inside can't be written out any more
			words = strconv.FormatInt(arg.ID(), 10)
		}
		key += words + ";"
	}
	return eh.NewLiteral(types.String(key))
}

type overtimeFunc func(ev *evaluation, id string, args []ref.Val) ref.Val

func overtime(name string, lab *kind, args []*cel.Type, result *cel.Type, f overtimeFunc) cel.EnvOption {
	params := append([]*cel.Type{lab.typ, cel.StringType}, args...)
	return cel.Function(name, cel.Overload(name+"_overload", params, result,
		cel.OverloadIsNonStrict(), cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			view, ok := args[0].(*object)
			if !ok {
				return types.MaybeNoSuchOverloadErr(args[0])
			}
			id := text(args[1])
			return f(view.data.(*labView).ev, id, args[2:])
		})))
}

func held(ev *evaluation, id string, args []ref.Val) ref.Val {
	window, ok := args[0].Value().(time.Duration)
	if !ok || window <= 0 || window > maxWindow {
		return types.NewErr("held needs a duration of up to %v", maxWindow)
	}
	if types.IsUnknown(args[1]) {
		return args[1] // the clock neither runs nor starts anew
	}
	if args[1] != types.True {
		delete(ev.memory.since, id)
		return args[1]
	}
	since, ok := ev.memory.since[id]
	if !ok {
		since = ev.now
		ev.memory.since[id] = since
	}
	if left := window - ev.now.Sub(since); left > 0 {
		ev.lookAgain(ev.now.Add(left))
		return types.False
	}
	return types.True
}

func once(ev *evaluation, id string, args []ref.Val) ref.Val {
	if args[0] == types.True {
		ev.memory.once[id] = true
	}
	if ev.memory.once[id] {
		return types.True
	}
	return args[0]
}

// rate is the slope of the straight line nearest to all samples in the
// window. A counter that is flushed about once a second is a staircase: its
// ends alone would be off by a step each.
func rate(ev *evaluation, id string, args []ref.Val) ref.Val {
	window, ok := args[1].Value().(time.Duration)
	if !ok || window < time.Second || window > maxWindow {
		return types.NewErr("rate needs a duration between 1s and %v", maxWindow)
	}
	ev.brisk = true
	if types.IsUnknownOrError(args[0]) {
		return args[0]
	}
	value, ok := asNumber(args[0])
	if !ok {
		return types.NewErr("rate needs a number, this is %v", args[0].Value())
	}
	at := ev.now
	if !ev.sampled.IsZero() {
		at = ev.sampled
	}
	samples := addSample(ev.memory.samples[id], sample{at, value}, window)
	ev.memory.samples[id] = samples
	if len(ev.probes) == 0 { // a probe's next result brings the next sample by itself
		ev.lookAgain(ev.now.Add(samplePeriod))
	}
	if left := window - samples[len(samples)-1].at.Sub(samples[0].at); left > 0 {
		return ev.unknown(fmt.Sprintf(measuring+" for another %d s.", int(math.Ceil(left.Seconds()))))
	}
	return types.Double(slope(samples))
}

// addSample appends a newer sample and forgets what the window doesn't need.
// A value that falls (a counter that began anew) begins the series anew.
func addSample(samples []sample, s sample, window time.Duration) []sample {
	if n := len(samples); n > 0 {
		switch last := samples[n-1]; {
		case !s.at.After(last.at):
			return samples
		case s.value < last.value || s.at.Sub(last.at) > window/2+time.Second:
			samples = samples[:0]
		}
	}
	samples = append(samples, s)
	for len(samples) > 2 && s.at.Sub(samples[1].at) >= window {
		samples = samples[1:]
	}
	return samples
}

func slope(samples []sample) float64 {
	var t, v, tt, tv float64
	n := float64(len(samples))
	for _, s := range samples {
		x := s.at.Sub(samples[0].at).Seconds()
		t, v, tt, tv = t+x, v+s.value, tt+x*x, tv+x*s.value
	}
	if d := n*tt - t*t; d > 0 {
		return (n*tv - t*v) / d
	}
	return 0
}

// asNumber reads a number, a number in a text, or null (a counter that
// doesn't exist yet) as a number.
func asNumber(v ref.Val) (float64, bool) {
	switch x := v.Value().(type) {
	case float64:
		return x, true
	case int64:
		return float64(x), true
	case uint64:
		return float64(x), true
	case string:
		f, err := strconv.ParseFloat(x, 64)
		return f, err == nil
	}
	return 0, v.Type() == types.NullType
}
