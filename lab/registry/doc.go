// Package registry is the lab's registry: where people push the images they
// build, and where their nodes find the workshop's own. The protocol is
// distribution's, the registry that Docker's own is made of; this package
// decides who sees what, how much it may hold and where it lies on the disk.
//
// There is no log-in. Each lab has a door of its own (a socket for each of its
// nodes), so the door that was knocked at says who asks. Behind it:
//
//   - the lab's own space: any repository name, to push to and pull from. Nobody
//     else's requests can name it: which folder is read or written follows
//     from the door alone, never from what a request says, and every path is
//     opened below that folder by the kernel's rules ([os.Root]);
//   - the library, to pull from only: every name that begins with "library/", as
//     Docker calls the images without a maker's name, and whatever else was
//     loaded into it with [Registry.Load].
//
// A space is bounded ([Config].Quota); a push that does not fit is refused with a
// sentence that docker prints. What lost its tag is cleared away while nobody
// uses the space, and so are uploads that nobody finished.
//
// A Registry is safe for concurrent use. One process at a time may write to a lab's space.
package registry
