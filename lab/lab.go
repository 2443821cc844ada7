package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"slipway/workshop"
)

// Labels of everything a Host makes on an Engine.
const (
	labelHost        = "slipway.host" // Config.Name
	labelSession     = "slipway.session"
	labelParticipant = "slipway.participant"
	labelLab         = "slipway.lab"
	labelNode        = "slipway.node"
)

// Owner says whose a lab is. Lab is its id: 1 to 32 of a-z, 0-9 and dashes; a
// participant's id by convention.
type Owner struct {
	Lab         string `json:"lab"`
	Session     string `json:"session"`
	Participant string `json:"participant"`
}

// Lab is the nodes of one participant, as they were found. It is a value: call
// [Host.Lab] again for news.
type Lab struct {
	ID    string
	Owner Owner
	Nodes []*Node // node1 first
}

// Node finds a node by name, nil when there is none.
func (l *Lab) Node(name string) *Node {
	for _, n := range l.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// EnsureLab makes an owner's lab or adopts what is there of it: missing nodes are
// made, stopped ones started. It returns when every node's agent answers. Calling it twice, or from two
// processes at once, is the same as calling it once.
func (h *Host) EnsureLab(ctx context.Context, owner Owner) (*Lab, error) {
	if !idPattern.MatchString(owner.Lab) {
		return nil, workshop.Errorf(workshop.Invalid, "%q can't name a lab: use up to 32 of a-z, 0-9 and dashes.", owner.Lab)
	}
	unlock, err := h.lock(ctx, "lab-"+owner.Lab)
	if err != nil {
		return nil, err
	}
	defer unlock()
	l, err := h.claimLab(ctx, owner)
	if err != nil {
		h.cfg.Log.Error("lab not ready", "lab", owner.Lab, "err", err)
		if workshop.KindOf(err) == workshop.Internal {
			err = workshop.Errorf(workshop.Unavailable, "Your nodes can't be started just now. Try again in a minute; if it stays, tell the instructor.").Because(err)
		}
		return nil, err
	}
	return l, nil
}

// claimLab finds the lab that is an owner's already, or takes one from the
// pool, or begins a new one; and sees that it is whole.
func (h *Host) claimLab(ctx context.Context, owner Owner) (*Lab, error) {
	key, ok := h.keyOf(owner.Lab)
	if !ok {
		var err error
		if key, err = h.takeWarm(ctx, owner); err != nil {
			return nil, err
		}
	}
	return h.ensureLab(ctx, record{key, owner})
}

func (h *Host) ensureLab(ctx context.Context, r record) (*Lab, error) {
	if err := h.writeOwner(r); err != nil {
		return nil, err
	}
	keys, err := h.ensureKeys(r.key)
	if err != nil {
		return nil, err
	}
	net, err := h.ensureNetwork(ctx, r)
	if err != nil {
		return nil, err
	}
	l := &Lab{ID: r.owner.Lab, Owner: r.owner, Nodes: make([]*Node, h.cfg.Nodes)}
	errs := make([]error, h.cfg.Nodes)
	var wg sync.WaitGroup
	for i := range h.cfg.Nodes {
		wg.Go(func() { l.Nodes[i], errs[i] = h.ensureNode(ctx, r, net, keys, i+1) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return l, nil
}

// Lab finds a lab by its id, in whatever state its nodes are. It answers an
// error of kind [workshop.Unknown] when there is none.
func (h *Host) Lab(ctx context.Context, id string) (*Lab, error) {
	key, ok := h.keyOf(id)
	if !ok {
		key = id
	}
	labs, err := h.list(ctx, filters.Arg("label", labelLab+"="+key))
	if err != nil {
		return nil, err
	}
	if len(labs) == 0 || labs[0].ID != id {
		return nil, workshop.Errorf(workshop.Unknown, "There is no lab %q here.", id)
	}
	return labs[0], nil
}

// Labs finds all labs that have an owner, ordered by id, running or not.
func (h *Host) Labs(ctx context.Context) ([]*Lab, error) {
	labs, err := h.list(ctx)
	return slices.DeleteFunc(labs, (*Lab).warm), err
}

func (h *Host) list(ctx context.Context, more ...filters.KeyValuePair) ([]*Lab, error) {
	args := filters.NewArgs(append(more, filters.Arg("label", labelHost+"="+h.cfg.Name))...)
	found, err := h.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: args})
	if err != nil {
		return nil, h.unreachable(err)
	}
	byID := map[string]*Lab{}
	for _, c := range found {
		key := c.Labels[labelLab]
		l := byID[key]
		if l == nil {
			owner, ok := h.readOwner(key)
			if !ok { // the labels know whose it was made for
				owner = Owner{Lab: key, Session: c.Labels[labelSession], Participant: c.Labels[labelParticipant]}
			}
			l = &Lab{ID: owner.Lab, Owner: owner}
			byID[key] = l
		}
		n := &Node{Name: c.Labels[labelNode], Lab: key, Container: c.ID, host: h, State: string(c.State), Reason: c.Status, image: c.ImageID}
		for _, e := range c.NetworkSettings.Networks {
			n.Address = addressOf(e)
		}
		l.Nodes = append(l.Nodes, n)
	}
	labs := make([]*Lab, 0, len(byID))
	for _, l := range byID {
		slices.SortFunc(l.Nodes, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
		labs = append(labs, l)
	}
	slices.SortFunc(labs, func(a, b *Lab) int { return strings.Compare(a.ID, b.ID) })
	return labs, nil
}

func addressOf(e *network.EndpointSettings) string {
	if e.IPAddress == "" && e.IPAMConfig != nil {
		return e.IPAMConfig.IPv4Address // a stopped node keeps its address
	}
	return e.IPAddress
}

// Remove deletes a lab with its nodes, volumes, network and keys. A lab that
// isn't there is no error.
func (h *Host) Remove(ctx context.Context, id string) error {
	if !idPattern.MatchString(id) {
		return workshop.Errorf(workshop.Invalid, "%q is not a lab's id.", id)
	}
	unlock, err := h.lock(ctx, "lab-"+id)
	if err != nil {
		return err
	}
	defer unlock()
	key, ok := h.keyOf(id)
	if !ok {
		key = id
	}
	mine := filters.NewArgs(filters.Arg("label", labelHost+"="+h.cfg.Name), filters.Arg("label", labelLab+"="+key))
	if err := h.removeMatching(ctx, mine); err != nil {
		return err
	}
	h.removeLabCgroups(ctx, key)
	return errors.Join(unmountBelow(h.cfg.labRun(key)), os.RemoveAll(h.cfg.labRun(key)), os.RemoveAll(h.cfg.labKeep(key)))
}

func (h *Host) removeMatching(ctx context.Context, match filters.Args) error {
	found, err := h.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	if err != nil {
		return h.unreachable(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(found))
	gate := make(chan struct{}, 8)
	for i, c := range found {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			errs[i] = ignoreGone(h.docker.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}))
		})
	}
	wg.Wait()
	volumes, err := h.docker.VolumeList(ctx, volume.ListOptions{Filters: match})
	errs = append(errs, err)
	for _, v := range volumes.Volumes {
		errs = append(errs, ignoreGone(h.docker.VolumeRemove(ctx, v.Name, true)))
	}
	networks, err := h.docker.NetworkList(ctx, network.ListOptions{Filters: match})
	errs = append(errs, err)
	for _, n := range networks {
		errs = append(errs, ignoreGone(h.docker.NetworkRemove(ctx, n.ID)))
	}
	return errors.Join(errs...)
}

