package workshop

import (
	"errors"
	"fmt"
)

// Kind says what sort of thing went wrong. A server maps it to an HTTP status
// or a WebSocket close code, in one place.
type Kind string

const (
	Invalid     Kind = "invalid"     // what was sent can't be used
	Unknown     Kind = "not-found"   // no such thing
	Forbidden   Kind = "forbidden"   // known, but not for you
	SignedOut   Kind = "signed-out"  // nobody is known behind this request
	Ended       Kind = "ended"       // the session is over
	TooMany     Kind = "too-many"    // a bound was reached
	Conflict    Kind = "conflict"    // someone else was first
	Unavailable Kind = "unavailable" // a part is away; try again
	Internal    Kind = "internal"    // our fault; details are in the log
)

// Error is a failure that a person may see. Message is a sentence that says
// what is wrong and what to do, without jargon; Cause is for the log.
type Error struct {
	Kind    Kind
	Message string
	Cause   error
}

// Errorf makes an Error from a sentence for a person. Attach what belongs in the
// log, and only there, with [Error.Because].
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Because returns the error with a cause for the log.
func (e *Error) Because(cause error) *Error {
	return &Error{Kind: e.Kind, Message: e.Message, Cause: cause}
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

func (e *Error) Unwrap() error { return e.Cause }

// KindOf finds the kind of an error anywhere in err's chain; Internal when
// there is none.
func KindOf(err error) Kind {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// MessageOf is the sentence a person may see for err. Errors without a kind
// are ours, and their text stays in the log.
func MessageOf(err error) string {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Message
	}
	return "Something went wrong on the server. Try again; if it stays, tell the instructor."
}
