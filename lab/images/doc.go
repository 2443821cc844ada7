// Package images builds what nodes are made of, from Debian packages and
// nothing else:
//
//   - base: Debian with an Engine, Compose and the tools of the workshop, made
//     with mmdebstrap on the host, because a build step on the lab Engine has
//     no way out. It is packed into the cache folder and imported from there.
//   - node: base, the user docker, the DockerCoins repository, the small images
//     below as archives, and the slipway program as its last layer.
//   - the small images: a program and the libraries it needs, nothing more, so
//     that a node's Engine gets one in well under a second.
//
// Every image is named after a hash of its recipe and everything that goes into
// it, so [Prepare] builds only what is missing or has changed, and with nothing
// to do only asks the Engine. Recipes are the Dockerfiles in this folder.
//
// The payload folder is filled at build time (go run ./lab/images/pack) with the
// DockerCoins repository, so that the one program carries all that it needs.
package images
