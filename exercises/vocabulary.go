package exercises

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"
)

var (
	textList = cel.ListType(cel.StringType)
	texts    = cel.MapType(cel.StringType, cel.StringType)
)

// newKinds is the whole vocabulary: everything a check can say about a lab.
func newKinds() []*kind {
	var (
		lab       = newKind[*labView]("Lab", "lab")
		node      = newKind[*nodeView]("Node", "node1")
		service   = newKind[*Service]("Service", "service")
		project   = newKind[*Project]("Project", "project")
		container = newKind[*Container]("Container", "container")
		port      = newKind[*Port]("Port", "port")
		mount     = newKind[*Mount]("Mount", "mount")
		image     = newKind[*Image]("Image", "image")
		network   = newKind[*Network]("Network", "network")
		volume    = newKind[*Volume]("Volume", "volume")
		swarm     = newKind[*Swarm]("Swarm", "swarm")
		swarmNode = newKind[*SwarmNode]("SwarmNode", "node")
		swarmSvc  = newKind[*SwarmService]("SwarmService", "service")
		task      = newKind[*Task]("Task", "task")
		command   = newKind[*Command]("Command", "command")
		file      = newKind[*File]("File", "file")
		answer    = newKind[*Answer]("Answer", "answer")
		registry  = newKind[*registryView]("Registry", "registry")
		pushed    = newKind[*Repository]("Repository", "repository")
	)
	labWords(lab, node, container, command, service)
	registryWords(lab, registry, pushed)
	nodeWords(node, container, image, network, volume, swarm, service, project)
	nodeActs(node, command, file, answer)
	serviceWords(service, container)
	projectWords(project, service, container)
	containerWords(container, port, mount)
	containerSettings(container)
	portWords(port, mount)
	imageWords(image, network, volume)
	swarmWords(swarm, swarmNode, swarmSvc, task)
	swarmServiceWords(swarmSvc, task, port)
	commandWords(command, file)
	answerWords(answer)
	return []*kind{lab, node, service, project, container, port, mount, image, network, volume,
		swarm, swarmNode, swarmSvc, task, command, file, answer, registry, pushed}
}

func listOf(k *kind) *cel.Type { return cel.ListType(k.typ) }

func labWords(lab, node, container, command, service *kind) {
	lab.fields = []field{
		has("nodes", listOf(node), "node1 to node5", func(l *labView) any { return l.ev.nodes() }),
		has("containers", listOf(container), "the containers of all nodes; an Engine nobody woke has none",
			func(l *labView) any { return orUnknown(l.ev.allContainers(l.ev.unknownValue)) }),
		has("commands", listOf(command), "what was typed on all nodes, node after node, oldest first",
			func(l *labView) any { return l.ev.allCommands() }),
	}
	lab.methods = []method{
		matching("ran", "some node ran it, see `node1.ran`", func(l *labView, re string) any {
			return l.ev.ran(l.ev.allCommands(), re, false)
		}),
		matching("ranAny", "same with any exit code, see `node1.ranAny`", func(l *labView, re string) any {
			return l.ev.ran(l.ev.allCommands(), re, true)
		}),
		can("service", []arg{{"name", cel.StringType}}, service.typ, "the Compose service of that name over all nodes together",
			func(l *labView, a []ref.Val) any {
				all, unknown := l.ev.allContainers(l.ev.unknownValue)
				if unknown != nil {
					return unknown
				}
				return serviceOf(text(a[0]), "", all, "")
			}),
	}
}

