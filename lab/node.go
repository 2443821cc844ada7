package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/strslice"

	"slipway/workshop"
)

// Node is one Docker host of a lab, as it was found.
type Node struct {
	Name      string // node1, node2, ...
	Lab       string // as the Engine knows it; not the lab's id if that was taken from the pool
	Address   string // in its lab's network
	Container string // its id on the Engine that hosts it
	State     string // running, exited, ... as the Engine says
	Reason    string // more words on that

	host  *Host
	image string // its id
}

// Dial connects to the node's agent: see docs/protocol.md for what it speaks.
// Each call is a connection of its own.
func (n *Node) Dial(ctx context.Context) (net.Conn, error) {
	if !n.host.own {
		return n.host.tunnel(ctx, n)
	}
	conn, err := n.host.dialDoor(ctx, n.Lab, n.Name)
	if err != nil {
		return nil, workshop.Errorf(workshop.Unavailable, "%s does not answer. It may be starting; try again in a few seconds.", n.Name).Because(err)
	}
	return conn, nil
}

// objectName names a lab's network (no node) or a node's container and volume.
func (h *Host) objectName(lab, node string) string {
	name := h.cfg.Name + "-" + lab
	if node != "" {
		name += "-" + node
	}
	return name
}

func (h *Host) labels(r record, node string) map[string]string {
	labels := map[string]string{
		labelHost: h.cfg.Name, labelLab: r.key,
		labelSession: r.owner.Session, labelParticipant: r.owner.Participant,
	}
	if node != "" {
		labels[labelNode] = node
	}
	return labels
}

