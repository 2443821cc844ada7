// Package dockercoins holds the application that the built-in workshop runs:
// five services that do nothing useful at a speed that is the same on every
// machine. Nobody imports it. This file, the tests and testdata stay here; the
// rest of the folder, with each service's program built into its folder
// (rng/rng, hasher/hasher, worker/worker, webui/webui), is the repository that
// attendees clone.
//
// What the workshop relies on, and the tests prove:
//
//   - rng serves strictly one request at a time and needs 0.1 s for random
//     bytes, but nothing for GET /. So one rng gives 10 answers a second, and
//     GET / takes as long as the line in front of it.
//   - hasher needs 0.1 s for a digest and serves any number side by side.
//   - a worker pauses 0.1 s, calls rng, calls hasher: N workers and k rng make
//     min(N/0.3, 10k) hashes a second. It opens a new connection for each call,
//     has no timeout, reports to redis at most once a second, waits 10 s after
//     any error, and is deaf to SIGTERM.
//   - webui answers /json with coins (number), hashes (string, or null before
//     the first worker) and now (seconds), and its page works under any path
//     and in a sandboxed frame.
//
// Build the programs with CGO_ENABLED=0: their images start FROM scratch.
package dockercoins
