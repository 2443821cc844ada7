package slides

import "time"

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
	CleanUp      []Act // done by a rehearsal after the wrong ways, before the solution
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

// Act is something done: a block of shell input typed in, one key pressed, or a port opened.
type Act struct {
	Kind      string // "shell", "key" or "open"
	Node      string
	Terminal  int           // 1 is the first shell of the node
	Text      string        // shell: the lines without the last newline; key: its name, such as ^C; open: the port
	Wait      string        // text to wait for; empty means the next prompt
	Timeout   time.Duration // 0 means the rehearsal's own
	Dangerous bool          // never pressed Enter for by a click
	Hidden    bool
	File      string
	Line      int
}

// Quiz is a question with an answer that the server alone knows. Package exercises judges what people
// answer.
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
}

// Choice is one possible answer of a choice question.
type Choice struct {
	HTML  string
	Right bool
}
