package workshop

import "time"

// EventKind names what happened. The names are also what exports and
// webhooks show.
type EventKind string

const (
	SessionCreated EventKind = "session.created" // Session
	SessionEnded   EventKind = "session.ended"
	Joined         EventKind = "participant.joined" // Person
	SlideMoved     EventKind = "slide.moved"        // Place: the presenter moved the room
	PlaceChanged   EventKind = "place.changed"      // Place: where one attendee is
	StatusChanged  EventKind = "status.changed"     // Status
	VerdictChanged EventKind = "verdict.changed"    // Verdict
	HintOpened     EventKind = "hint.opened"        // Exercise, Number, Hint
	SolutionOpened EventKind = "solution.opened"    // Exercise
	DoingBegan     EventKind = "doing.began"        // Exercise: it is done for them in their own terminals; Text: the exercise they asked to be brought to, if another
	DoingEnded     EventKind = "doing.ended"        // Exercise, Text: why it stopped early
	QuizAnswered   EventKind = "quiz.answered"      // Exercise, Correct
	LabChanged     EventKind = "lab.changed"        // Lab
	SpeedSampled   EventKind = "speed.sampled"      // Speed
	Announced      EventKind = "announcement.made"  // Text
	TerminalOpened EventKind = "terminal.opened"    // Terminal
	TerminalClosed EventKind = "terminal.closed"    // Terminal
	DriverChanged  EventKind = "driver.changed"     // Participant drives the slides from now on
)

// Event is one entry of a session's journal. Exactly the fields that its kind
// names are set, besides Seq, At and, where it is about someone, Participant.
//
// The JSON form is the journal's on disk and what browsers receive; unknown
// kinds and fields are kept and ignored, so that an older reader survives a
// newer writer.
type Event struct {
	Seq         uint64        `json:"seq"` // 1, 2, 3, … in a session; given by the store
	At          time.Time     `json:"at"`
	Kind        EventKind     `json:"kind"`
	Participant ParticipantID `json:"participant,omitempty"`

	Session  *Session      `json:"session,omitempty"`
	Person   *Participant  `json:"person,omitempty"`
	Place    *Place        `json:"place,omitempty"`
	Status   Status        `json:"status,omitempty"`
	Verdict  *Verdict      `json:"verdict,omitempty"`
	By       ParticipantID `json:"by,omitempty"` // who did it for the participant: an instructor who decided
	Exercise ExerciseID    `json:"exercise,omitempty"`
	Number   int           `json:"number,omitempty"` // the how manieth
	Hint     int           `json:"hint,omitempty"`   // which one of the exercise's, from 1
	Correct  bool          `json:"correct,omitempty"`
	Lab      *LabState     `json:"lab,omitempty"`
	Speed    float64       `json:"speed,omitempty"` // hashes per second
	Text     string        `json:"text,omitempty"`
	Terminal *TerminalRef  `json:"terminal,omitempty"`
}

// Place is a slide and a step of it. Slides are named, not numbered: numbers
// change when an author inserts one.
type Place struct {
	Slide string `json:"slide"`
	Step  int    `json:"step"` // 0 is the slide before any step
}

// Status is the sticky note on an attendee's laptop.
type Status string

const (
	Working Status = "working"
	Done    Status = "done"
	Help    Status = "help"
)

// LabState says how a participant's nodes are, in words a person can act on.
type LabState struct {
	State   string `json:"state"` // preparing, ready, failed, gone
	Message string `json:"message,omitempty"`
}

// TerminalRef names a terminal of a participant's lab.
type TerminalRef struct {
	Node string `json:"node"`
	ID   string `json:"id"`
}

// State of a check or an exercise.
type State string

const (
	Pending   State = "pending"   // nothing is known yet, or nobody has begun
	Failing   State = "failing"   // judged, and not so
	Passing   State = "passing"   // a check that holds
	Unsure    State = "unknown"   // can't be judged now, and why; never counts as failed
	Solved    State = "solved"    // an exercise all of whose checks held at once
	Regressed State = "regressed" // was solved; the real state no longer is
)

// Verdict is the judgement of one exercise for one participant. A verdict is
// whole: a newer one replaces an older one. One with an Override holds until
// somebody takes it back: then only an event with By replaces it.
type Verdict struct {
	Exercise ExerciseID     `json:"exercise"`
	State    State          `json:"state"` // pending, failing, unknown, solved, regressed
	Checks   []CheckVerdict `json:"checks,omitempty"`
	Attempts int            `json:"attempts,omitempty"` // times a check went from passing or pending to failing by an act of the person
	Override string         `json:"override,omitempty"` // the reason, when an instructor decided
}

// CheckVerdict is the judgement of one check of an exercise, in the order of
// the exercise's checks.
type CheckVerdict struct {
	State  State  `json:"state"`            // pending, failing, passing, unknown
	Reason string `json:"reason,omitempty"` // what was expected, what was seen, where
	Try    string `json:"try,omitempty"`    // one thing to try
}
