package slides

import (
	"regexp"
	"strings"
)

// props are the property lines at the top of a slide.
type props map[string]string

// propertyNames are the only words taken for properties: remark takes any word before a colon
// and so loses first lines such as "Note: ...".
const propertyNames = " name class layout template exclude count continued background-image background-color background-size background-position minutes title "

var propertyLine = regexp.MustCompile(`^([A-Za-z][-\w]*):[ \t]*(.*)$`)
var propertyComment = regexp.MustCompile(`^\s*<!--\s*([A-Za-z][-\w]*):\s*(.*?)\s*-->\s*$`)

// takeProps removes the property lines from the start of items and returns the rest.
func takeProps(items []item) (props, []item) {
	p := props{}
	i := 0
	for ; i < len(items); i++ {
		if items[i].fence != nil {
			break
		}
		t := items[i].text
		if strings.TrimSpace(t) == "" {
			continue
		}
		m := propertyLine.FindStringSubmatch(t)
		if m == nil {
			m = propertyComment.FindStringSubmatch(t)
		}
		if m == nil || !strings.Contains(propertyNames, " "+strings.ToLower(m[1])+" ") {
			break
		}
		p[strings.ToLower(m[1])] = strings.TrimSpace(m[2])
	}
	return p, items[i:]
}

// classList splits "title, self-paced" into its names.
func classList(s string) []string {
	var out []string
	for _, c := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		if c = cleanClass(c); c != "" {
			out = append(out, c)
		}
	}
	return out
}

// cleanClass keeps what may stand in a class attribute.
func cleanClass(c string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return -1
	}, c)
}

// layouts carries what one slide lends to later ones: remark's layout and templates.
type layouts struct {
	current *source
	byName  map[string]*source
	props   map[*source]props
}

func newLayouts() *layouts {
	return &layouts{byName: map[string]*source{}, props: map[*source]props{}}
}

// inherit puts the template of a slide before its own lines, or around them where the template
// says {{content}}, and returns false for a slide that is itself only a layout.
func (l *layouts) inherit(s *source, p props) bool {
	var from *source
	if t, ok := p["template"]; ok {
		if from = l.byName[t]; from == nil {
			s.problem(s.line, Warning, "There is no slide named "+quote(t)+" before this one to be its template.")
		}
	} else if p["layout"] == "false" {
		l.current = nil
	} else if p["layout"] != "true" {
		from = l.current
	}
	if from != nil {
		s.items = merge(from.items, s.items)
		for k, v := range l.props[from] {
			if k == "class" {
				p["class"] = strings.TrimSpace(v + " " + p["class"])
			} else if _, own := p[k]; !own && k != "name" && k != "layout" && k != "template" && k != "exclude" && k != "count" {
				p[k] = v
			}
		}
	}
	if p["layout"] == "true" {
		l.current = s
	}
	if n := p["name"]; n != "" {
		l.byName[n] = s
	}
	l.props[s] = p
	return p["layout"] != "true"
}

// maxInherited bounds what templates of templates may grow to, in lines.
const maxInherited = 5000

func merge(template, own []item) []item {
	if len(template)+len(own) > maxInherited {
		return own
	}
	out := make([]item, 0, len(template)+len(own))
	placed := false
	for _, it := range template {
		if it.fence == nil && !placed && strings.Contains(it.text, "{{content}}") {
			before, after, _ := strings.Cut(it.text, "{{content}}")
			out = append(out, item{text: before, file: it.file, line: it.line})
			out = append(out, own...)
			out = append(out, item{text: after, file: it.file, line: it.line})
			placed = true
			continue
		}
		out = append(out, it)
	}
	if !placed {
		out = append(out, own...)
	}
	return out
}

var remarkVar = regexp.MustCompile(`\\?\{\{\s*([-\w]+)\s*\}\}`)

// expandProps replaces {{name}} by the slide's property of that name; what is no property stays,
// because templates of other tools look the same.
func expandProps(items []item, p props) []item {
	own := false // those who have this slide for a template get it unexpanded
	for i := range items {
		if items[i].fence != nil || !strings.Contains(items[i].text, "{{") {
			continue
		}
		if !own {
			items, own = append([]item(nil), items...), true
		}
		items[i].text = remarkVar.ReplaceAllStringFunc(items[i].text, func(m string) string {
			if m[0] == '\\' {
				return m[1:]
			}
			if v, ok := p[remarkVar.FindStringSubmatch(m)[1]]; ok {
				return v
			}
			return m
		})
	}
	return items
}

func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return "\"" + s + "\""
}
