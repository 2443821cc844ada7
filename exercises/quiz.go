package exercises

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Quiz is a question: a choice of options, a number, or a text. It stays on
// the server: none of it may reach an attendee's bytes.
type Quiz struct {
	Options   int     // how many choices are offered; 0 for a typed answer
	Right     []int   // the right ones, from 0
	Number    float64 // a typed number
	Tolerance float64 // how far off it may be
	Pattern   string  // a typed text: a regular expression for the whole of it, case doesn't matter
}

// Answered is what a person answered to a quiz.
type Answered struct {
	Chosen []int
	Text   string
}

// maxAnswer bounds a typed answer, in bytes.
const maxAnswer = 500

var firstNumber = regexp.MustCompile(`[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?`)

// Correct judges an answer. A choice is right when exactly the right options
// are chosen, in any order. A number may have a comma for its point and words
// around it, such as a unit.
func (q *Quiz) Correct(a Answered) bool {
	if q.Options > 0 {
		chosen, right := slices.Clone(a.Chosen), slices.Clone(q.Right)
		slices.Sort(chosen)
		slices.Sort(right)
		return len(right) > 0 && slices.Equal(slices.Compact(chosen), right)
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
