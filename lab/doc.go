// Package lab gives participants their nodes: it prepares the host, runs the
// Engine that hosts nodes, builds their images, and makes, adopts and removes
// labs. A [Lab] is the nodes of one participant; a [Node] is a container that
// runs a Docker Engine of its own, with Slipway's agent as its first process.
//
// # Use
//
//	host, err := lab.New(cfg)         // checks the settings, touches nothing
//	err = host.Up(ctx)                // installs what is missing, starts or adopts the Engine, builds images
//	go host.Run(ctx)                  // keeps the Engine and its nodes healthy until ctx ends
//	l, err := host.EnsureLab(ctx, lab.Owner{Lab: "abc", Session: "s1", Participant: "abc"})
//	conn, err := l.Nodes[0].Dial(ctx) // a connection to the node's agent
//
// A server that finds the Engine already started calls [Host.Attach] instead of
// [Host.Up]. The Engine and its nodes outlive both: nothing here needs a
// process to stay alive, and every fact is found again from the Engine's
// labels, the data folder and the run folder.
//
// # Isolation
//
// The Engine is our own: own data, own socket, own network namespace (pinned as
// a file in the run folder), user-namespace remapping to a range of ids made for
// it, and nodes that get only the capabilities a nested Engine needs, our
// seccomp profile, and limits on memory, CPU and processes. Root in a node is
// nobody on the host. An Engine that is already there (no root, or asked for with
// [Config.Engine]) can host nodes too; [Host.Isolation] grades it in plain words,
// and the weakest grade is refused unless [Config.AllowWeakIsolation] is set.
//
// # Rules
//
// All methods are safe for concurrent use, and several processes may call them
// at once: what must happen once is done under a file lock or settled by the
// Engine's own name conflicts. No method starts a goroutine that outlives it,
// but [Host.Run] until its context ends. Errors that a person should read are
// [workshop.Error]s with a sentence that says what to do.
package lab
