// Package dockertest gives tests an Engine: a fake one that speaks the
// Engine's real HTTP API over a unix socket, with faults on demand, so that
// the real Docker client, its connections and its JSON run in every test
// ([StartFake]); and a real, throw-away dockerd in a network namespace of its
// own ([StartReal]), for what only the real thing can prove.
//
// It is for tests alone. Everything it starts ends with the test.
package dockertest
