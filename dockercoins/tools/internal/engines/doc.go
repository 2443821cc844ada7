// Package engines finds the Docker Engines a tool works on and connects to them.
//
// Which ones, the first rule that fits:
//
//   - those that are named: docker contexts, addresses (tcp://, ssh://, unix://),
//     or plain names of nodes, which are asked at TCP port 55555
//   - the one Engine that the docker command would use (DOCKER_HOST, DOCKER_CONTEXT,
//     the current context, the local socket); and when that one manages a swarm,
//     all nodes of the swarm, each at its own address
//
// An Engine that doesn't answer is no error of the whole: it is listed as away,
// and the tools say so and go on with the others.
package engines
