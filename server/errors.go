package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"slipway/workshop"
)

// statusOf maps kinds to HTTP statuses; a close code is 4000 more than the
// status. This is the only place that does.
func statusOf(kind workshop.Kind) int {
	switch kind {
	case workshop.Invalid:
		return http.StatusBadRequest
	case workshop.SignedOut:
		return http.StatusUnauthorized
	case workshop.Forbidden:
		return http.StatusForbidden
	case workshop.Unknown:
		return http.StatusNotFound
	case workshop.Conflict:
		return http.StatusConflict
	case workshop.Ended:
		return http.StatusGone
	case workshop.TooMany:
		return http.StatusTooManyRequests
	case workshop.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func closeCodeOf(err error) int { return 4000 + statusOf(workshop.KindOf(err)) }

type errorBody struct {
	Kind    workshop.Kind `json:"kind"`
	Message string        `json:"message"`
}

// explain finds what of an error may be said to the person.
func explain(err error) errorBody {
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return errorBody{workshop.Invalid, "That is too long; nothing was done."}
	}
	return errorBody{workshop.KindOf(err), workshop.MessageOf(err)}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil { // only our own types come here
		http.Error(w, `{"error":{"kind":"internal","message":"Something went wrong on the server."}}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(raw, '\n'))
}

func signedOut() error {
	return workshop.Errorf(workshop.SignedOut, "You are not in this session yet. Join with the code that the instructor shows.")
}

func sessionEnded() error {
	return workshop.Errorf(workshop.Ended, "This session has ended. Your replay is still there.")
}
