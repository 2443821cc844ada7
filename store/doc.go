// Package store keeps what must outlive a process: each session's journal, and
// the files that belong to it.
//
// A journal is the append-only list of a session's events, numbered 1, 2, 3, …
// by the store. When Append returns without an error the events survive the
// death of the process at any moment ([File] also the loss of power, as far as
// the disk keeps its promise; [Redis] as far as that Redis does). Followers receive every event once, in order,
// those of the past first. The same contract holds for every store; storetest
// is that contract as a test suite.
//
// Methods may be called from any goroutine. No store runs a goroutine of its
// own: with [File] the caller of Append that comes first writes for all who
// came with it.
package store

import "slipway/workshop"

// Bounds of a journal.
const (
	MaxEvent   = 64 << 10 // bytes of one event in its JSON form
	MaxBatch   = 1 << 12  // events of one Append
	MaxJournal = 2 << 30  // bytes of one session in a [File]: some weeks of a full room
)

func tooLarge(size int) error {
	return workshop.Errorf(workshop.Invalid, "That is too long to keep: %d bytes, at most %d are kept.", size, MaxEvent)
}

func tooMany(n int) error {
	return workshop.Errorf(workshop.Invalid, "%d events at once are too many, at most %d are taken.", n, MaxBatch)
}

func unknownSession(id workshop.SessionID) error {
	return workshop.Errorf(workshop.Unknown, "There is no session %q here.", id)
}
