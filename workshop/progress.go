package workshop

import (
	"slices"
	"time"
)

// Progress is what a session's events add up to: who is there, where the
// room is, and how everyone is doing. It is what boards, attendee pages and
// late joiners are shown.
type Progress struct {
	Seq          uint64                    `json:"seq"` // of the newest event folded
	Session      *Session                  `json:"session,omitempty"`
	Ended        bool                      `json:"ended,omitempty"`
	Driver       ParticipantID             `json:"driver,omitempty"`
	Place        Place                     `json:"place"` // where the presenter is
	Announcement string                    `json:"announcement,omitempty"`
	Order        []ParticipantID           `json:"order"` // as they joined
	People       map[ParticipantID]*Person `json:"people"`
}

// Person is the progress of one participant.
type Person struct {
	Participant
	Status      Status                      `json:"status"`
	StatusSince time.Time                   `json:"statusSince,omitzero"`
	Place       Place                       `json:"place"`
	Lab         LabState                    `json:"lab"`
	LastSeen    time.Time                   `json:"lastSeen,omitzero"` // of the newest event about them
	Speed       float64                     `json:"speed,omitempty"`   // hashes per second
	Exercises   map[ExerciseID]*Achievement `json:"exercises"`
}

// Achievement is one exercise as one participant has it.
type Achievement struct {
	Verdict
	Since    time.Time `json:"since"`              // of the verdict
	SolvedAt time.Time `json:"solvedAt,omitzero"`  // first time solved
	Hints    int       `json:"hints,omitempty"`    // opened so far
	Opened   []int     `json:"opened,omitempty"`   // which ones, from 1, in their order
	Done     bool      `json:"done,omitempty"`     // it was done for them
	Solution bool      `json:"solution,omitempty"` // looked at
	Quiz     *bool     `json:"quiz,omitempty"`     // the last answer was right
}

// NewProgress is the fold of no event.
func NewProgress() *Progress {
	return &Progress{Order: []ParticipantID{}, People: map[ParticipantID]*Person{}}
}

// Apply folds one event. Events come in the order of their numbers; one that
// is not newer than what was folded is ignored.
func (p *Progress) Apply(e Event) {
	if e.Seq <= p.Seq {
		return
	}
	p.Seq = e.Seq
	if p.applyToRoom(e) {
		return
	}
	person := p.People[e.Participant]
	if person == nil {
		return
	}
	person.LastSeen = e.At
	person.apply(e)
}

// applyToRoom folds what concerns everybody and says whether it did.
func (p *Progress) applyToRoom(e Event) bool {
	switch e.Kind {
	case SessionCreated:
		p.Session = e.Session
	case SessionEnded:
		p.Ended = true
	case SlideMoved:
		if e.Place != nil {
			p.Place = *e.Place
		}
	case DriverChanged:
		p.Driver = e.Participant
	case Announced:
		p.Announcement = e.Text
	case Joined:
		p.join(e)
	default:
		return false
	}
	return true
}

func (p *Progress) join(e Event) {
	if e.Person == nil {
		return
	}
	if known := p.People[e.Person.ID]; known != nil {
		known.Participant = *e.Person
		return
	}
	p.Order = append(p.Order, e.Person.ID)
	p.People[e.Person.ID] = &Person{
		Participant: *e.Person, Status: Working, StatusSince: e.At, LastSeen: e.At,
		Lab:       LabState{State: "preparing"},
		Exercises: map[ExerciseID]*Achievement{},
	}
}

func (p *Person) apply(e Event) {
	switch e.Kind {
	case PlaceChanged:
		if e.Place != nil {
			p.Place = *e.Place
		}
	case StatusChanged:
		p.Status, p.StatusSince = e.Status, e.At
	case LabChanged:
		if e.Lab != nil {
			p.Lab = *e.Lab
		}
	case SpeedSampled:
		p.Speed = e.Speed
	case VerdictChanged:
		if e.Verdict != nil && (e.By != "" || p.exercise(e.Verdict.Exercise).Override == "") {
			p.judge(*e.Verdict, e.At)
		}
	case HintOpened:
		a := p.exercise(e.Exercise)
		a.Hints = max(a.Hints, e.Number)
		if e.Hint > 0 && !slices.Contains(a.Opened, e.Hint) {
			a.Opened = append(slices.Clip(a.Opened), e.Hint)
		}
	case SolutionOpened:
		p.exercise(e.Exercise).Solution = true
	case DoingBegan:
		p.exercise(e.Exercise).Done = true
	case QuizAnswered:
		right := e.Correct
		p.exercise(e.Exercise).Quiz = &right
	}
}

func (p *Person) judge(v Verdict, at time.Time) {
	a := p.exercise(v.Exercise)
	if a.Override != "" && v.Override == "" && a.SolvedAt.Equal(a.Since) {
		a.SolvedAt = time.Time{} // it was solved by decision alone, and that is taken back
	}
	a.Verdict, a.Since = v, at
	if v.State == Solved && a.SolvedAt.IsZero() {
		a.SolvedAt = at
	}
}

func (p *Person) exercise(id ExerciseID) *Achievement {
	a := p.Exercises[id]
	if a == nil {
		a = &Achievement{Verdict: Verdict{Exercise: id, State: Pending}}
		p.Exercises[id] = a
	}
	return a
}

// Solved counts the exercises a person has solved, also those that regressed
// since.
func (p *Person) Solved() int {
	n := 0
	for _, a := range p.Exercises {
		if !a.SolvedAt.IsZero() {
			n++
		}
	}
	return n
}

// Shown is what of the session one participant may be shown: instructors and
// helpers everything but secrets, attendees themselves and the room's place.
func (p *Progress) Shown(to ParticipantID, role Role) *Progress {
	shown := *p
	shown.Order, shown.People = nil, map[ParticipantID]*Person{}
	if p.Session != nil {
		session := *p.Session
		session.Secret = ""
		if role == Attendee {
			session.JoinCode = ""
		}
		shown.Session = &session
	}
	for _, id := range p.Order {
		if role == Attendee && id != to {
			continue
		}
		person := *p.People[id]
		person.Token = ""
		shown.Order = append(shown.Order, id)
		shown.People[id] = &person
	}
	return &shown
}

// ShownEvent is e as one participant may be shown it, or false when it is not
// theirs to see.
func ShownEvent(e Event, to ParticipantID, role Role) (Event, bool) {
	if e.Kind == SessionCreated {
		return Event{}, false // people have it in their snapshot
	}
	if e.Person != nil {
		person := *e.Person
		person.Token = ""
		e.Person = &person
	}
	private := e.Participant != "" || e.Kind == Joined
	if role == Attendee && private && e.Kind != DriverChanged {
		about := e.Participant
		if e.Person != nil {
			about = e.Person.ID
		}
		return e, about == to
	}
	return e, true
}