// ensureNode makes, starts or adopts node number i and waits for its agent.
func (h *Host) ensureNode(ctx context.Context, r record, net netip.Prefix, keys labKeys, i int) (*Node, error) {
	node := &Node{Name: "node" + strconv.Itoa(i), Lab: r.key, Address: nodeAddress(net, i).String(), host: h}
	if err := h.doorDir(ctx, r.key, node.Name); err != nil {
		return nil, err
	}
	found, err := h.docker.ContainerInspect(ctx, h.objectName(r.key, node.Name))
	if cerrdefs.IsNotFound(err) {
		if node.Container, err = h.createNode(ctx, r, net, keys, i); err != nil {
			return nil, fmt.Errorf("make %s: %w", node.Name, err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("look at %s: %w", node.Name, err)
	} else {
		node.Container = found.ID
	}
	if found.ContainerJSONBase == nil || found.State == nil || !found.State.Running {
		if err := h.docker.ContainerStart(ctx, node.Container, container.StartOptions{}); err != nil {
			return nil, fmt.Errorf("start %s: %w", node.Name, err)
		}
	}
	if h.own {
		if err := h.handCgroups(r.key, node.Container); err != nil {
			return nil, err
		}
	}
	node.State = "running"
	return node, h.waitAgent(ctx, node)
}

func (h *Host) waitAgent(ctx context.Context, node *Node) error {
	err := waitFor(ctx, agentWait, func() bool {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		conn, err := node.Dial(ctx)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	if err != nil {
		return workshop.Errorf(workshop.Unavailable, "%s started, but its agent does not answer. \"slipway status\" tells more.", node.Name).Because(err)
	}
	return nil
}

func (h *Host) createNode(ctx context.Context, r record, net netip.Prefix, keys labKeys, i int) (string, error) {
	name := "node" + strconv.Itoa(i)
	image := h.image()
	if image == "" {
		return "", workshop.Errorf(workshop.Unavailable, "The node image is missing. \"slipway up\" builds it.")
	}
	conf := &container.Config{
		Image: image, Hostname: name, Cmd: strslice.StrSlice(h.cfg.Command), Labels: h.labels(r, name),
		Env: []string{"SLIPWAY_NODE=" + name, "SLIPWAY_LAB=" + r.key, "SLIPWAY_ADDRESS=" + nodeAddress(net, i).String()},
	}
	endpoint := &network.EndpointSettings{
		Aliases:    []string{name},
		IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: nodeAddress(net, i).String()},
	}
	created, err := h.docker.ContainerCreate(ctx, conf, h.nodeHostConfig(r, net, name),
		&network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{h.objectName(r.key, ""): endpoint}},
		nil, h.objectName(r.key, name))
	if cerrdefs.IsConflict(err) { // somebody else was first
		found, err := h.docker.ContainerInspect(ctx, h.objectName(r.key, name))
		return found.ID, err
	}
	if err != nil {
		return "", err
	}
	return created.ID, h.docker.CopyToContainer(ctx, created.ID, "/", bytes.NewReader(keys.archive()), container.CopyToContainerOptions{})
}

// nodeUlimits bound each process of a node. A core of 1 byte is no dump at all,
// not even through the host's program for dumps, which 0 does not prevent. More than
// the Engine has itself it may not be able to give.
func nodeUlimits() []*container.Ulimit {
	files := uint64(65536)
	var own syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own) == nil {
		files = min(files, own.Max)
	}
	return []*container.Ulimit{
		{Name: "nofile", Soft: int64(files), Hard: int64(files)},
		{Name: "core", Soft: 1, Hard: 1},
	}
}

// nodeHostConfig is what a node may do: its own file is the reading of record
// for the isolation that SECURITY.md promises.
func (h *Host) nodeHostConfig(r record, net netip.Prefix, name string) *container.HostConfig {
	limits := h.cfg.Limits
	conf := &container.HostConfig{
		NetworkMode:   container.NetworkMode(h.objectName(r.key, "")),
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyUnlessStopped},
		Runtime:       h.cfg.Runtime,
		CgroupnsMode:  container.CgroupnsModePrivate,
		ExtraHosts:    h.nodeHosts(net),
		// Nodes know each other by ExtraHosts. Any other name waits for a server that a lab
		// has no way to: two seconds, not twenty, also for each pull from the library.
		DNSOptions: []string{"timeout:1", "attempts:1"},
		Tmpfs:      map[string]string{"/run": "rw,nosuid,nodev,mode=755,size=64m"},
		Mounts: []mount.Mount{{
			Type: mount.TypeVolume, Source: h.objectName(r.key, name), Target: "/var/lib/docker",
			VolumeOptions: &mount.VolumeOptions{Labels: h.labels(r, name), NoCopy: true},
		}},
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m", "max-file": "2"}},
		Resources: container.Resources{
			Memory: limits.Memory, MemorySwap: limits.Memory,
			NanoCPUs: int64(limits.CPUs * 1e9), PidsLimit: &limits.PIDs, Ulimits: nodeUlimits(),
		},
	}
	if h.own {
		conf.CgroupParent = h.cfg.cgroupParent() + "/" + r.key
		conf.Mounts = append(conf.Mounts, mount.Mount{
			Type: mount.TypeBind, Source: filepath.Join(h.cfg.labRun(r.key), name), Target: "/run/slipway",
		})
	} else {
		conf.Tmpfs["/run/slipway"] = "rw,nosuid,nodev,mode=700,size=1m" // the tunnel is the way in
	}
	conf.CapDrop = strslice.StrSlice{"ALL"}
	conf.CapAdd = capabilitiesFor(boundingSet())
	conf.SecurityOpt = []string{"seccomp=" + seccompProfile, "apparmor=unconfined"}
	// Not nil: the nested Engine mounts /proc for its containers, which the kernel
	// allows only where nothing of the node's own /proc is hidden.
	conf.MaskedPaths, conf.ReadonlyPaths = []string{}, []string{}
	return conf
}

func (h *Host) nodeHosts(net netip.Prefix) []string {
	var hosts []string
	for i := 1; i <= h.cfg.Nodes; i++ {
		hosts = append(hosts, fmt.Sprintf("node%d:%s", i, nodeAddress(net, i)))
	}
	return hosts
}
