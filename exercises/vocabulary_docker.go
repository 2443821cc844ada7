package exercises

import (
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"
)

func containerWords(container, port, mount *kind) {
	label := func(name string) func(*Container) any {
		return func(c *Container) any { return c.Labels[name] }
	}
	container.fields = []field{
		has("exists", cel.BoolType, "false if asked for by a name that isn't there", func(c *Container) any { return c.Exists }),
		has("id", cel.StringType, "full id", func(c *Container) any { return c.ID }),
		has("name", cel.StringType, "name, without a slash", func(c *Container) any { return c.Name }),
		has("node", cel.StringType, "name of its node", func(c *Container) any { return c.Node }),
		has("image", cel.StringType, "reference it was started from", func(c *Container) any { return c.Image }),
		has("imageId", cel.StringType, "id of its image", func(c *Container) any { return c.ImageID }),
		has("state", cel.StringType, "`\"created\"`, `\"running\"`, `\"paused\"`, `\"restarting\"`, `\"exited\"`, `\"dead\"`", func(c *Container) any { return c.State }),
		has("running", cel.BoolType, "its state is running", func(c *Container) any { return c.State == "running" }),
		has("exitCode", cel.IntType, "last exit code, 0 while it runs", func(c *Container) any { return c.ExitCode }),
		has("oomKilled", cel.BoolType, "ended by its memory limit", func(c *Container) any { return c.OOMKilled }),
		has("restarts", cel.IntType, "times the Engine restarted it", func(c *Container) any { return c.Restarts }),
		has("health", cel.StringType, "`\"none\"`, `\"starting\"`, `\"healthy\"`, `\"unhealthy\"`", func(c *Container) any { return c.Health }),
		has("labels", texts, "labels", func(c *Container) any { return c.Labels }),
		has("project", cel.StringType, "Compose project, or empty", label(labelProject)),
		has("service", cel.StringType, "Compose service, or empty", label(labelService)),
		has("oneOff", cel.BoolType, "started by `compose run`", func(c *Container) any { return c.Labels[labelOneOff] == "True" }),
		has("number", cel.IntType, "Compose's number of it in its service, or 0", func(c *Container) any { return atoi(c.Labels[labelNumber]) }),
		has("stack", cel.StringType, "swarm stack, or empty", label(labelStack)),
		has("task", cel.StringType, "swarm task name, or empty", label(labelTask)),
		has("createdAt", cel.TimestampType, "when it was made", func(c *Container) any { return c.CreatedAt }),
		has("startedAt", cel.TimestampType, "last start; the year 1 if it never was", func(c *Container) any { return c.StartedAt }),
		has("finishedAt", cel.TimestampType, "last end; the year 1 if it never did", func(c *Container) any { return c.FinishedAt }),
		has("ports", listOf(port), "published ports", func(c *Container) any { return c.Ports }),
		has("mounts", listOf(mount), "volumes and bind mounts", func(c *Container) any { return c.Mounts }),
	}
	container.methods = []method{
		can("published", []arg{{"port", cel.IntType}}, cel.IntType, "host port of that container port, or 0",
			func(c *Container, a []ref.Val) any { return c.published(number(a[0])) }),
		can("aliases", []arg{{"network", cel.StringType}}, textList, "its names on that network",
			func(c *Container, a []ref.Val) any { return slices.Clip(c.attachment(text(a[0])).Aliases) }),
		can("address", []arg{{"network", cel.StringType}}, cel.StringType, "its address on that network, or empty",
			func(c *Container, a []ref.Val) any { return c.attachment(text(a[0])).Address }),
	}
}

