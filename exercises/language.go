package exercises

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// The language is one table of declarations (vocabulary.go): the compiler,
// the evaluator, the nearest-name hints and docs/checks.md are made from it.

// kind is one object type of the language.
type kind struct {
	name    string
	example string // how a value is written in the reference
	typ     *cel.Type
	native  reflect.Type
	fields  []field
	methods []method
}

// field is a property of a kind. get answers a Go value the adapter knows or
// a ref.Val; what is unknown answers an unknown.
type field struct {
	name string
	typ  *cel.Type
	doc  string
	get  func(any) any
}

// method is a function of a kind. The receiver comes first in call's
// arguments; arguments have the declared types.
type method struct {
	name    string
	args    []arg
	result  *cel.Type
	doc     string
	pattern bool // the first argument is a regular expression
	call    func(self any, args []ref.Val) any
}

type arg struct {
	name string
	typ  *cel.Type
}

func newKind[T any](name, example string) *kind {
	return &kind{
		name: name, example: example,
		typ:    cel.ObjectType(name, traits.FieldTesterType|traits.IndexerType),
		native: reflect.TypeFor[T](),
	}
}

// has declares a property.
func has[T any](name string, typ *cel.Type, doc string, get func(T) any) field {
	return field{name: name, typ: typ, doc: doc, get: func(v any) any { return get(v.(T)) }}
}

// can declares a function.
func can[T any](name string, args []arg, result *cel.Type, doc string, call func(T, []ref.Val) any) method {
	return method{name: name, args: args, result: result, doc: doc,
		call: func(self any, args []ref.Val) any { return call(self.(T), args) }}
}

// matching declares a function whose first argument is a pattern.
func matching[T any](name, doc string, call func(T, string) any) method {
	m := can(name, []arg{{"regex", cel.StringType}}, cel.BoolType, doc,
		func(v T, args []ref.Val) any { return call(v, text(args[0])) })
	m.pattern = true
	return m
}

func text(v ref.Val) string { s, _ := v.Value().(string); return s }
func number(v ref.Val) int  { n, _ := v.Value().(int64); return int(n) }

// vocabulary is the set of kinds, with the adapter and provider that CEL
// needs. It is not changed after it was made.
type vocabulary struct {
	*types.Registry
	kinds    []*kind
	byName   map[string]*kind
	byNative map[reflect.Type]*kind
}

func newVocabulary(kinds []*kind) (*vocabulary, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	v := &vocabulary{Registry: registry, kinds: kinds, byName: map[string]*kind{}, byNative: map[reflect.Type]*kind{}}
	for _, k := range kinds {
		v.byName[k.name] = k
		v.byNative[k.native] = k
	}
	return v, nil
}

// FindStructType is part of types.Provider.
func (v *vocabulary) FindStructType(name string) (*types.Type, bool) {
	if k := v.byName[name]; k != nil {
		return types.NewTypeTypeWithParam(k.typ), true
	}
	return v.Registry.FindStructType(name)
}

// FindStructFieldNames is part of types.Provider.
func (v *vocabulary) FindStructFieldNames(name string) ([]string, bool) {
	k := v.byName[name]
	if k == nil {
		return v.Registry.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(k.fields))
	for _, f := range k.fields {
		names = append(names, f.name)
	}
	return names, true
}

// FindStructFieldType is part of types.Provider.
func (v *vocabulary) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	k := v.byName[name]
	if k == nil {
		return v.Registry.FindStructFieldType(name, fieldName)
	}
	f := k.field(fieldName)
	if f == nil {
		return nil, false
	}
	return &types.FieldType{
		Type:    f.typ,
		IsSet:   func(any) bool { return true },
		GetFrom: func(obj any) (any, error) { return v.property(k, f, obj) },
	}, true
}

// NewValue is part of types.Provider. Objects come from the lab alone.
func (v *vocabulary) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if v.byName[name] != nil {
		return types.NewErr("a %s can't be made in a check", name)
	}
	return v.Registry.NewValue(name, fields)
}

