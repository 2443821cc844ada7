// Package agent is what runs inside a node as its first process.
//
// The agent owns what must outlive servers and browsers: the node's shells,
// the socket of the node's Engine, and the record of what was typed. It serves
// plain HTTP/1.1 on a unix socket; streams are opened by HTTP Upgrade, one
// connection each, so that the kernel gives every stream its own flow control.
// docs/protocol.md is the contract; lab.Agent is its client in Go.
//
// [Run] does everything and returns when all it started has ended. As the
// first process of a node (Config.Init) it also prepares the node (control
// groups, ssh, shell hooks) and reaps orphans; without it the same agent runs
// as an ordinary process, which is how it is tested.
//
// Everything that grows is bounded: terminals, events, connections, request
// bodies, the Engine's log. Keystrokes, output and secrets are never logged.
package agent