func containerSettings(container *kind) {
	container.fields = append(container.fields,
		has("command", cel.StringType, "entry point and arguments, joined with spaces", func(c *Container) any { return c.Command }),
		has("env", textList, "`NAME=value`", func(c *Container) any { return c.Env }),
		has("hostname", cel.StringType, "host name", func(c *Container) any { return c.Hostname }),
		has("user", cel.StringType, "user, as configured", func(c *Container) any { return c.User }),
		has("tty", cel.BoolType, "`-t`", func(c *Container) any { return c.TTY }),
		has("stdin", cel.BoolType, "`-i`", func(c *Container) any { return c.Stdin }),
		has("autoRemove", cel.BoolType, "`--rm`", func(c *Container) any { return c.AutoRemove }),
		has("privileged", cel.BoolType, "`--privileged`", func(c *Container) any { return c.Privileged }),
		has("restartPolicy", cel.StringType, "`\"no\"`, `\"always\"`, `\"on-failure\"`, `\"unless-stopped\"`", func(c *Container) any { return c.RestartPolicy }),
		has("memory", cel.IntType, "memory limit in bytes, 0 is none", func(c *Container) any { return c.Memory }),
		has("volumesFrom", textList, "`--volumes-from`", func(c *Container) any { return c.VolumesFrom }),
		has("networkMode", cel.StringType, "`\"bridge\"`, `\"host\"`, `\"container:<full id>\"`, or a network's name", func(c *Container) any { return c.NetworkMode }),
		has("networks", textList, "names of the networks it is attached to, sorted", func(c *Container) any {
			names := []string{}
			for _, a := range c.Attachments {
				names = append(names, a.Network)
			}
			return names
		}),
		has("extraHosts", textList, "`name:address`", func(c *Container) any { return c.ExtraHosts }),
		has("links", textList, "`--link`, as the Engine keeps it", func(c *Container) any { return c.Links }),
		has("logDriver", cel.StringType, "`\"json-file\"` and others", func(c *Container) any { return c.LogDriver }),
		has("logOptions", texts, "log options", func(c *Container) any { return c.LogOptions }),
	)
}

func portWords(port, mount *kind) {
	port.fields = []field{
		has("container", cel.IntType, "port inside", func(p *Port) any { return p.Container }),
		has("host", cel.IntType, "port on the node", func(p *Port) any { return p.Host }),
		has("hostIp", cel.StringType, "address on the node it is bound to", func(p *Port) any { return p.HostIP }),
		has("protocol", cel.StringType, "`\"tcp\"`, `\"udp\"`", func(p *Port) any { return p.Protocol }),
	}
	mount.fields = []field{
		has("type", cel.StringType, "`\"bind\"`, `\"volume\"`, `\"tmpfs\"`", func(m *Mount) any { return m.Type }),
		has("source", cel.StringType, "folder on the node", func(m *Mount) any { return m.Source }),
		has("target", cel.StringType, "folder in the container", func(m *Mount) any { return m.Target }),
		has("volume", cel.StringType, "name of the volume, or empty", func(m *Mount) any { return m.Volume }),
		has("readOnly", cel.BoolType, "it can't be written", func(m *Mount) any { return m.ReadOnly }),
	}
}

func imageWords(image, network, volume *kind) {
	image.fields = []field{
		has("exists", cel.BoolType, "false if asked for by a reference that isn't there", func(i *Image) any { return i.Exists }),
		has("id", cel.StringType, "id", func(i *Image) any { return i.ID }),
		has("tags", textList, "references", func(i *Image) any { return i.Tags }),
		has("digests", textList, "references by digest", func(i *Image) any { return i.Digests }),
		has("size", cel.IntType, "bytes", func(i *Image) any { return i.Size }),
		has("createdAt", cel.TimestampType, "when it was built", func(i *Image) any { return i.CreatedAt }),
		has("labels", texts, "labels", func(i *Image) any { return i.Labels }),
	}
	network.fields = []field{
		has("exists", cel.BoolType, "false if asked for by a name that isn't there", func(n *Network) any { return n.Exists }),
		has("id", cel.StringType, "id", func(n *Network) any { return n.ID }),
		has("name", cel.StringType, "name", func(n *Network) any { return n.Name }),
		has("driver", cel.StringType, "`\"bridge\"`, `\"overlay\"` and others", func(n *Network) any { return n.Driver }),
		has("scope", cel.StringType, "`\"local\"`, `\"swarm\"`", func(n *Network) any { return n.Scope }),
		has("subnets", textList, "address ranges", func(n *Network) any { return n.Subnets }),
		has("internal", cel.BoolType, "`--internal`", func(n *Network) any { return n.Internal }),
		has("attachable", cel.BoolType, "`--attachable`", func(n *Network) any { return n.Attachable }),
		has("labels", texts, "labels", func(n *Network) any { return n.Labels }),
		has("containers", textList, "names of this node's containers attached to it, sorted", func(n *Network) any { return n.Containers }),
	}
	volume.fields = []field{
		has("exists", cel.BoolType, "false if asked for by a name that isn't there", func(v *Volume) any { return v.Exists }),
		has("name", cel.StringType, "name", func(v *Volume) any { return v.Name }),
		has("driver", cel.StringType, "driver", func(v *Volume) any { return v.Driver }),
		has("labels", texts, "labels", func(v *Volume) any { return v.Labels }),
		has("options", texts, "driver options", func(v *Volume) any { return v.Options }),
		has("createdAt", cel.TimestampType, "when it was made", func(v *Volume) any { return v.CreatedAt }),
	}
}

