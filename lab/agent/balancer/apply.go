package balancer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// state is what a sandbox was given.
type state struct {
	inode uint64
	rules string
}

// maxPeers bounds the names of Engines that are remembered.
const maxPeers = 1024

// look compares the gossip with the rules and changes the rules. It reports
// whether this node is in a swarm's networks at all.
func (b *balancer) look(ctx context.Context) (busy bool, err error) {
	boxes, err := sandboxes(b.cfg.Namespaces)
	if err != nil {
		return false, err
	}
	if err := b.begin(ctx); err != nil {
		return false, err
	}
	if err := b.learn(ctx, boxes); err != nil {
		return true, err
	}
	var errs []error
	ingress := false
	owners := map[string]netip.Addr{}
	for _, box := range boxes {
		p, err := b.balance(ctx, box, owners)
		if box.name == ingressSandbox {
			ingress = true
			if err == nil {
				err = b.openPorts(ctx, p)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", box.name, err))
		}
	}
	b.forgetGone(boxes)
	if len(errs) == 0 {
		errs = append(errs, b.heal(ctx, b.present(boxes)))
	}
	if !ingress {
		errs = append(errs, b.openPorts(ctx, plan{}))
	}
	if errors.Join(errs...) == nil {
		b.lines.want(ctx, owners)
	}
	return len(boxes) > 0, errors.Join(errs...)
}

// begin removes what an earlier life left in the node.
func (b *balancer) begin(ctx context.Context) error {
	if b.clean {
		return nil
	}
	if err := b.nft(ctx, "", clearRules); err != nil {
		return err
	}
	b.clean, b.node = true, clearRules
	return nil
}

// learn asks the Engine for its networks when there is a sandbox of one it
// hasn't been told of.
func (b *balancer) learn(ctx context.Context, boxes []sandbox) error {
	known := true
	for _, box := range boxes {
		_, ok := b.names[box.name]
		known = known && ok && b.applied[box.name].inode == box.inode
	}
	if known {
		return nil
	}
	networks, err := b.engine.networks(ctx)
	if err != nil {
		return err
	}
	names := map[string]network{}
	for _, n := range networks {
		name := ingressSandbox
		if !n.Ingress {
			name = sandboxPrefix + n.ID[:min(len(n.ID), 9)]
		}
		names[name] = n
	}
	b.names = names
	return nil
}

// balance brings one sandbox up to date and answers what it was given. It adds
// the nodes that have its tasks to owners.
func (b *balancer) balance(ctx context.Context, box sandbox, owners map[string]netip.Addr) (plan, error) {
	n, ok := b.names[box.name]
	if !ok {
		return plan{}, errUnready
	}
	eps, bad, err := b.endpoints(ctx, n)
	if err != nil {
		return plan{}, err
	}
	if err := b.locate(ctx, n, eps, owners); err != nil {
		return plan{}, err
	}
	if bad > 0 {
		err = fmt.Errorf("%d tasks of network %s: %w", bad, n.Name, errRecord)
	}
	h, err2 := box.enter()
	if err2 != nil {
		return plan{}, err2
	}
	defer h.Close()
	list, err2 := links(h)
	if err2 != nil {
		return plan{}, err2
	}
	home, addr, err2 := own(list, n)
	if err2 != nil {
		return plan{}, err2
	}
	p := vipPlan(addr, home.Attrs().Name, eps)
	if n.Ingress {
		door, err2 := gate(list, home)
		if err2 != nil {
			return plan{}, err2
		}
		p = ingressPlan(addr, home.Attrs().Name, door, eps)
	}
	return p, errors.Join(err, b.give(ctx, box, h, home, p))
}

// endpoints reads the gossip about a network, and has the Engine show it if it
// doesn't yet.
func (b *balancer) endpoints(ctx context.Context, n network) ([]endpoint, int, error) {
	eps, bad, err := b.engine.endpoints(ctx, n.ID)
	if !errors.Is(err, unix.ECONNREFUSED) || time.Since(b.opened) < openEvery {
		return eps, bad, err
	}
	b.opened = time.Now()
	if err := b.cfg.Open(ctx); err != nil {
		return nil, 0, err
	}
	return b.engine.endpoints(ctx, n.ID)
}

// locate finds where the tasks of a network are, and has those leave whose node
// is lost, unless that would be all of them.
func (b *balancer) locate(ctx context.Context, n network, eps []endpoint, owners map[string]netip.Addr) error {
	asked := false
	lost := 0
	for i, e := range eps {
		if _, ok := b.peers[e.owner]; !ok && !asked {
			peers, err := b.engine.peers(ctx, n.ID)
			if err != nil {
				return err
			}
			asked = true
			if len(b.peers) > maxPeers {
				clear(b.peers) // names of Engines that are no more
			}
			maps.Copy(b.peers, peers)
		}
		if addr, ok := b.peers[e.owner]; ok {
			owners[e.owner] = addr
		}
		if b.lines.isLost(e.owner) {
			lost++
			eps[i].lost = true
		}
	}
	if lost == len(eps) {
		return nil
	}
	for i := range eps {
		eps[i].leaving = eps[i].leaving || eps[i].lost
	}
	return nil
}

// give applies a plan to its sandbox unless it is what the sandbox has.
func (b *balancer) give(ctx context.Context, box sandbox, h *netlink.Handle, home link, p plan) error {
	next := state{box.inode, p.rules()}
	if b.applied[box.name] == next {
		return nil
	}
	if err := box.forward(); err != nil {
		return err
	}
	// The rules first: an address without rules would answer by itself.
	if err := b.nft(ctx, box.path, next.rules); err != nil {
		return err
	}
	if err := setVIPs(h, home, p.vips()); err != nil {
		return err
	}
	b.applied[box.name] = next
	return forget(h, func(f front, task netip.Addr) bool {
		tasks, ours := p.fronts[f]
		if !ours {
			tasks, ours = p.fronts[front{to: f.to}]
		}
		return ours && !slices.Contains(tasks, task)
	})
}

// present are the networks of these sandboxes.
func (b *balancer) present(boxes []sandbox) []network {
	var list []network
	for _, box := range boxes {
		if n, ok := b.names[box.name]; ok {
			list = append(list, n)
		}
	}
	return list
}

// forgetGone drops what is known of sandboxes that are no more.
func (b *balancer) forgetGone(boxes []sandbox) {
	for name := range b.applied {
		if !slices.ContainsFunc(boxes, func(s sandbox) bool { return s.name == name }) {
			delete(b.applied, name)
		}
	}
}

// nft applies a script in a network namespace, "" for the node's own.
func (b *balancer) nft(ctx context.Context, namespace, script string) error {
	args := []string{"nft", "-f", "-"}
	if namespace != "" {
		args = append([]string{"nsenter", "--net=" + namespace}, args...)
	}
	return b.program(ctx, script, args[0], args[1:]...)
}

func (b *balancer) program(ctx context.Context, input, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	c.Stdin, c.Stderr = strings.NewReader(input), &said
	if err := b.cfg.Run(c); err != nil {
		text := said.String()
		return fmt.Errorf("%s: %w: %.300s", name, err, strings.TrimSpace(text))
	}
	return nil
}
