package workshop

import "time"

// Session is one delivery of a workshop. Its code and secret are how people
// get in; both end with it.
type Session struct {
	ID        SessionID `json:"id"`
	Workshop  string    `json:"workshop"` // the workshop's name, as in its manifest
	Title     string    `json:"title"`
	JoinCode  string    `json:"joinCode"`
	Secret    string    `json:"secret"` // the instructor's key; never in a URL that is logged
	SelfPaced bool      `json:"selfPaced,omitempty"`
	Created   time.Time `json:"created"`
	Ended     time.Time `json:"ended,omitzero"`
}

// Role is what a participant may do. Each role may do what those before it may.
type Role string

const (
	Attendee   Role = "attendee"
	Helper     Role = "helper"
	Instructor Role = "instructor"
)

// Participant is someone in a session. The lab of a participant has the
// participant's id.
type Participant struct {
	ID     ParticipantID `json:"id"`
	Name   string        `json:"name"`
	Role   Role          `json:"role"`
	Joined time.Time     `json:"joined"`
	Token  string        `json:"token,omitempty"` // the cookie's secret, hashed; only in the journal
}
