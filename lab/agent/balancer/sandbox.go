package balancer

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Names that the Engine gives.
const (
	gateBridge     = "docker_gwbridge" // joins the ingress sandbox to the node
	ingressSandbox = "ingress_sbox"
	sandboxPrefix  = "lb_" // followed by the first characters of a network's id
)

// maxSandboxes bounds how many networks of a node are balanced.
const maxSandboxes = 256

// sandbox is a network namespace in which the Engine would have IPVS work: one
// for the ingress, one for each overlay network that has a task here.
type sandbox struct {
	name  string
	path  string
	inode uint64 // another one when the Engine made the namespace anew
}

// sandboxes lists those of the node. A folder that is not there has none.
func sandboxes(dir string) ([]sandbox, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var list []sandbox
	for _, e := range entries {
		if e.Name() != ingressSandbox && !strings.HasPrefix(e.Name(), sandboxPrefix) || len(list) == maxSandboxes {
			continue
		}
		s := sandbox{name: e.Name(), path: filepath.Join(dir, e.Name())}
		var st unix.Stat_t
		var fs unix.Statfs_t
		if unix.Stat(s.path, &st) != nil || unix.Statfs(s.path, &fs) != nil || fs.Type != unix.NSFS_MAGIC {
			continue // gone meanwhile, or not mounted yet
		}
		s.inode = st.Ino
		list = append(list, s)
	}
	return list, nil
}

// link is an interface of a sandbox with its IPv4 addresses.
type link struct {
	netlink.Link
	addrs []netip.Prefix
}

// enter opens a netlink connection in the sandbox.
func (s sandbox) enter() (*netlink.Handle, error) {
	ns, err := netns.GetFromPath(s.path)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	return netlink.NewHandleAt(ns, unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER)
}

// links lists the interfaces of a namespace without its loopback.
func links(h *netlink.Handle) ([]link, error) {
	all, err := h.LinkList()
	if err != nil {
		return nil, err
	}
	var list []link
	for _, l := range all {
		if l.Attrs().Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := h.AddrList(l, netlink.FAMILY_V4)
		if err != nil {
			return nil, err
		}
		in := link{Link: l}
		for _, a := range addrs {
			if ip, ok := netip.AddrFromSlice(a.IP.To4()); ok {
				ones, _ := a.Mask.Size()
				in.addrs = append(in.addrs, netip.PrefixFrom(ip, ones))
			}
		}
		list = append(list, in)
	}
	return list, nil
}

var errUnready = errors.New("the Engine is still making the sandbox")

// own finds the sandbox's interface in its network, and its address there.
func own(list []link, n network) (link, netip.Addr, error) {
	for _, l := range list {
		for _, a := range l.addrs {
			if a.Bits() < 32 && n.contains(a.Addr()) {
				return l, a.Addr(), nil
			}
		}
	}
	return link{}, netip.Addr{}, errUnready
}

// gate is the address at which the node reaches the ingress sandbox: the one on
// its other interface.
func gate(list []link, own link) (netip.Addr, error) {
	for _, l := range list {
		if l.Attrs().Index != own.Attrs().Index && len(l.addrs) > 0 {
			return l.addrs[0].Addr(), nil
		}
	}
	return netip.Addr{}, errUnready
}

// setVIPs gives an interface exactly the virtual IPs it should have. Every
// address of a single host is one of ours.
func setVIPs(h *netlink.Handle, l link, want []netip.Addr) error {
	have := map[netip.Addr]bool{}
	var errs []error
	for _, a := range l.addrs {
		if a.Bits() != 32 {
			continue
		}
		have[a.Addr()] = true
		if !slices.Contains(want, a.Addr()) {
			errs = append(errs, h.AddrDel(l, hostAddr(a.Addr())))
		}
	}
	for _, a := range want {
		if !have[a] {
			errs = append(errs, h.AddrReplace(l, hostAddr(a)))
		}
	}
	return errors.Join(errs...)
}

func hostAddr(a netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(32, 32)}}
}

// forward lets the sandbox pass packets on, as it needs to.
func (s sandbox) forward() error {
	return s.within(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
}

// within calls do on a thread that is in the sandbox's network namespace. The
// thread ends with it, so that no other goroutine can ever find itself there.
func (s sandbox) within(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: that ends the thread
		f, err := os.Open(s.path)
		if err != nil {
			done <- err
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter %s: %w", s.name, err)
			return
		}
		done <- do()
	}()
	return <-done
}

// forget drops what the kernel remembers of connections without a connection,
// which would go on to where they went first for as long as they go on.
func forget(h *netlink.Handle, stale func(front, netip.Addr) bool) error {
	_, err := h.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, staleFlows(stale))
	return err
}

// staleFlows picks the UDP flows whose front and task are stale.
type staleFlows func(front, netip.Addr) bool

// MatchConntrackFlow is asked for each flow.
func (stale staleFlows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if flow.Forward.Protocol != unix.IPPROTO_UDP {
		return false
	}
	to, ok := netip.AddrFromSlice(flow.Forward.DstIP.To4())
	task, ok2 := netip.AddrFromSlice(flow.Reverse.SrcIP.To4())
	return ok && ok2 && stale(front{to, port{"udp", flow.Forward.DstPort}}, task)
}
