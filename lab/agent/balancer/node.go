package balancer

import (
	"context"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// passRules let connections to published ports pass the node, and their answers
// pass back, in the chain that Docker keeps for others: its own drop what it
// doesn't know of, and what goes from one bridge to another.
var passRules = [][]string{
	{"DOCKER-USER", "-o", gateBridge, "-m", "conntrack", "--ctstate", "DNAT",
		"-m", "comment", "--comment", "to published ports of services", "-j", "ACCEPT"},
	{"DOCKER-USER", "-i", gateBridge, "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "--ctdir", "REPLY",
		"-m", "comment", "--comment", "from published ports of services", "-j", "ACCEPT"},
}

// openPorts sends the node's published ports to the ingress sandbox, as far as
// its plan has tasks for them. All fronts of that plan are at its gate.
func (b *balancer) openPorts(ctx context.Context, p plan) error {
	var gate netip.Addr
	for f := range p.fronts {
		gate = f.to
	}
	ports := p.ports()
	rules := nodeRules(gate, ports)
	if rules == b.node {
		return nil
	}
	if len(ports) > 0 {
		if err := b.letPass(ctx); err != nil {
			return err
		}
	}
	if err := b.nft(ctx, "", rules); err != nil {
		return err
	}
	before := b.ports
	b.node, b.ports = rules, ports
	if len(ports) == 0 {
		b.letPassNoMore(ctx)
	}
	h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer h.Close()
	return forget(h, func(f front, task netip.Addr) bool {
		return slices.Contains(ports, f.port) != slices.Contains(before, f.port) && (task == gate) != slices.Contains(ports, f.port)
	})
}

func (b *balancer) letPass(ctx context.Context) error {
	// A packet with a source in 127.0.0.0/8 may leave by this bridge.
	if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+gateBridge+"/route_localnet", []byte("1"), 0); err != nil {
		return err
	}
	for _, rule := range passRules {
		if b.iptables(ctx, "-C", rule) == nil {
			continue
		}
		if err := b.iptables(ctx, "-I", rule); err != nil {
			return err
		}
	}
	return nil
}

func (b *balancer) letPassNoMore(ctx context.Context) {
	for _, rule := range passRules {
		// Where the rule is not there any more, there is nothing to complain about.
		_ = b.iptables(ctx, "-D", rule)
	}
}

func (b *balancer) iptables(ctx context.Context, act string, rule []string) error {
	return b.program(ctx, "", "iptables", append([]string{"-w", "5", act}, rule...)...)
}

// clear removes all rules.
func (b *balancer) clear(ctx context.Context) {
	boxes, _ := sandboxes(b.cfg.Namespaces)
	for _, box := range boxes {
		if b.applied[box.name].inode == box.inode {
			b.tell(b.nft(ctx, box.path, clearRules))
		}
	}
	b.tell(b.nft(ctx, "", clearRules))
	if len(b.ports) > 0 {
		b.letPassNoMore(ctx)
	}
}
