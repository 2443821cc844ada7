package exercises

import (
	"time"

	"slipway/workshop"
)

// Exercise is a task for people as its author wrote it. File and Line point
// into the deck; they are where errors are reported.
type Exercise struct {
	ID       workshop.ExerciseID
	Title    string
	Chapter  string
	Optional bool // doesn't count
	Keep     bool // stays solved once it was: its own next step may undo the state
	Needs    []workshop.ExerciseID
	File     string
	Line     int
	Checks   []Check
	Solution []Act
	CleanUp  []Act // rehearsal does these after the wrong ways, before the solution
	Wrong    []WrongWay
}

// Check is one condition of an exercise.
type Check struct {
	Says string // what the person reads beside the tick
	That string // the condition, in the language of docs/checks.md
	Else string // one thing to try; may be empty
	Line int    // line of That in the exercise's file
}

// WrongWay is something that must not solve the exercise.
type WrongWay struct {
	Says string
	Acts []Act
	Line int
}

// Act is one thing rehearsal does in a terminal.
type Act struct {
	Text      string        // typed, then Enter; or, when Keys, named keys, one a line
	Keys      bool          // Text names keys: ^C, Enter, q
	Node      string        // node1 when empty
	Terminal  int           // 1 when 0: the first shell of that node
	Wait      string        // wait for this text in the output, not for the prompt
	Timeout   time.Duration // one minute when 0
	Open      int           // instead of typing, open this port of the node through the page
	Dangerous bool          // typed, Enter never pressed
	Line      int
}

// Problem is a mistake of an author. Message is a sentence that says what is
// wrong and, where it can, what was probably meant.
type Problem struct {
	File    string
	Line    int
	Message string
}

func (p Problem) Error() string {
	if p.File == "" {
		return p.Message
	}
	return p.File + ":" + itoa(p.Line) + ": " + p.Message
}
