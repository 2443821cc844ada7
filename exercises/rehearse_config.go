package exercises

import (
	"io"
	"log/slog"
	"time"

	"slipway/workshop"
)

// RehearsalLab is a fresh lab, as a rehearsal needs it.
type RehearsalLab interface {
	// Nodes are the lab's nodes, in order.
	Nodes() []Node
	Stage
}

// Terminal is a live shell. Reads answer what it shows, as it comes; Close
// ends a Read that waits.
type Terminal interface {
	io.ReadWriteCloser
	// ID is the terminal's id as command marks have it.
	ID() string
}

// RehearseConfig is one rehearsal.
type RehearseConfig struct {
	Exercises []Exercise // the whole workshop, in order
	Only      string     // an exercise's id or a chapter's name; empty is everything
	Lab       RehearsalLab
	Registry  Registry  // of the lab; nil for none
	Out       io.Writer // what is typed and seen, for a person to read along
	Log       *slog.Logger

	SolvedLimit time.Duration // from the last act of a solution to its tick; a minute when 0
}

// Report is what a rehearsal found.
type Report struct {
	OK        bool                `json:"ok"`
	Problems  []string            `json:"problems,omitempty"` // each begins with file:line
	Exercises []RehearsedExercise `json:"exercises"`
	Millis    int64               `json:"millis"`
}

// RehearsedExercise is one exercise as it went.
type RehearsedExercise struct {
	ID       workshop.ExerciseID `json:"id"`
	File     string              `json:"file"`
	Line     int                 `json:"line"`
	OK       bool                `json:"ok"`
	Only     string              `json:"only,omitempty"` // why not all of it was done
	Problems []string            `json:"problems,omitempty"`
	Warnings []string            `json:"warnings,omitempty"` // a check that held before its exercise
	Before   workshop.Verdict    `json:"before"`
	Wrong    []RehearsedWrong    `json:"wrong,omitempty"`
	Solution []RehearsedAct      `json:"solution,omitempty"`
	After    workshop.Verdict    `json:"after"`
	SolvedIn int64               `json:"solvedInMillis,omitempty"` // from the last act to the tick
	Millis   int64               `json:"millis"`
}

// RehearsedWrong is a wrong way as it went.
type RehearsedWrong struct {
	Says string           `json:"says"`
	OK   bool             `json:"ok"`
	Acts []RehearsedAct   `json:"acts"`
	Then workshop.Verdict `json:"then"`
}

// RehearsedAct is what was done in a terminal, and what it showed.
type RehearsedAct struct {
	Node   string `json:"node"`
	Typed  string `json:"typed"`
	Line   int    `json:"line,omitempty"`
	Seen   string `json:"seen,omitempty"`
	Code   *int   `json:"code,omitempty"` // of the last command
	Millis int64  `json:"millis"`
}