func swarmWords(swarm, node, service, task *kind) {
	swarm.fields = []field{
		has("active", cel.BoolType, "this node is in a swarm", func(s *Swarm) any { return s.Active }),
		has("manager", cel.BoolType, "this node is a manager; what follows is empty elsewhere", func(s *Swarm) any { return s.Manager }),
		has("state", cel.StringType, "`\"inactive\"`, `\"pending\"`, `\"active\"`, `\"locked\"`, `\"error\"`", func(s *Swarm) any { return s.State }),
		has("nodes", listOf(node), "members", func(s *Swarm) any { return s.Nodes }),
		has("services", listOf(service), "services", func(s *Swarm) any { return s.Services }),
		has("stacks", textList, "names of the stacks, sorted", func(s *Swarm) any {
			names := []string{}
			for _, service := range s.Services {
				if service.Stack != "" && !slices.Contains(names, service.Stack) {
					names = append(names, service.Stack)
				}
			}
			slices.Sort(names)
			return names
		}),
	}
	swarm.methods = []method{
		can("service", []arg{{"name", cel.StringType}}, service.typ, "the swarm service of that name", func(s *Swarm, a []ref.Val) any {
			for _, service := range s.Services {
				if service.Name == text(a[0]) {
					return service
				}
			}
			return &SwarmService{Name: text(a[0])}
		}),
	}
	node.fields = []field{
		has("id", cel.StringType, "id", func(n *SwarmNode) any { return n.ID }),
		has("hostname", cel.StringType, "`\"node2\"`", func(n *SwarmNode) any { return n.Hostname }),
		has("role", cel.StringType, "`\"manager\"`, `\"worker\"`", func(n *SwarmNode) any { return n.Role }),
		has("availability", cel.StringType, "`\"active\"`, `\"pause\"`, `\"drain\"`", func(n *SwarmNode) any { return n.Availability }),
		has("status", cel.StringType, "`\"ready\"`, `\"down\"`, `\"unknown\"`, `\"disconnected\"`", func(n *SwarmNode) any { return n.Status }),
		has("ready", cel.BoolType, "its status is ready", func(n *SwarmNode) any { return n.Status == "ready" }),
		has("leader", cel.BoolType, "it leads the managers", func(n *SwarmNode) any { return n.Leader }),
	}
	task.fields = []field{
		has("id", cel.StringType, "id", func(t *Task) any { return t.ID }),
		has("service", cel.StringType, "name of its service", func(t *Task) any { return t.Service }),
		has("node", cel.StringType, "host name of its node, or empty", func(t *Task) any { return t.Node }),
		has("state", cel.StringType, "`\"running\"`, `\"failed\"`, `\"rejected\"`, `\"shutdown\"` and others", func(t *Task) any { return t.State }),
		has("wanted", cel.StringType, "the state the swarm wants it in", func(t *Task) any { return t.Wanted }),
		has("error", cel.StringType, "why it failed, or empty", func(t *Task) any { return t.Error }),
		has("image", cel.StringType, "image", func(t *Task) any { return t.Image }),
		has("slot", cel.IntType, "number in its service", func(t *Task) any { return t.Slot }),
	}
}

