package ambassador

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"slipway/dockercoins/tools/internal/engines"
)

// A Keeper makes, configures and removes ambassadors of one project. Its methods
// are for one goroutine; what it says comes in whole lines.
type Keeper struct {
	Set     *engines.Set
	Project string
	Image   string // of the balancer, usually hamba
	Ports   Ports  // may be nil
	Out     io.Writer

	mu      sync.Mutex        // of Out
	told    map[string]string // by ambassador: the configuration it took last
	dropped map[string]bool   // remarks made already
	memory  memory
}

func (k *Keeper) say(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fmt.Fprintf(k.Out, format+"\n", args...)
}

// Create brings the ambassadors in step with the picture: missing ones are made,
// stopped ones started, stale ones removed. Each trouble is part of the error;
// the others are done all the same.
func (k *Keeper) Create(ctx context.Context, p *Picture) error {
	plan := p.Plan()
	err := each(plan.Remove, func(_ int, a *Ambassador) error {
		if err := k.remove(ctx, a); err != nil {
			return err
		}
		k.say("%s: removed an ambassador for %s, its container is gone", a.Engine.Name, a.Service)
		return nil
	})
	err = errors.Join(err, each(plan.Start, func(_ int, a *Ambassador) error {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		now := 0
		if err := a.Engine.Docker.ContainerRestart(ctx, a.ID, container.StopOptions{Timeout: &now}); err != nil {
			return fmt.Errorf("%s: the ambassador for %s can't be started: %w", a.Engine.Name, a.Service, err)
		}
		k.say("%s: started an ambassador for %s again", a.Engine.Name, a.Service)
		return nil
	}))
	err = errors.Join(err, each(plan.Create, func(_ int, m Missing) error { return k.create(ctx, m) }))
	if n := len(plan.Create) + len(plan.Start) + len(plan.Remove); n > 0 || k.told == nil {
		k.say("%s wanted, %d were there already.", count(len(plan.Create)+len(plan.Start)+plan.There, "ambassador"), plan.There)
	}
	return err
}

// create makes one ambassador, without a configuration yet.
func (k *Keeper) create(ctx context.Context, m Missing) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	docker := m.Engine.Docker
	made, err := docker.ContainerCreate(ctx, &container.Config{
		Image: k.Image, Cmd: []string{"run"}, Labels: map[string]string{
			labelProject: k.Project, labelContainer: m.ID, labelService: m.Need.Service, labelBind: m.Bind,
		},
	}, &container.HostConfig{NetworkMode: container.NetworkMode("container:" + m.ID)}, nil, nil, ambassadorName(m))
	switch {
	case cerrdefs.IsConflict(err):
		return nil // somebody else was faster
	case notFound(err):
		return fmt.Errorf("%s: there is no image %s for the ambassador of %s; bring it with \"docker pull\"", m.Engine.Name, k.Image, m.Container.Name)
	case err != nil:
		return fmt.Errorf("%s: no ambassador for %s: %w", m.Engine.Name, m.Container.Name, err)
	}
	if err := docker.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		_ = docker.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		return fmt.Errorf("%s: the ambassador of %s does not start: %w", m.Engine.Name, m.Container.Name, err)
	}
	k.say("%s: %s finds %s at %s, an ambassador is there now", m.Engine.Name, m.Container.Name, m.Need.Name, m.Bind)
	return nil
}

// ambassadorName is the same for the same need, so that two makers can't both succeed.
func ambassadorName(m Missing) string {
	return fmt.Sprintf("ambassador-%.12s-%s", m.ID, strings.ReplaceAll(m.Bind, ":", "."))
}

func (k *Keeper) remove(ctx context.Context, a *Ambassador) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := a.Engine.Docker.ContainerRemove(ctx, a.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !notFound(err) && !cerrdefs.IsConflict(err) { // a conflict: it is being removed already
		return fmt.Errorf("%s: the ambassador for %s can't be removed: %w", a.Engine.Name, a.Service, err)
	}
	return nil
}

// Delete removes all ambassadors that Create made.
func (k *Keeper) Delete(ctx context.Context, p *Picture) error {
	made := slices.DeleteFunc(slices.Clone(p.Ambassadors), func(a *Ambassador) bool { return a.Container == "" })
	err := each(made, func(_ int, a *Ambassador) error { return k.remove(ctx, a) })
	k.say("Removed %s of the project %s.", count(len(made), "ambassador"), k.Project)
	return err
}

