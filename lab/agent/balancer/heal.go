package balancer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protowire"
)

// The Engine tells the kernel the way to each address of an overlay network that
// is on another node: its hardware address, and the node it is behind. When a packet
// from there arrives before the Engine did so, the kernel has learned the way by
// itself, the Engine's attempt fails because there is something, and once what was
// learned grows old the address is out of reach for good. That happens when
// nodes join at the same moment. The balancer puts such ways in order.

// healEvery is how often ways are compared; one is put in order when it was
// missing twice in a row, so that the Engine has had its chance.
const healEvery = 2 * time.Second

// Field numbers of the record of a way.
const fieldWayIP, fieldWayMAC, fieldWayVia = 1, 2, 3

// way leads to an address of an overlay network on another node.
type way struct {
	ip  netip.Addr
	mac string // as net.HardwareAddr writes it
	via netip.Addr
}

func parseWay(b []byte) (way, error) {
	var w way
	err := fields(b, func(n protowire.Number, _ uint64, data []byte) error {
		var err error
		switch n {
		case fieldWayIP:
			ip, _, _ := strings.Cut(string(data), "/")
			w.ip, err = address([]byte(ip))
		case fieldWayMAC:
			var mac net.HardwareAddr
			mac, err = net.ParseMAC(string(data))
			w.mac = mac.String()
		case fieldWayVia:
			w.via, err = address(data)
		}
		return err
	})
	if err == nil && (!w.ip.IsValid() || !w.via.IsValid() || len(w.mac) != len("00:00:00:00:00:00")) {
		err = errRecord
	}
	return w, err
}

// healer remembers what was missing and what it put in order.
type healer struct {
	next    time.Time
	missing map[string]map[way]bool // by namespace
	ours    map[string]map[way]bool
}

func newHealer() *healer {
	return &healer{missing: map[string]map[way]bool{}, ours: map[string]map[way]bool{}}
}

// heal puts the ways of these networks in order when it is time.
func (b *balancer) heal(ctx context.Context, networks []network) error {
	if time.Now().Before(b.healer.next) {
		return nil
	}
	b.healer.next = time.Now().Add(healEvery)
	var errs []error
	missing, kept := map[string]map[way]bool{}, map[string]map[way]bool{}
	for _, n := range networks {
		space := sandbox{name: n.Name, path: filepath.Join(b.cfg.Namespaces, "1-"+n.ID[:min(len(n.ID), 10)])}
		ways, err := b.engine.ways(ctx, n.ID)
		if err == nil {
			missing[n.ID], kept[n.ID], err = b.healer.healOne(space, n.ID, ways)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("ways of network %s: %w", n.Name, err))
		}
		for w := range missing[n.ID] {
			b.cfg.Log.Debug("a way of an overlay network is missing", "network", n.Name, "to", w.ip, "via", w.via)
		}
	}
	b.healer.missing, b.healer.ours = missing, kept
	return errors.Join(errs...)
}

// healOne compares the ways of one network with the kernel's. It answers which
// are missing for the first time, and which are there because of it.
func (h *healer) healOne(space sandbox, id string, ways map[way]bool) (missing, kept map[way]bool, err error) {
	kernel, err := space.enter()
	if err != nil {
		return nil, nil, err
	}
	defer kernel.Close()
	tunnel, err := kernel.LinkByName("vxlan0")
	if err != nil {
		return nil, nil, err
	}
	known, err := knownWays(kernel, tunnel.Attrs().Index)
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	missing, kept = map[way]bool{}, map[way]bool{}
	for w := range ways {
		switch {
		case ours(w.via): // it is here
		case known[w]:
			kept[w] = h.ours[id][w]
		case h.missing[id][w]:
			errs = append(errs, setWay(kernel, tunnel.Attrs().Index, w))
			kept[w] = true
		default:
			missing[w] = true
		}
	}
	for w, own := range h.ours[id] {
		if own && !ways[w] { // the Engine takes back only what it gave
			errs = append(errs, deleteWay(kernel, tunnel.Attrs().Index, w))
		}
	}
	return missing, kept, errors.Join(errs...)
}

// knownWays are the lasting ways that the kernel has.
func knownWays(kernel *netlink.Handle, index int) (map[way]bool, error) {
	macs, err := kernel.NeighList(index, unix.AF_INET)
	if err != nil {
		return nil, err
	}
	vias, err := kernel.NeighList(index, unix.AF_BRIDGE)
	if err != nil {
		return nil, err
	}
	behind := map[string]netip.Addr{}
	for _, v := range vias {
		if a, ok := netip.AddrFromSlice(v.IP.To4()); ok && v.State&netlink.NUD_PERMANENT != 0 {
			behind[v.HardwareAddr.String()] = a
		}
	}
	known := map[way]bool{}
	for _, m := range macs {
		mac := m.HardwareAddr.String()
		if a, ok := netip.AddrFromSlice(m.IP.To4()); ok && m.State&netlink.NUD_PERMANENT != 0 {
			known[way{a, mac, behind[mac]}] = true
		}
	}
	return known, nil
}

func setWay(kernel *netlink.Handle, index int, w way) error {
	mac, via := w.entries(index)
	return errors.Join(kernel.NeighSet(mac), kernel.NeighSet(via))
}

func deleteWay(kernel *netlink.Handle, index int, w way) error {
	mac, via := w.entries(index)
	var errs []error
	for _, entry := range []*netlink.Neigh{mac, via} {
		if err := kernel.NeighDel(entry); err != nil && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// entries are the two entries of the kernel that make a way.
func (w way) entries(index int) (mac, via *netlink.Neigh) {
	hardware, _ := net.ParseMAC(w.mac)
	mac = &netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, IP: w.ip.AsSlice(), HardwareAddr: hardware}
	via = &netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, IP: w.via.AsSlice(), HardwareAddr: hardware,
		Family: unix.AF_BRIDGE, Flags: netlink.NTF_SELF}
	return mac, via
}
