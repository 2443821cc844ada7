package exercises

import "time"

// The Docker state of a node as checks see it. All of these are values taken
// from the Engine at one moment; nobody changes them after they are made, so
// they may be shared freely between goroutines.

// Container is one container, existing or gone.
type Container struct {
	Exists         bool
	ID             string
	Name           string // without the slash
	Node           string
	Image          string
	ImageID        string
	State          string
	ExitCode       int
	OOMKilled      bool
	Restarts       int
	Health         string
	Labels         map[string]string
	Command        string
	Env            []string
	Hostname       string
	User           string
	TTY            bool
	Stdin          bool
	AutoRemove     bool
	Privileged     bool
	RestartPolicy  string
	Memory         int64 // bytes, 0 is no limit
	CreatedAt      time.Time
	StartedAt      time.Time
	FinishedAt     time.Time
	Ports          []*Port
	Mounts         []*Mount
	VolumesFrom    []string
	NetworkMode    string
	Attachments    []Attachment // by network name
	ExtraHosts     []string
	Links          []string
	LogDriver      string
	LogOptions     map[string]string
	removedFromLog bool // only known from events: it came and went too fast to be inspected
}

// Attachment is a container's place on one network.
type Attachment struct {
	Network string
	Aliases []string
	Address string
}

// Port is a published port.
type Port struct {
	Container int
	Host      int
	HostIP    string
	Protocol  string
}

// Mount is a volume or folder inside a container.
type Mount struct {
	Type     string
	Source   string
	Target   string
	Volume   string
	ReadOnly bool
}

// Image is an image of a node's Engine.
type Image struct {
	Exists    bool
	ID        string
	Tags      []string
	Digests   []string
	Size      int64
	CreatedAt time.Time
	Labels    map[string]string
}

// Network is a network of a node's Engine.
type Network struct {
	Exists     bool
	ID         string
	Name       string
	Driver     string
	Scope      string
	Subnets    []string
	Internal   bool
	Attachable bool
	Labels     map[string]string
	Containers []string
}

// Volume is a volume of a node's Engine.
type Volume struct {
	Exists    bool
	Name      string
	Driver    string
	Labels    map[string]string
	Options   map[string]string
	CreatedAt time.Time
}

// Swarm is what one node knows of the swarm it is in.
type Swarm struct {
	State    string
	Active   bool
	Manager  bool
	Nodes    []*SwarmNode
	Services []*SwarmService
}

// SwarmNode is a member of a swarm.
type SwarmNode struct {
	ID           string
	Hostname     string
	Role         string
	Availability string
	Status       string
	Leader       bool
}

// SwarmService is a service of a swarm with its tasks.
type SwarmService struct {
	Exists      bool
	ID          string
	Name        string
	Image       string
	Stack       string
	Mode        string
	Replicas    int
	Ports       []*Port
	Networks    []string
	UpdateState string
	Labels      map[string]string
	Tasks       []*Task
}

// Task is one slot's attempt at running a container.
type Task struct {
	ID      string
	Service string
	Node    string
	State   string
	Wanted  string
	Error   string
	Image   string
	Slot    int
}

// Command is one line that someone typed in a shell of a node.
type Command struct {
	Line      string
	Node      string
	Terminal  string
	Folder    string
	Done      bool
	ExitCode  int // -1 while it runs
	StartedAt time.Time
	EndedAt   time.Time
	shell     int
}

// File is a file or folder of a node.
type File struct {
	Path     string
	Exists   bool
	Dir      bool
	Size     int64
	Text     string // the first [MaxFileText] bytes, empty for folders
	Modified time.Time
}

// Answer is what a port of a node answered to a request.
type Answer struct {
	Status int // 0 when nothing answered
	Body   string
	Millis float64
	Header map[string]string // names in lower case
	Error  string            // why nothing answered
}

// Compose's labels, and those of swarm stacks.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
	labelOneOff  = "com.docker.compose.oneoff"
	labelNumber  = "com.docker.compose.container-number"
	labelStack   = "com.docker.stack.namespace"
	labelTask    = "com.docker.swarm.task.name"
)

// published finds the host port of a container port, or 0.
func (c *Container) published(port int) int {
	for _, p := range c.Ports {
		if p.Container == port && p.Host != 0 {
			return p.Host
		}
	}
	return 0
}

// attachment finds the container's place on a network; the zero value when
// it has none.
func (c *Container) attachment(network string) Attachment {
	for _, a := range c.Attachments {
		if a.Network == network {
			return a
		}
	}
	return Attachment{}
}

// Service is a Compose service as its containers show it.
type Service struct {
	Name       string
	Node       string // empty when it is over all nodes
	Containers []*Container
}

func (s *Service) running() int {
	n := 0
	for _, c := range s.Containers {
		if c.State == "running" {
			n++
		}
	}
	return n
}

func (s *Service) published(port int) int {
	for _, c := range s.Containers {
		if host := c.published(port); host != 0 && c.State == "running" {
			return host
		}
	}
	return 0
}

// Project is a Compose project as its containers show it.
type Project struct {
	Name       string
	Node       string
	Containers []*Container
}

func serviceOf(name, node string, all []*Container, project string) *Service {
	s := &Service{Name: name, Node: node}
	for _, c := range all {
		mine := c.Labels[labelService] == name && c.Labels[labelOneOff] != "True"
		if mine && (project == "" || c.Labels[labelProject] == project) {
			s.Containers = append(s.Containers, c)
		}
	}
	return s
}