// NativeToValue is part of types.Adapter.
func (v *vocabulary) NativeToValue(value any) ref.Val {
	switch value := value.(type) {
	case ref.Val:
		return value
	case nil:
		return types.NullValue
	}
	t := reflect.TypeOf(value)
	if k := v.byNative[t]; k != nil {
		return &object{words: v, kind: k, data: value}
	}
	if t.Kind() == reflect.Slice && v.byNative[t.Elem()] != nil {
		return types.NewDynamicList(v, value)
	}
	return v.Registry.NativeToValue(value)
}

// property reads a field; an unknown object has unknown fields.
func (v *vocabulary) property(k *kind, f *field, obj any) (any, error) {
	if o, ok := obj.(*object); ok {
		obj = o.data
	}
	switch obj := obj.(type) {
	case *types.Unknown:
		return obj, nil
	case *types.Err:
		return nil, obj
	}
	if reflect.TypeOf(obj) != k.native {
		return nil, fmt.Errorf("%s is asked of something that is not a %s", f.name, k.name)
	}
	return v.NativeToValue(f.get(obj)), nil
}

func (k *kind) field(name string) *field {
	i := slices.IndexFunc(k.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &k.fields[i]
}

func (k *kind) method(name string) *method {
	i := slices.IndexFunc(k.methods, func(m method) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return &k.methods[i]
}

// options declares every kind and its functions to CEL.
func (v *vocabulary) options() []cel.EnvOption {
	opts := []cel.EnvOption{cel.CustomTypeProvider(v), cel.CustomTypeAdapter(v)}
	for _, k := range v.kinds {
		for i := range k.methods {
			opts = append(opts, v.function(k, &k.methods[i]))
		}
	}
	return opts
}

func (v *vocabulary) function(k *kind, m *method) cel.EnvOption {
	params := []*cel.Type{k.typ}
	id := strings.ToLower(k.name) + "_" + m.name
	for _, a := range m.args {
		params = append(params, a.typ)
		id += "_" + a.name
	}
	return cel.Function(m.name, cel.MemberOverload(id, params, m.result,
		cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			self, ok := args[0].(*object)
			if !ok || self.kind != k {
				return types.MaybeNoSuchOverloadErr(args[0])
			}
			return v.NativeToValue(m.call(self.data, args[1:]))
		})))
}

// object is a value of one of our kinds inside CEL.
type object struct {
	words *vocabulary
	kind  *kind
	data  any
}

// ConvertToNative is part of ref.Val.
func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	if t == o.kind.native || t.Kind() == reflect.Interface {
		return o.data, nil
	}
	return nil, fmt.Errorf("a %s is not a %v", o.kind.name, t)
}

// ConvertToType is part of ref.Val.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.kind.typ
	}
	return types.NewErr("a %s can't become a %s", o.kind.name, t.TypeName())
}

// Equal is part of ref.Val.
func (o *object) Equal(other ref.Val) ref.Val {
	b, ok := other.(*object)
	return types.Bool(ok && b.kind == o.kind && reflect.DeepEqual(o.data, b.data))
}

// Type is part of ref.Val.
func (o *object) Type() ref.Type { return o.kind.typ }

// Value is part of ref.Val.
func (o *object) Value() any { return o }

// Get is part of traits.Indexer: a property by name.
func (o *object) Get(index ref.Val) ref.Val {
	f := o.kind.field(text(index))
	if f == nil {
		return types.NewErr("a %s has no %q", o.kind.name, text(index))
	}
	value, err := o.words.property(o.kind, f, o)
	if err != nil {
		return types.WrapErr(err)
	}
	return o.words.NativeToValue(value)
}

// IsSet is part of traits.FieldTester: every declared property is there.
func (o *object) IsSet(name ref.Val) ref.Val { return types.Bool(o.kind.field(text(name)) != nil) }
