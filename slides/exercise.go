package slides

import (
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Exercise is a task for people. Apart from ID, Title, Minutes, Optional and Check.Says nothing
// of it may reach an attendee before it is asked for.
type Exercise struct {
	ID       string
	Title    string
	Minutes  float64
	Optional bool     // does not count
	Keep     bool     // stays solved although its state goes away
	Needs    []string // ids of exercises whose result it builds on
	Checks   []Check
	Hints    []Hint
	Solution []Act // the solution box, else the visible runnable snippets in order
	// SolutionHTML is the solution box as text; empty without one.
	SolutionHTML string
	Wrong        []Wrong
	Quiz         *Quiz // nil without a question
	Chapter      string
	Slide        string
	File         string
	Line         int
}

// Check is one thing that must hold. That is an expression in the language of package exercises.
type Check struct {
	Says string // what the person reads beside the tick
	That string
	Else string // one thing to try, may be empty
	File string
	Line int
}

// Hint is a help that is shown when asked for; For names the Check.Says it is about, or is empty.
type Hint struct {
	For  string
	HTML string
	Line int
}

// Wrong is a way that looks right and must not pass.
type Wrong struct {
	Says string
	Acts []Act
	Line int
}

// Act is something done in a terminal: a block of shell input typed in, or one key pressed.
type Act struct {
	Kind      string // "shell" or "key"
	Node      string
	Terminal  int           // 1 is the first shell of the node
	Text      string        // shell: the lines without the last newline; key: its name, such as ^C
	Wait      string        // text to wait for; empty means the next prompt
	Timeout   time.Duration // 0 means the rehearsal's own
	Dangerous bool          // never pressed Enter for by a click
	Hidden    bool
	File      string
	Line      int
}

// Quiz is a question with an answer that the server alone knows.
type Quiz struct {
	Kind      string   // "choice", "number" or "text"
	Choices   []Choice // kind choice
	Multiple  bool     // more than one choice is right
	Number    float64  // kind number
	Tolerance float64  // kind number, absolute
	Pattern   string   // kind text: regular expression for the whole answer, case ignored
	Explain   string   // HTML shown after a right answer, may be empty
	File      string
	Line      int

	re *regexp.Regexp
}

// Choice is one possible answer of a choice question.
type Choice struct {
	HTML  string
	Right bool
}

// maxAnswer bounds what Accepts looks at; an answer is a word or a few numbers.
const maxAnswer = 1024

// Accepts says whether an answer is right. Choices are given as their indexes from 0,
// separated by commas, in any order; a number may use a comma for the decimal point.
func (q *Quiz) Accepts(answer string) bool {
	answer = strings.TrimSpace(answer)
	if answer == "" || len(answer) > maxAnswer {
		return false
	}
	switch q.Kind {
	case "choice":
		return q.acceptsChoices(answer)
	case "number":
		v, err := strconv.ParseFloat(strings.Replace(answer, ",", ".", 1), 64)
		return err == nil && math.Abs(v-q.Number) <= q.Tolerance+1e-9
	case "text":
		return q.re != nil && q.re.MatchString(answer)
	}
	return false
}

func (q *Quiz) acceptsChoices(answer string) bool {
	var got, want []int
	for _, part := range strings.Split(answer, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return false
		}
		got = append(got, n)
	}
	for i, c := range q.Choices {
		if c.Right {
			want = append(want, i)
		}
	}
	sort.Ints(got)
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i] != want[i] {
			return false
		}
	}
	return true
}
