// Package server is the door: HTTP and WebSockets between browsers and a
// session's journal, deck and labs. docs/api.md is what it promises.
//
// It holds no state that matters. Who someone is, where the room stands and
// who solved what are foldings of the journal; shells live in the nodes. A
// server that is killed and started again serves the same people as if nothing
// had happened, and two servers on one journal serve the same session.
//
// [New] allocates and starts nothing; [Server.Run] serves until its context
// ends. What the server needs of the other rooms it asks for by the short
// interfaces in config.go, and cmd wires them.
//
// # Who may do what
//
// The table in routes.go names every route with the least role that may use
// it; nothing is registered elsewhere. Each request passes one gate that
// bounds its body, checks its origin, finds out who asks, and maps errors.
//
// # Sockets
//
// socket.go is the only place that knows WebSockets: one reader and one writer
// per socket, limits and deadlines on both. A socket that can't keep up is
// closed with 1001; the browser comes back and gets a snapshot, or its
// terminal's bytes from the offset it has drawn.
//
// # What never leaves
//
// Notes, answers, check expressions, hints not yet asked for, solutions, other
// people's doings, join codes, tokens and keys are not in any byte an attendee
// receives.
package server
