// Package replay turns what was kept of a session into one person's run: the
// slides, their terminals, and the moments exercises were solved, on one time
// axis in Unix milliseconds.
//
// It reads the session's events and the folder of recordings and writes
// nothing. A [Run] holds nothing of other people: only the person's own events
// and the room's. Functions may be called from any goroutine.
package replay
