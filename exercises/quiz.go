package exercises

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Quiz is a question. Exactly one of Right, Number and Pattern is used. It
// stays on the server: none of it may reach an attendee's bytes.
type Quiz struct {
	Options   int     // how many choices are offered; 0 for a typed answer
	Right     []int   // the right ones, from 0
	Number    float64 // a typed number
	Tolerance float64 // how far off it may be
	Pattern   string  // a typed text: a regular expression, case doesn't matter
	Line      int
}

// Answered is what a person answered to a quiz.
type Answered struct {
	Chosen []int  `json:"chosen,omitempty"`
	Text   string `json:"text,omitempty"`
}

// maxAnswer bounds a typed answer, in bytes.
const maxAnswer = 500

var firstNumber = regexp.MustCompile(`[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?`)

// ParseAnswer reads what an author wrote behind "answer:": a number such as
// 3.33 ± 0.2, or a /regex/.
func ParseAnswer(s string) (*Quiz, error) {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '/' && s[len(s)-1] == '/' {
		pattern := s[1 : len(s)-1]
		if _, err := regexp.Compile(pattern); err != nil {
			return nil, fmt.Errorf("the answer %s is no pattern: %w", s, err)
		}
		return &Quiz{Pattern: pattern}, nil
	}
	value, tolerance, _ := strings.Cut(strings.ReplaceAll(s, "+-", "±"), "±")
	q := &Quiz{}
	var err error
	if q.Number, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil {
		return nil, fmt.Errorf("the answer %q is neither a number such as 3.33 ± 0.2 nor a /pattern/", s)
	}
	if tolerance = strings.TrimSpace(tolerance); tolerance != "" {
		if q.Tolerance, err = strconv.ParseFloat(tolerance, 64); err != nil || q.Tolerance < 0 {
			return nil, fmt.Errorf("%q behind ± is not a number", tolerance)
		}
	}
	return q, nil
}

// Correct judges an answer. A choice is right when exactly the right options
// are chosen, in any order.
func (q *Quiz) Correct(a Answered) bool {
	if q.Options > 0 {
		chosen, right := slices.Clone(a.Chosen), slices.Clone(q.Right)
		slices.Sort(chosen)
		slices.Sort(right)
		return slices.Equal(slices.Compact(chosen), slices.Compact(right))
	}
	typed := strings.TrimSpace(a.Text)
	if typed == "" || len(typed) > maxAnswer {
		return false
	}
	if q.Pattern != "" {
		pattern, err := regexp.Compile(`(?i)^(?:` + q.Pattern + `)$`)
		return err == nil && pattern.MatchString(typed)
	}
	value, err := strconv.ParseFloat(strings.ReplaceAll(firstNumber.FindString(typed), ",", "."), 64)
	return err == nil && math.Abs(value-q.Number) <= q.Tolerance+1e-9
}
