package exercises

import (
	"cmp"
	"context"
	"slices"

	"github.com/docker/docker/api/types/swarm"
)

// swarm reads what this node knows of its swarm.
func (r *reader) swarm(ctx context.Context) (*Swarm, error) {
	info, err := r.client.Info(ctx)
	if err != nil {
		return nil, err
	}
	s := &Swarm{State: string(info.Swarm.LocalNodeState), Manager: info.Swarm.ControlAvailable}
	s.Active = info.Swarm.LocalNodeState == swarm.LocalNodeStateActive
	if !s.Manager || !s.Active {
		return s, nil
	}
	if err := r.members(ctx, s); err != nil {
		return r.withoutQuorum(s), nil
	}
	return s, nil
}

// withoutQuorum is the answer of a manager that can't speak for its swarm at
// the moment: what it said last.
func (r *reader) withoutQuorum(s *Swarm) *Swarm {
	if was := r.m.state.Swarm; was != nil {
		s.Nodes, s.Services = was.Nodes, was.Services
	}
	return s
}

func (r *reader) members(ctx context.Context, s *Swarm) error {
	nodes, err := r.client.NodeList(ctx, swarm.NodeListOptions{})
	if err != nil {
		return err
	}
	services, err := r.client.ServiceList(ctx, swarm.ServiceListOptions{Status: true})
	if err != nil {
		return err
	}
	tasks, err := r.client.TaskList(ctx, swarm.TaskListOptions{})
	if err != nil {
		return err
	}
	hosts := map[string]string{}
	for _, n := range nodes {
		hosts[n.ID] = n.Description.Hostname
		one := &SwarmNode{ID: n.ID, Hostname: n.Description.Hostname, Role: string(n.Spec.Role),
			Availability: string(n.Spec.Availability), Status: string(n.Status.State)}
		one.Leader = n.ManagerStatus != nil && n.ManagerStatus.Leader
		s.Nodes = append(s.Nodes, one)
	}
	slices.SortFunc(s.Nodes, func(a, b *SwarmNode) int { return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.ID, b.ID)) })
	for _, service := range services {
		s.Services = append(s.Services, r.service(service, tasks, hosts))
	}
	slices.SortFunc(s.Services, func(a, b *SwarmService) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

func (r *reader) service(from swarm.Service, tasks []swarm.Task, hosts map[string]string) *SwarmService {
	s := &SwarmService{Exists: true, ID: from.ID, Name: from.Spec.Name, Mode: "replicated", Labels: from.Spec.Labels, Stack: from.Spec.Labels[labelStack]}
	if c := from.Spec.TaskTemplate.ContainerSpec; c != nil {
		s.Image = c.Image
	}
	switch {
	case from.Spec.Mode.Global != nil:
		s.Mode = "global"
	case from.Spec.Mode.Replicated != nil && from.Spec.Mode.Replicated.Replicas != nil:
		s.Replicas = int(*from.Spec.Mode.Replicated.Replicas)
	}
	if s.Mode == "global" && from.ServiceStatus != nil {
		s.Replicas = int(from.ServiceStatus.DesiredTasks)
	}
	if from.UpdateStatus != nil {
		s.UpdateState = string(from.UpdateStatus.State)
	}
	for _, p := range from.Endpoint.Ports {
		s.Ports = append(s.Ports, &Port{Container: int(p.TargetPort), Host: int(p.PublishedPort), Protocol: string(p.Protocol)})
	}
	s.Networks = r.networkNames(from.Spec.TaskTemplate.Networks)
	for _, t := range tasks {
		if t.ServiceID == from.ID {
			s.Tasks = append(s.Tasks, taskFrom(t, s.Name, hosts))
		}
	}
	slices.SortFunc(s.Tasks, func(a, b *Task) int { return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.ID, b.ID)) })
	return s
}

func taskFrom(t swarm.Task, service string, hosts map[string]string) *Task {
	one := &Task{ID: t.ID, Service: service, Node: hosts[t.NodeID], State: string(t.Status.State), Wanted: string(t.DesiredState), Error: t.Status.Err, Slot: t.Slot}
	if t.Spec.ContainerSpec != nil {
		one.Image = t.Spec.ContainerSpec.Image
	}
	return one
}

// networkNames turns the ids that services keep into names.
func (r *reader) networkNames(attached []swarm.NetworkAttachmentConfig) []string {
	names := []string{}
	for _, a := range attached {
		name := a.Target
		for _, n := range r.m.state.Networks {
			if n.ID == a.Target {
				name = n.Name
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// settling says whether the swarm is on its way to what is wanted: then it is
// read every second, as tasks have no events.
func (r *reader) settling() bool {
	s := r.m.state.Swarm
	if s == nil || !s.Manager {
		return false
	}
	if r.m.now().Before(r.settleUntil) {
		return true
	}
	for _, service := range s.Services {
		if service.UpdateState == "updating" || service.UpdateState == "rollback_started" {
			return true
		}
		for _, t := range service.Tasks {
			if t.Wanted == "running" && t.State != "running" || t.Wanted == "shutdown" && t.State == "running" {
				return true
			}
		}
	}
	return false
}
