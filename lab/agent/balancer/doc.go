// Package balancer does the work of IPVS for swarm mode on a node that may not
// use IPVS, so that virtual IPs and published ports work as they do elsewhere.
//
// The kernel lets nobody in a user namespace touch IPVS, and some kernels have
// none. The Engine then logs an error and goes on: every service has a virtual
// IP, but nothing answers on it, and nothing listens on published ports. The
// balancer fills that gap with netfilter rules, in tables of its own:
//
//   - a published port that comes to any address of the node, 127.0.0.1 included,
//     goes to the ingress sandbox, and from there round robin to the tasks;
//   - what comes to a service's virtual IP in a network's sandbox goes round robin
//     to the tasks in that network.
//
// Workers don't know services, only managers do. What every node knows is what
// the nodes of a network gossip about it: each task with its service, addresses,
// ports, and whether it is about to stop. The Engine shows this table on its
// diagnostic port, so all nodes work alike, without asking a manager.
//
// [Run] does everything and returns when all it started has ended and its rules
// are gone. Nothing polls fast: a packet of gossip or an event of the Engine asks
// for a look at the table, and a slow timer catches what both missed.
package balancer
