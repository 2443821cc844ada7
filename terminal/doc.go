// Package terminal keeps live shells that outlive the browsers that look at
// them.
//
// A [Terminal] is one process on one pseudo-terminal. A single pump reads what
// the process prints into a [Scrollback], a ring in which every byte has an
// absolute offset for as long as the terminal lives. Whoever wants to see the
// terminal attaches a viewer "from offset N" with [Terminal.Serve]; a reload, a
// second device, an onlooker, a recorder and a restarted server are all that
// one operation. The bytes of a link are frames (see [Frame] and
// docs/protocol.md).
//
// # Who may hold whom back
//
// A viewer has at most a window of output that it has not acknowledged. The
// active owner (the owner's view that typed, resized or attached last) holds
// the pump back when its window is full, as a real terminal would; every other
// viewer is skipped ahead with a repaint instead. A recorder is never skipped
// while its bytes are in the ring; if it falls out, the jump in the offsets
// tells it how much is missing. Keys never wait for output.
//
// # Exactly once
//
// A client numbers the bytes it types. The terminal remembers, for a bounded
// number of clients, how many it has taken, so that a key that is sent again
// after a cut link is dropped and never typed twice.
//
// # Goroutines
//
// [New] and [Terminal.Start] start none. [Terminal.Run] and [Terminal.Serve]
// end all they started before they return. All methods may be called from any
// goroutine unless their comment says otherwise.
//
// The package imports nothing else of this module and is the only one that
// opens pseudo-terminals. It runs on Linux.
package terminal
