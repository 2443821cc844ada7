package exercises

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// subject names what an expression speaks of, as people do: "running of
// service rng on node1".
func (x *explainer) subject(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return x.identSubject(e)
	case ast.SelectKind:
		s := e.AsSelect()
		if s.FieldName() == "swarm" {
			return "the swarm as " + x.subject(s.Operand()) + " sees it"
		}
		if s.FieldName() == "registry" {
			return "the lab's registry"
		}
		return x.noun(s) + " of " + x.subject(s.Operand())
	case ast.CallKind:
		return x.callSubject(e)
	case ast.ComprehensionKind:
		if macro, ok := x.expression.ast.SourceInfo().GetMacroCall(e.ID()); ok {
			return "`" + x.source(macro) + "`"
		}
	}
	return "`" + x.source(e) + "`"
}

// nouns are the words for properties whose names alone say too little.
var nouns = map[string]string{
	"Service.running": "the number of running containers", "Service.exitCodes": "the list of exit codes",
	"Project.running": "the list of running services", "Project.services": "the list of services",
	"Container.exitCode": "the exit code", "Container.restarts": "the number of restarts", "Container.logDriver": "the log driver",
	"Container.networkMode": "the network mode", "Container.extraHosts": "the list of added host entries",
	"SwarmService.running": "the number of running tasks", "SwarmService.replicas": "the number of replicas",
	"File.size": "the size in bytes", "Answer.size": "the size in bytes", "Command.exitCode": "the exit code",
}

// noun is the word for a property.
func (x *explainer) noun(s ast.SelectExpr) string {
	kind := x.expression.ast.GetType(s.Operand().ID()).TypeName()
	if word := nouns[kind+"."+s.FieldName()]; word != "" {
		return word
	}
	return "the " + s.FieldName()
}

func (x *explainer) identSubject(e ast.Expr) string {
	switch name := e.AsIdent(); name {
	case "lab", hiddenLab:
		return "the lab"
	default:
		switch v := x.value(e.ID()).(type) {
		case nil:
			return name
		case *object:
			return v.inWords()
		default:
			return words(v)
		}
	}
}

func (x *explainer) callSubject(e ast.Expr) string {
	call := e.AsCall()
	args := call.Args()
	arg := func(i int) string {
		if v := x.value(args[i].ID()); v != nil {
			return bare(v)
		}
		return x.source(args[i])
	}
	if !call.IsMemberFunction() {
		return x.plainCallSubject(e, arg)
	}
	of := x.subject(call.Target())
	on := " on " + of
	if of == "the lab" {
		on = " in the lab"
	}
	switch call.FunctionName() {
	case "repository":
		return "repository " + arg(0) + " in " + of
	case "service", "container", "image", "network", "volume", "project":
		if len(args) == 1 {
			return call.FunctionName() + " " + arg(0) + strings.Replace(on, " on project", " of project", 1)
		}
	case "file":
		return "file " + arg(0) + on
	case "http", "json":
		return "GET " + arg(1) + " on port " + arg(0) + " of " + of
	case "post":
		return "POST " + arg(1) + " on port " + arg(0) + " of " + of
	case "tcp":
		return "port " + arg(0) + " of " + of
	case "latency":
		return "the latency in ms of GET " + arg(1) + " on port " + arg(0) + " of " + of
	case "published":
		return "the host port for container port " + arg(0) + " of " + of
	case "aliases":
		return "names on network " + arg(0) + " of " + of
	case "address":
		return "address on network " + arg(0) + " of " + of
	case "size":
		return "the number of " + of
	}
	return "`" + x.source(e) + "`"
}

func (x *explainer) plainCallSubject(e ast.Expr, arg func(int) string) string {
	call := e.AsCall()
	switch call.FunctionName() {
	case "size":
		return "the number of " + x.subject(call.Args()[0])
	case "_[_]":
		return "[" + arg(1) + "] of " + x.subject(call.Args()[0])
	case "@rate":
		return x.rateSubject(e)
	}
	return "`" + x.source(e) + "`"
}

func (x *explainer) rateSubject(e ast.Expr) string {
	args := e.AsCall().Args()
	macro, ok := x.expression.ast.SourceInfo().GetMacroCall(e.ID())
	if ok && macro.AsCall().FunctionName() == "speed" {
		return "the speed (hashes per second) on " + x.subject(macro.AsCall().Target())
	}
	return "the change per second of " + x.subject(args[2])
}

// inWords names an object as people do.
func (o *object) inWords() string {
	on := func(node string) string {
		if node == "" {
			return ""
		}
		return " on " + node
	}
	switch v := o.data.(type) {
	case *labView:
		return "the lab"
	case *nodeView:
		return v.name
	case *Container:
		return "container " + v.Name + on(v.Node)
	case *Service:
		return "service " + v.Name + on(v.Node)
	case *Project:
		return "project " + v.Name + on(v.Node)
	case *Image:
		return "image " + strings.Join(v.Tags, ", ")
	case *Network:
		return "network " + v.Name
	case *Volume:
		return "volume " + v.Name
	case *SwarmNode:
		return "swarm node " + v.Hostname
	case *SwarmService:
		return "service " + v.Name
	case *Task:
		return fmt.Sprintf("task %s.%d", v.Service, v.Slot)
	case *Command:
		return "`" + shorten(v.Line) + "`"
	case *File:
		return v.Path
	case *Port:
		return fmt.Sprintf("port %d for %d", v.Host, v.Container)
	case *registryView:
		return "the lab's registry"
	case *Repository:
		return "repository " + v.Name
	case *Mount:
		return "mount " + v.Target
	}
	return "a " + o.kind.name
}

// seen shows the value of an expression.
func (x *explainer) seen(e ast.Expr) string {
	if v := x.value(e.ID()); v != nil {
		return words(v)
	}
	return x.source(e)
}

// maxShown bounds what of a value is shown, in characters and elements.
const (
	maxShown    = 100
	maxElements = 6
)

// words shows a value: texts in quotes, numbers with at most two decimals.
func words(v ref.Val) string {
	switch x := v.Value().(type) {
	case string:
		return strconv.Quote(shorten(x))
	case float64:
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(x, 'f', 2, 64), "0"), ".")
	case bool, int64, uint64, time.Duration:
		return fmt.Sprint(x)
	case time.Time:
		return x.UTC().Format("2006-01-02 15:04:05")
	case []byte:
		return fmt.Sprintf("%d bytes", len(x))
	case *object:
		return x.inWords()
	}
	if list, ok := v.(traits.Lister); ok {
		return listWords(list)
	}
	if v.Type().TypeName() == "null_type" {
		return "nothing"
	}
	return shorten(fmt.Sprint(v.Value()))
}

func listWords(list traits.Lister) string {
	n := number(list.Size())
	if n == 0 {
		return "an empty list"
	}
	var parts []string
	for i := list.Iterator(); i.HasNext() == types.True && len(parts) < maxElements; {
		parts = append(parts, words(i.Next()))
	}
	if more := n - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}

// bare shows a value inside a sentence: texts without quotes.
func bare(v ref.Val) string {
	if s, ok := v.Value().(string); ok {
		return shorten(s)
	}
	return words(v)
}

// shorten makes one line of a text, of at most maxShown characters.
func shorten(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown-1]) + "…"
}

// sentence ends words as a sentence and begins them with a capital letter,
// but for names: of nodes and of files.
func sentence(s string) string {
	if s == "" {
		return s
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return upper(s)
}

func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