func ignoreGone(err error) error {
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// Sweep removes every lab that keep doesn't claim, and what is left in the
// folders of labs that no Engine knows. Labs of the pool stay. It answers the ids of
// the labs it removed.
func (h *Host) Sweep(ctx context.Context, keep func(Owner) bool) ([]string, error) {
	labs, err := h.Labs(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]Owner{}
	for _, r := range h.records() {
		if !r.warm() {
			all[r.owner.Lab] = r.owner
		}
	}
	for _, l := range labs {
		all[l.ID] = l.Owner
	}
	var removed []string
	var errs []error
	for id, owner := range all {
		if keep(owner) {
			continue
		}
		if err := h.Remove(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("lab %s: %w", id, err))
			continue
		}
		removed = append(removed, id)
	}
	slices.Sort(removed)
	return removed, errors.Join(errs...)
}

// remakeDoors makes the sockets' folders again that a reboot took: without
// them the Engine can't start its nodes.
func (h *Host) remakeDoors(ctx context.Context) error {
	entries, err := os.ReadDir(h.cfg.labsDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		for i := range h.cfg.Nodes {
			if err := h.doorDir(ctx, e.Name(), "node"+strconv.Itoa(i+1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// agentWait bounds how long a node's agent may take from its start.
const agentWait = 20 * time.Second
