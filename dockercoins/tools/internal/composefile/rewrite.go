package composefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A Service is the text of one service.
type Service struct {
	Name string
	node *ast.MappingNode
	file *File
}

// Services answers the services in the order of the file.
func (f *File) Services() ([]*Service, error) {
	for _, entry := range f.top.Values {
		if keyOf(entry) != "services" {
			continue
		}
		all, ok := entry.Value.(*ast.MappingNode)
		if !ok {
			return nil, fmt.Errorf("%s:%d: services must be a plain list of names here", f.Path, lineOf(entry))
		}
		var services []*Service
		for _, s := range all.Values {
			node, ok := s.Value.(*ast.MappingNode)
			if !ok {
				return nil, fmt.Errorf("%s:%d: service %s is written with an anchor, an alias or nothing at all; write its keys out so that they can be changed", f.Path, lineOf(s), keyOf(s))
			}
			service := &Service{Name: keyOf(s), node: node, file: f}
			if node.IsFlowStyle {
				if err := service.unfold(s); err != nil {
					return nil, err
				}
			}
			services = append(services, service)
		}
		return services, nil
	}
	return nil, fmt.Errorf("%s has no services", f.Path)
}

// unfold rewrites a service that stands on one line, {a: b, c: d}, as lines.
func (s *Service) unfold(entry *ast.MappingValueNode) error {
	var values yaml.MapSlice
	if err := yaml.NodeToValue(s.node, &values, yaml.UseOrderedMap()); err != nil {
		return fmt.Errorf("%s:%d: service %s: %w", s.file.Path, lineOf(entry), s.Name, err)
	}
	node, err := lines(values, entry.Key.GetToken().Position.Column+2)
	if err != nil {
		return err
	}
	s.node = node
	entry.Value = node
	return nil
}

// Has tells whether the service has a key in this very file.
func (s *Service) Has(key string) bool { return s.entry(key) != nil }

// Line is where a key stands, or the service when it has no such key.
func (s *Service) Line(key string) int {
	if e := s.entry(key); e != nil {
		return lineOf(e)
	}
	return s.node.GetToken().Position.Line
}

// Remove removes keys with their values and answers those that were there.
func (s *Service) Remove(keys ...string) []string {
	var removed []string
	s.node.Values = slices.DeleteFunc(s.node.Values, func(e *ast.MappingValueNode) bool {
		if !slices.Contains(keys, keyOf(e)) {
			return false
		}
		removed = append(removed, keyOf(e))
		return true
	})
	return removed
}

// Set puts a value at a key: where the key was, or where one of the keys
// instead stood, or at the end. All of those keys are replaced.
func (s *Service) Set(key string, value any, instead ...string) error {
	column := s.column()
	node, err := lines(yaml.MapSlice{{Key: key, Value: value}}, column)
	if err != nil {
		return err
	}
	next := node.Values[0]
	replaced := append([]string{key}, instead...)
	at := slices.IndexFunc(s.node.Values, func(e *ast.MappingValueNode) bool { return slices.Contains(replaced, keyOf(e)) })
	if at < 0 {
		s.node.Values = append(s.node.Values, next)
		return nil
	}
	if comment := s.node.Values[at].GetComment(); comment != nil {
		_ = next.SetComment(comment) // a mapping takes every comment
	}
	s.node.Values[at] = next
	kept := s.node.Values[:0]
	for i, e := range s.node.Values {
		if i == at || !slices.Contains(replaced, keyOf(e)) {
			kept = append(kept, e)
		}
	}
	s.node.Values = kept
	return nil
}

// Append adds words to a list, which is made when it isn't there. A list in
// the form of a mapping gets the words cut at their first separator.
func (s *Service) Append(key, separator string, words ...string) error {
	e := s.entry(key)
	if e == nil {
		return s.Set(key, words)
	}
	var present any
	if err := yaml.NodeToValue(e.Value, &present, yaml.UseOrderedMap()); err != nil {
		return fmt.Errorf("%s:%d: %w", s.file.Path, lineOf(e), err)
	}
	switch list := present.(type) {
	case nil:
		return s.Set(key, words)
	case []any:
		for _, w := range words {
			list = append(list, w)
		}
		return s.Set(key, list)
	case yaml.MapSlice:
		for _, w := range words {
			name, value, _ := strings.Cut(w, separator)
			list = append(list, yaml.MapItem{Key: name, Value: value})
		}
		return s.Set(key, list)
	}
	return fmt.Errorf("%s:%d: %s of %s is not a list", s.file.Path, lineOf(e), key, s.Name)
}

// Names answers the entries of a list, or the keys of a mapping, in their order.
func (s *Service) Names(key string) ([]string, error) {
	e := s.entry(key)
	if e == nil {
		return nil, nil
	}
	var present any
	if err := yaml.NodeToValue(e.Value, &present, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", s.file.Path, lineOf(e), err)
	}
	var names []string
	switch list := present.(type) {
	case []any:
		for _, v := range list {
			names = append(names, fmt.Sprint(v))
		}
	case yaml.MapSlice:
		for _, item := range list {
			names = append(names, fmt.Sprint(item.Key))
		}
	}
	return names, nil
}

func (s *Service) entry(key string) *ast.MappingValueNode {
	for _, e := range s.node.Values {
		if keyOf(e) == key {
			return e
		}
	}
	return nil
}

// column is where the keys of the service begin, counted from 1.
func (s *Service) column() int {
	if len(s.node.Values) == 0 {
		return 5
	}
	return s.node.Values[0].Key.GetToken().Position.Column
}

// lines makes a mapping of values, one key a line, from a column on.
func lines(values yaml.MapSlice, column int) (*ast.MappingNode, error) {
	text, err := yaml.MarshalWithOptions(values, yaml.IndentSequence(true), yaml.Indent(2))
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, err
	}
	node, ok := file.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		return nil, fmt.Errorf("%q is not a mapping", text)
	}
	node.AddColumn(column - 1)
	return node, nil
}

func keyOf(e *ast.MappingValueNode) string {
	if k, ok := e.Key.(*ast.StringNode); ok {
		return k.Value
	}
	return e.Key.String()
}

func lineOf(e *ast.MappingValueNode) int { return e.Key.GetToken().Position.Line }