func nodeWords(node, container, image, network, volume, swarm, service, project *kind) {
	name := []arg{{"name", cel.StringType}}
	node.fields = []field{
		has("name", cel.StringType, "`\"node1\"`", func(n *nodeView) any { return n.name }),
		has("engine", cel.StringType, "`\"asleep\"`, `\"starting\"`, `\"running\"`, `\"cut off\"`; never makes a check unknown",
			func(n *nodeView) any { return string(n.ev.engine(n.name)) }),
		has("containers", listOf(container), "all containers that exist, running or not", func(n *nodeView) any {
			return docker(n, topicContainers, func(d *DockerState) any { return d.Containers })
		}),
		has("gone", listOf(container), "containers that were removed, as last seen (the newest 200)", func(n *nodeView) any {
			return docker(n, topicContainers, func(d *DockerState) any { return d.Gone })
		}),
		has("images", listOf(image), "images, with or without tags", func(n *nodeView) any {
			return docker(n, topicImages, func(d *DockerState) any { return d.Images })
		}),
		has("networks", listOf(network), "networks, those that Docker makes itself too", func(n *nodeView) any {
			return docker(n, topicNetworks, func(d *DockerState) any { return d.Networks })
		}),
		has("volumes", listOf(volume), "volumes", func(n *nodeView) any {
			return docker(n, topicVolumes, func(d *DockerState) any { return d.Volumes })
		}),
		has("swarm", swarm.typ, "what this node knows of its swarm", func(n *nodeView) any {
			return docker(n, topicSwarm, func(d *DockerState) any { return d.Swarm })
		}),
	}
	node.methods = []method{
		can("container", name, container.typ, "by name or by the beginning of its id", func(n *nodeView, a []ref.Val) any {
			return docker(n, topicContainers, func(d *DockerState) any { return d.container(text(a[0]), n.name) })
		}),
		can("service", name, service.typ, "the Compose service of that name, in any project of this node", func(n *nodeView, a []ref.Val) any {
			return docker(n, topicContainers, func(d *DockerState) any { return serviceOf(text(a[0]), n.name, d.Containers, "") })
		}),
		can("project", name, project.typ, "the Compose project of that name on this node", func(n *nodeView, a []ref.Val) any {
			return docker(n, topicContainers, func(d *DockerState) any { return d.project(text(a[0]), n.name) })
		}),
		can("image", []arg{{"reference", cel.StringType}}, image.typ, "by reference; `\"redis\"` means `\"redis:latest\"`", func(n *nodeView, a []ref.Val) any {
			return docker(n, topicImages, func(d *DockerState) any { return d.image(text(a[0])) })
		}),
		can("network", name, network.typ, "by name", func(n *nodeView, a []ref.Val) any {
			return docker(n, topicNetworks, func(d *DockerState) any { return d.network(text(a[0])) })
		}),
		can("volume", name, volume.typ, "by name", func(n *nodeView, a []ref.Val) any {
			return docker(n, topicVolumes, func(d *DockerState) any { return d.volume(text(a[0])) })
		}),
	}
}

