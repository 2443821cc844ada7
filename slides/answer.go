package slides

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

var numberAnswer = regexp.MustCompile(`^([-+]?[0-9]*[.,]?[0-9]+(?:[eE][-+]?\d+)?)(?:\s*(?:±|\+/-|\+-)\s*([0-9]*[.,]?[0-9]+)\s*(%?))?$`)

// parseAnswer reads "3.33 ± 0.2", "/regular expression/" or a word, and returns what is wrong.
func (q *Quiz) parseAnswer(s string) string {
	s = strings.TrimSpace(s)
	s = strings.TrimSpace(strings.TrimPrefix(s, "answer:"))
	if s == "" {
		return "This answer is empty; write a number, a word or /an expression/."
	}
	if m := numberAnswer.FindStringSubmatch(s); m != nil {
		q.Kind = "number"
		q.Number = parseNumber(m[1])
		if m[2] != "" {
			q.Tolerance = parseNumber(m[2])
			if m[3] == "%" {
				q.Tolerance = math.Abs(q.Number) * q.Tolerance / 100
			}
		}
		return ""
	}
	pattern := regexp.QuoteMeta(s)
	if len(s) > 2 && s[0] == '/' && s[len(s)-1] == '/' {
		pattern = s[1 : len(s)-1]
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return "This answer is no regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ") + "."
	}
	q.Kind, q.Pattern = "text", pattern
	return ""
}

func parseNumber(s string) float64 {
	f, _ := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	return f
}
