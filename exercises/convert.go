package exercises

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// What the Engine's API says, as our values. An older or newer Engine may
// leave out any part: nothing here relies on a pointer being set.

func containerFrom(node string, r container.InspectResponse) *Container {
	c := &Container{Exists: true, Node: node, Labels: map[string]string{}, LogOptions: map[string]string{}}
	if b := r.ContainerJSONBase; b != nil {
		c.ID, c.Name, c.ImageID = b.ID, strings.TrimPrefix(b.Name, "/"), b.Image
		c.Restarts, c.CreatedAt = b.RestartCount, parseTime(b.Created)
		c.Command = strings.Join(append([]string{b.Path}, b.Args...), " ")
		stateFrom(c, b.State)
		settingsFrom(c, b.HostConfig)
	}
	if r.Config != nil {
		c.Image, c.Hostname, c.User, c.TTY, c.Stdin = r.Config.Image, r.Config.Hostname, r.Config.User, r.Config.Tty, r.Config.OpenStdin
		c.Env = r.Config.Env
		if r.Config.Labels != nil {
			c.Labels = r.Config.Labels
		}
	}
	if r.NetworkSettings != nil {
		portsFrom(c, r.NetworkSettings)
		attachmentsFrom(c, r.NetworkSettings)
	}
	for _, m := range r.Mounts {
		c.Mounts = append(c.Mounts, &Mount{Type: string(m.Type), Source: m.Source, Target: m.Destination, Volume: m.Name, ReadOnly: !m.RW})
	}
	slices.SortFunc(c.Mounts, func(a, b *Mount) int { return cmp.Compare(a.Target, b.Target) })
	return c
}

func stateFrom(c *Container, s *container.State) {
	c.Health = "none"
	if s == nil {
		return
	}
	c.State, c.ExitCode, c.OOMKilled = string(s.Status), s.ExitCode, s.OOMKilled
	c.StartedAt, c.FinishedAt = parseTime(s.StartedAt), parseTime(s.FinishedAt)
	if s.Health != nil && s.Health.Status != "" {
		c.Health = string(s.Health.Status)
	}
}

func settingsFrom(c *Container, h *container.HostConfig) {
	if h == nil {
		return
	}
	c.AutoRemove, c.Privileged, c.Memory = h.AutoRemove, h.Privileged, h.Memory
	c.RestartPolicy = cmp.Or(string(h.RestartPolicy.Name), "no")
	c.VolumesFrom, c.NetworkMode, c.ExtraHosts, c.Links = h.VolumesFrom, string(h.NetworkMode), h.ExtraHosts, h.Links
	if c.NetworkMode == "default" {
		c.NetworkMode = "bridge"
	}
	c.LogDriver = h.LogConfig.Type
	if h.LogConfig.Config != nil {
		c.LogOptions = h.LogConfig.Config
	}
}

func portsFrom(c *Container, s *container.NetworkSettings) {
	for port, bindings := range s.Ports {
		for _, b := range bindings {
			c.Ports = append(c.Ports, &Port{Container: port.Int(), Host: atoi(b.HostPort), HostIP: b.HostIP, Protocol: port.Proto()})
		}
	}
	slices.SortFunc(c.Ports, func(a, b *Port) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Host, b.Host), cmp.Compare(a.HostIP, b.HostIP), cmp.Compare(a.Protocol, b.Protocol))
	})
}

func attachmentsFrom(c *Container, s *container.NetworkSettings) {
	for name, e := range s.Networks {
		a := Attachment{Network: name}
		if e != nil {
			a.Address = e.IPAddress
			a.Aliases = append(slices.Clone(e.Aliases), e.DNSNames...)
			slices.Sort(a.Aliases)
			a.Aliases = slices.Compact(a.Aliases)
		}
		c.Attachments = append(c.Attachments, a)
	}
	slices.SortFunc(c.Attachments, func(a, b Attachment) int { return cmp.Compare(a.Network, b.Network) })
}

// containerFromEvent is what is known of a container that came and went
// before it could be inspected.
func containerFromEvent(node string, e events.Message) *Container {
	labels := maps.Clone(e.Actor.Attributes)
	for _, own := range []string{"image", "name", "exitCode", "execDuration", "signal"} {
		delete(labels, own)
	}
	return &Container{ID: e.Actor.ID, Name: e.Actor.Attributes["name"], Node: node, Image: e.Actor.Attributes["image"],
		State: "exited", ExitCode: atoi(e.Actor.Attributes["exitCode"]), Health: "none", Labels: labels,
		LogOptions: map[string]string{}, FinishedAt: time.Unix(0, e.TimeNano), removedFromLog: true}
}

func imageFrom(s image.Summary) *Image {
	i := &Image{Exists: true, ID: s.ID, Size: s.Size, CreatedAt: time.Unix(s.Created, 0), Labels: s.Labels}
	isReal := func(name string) bool { return !strings.HasPrefix(name, "<none>") }
	i.Tags = filter(s.RepoTags, isReal)
	i.Digests = filter(s.RepoDigests, isReal)
	slices.Sort(i.Tags)
	slices.Sort(i.Digests)
	return i
}

func networkFrom(s network.Summary) *Network {
	n := &Network{Exists: true, ID: s.ID, Name: s.Name, Driver: s.Driver, Scope: s.Scope, Internal: s.Internal, Attachable: s.Attachable, Labels: s.Labels}
	for _, c := range s.IPAM.Config {
		n.Subnets = append(n.Subnets, c.Subnet)
	}
	return n
}

func volumeFrom(v *volume.Volume) *Volume {
	return &Volume{Exists: true, Name: v.Name, Driver: v.Driver, Labels: v.Labels, Options: v.Options, CreatedAt: parseTime(v.CreatedAt)}
}

func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

func filter[T any](all []T, keep func(T) bool) []T {
	kept := []T{}
	for _, x := range all {
		if keep(x) {
			kept = append(kept, x)
		}
	}
	return kept
}