func nodeActs(node, command, file, answer *kind) {
	port, path := arg{"port", cel.IntType}, arg{"path", cel.StringType}
	node.fields = append(node.fields,
		has("commands", listOf(command), "what was typed in this node's shells, oldest first (the newest 1,000)",
			func(n *nodeView) any { return n.ev.commands(n.name) }))
	node.methods = append(node.methods,
		matching("ran", "a command that matches was typed on this node and ended with exit code 0", func(n *nodeView, re string) any {
			return n.ev.ran(n.ev.commands(n.name), re, false)
		}),
		matching("ranAny", "a command that matches was typed: any exit code, or still running (for what is ended with ^C)", func(n *nodeView, re string) any {
			return n.ev.ran(n.ev.commands(n.name), re, true)
		}),
		matching("busy", "a shell of this node runs a command that matches right now", func(n *nodeView, re string) any {
			return n.ev.busy(n.ev.commands(n.name), re)
		}),
		can("file", []arg{path}, file.typ, "a file or folder of the node; `~` is the home folder of user docker", func(n *nodeView, a []ref.Val) any {
			return n.ev.probe(Probe{Node: n.name, Kind: ProbeFile, Path: text(a[0])})
		}),
		can("http", []arg{port, path}, answer.typ, "what GET on a port of this node answers; asked every 2 s while it matters, and after each command", func(n *nodeView, a []ref.Val) any {
			return n.ev.probe(Probe{Node: n.name, Kind: ProbeGet, Port: number(a[0]), Path: text(a[1])})
		}),
		can("post", []arg{port, path, {"body", cel.StringType}}, answer.typ, "same with POST", func(n *nodeView, a []ref.Val) any {
			return n.ev.probe(Probe{Node: n.name, Kind: ProbePost, Port: number(a[0]), Path: text(a[1]), Body: text(a[2])})
		}),
		can("json", []arg{port, path}, cel.DynType, "the JSON document that GET answers; null if there is none", func(n *nodeView, a []ref.Val) any {
			return n.ev.json(Probe{Node: n.name, Kind: ProbeGet, Port: number(a[0]), Path: text(a[1])})
		}),
		can("tcp", []arg{port}, cel.BoolType, "something accepts connections on that port of the node", func(n *nodeView, a []ref.Val) any {
			return n.ev.probe(Probe{Node: n.name, Kind: ProbeTCP, Port: number(a[0])})
		}),
		can("opened", []arg{port}, cel.BoolType, "the person opened that port of the node through the page", func(n *nodeView, a []ref.Val) any {
			return n.ev.opened(n.name, number(a[0]))
		}),
		can("latency", []arg{port, path}, cel.DoubleType, "milliseconds that GET takes, median of five requests one after the other", func(n *nodeView, a []ref.Val) any {
			return n.ev.probe(Probe{Node: n.name, Kind: ProbeLatency, Port: number(a[0]), Path: text(a[1])})
		}),
	)
}

func serviceWords(service, container *kind) {
	service.fields = []field{
		has("exists", cel.BoolType, "it has at least one container", func(s *Service) any { return len(s.Containers) > 0 }),
		has("name", cel.StringType, "name of the service", func(s *Service) any { return s.Name }),
		has("running", cel.IntType, "how many of its containers run", func(s *Service) any { return s.running() }),
		has("containers", listOf(container), "its containers, stopped ones too; those of `compose run` not", func(s *Service) any { return s.Containers }),
		has("exitCodes", cel.ListType(cel.IntType), "exit codes of the containers that have ended", func(s *Service) any {
			codes := []int{}
			for _, c := range s.Containers {
				if c.State == "exited" || c.State == "dead" {
					codes = append(codes, c.ExitCode)
				}
			}
			return codes
		}),
		has("images", textList, "references its containers were started from, each once", func(s *Service) any {
			return distinct(s.Containers, func(c *Container) string { return c.Image })
		}),
	}
	service.methods = []method{
		can("published", []arg{{"port", cel.IntType}}, cel.IntType, "host port of that container port, on the first running container that has one, or 0",
			func(s *Service, a []ref.Val) any { return s.published(number(a[0])) }),
	}
}

func projectWords(project, service, container *kind) {
	named := func(c *Container) string { return c.Labels[labelService] }
	project.fields = []field{
		has("exists", cel.BoolType, "it has at least one container", func(p *Project) any { return len(p.Containers) > 0 }),
		has("name", cel.StringType, "name of the project", func(p *Project) any { return p.Name }),
		has("services", textList, "names of the services that have a container, sorted", func(p *Project) any {
			return distinct(p.Containers, named)
		}),
		has("running", textList, "names of the services that have a running container, sorted", func(p *Project) any {
			running := slices.DeleteFunc(slices.Clone(p.Containers), func(c *Container) bool { return c.State != "running" })
			return distinct(running, named)
		}),
		has("containers", listOf(container), "all its containers", func(p *Project) any { return p.Containers }),
	}
	project.methods = []method{
		can("service", []arg{{"name", cel.StringType}}, service.typ, "one of its services", func(p *Project, a []ref.Val) any {
			return serviceOf(text(a[0]), p.Node, p.Containers, p.Name)
		}),
	}
}

// distinct lists what of answers for each container, sorted, each once, empty
// names left out.
func distinct(all []*Container, of func(*Container) string) []string {
	names := []string{}
	for _, c := range all {
		if name := of(c); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func hexDigest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
