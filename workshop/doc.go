// Package workshop is Slipway's vocabulary: who is in a session, what can
// happen in it, and what those happenings add up to.
//
// It uses the standard library alone and does no I/O. Every other room speaks
// in its types: the journal stores an [Event], boards and pages show a
// [Progress], and errors that a person may see are an [Error] with a [Kind].
//
// A Progress is the fold of a session's events in order of their numbers.
// Folding is idempotent: an event that was folded before changes nothing, so
// "snapshot, then updates, some of them twice" is always right. The browser
// has the same fold in TypeScript; both read testdata/progress.json, so the
// two can't drift apart.
//
// Values are plain data. A Progress is not safe for concurrent use; its
// owner guards it.
package workshop
