package slides

import (
	"strconv"
	"strings"
	"time"
)

// attrs are the words between braces: {#id .class key=value key="two words" flag}.
type attrs struct {
	id      string
	classes []string
	values  map[string]string // a flag has the value "true"
}

func (a *attrs) set(k, v string) {
	if a.values == nil {
		a.values = make(map[string]string, 4)
	}
	a.values[k] = v
}

func (a *attrs) flag(k string) bool { v, ok := a.values[k]; return ok && v != "false" }

func (a *attrs) number(k string) (float64, bool, error) {
	v, ok := a.values[k]
	if !ok {
		return 0, false, nil
	}
	f, err := strconv.ParseFloat(v, 64)
	return f, true, err
}

func (a *attrs) duration(k string) (time.Duration, error) {
	v, ok := a.values[k]
	if !ok {
		return 0, nil
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil {
		return time.Duration(f * float64(time.Second)), nil
	}
	return time.ParseDuration(v)
}

// parseInfo reads what follows the marks of a fence: a language, then groups in braces, of which
// one made of digits, commas, dashes and bars alone is about the emphasis of lines.
func (f *fence) parseInfo() {
	head, groups := splitGroups(f.info)
	if words := strings.Fields(head); len(words) > 0 {
		f.lang = strings.ToLower(words[0])
		for _, w := range words[1:] {
			if v, ok := strings.CutPrefix(w, "hl_lines="); ok {
				f.emphasis = strings.Trim(v, `"'`)
			}
		}
	}
	for _, g := range groups {
		if isEmphasis(g) {
			f.emphasis = strings.ReplaceAll(g, " ", "")
			continue
		}
		parseAttrs(g, &f.attrs)
	}
	if v, ok := f.attrs.values["hl_lines"]; ok {
		f.emphasis = strings.ReplaceAll(v, " ", ",")
	}
}

// splitGroups separates "bash {a} {b}" into "bash " and its groups. Braces inside quotes don't count.
func splitGroups(s string) (string, []string) {
	var head strings.Builder
	var groups []string
	start, quote := -1, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case start >= 0 && (c == '"' || c == '\''):
			quote = c
		case start < 0 && c == '{':
			start = i + 1
		case start >= 0 && c == '}':
			groups = append(groups, s[start:i])
			start = -1
		case start < 0:
			head.WriteByte(c)
		}
	}
	if start >= 0 { // an unclosed brace still says what it says
		groups = append(groups, s[start:])
	}
	return head.String(), groups
}

func isEmphasis(g string) bool {
	g = strings.TrimSpace(g)
	if g == "" {
		return false
	}
	for _, part := range strings.FieldsFunc(g, func(r rune) bool { return r == '|' || r == ',' || r == '-' || r == ' ' }) {
		if _, err := strconv.ParseUint(part, 10, 16); err != nil && part != "all" && part != "none" && part != "*" {
			return false
		}
	}
	return true
}

// parseAttrs reads one group without its braces into a.
func parseAttrs(g string, a *attrs) {
	for i := 0; i < len(g); {
		if g[i] == ' ' || g[i] == '\t' || g[i] == ',' {
			i++
			continue
		}
		start := i
		for i < len(g) && g[i] != ' ' && g[i] != '\t' && g[i] != '=' {
			i++
		}
		key, value := g[start:i], "true"
		if i < len(g) && g[i] == '=' {
			value, i = attrValue(g, i+1)
		}
		switch {
		case key == "":
		case strings.HasPrefix(key, "#"):
			a.id = key[1:]
		case strings.HasPrefix(key, "."):
			a.classes = append(a.classes, key[1:])
		default:
			a.set(strings.ToLower(key), value)
		}
	}
}

func attrValue(g string, i int) (string, int) {
	if i < len(g) && (g[i] == '"' || g[i] == '\'') {
		if end := strings.IndexByte(g[i+1:], g[i]); end >= 0 {
			return g[i+1 : i+1+end], i + end + 2
		}
		return g[i+1:], len(g)
	}
	start := i
	for i < len(g) && g[i] != ' ' && g[i] != '\t' {
		i++
	}
	return g[start:i], i
}
