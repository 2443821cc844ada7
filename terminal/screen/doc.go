// Package screen is a model of what a terminal shows: bytes in, cells out.
//
// A [Screen] follows a program's output as xterm.js 6 does with its Unicode 11
// add-on, and can say at any moment which bytes bring a freshly reset xterm of
// the same size to that very state: the cells of both screens with all their
// attributes, what scrolled out above, which lines wrapped, cursors (also the
// saved ones, also one that waits in the last column), scrolling region, tabs,
// character sets, modes, title, links. So whoever comes late sees what those
// see who watched all along, and whatever the program prints next has the same
// effect on both.
//
// # Bounds
//
// Everything is bounded: [HistoryLines] lines and [HistoryBytes] bytes of what
// scrolled out, texts of titles, links and combining characters, repeat
// counts. When history had to be shortened to its bytes, a repaint has fewer
// old lines and is otherwise exact.
//
// # What a repaint can't bring back
//
// Lines that xterm.js wrongly keeps above the alternate screen when that was
// not shown while the terminal became lower. Cells of the alternate screen that a narrower terminal hides, and half of a
// wide character that it cut; a cursor that waits in a last column which was
// erased under it (a blank is printed there); links without an id that are
// drawn in several pieces count as several links; wrapping of the oldest line.
//
// The package imports nothing of ours and starts no goroutine. A Screen may be
// used by one goroutine at a time.
package screen
