package lab

import (
	"context"
	"encoding/binary"
	"net/netip"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"slipway/workshop"
)

const (
	labBits   = 26 // prefix length of a lab's network: 64 addresses
	firstNode = 10 // node1 is the 11th address of its lab
)

// ensureNetwork makes the bridge network of a lab, or finds it, and answers
// its addresses. It leads nowhere but to the lab's own nodes.
func (h *Host) ensureNetwork(ctx context.Context, r record) (netip.Prefix, error) {
	name := h.objectName(r.key, "")
	if prefix, err := h.networkPrefix(ctx, name); !cerrdefs.IsNotFound(err) {
		return prefix, err
	}
	unlock, err := h.lock(ctx, "network") // two labs made at once must not choose the same addresses
	if err != nil {
		return netip.Prefix{}, err
	}
	defer unlock()
	used, err := h.usedPrefixes(ctx)
	if err != nil {
		return netip.Prefix{}, err
	}
	for prefix := range subnets(h.cfg.Pool) {
		if overlapsAny(prefix, used) {
			continue
		}
		err := h.createNetwork(ctx, name, r, prefix)
		switch {
		case err == nil:
			return prefix, nil
		case strings.Contains(err.Error(), "overlap"): // with something of the host that the Engine knows and we don't
			continue
		case cerrdefs.IsConflict(err) || strings.Contains(err.Error(), "already exists"):
			return h.networkPrefix(ctx, name)
		}
		return netip.Prefix{}, err
	}
	return netip.Prefix{}, workshop.Errorf(workshop.TooMany, "All networks for labs are taken: end labs that nobody uses, or give Slipway a wider address pool.")
}

func (h *Host) createNetwork(ctx context.Context, name string, r record, prefix netip.Prefix) error {
	_, err := h.docker.NetworkCreate(ctx, name, network.CreateOptions{
		Driver:   "bridge",
		Internal: true,
		IPAM:     &network.IPAM{Config: []network.IPAMConfig{{Subnet: prefix.String(), Gateway: prefix.Addr().Next().String()}}},
		Labels:   h.labels(r, ""),
	})
	return err
}

// networkPrefix answers the addresses of a network that is there.
func (h *Host) networkPrefix(ctx context.Context, name string) (netip.Prefix, error) {
	found, err := h.docker.NetworkInspect(ctx, name, network.InspectOptions{})
	if err != nil {
		return netip.Prefix{}, err
	}
	for _, c := range found.IPAM.Config {
		if prefix, err := netip.ParsePrefix(c.Subnet); err == nil {
			return prefix, nil
		}
	}
	return netip.Prefix{}, workshop.Errorf(workshop.Conflict, "The network %s has no addresses: remove it, and try again.", name)
}

func (h *Host) usedPrefixes(ctx context.Context) ([]netip.Prefix, error) {
	all, err := h.docker.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs()})
	if err != nil {
		return nil, err
	}
	var used []netip.Prefix
	for _, n := range all {
		for _, c := range n.IPAM.Config {
			if prefix, err := netip.ParsePrefix(c.Subnet); err == nil {
				used = append(used, prefix)
			}
		}
	}
	return used, nil
}

func overlapsAny(prefix netip.Prefix, used []netip.Prefix) bool {
	for _, u := range used {
		if u.Overlaps(prefix) {
			return true
		}
	}
	return false
}

// subnets yields the labs' networks of a pool in order.
func subnets(pool netip.Prefix) func(yield func(netip.Prefix) bool) {
	return func(yield func(netip.Prefix) bool) {
		addr := pool.Masked().Addr()
		for pool.Contains(addr) {
			if !yield(netip.PrefixFrom(addr, labBits)) {
				return
			}
			addr = plus(addr, 1<<(32-labBits))
			if addr.IsUnspecified() {
				return // wrapped around the end of the address space
			}
		}
	}
}

// nodeAddress is where node number i (from 1) of a lab lives.
func nodeAddress(lab netip.Prefix, i int) netip.Addr {
	return plus(lab.Masked().Addr(), uint32(firstNode+i))
}

func plus(addr netip.Addr, n uint32) netip.Addr {
	b := addr.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+n)
	return netip.AddrFrom4(b)
}