// A backendsOf answers the port and the backends of the service that an
// ambassador stands for.
type backendsOf func(a *Ambassador) (private int, backends []string)

// fromPicture takes them from the published ports in a picture.
func (k *Keeper) fromPicture(p *Picture) backendsOf {
	return func(a *Ambassador) (int, []string) {
		private, several := p.Port(a.Service, k.Ports)
		if several && k.complain("several "+a.Service) {
			k.say("%s has several ports; using %d. A ports.yml can say which one.", a.Service, private)
		}
		if private == 0 {
			return 0, nil
		}
		return private, p.Backends(a, private)
	}
}

// Configure tells every running ambassador where its service is. One whose
// service is nowhere stays as it is, which is an error, but the others are told.
func (k *Keeper) Configure(ctx context.Context, p *Picture) error {
	return k.configure(ctx, p, k.fromPicture(p))
}

func (k *Keeper) configure(ctx context.Context, p *Picture, find backendsOf) error {
	if k.told == nil {
		k.told, k.dropped = map[string]string{}, map[string]bool{}
	}
	type task struct {
		a    *Ambassador
		args []string
	}
	var tasks []task
	var missing []string
	waiting := map[string]int{}
	for _, a := range p.Ambassadors {
		private, backends := find(a)
		if len(backends) == 0 {
			if waiting[a.Service]++; waiting[a.Service] == 1 {
				missing = append(missing, a.Service)
			}
			continue
		}
		args := append([]string{net.JoinHostPort(a.Bind, strconv.Itoa(private))}, backends...)
		if a.Running && k.told[a.ID+a.Started.String()] != strings.Join(args, " ") {
			tasks = append(tasks, task{a, args})
		}
	}
	var mu sync.Mutex
	err := each(tasks, func(_ int, t task) error {
		if err := k.reconfigure(ctx, t.a, t.args); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		k.told[t.a.ID+t.a.Started.String()] = strings.Join(t.args, " ")
		return nil
	})
	for _, service := range missing {
		err = errors.Join(err, k.nowhere(p, service, waiting[service]))
	}
	return err
}

// nowhere says what is wrong with a service that has no backend.
func (k *Keeper) nowhere(p *Picture, service string, ambassadors int) error {
	left := count(ambassadors, "ambassador") + " of it stay as they are"
	if ambassadors == 1 {
		left = "its ambassador stays as it is"
	}
	for _, c := range p.Containers {
		if c.Service == service {
			return fmt.Errorf("%s runs (%s on %s), but publishes no TCP port that others can reach: %s", service, c.Name, c.Engine.Name, left)
		}
	}
	return fmt.Errorf("%s runs nowhere in the project %s: %s", service, k.Project, left)
}

// complain answers whether something was not said yet.
func (k *Keeper) complain(about string) bool {
	if k.dropped == nil {
		k.dropped = map[string]bool{}
	}
	before := k.dropped[about]
	k.dropped[about] = true
	return !before
}

// maxSaid is the most we read of what a balancer says, in bytes.
const maxSaid = 64 << 10

// reconfigure has a balancer reconfigured by its own program.
func (k *Keeper) reconfigure(ctx context.Context, a *Ambassador, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	docker := a.Engine.Docker
	trouble := func(err error) error {
		return fmt.Errorf("%s: the ambassador for %s at %s did not take its configuration: %w", a.Engine.Name, a.Service, a.Bind, err)
	}
	made, err := docker.ContainerExecCreate(ctx, a.ID, container.ExecOptions{
		Cmd: append([]string{"hamba", "reconfigure"}, args...), AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return trouble(err)
	}
	stream, err := docker.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return trouble(err)
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, stream.Close)
	defer stop()
	var said strings.Builder
	if _, err := stdcopy.StdCopy(&said, &said, io.LimitReader(stream.Reader, maxSaid)); err != nil {
		return trouble(err)
	}
	done, err := docker.ContainerExecInspect(ctx, made.ID)
	if err != nil {
		return trouble(err)
	}
	if done.ExitCode != 0 {
		return trouble(errors.New(strings.TrimSpace(said.String())))
	}
	k.say("%s: ambassador for %s: %s → %s", a.Engine.Name, a.Service, args[0], strings.Join(args[1:], ", "))
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
