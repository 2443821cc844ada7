// Package exercises judges what people do.
//
// An [Exercise] has checks: conditions over the real state of a lab, in the
// language of docs/checks.md. [Compile] makes a [Book] of them once; a
// [Watcher] per lab keeps a mirror of each node's Docker state by the Engine's
// own events, judges the checks that read what changed, and tells each
// [workshop.Verdict] that is news. [Rehearse] proves a workshop: every
// exercise is false before, false after its wrong ways, true after its
// solution, typed in real terminals.
//
// Nothing here wakes an Engine that sleeps, and nothing polls but a safety
// net once a minute; files and ports are looked at while an exercise that
// needs them is open and not solved. What can't be told is unknown and says
// why; it is never failed.
//
// A Book is immutable and shared. A Watcher's Run does all its work in one
// goroutine, with mirrors and probes beside it; its methods are safe for
// concurrent use. The lab is seen through [Node]; cmd wires it.
//
// Tests: the language by tables of expressions and their reasons; mirror and
// watcher against internal/dockertest, a fake Engine with faults on demand,
// and against a real dockerd.
package exercises