func swarmServiceWords(service, task, port *kind) {
	service.fields = []field{
		has("exists", cel.BoolType, "false if asked for by a name that isn't there", func(s *SwarmService) any { return s.Exists }),
		has("id", cel.StringType, "id", func(s *SwarmService) any { return s.ID }),
		has("name", cel.StringType, "name", func(s *SwarmService) any { return s.Name }),
		has("image", cel.StringType, "image, without its digest", func(s *SwarmService) any {
			name, _, _ := strings.Cut(s.Image, "@")
			return name
		}),
		has("stack", cel.StringType, "stack, or empty", func(s *SwarmService) any { return s.Stack }),
		has("mode", cel.StringType, "`\"replicated\"`, `\"global\"`", func(s *SwarmService) any { return s.Mode }),
		has("replicas", cel.IntType, "how many tasks are wanted (of a global one: how many there are to run)", func(s *SwarmService) any { return s.Replicas }),
		has("running", cel.IntType, "how many tasks run", func(s *SwarmService) any {
			n := 0
			for _, t := range s.Tasks {
				if t.State == "running" && t.Wanted == "running" {
					n++
				}
			}
			return n
		}),
		has("tasks", listOf(task), "its tasks, ended ones too as far as the swarm keeps them", func(s *SwarmService) any { return s.Tasks }),
		has("ports", listOf(port), "published ports", func(s *SwarmService) any { return s.Ports }),
		has("networks", textList, "names of its networks, sorted", func(s *SwarmService) any { return s.Networks }),
		has("updateState", cel.StringType, "`\"\"`, `\"updating\"`, `\"completed\"`, `\"rollback_completed\"` and others", func(s *SwarmService) any { return s.UpdateState }),
		has("labels", texts, "labels", func(s *SwarmService) any { return s.Labels }),
	}
}

func commandWords(command, file *kind) {
	command.fields = []field{
		has("line", cel.StringType, "as typed, spaces at both ends cut off", func(c *Command) any { return c.Line }),
		has("node", cel.StringType, "name of the node", func(c *Command) any { return c.Node }),
		has("terminal", cel.StringType, "id of the terminal", func(c *Command) any { return c.Terminal }),
		has("folder", cel.StringType, "folder it was typed in", func(c *Command) any { return c.Folder }),
		has("done", cel.BoolType, "it has ended", func(c *Command) any { return c.Done }),
		has("exitCode", cel.IntType, "exit code, -1 while it runs", func(c *Command) any { return c.ExitCode }),
		has("startedAt", cel.TimestampType, "when it began", func(c *Command) any { return c.StartedAt }),
		has("endedAt", cel.TimestampType, "when it ended; the year 1 while it runs", func(c *Command) any { return c.EndedAt }),
	}
	file.fields = []field{
		has("path", cel.StringType, "as asked for", func(f *File) any { return f.Path }),
		has("exists", cel.BoolType, "it is there", func(f *File) any { return f.Exists }),
		has("dir", cel.BoolType, "it is a folder", func(f *File) any { return f.Dir }),
		has("size", cel.IntType, "bytes", func(f *File) any { return f.Size }),
		has("text", cel.StringType, "its first 64 KiB, empty for folders", func(f *File) any { return f.Text }),
		has("modified", cel.TimestampType, "last change", func(f *File) any { return f.Modified }),
	}
}

func answerWords(answer *kind) {
	answer.fields = []field{
		has("ok", cel.BoolType, "its status is 200 to 299", func(a *Answer) any { return a.Status >= 200 && a.Status < 300 }),
		has("status", cel.IntType, "HTTP status, 0 if nothing answered", func(a *Answer) any { return a.Status }),
		has("body", cel.StringType, "its first 64 KiB", func(a *Answer) any { return strings.ToValidUTF8(a.Body, "\ufffd") }),
		has("size", cel.IntType, "bytes of the body; no more than 65,536 are read", func(a *Answer) any { return len(a.Body) }),
		has("millis", cel.DoubleType, "milliseconds it took", func(a *Answer) any { return a.Millis }),
		has("json", cel.DynType, "the body as JSON, null if it is none", func(a *Answer) any { return parseJSON(a.Body) }),
		has("error", cel.StringType, "why nothing answered, or empty", func(a *Answer) any { return a.Error }),
	}
	answer.methods = []method{
		can("header", []arg{{"name", cel.StringType}}, cel.StringType, "a header of the answer, or empty", func(a *Answer, args []ref.Val) any {
			return a.Header[strings.ToLower(text(args[0]))]
		}),
	}
}
