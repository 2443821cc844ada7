package agent

import (
	"io"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// Config says where everything is. [Defaults] is a real node; tests point the
// paths elsewhere.
type Config struct {
	Node    string // the node's name; prompt and terminal ids carry it
	Version string // of the product, for Info
	Socket  string // where the agent listens
	User    string // who the shells belong to; "" is whoever runs the agent
	Shell   []string
	Init    bool   // do the first process's duties: prepare the node, reap
	Root    string // where the files of the node are prepared; "/" on a node
	Keys    string // folder with id_ed25519 and id_ed25519.pub; "" for none
	SSH     string // address sshd answers on; "" for none
	Marks   string // FIFO that shells write their command marks to
	Hook    string // file with the shell hooks; "" for none

	Engine   EngineConfig
	Forwards []Forward

	Log *slog.Logger
	Now func() time.Time
}

// EngineConfig says how the node's Engine is run.
type EngineConfig struct {
	Helper       []string      // a program that Command needs and that is started before it; may be empty
	HelperSocket string        // answers when the helper can be used
	Command      []string      // program and arguments; it must listen on Socket
	Socket       string        // the Engine's own socket, known to the agent alone
	Public       string        // the socket people use, owned by the agent
	Addresses    []string      // TCP addresses people use
	Group        string        // group that may use Public
	PidFile      string        // removed before a start: it may be of another life
	Images       string        // folder of *.tar to load before the first client
	Stamp        string        // file that remembers what was loaded
	LogFile      string        // bounded; "" discards
	Ready        time.Duration // how long a start may take
	Backoff      time.Duration // first pause after a failed start; doubles up to 30 s
	Idle         time.Duration // how long nobody is connected before an Engine without containers is put to sleep; 0 for never

	// For swarm mode without IPVS; see package balancer.
	Namespaces string // folder of its network namespaces; "" leaves swarm mode alone
	Diagnostic string // address of its diagnostic port
	PeerPort   int    // where the Engines of other nodes answer by TCP
	Member     string // a file it keeps while it is a member of a swarm; "" for none
	ConfigFile string // its configuration, which is the people's
	ConfigLink string // the path of it that Command gives
}

// Forward carries connections made to Listen, inside the node, to the unix
// socket Socket that somebody outside serves: how a node reaches its registry.
type Forward struct {
	Listen string
	Socket string
}

// Paths of a node that others rely on.
const (
	SocketPath   = "/run/slipway/agent.sock"
	KeysPath     = "/run/slipway/keys"
	RegistryPath = "/run/slipway/registry.sock"
	MarksPath    = "/run/slipway-marks"
	HookPath     = "/usr/share/slipway/shell.bash"
	ImagesPath   = "/usr/share/slipway/images"
)

// Defaults is the configuration of a real node. Its name is $SLIPWAY_NODE or
// the host's name.
func Defaults() Config {
	node := os.Getenv("SLIPWAY_NODE")
	if node == "" {
		node, _ = os.Hostname()
	}
	return Config{
		Node: node, Socket: SocketPath, User: "docker", Init: true, Root: "/",
		Keys: KeysPath, SSH: ":22", Marks: MarksPath, Hook: HookPath,
		Engine: EngineConfig{
			Helper:       []string{"containerd", "--config=/usr/share/slipway/containerd.toml"},
			HelperSocket: "/run/docker/containerd/containerd.sock",
			Command: []string{"dockerd", "--host=unix:///run/docker-engine.sock", "--pidfile=/run/docker.pid",
				"--config-file=/run/docker-daemon.json", "--containerd=/run/docker/containerd/containerd.sock"},
			Socket:    "/run/docker-engine.sock",
			Public:    "/var/run/docker.sock",
			Addresses: []string{":55555"},
			Group:     "docker",
			PidFile:   "/run/docker.pid",
			Images:    ImagesPath,
			Stamp:     "/var/lib/docker/slipway-images",
			LogFile:   "/var/log/dockerd.log",
			Idle:      10 * time.Minute,

			Namespaces: "/var/run/docker/netns",
			Diagnostic: "127.0.0.1:7947", // next to the port of the gossip itself
			PeerPort:   55555,
			Member:     "/var/lib/docker/swarm/docker-state.json",
			ConfigFile: "/etc/docker/daemon.json",
			ConfigLink: "/run/docker-daemon.json",
		},
		Forwards: []Forward{{Listen: "127.0.0.1:5000", Socket: RegistryPath}},
	}
}

func (c *Config) fill() {
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Root == "" {
		c.Root = "/"
	}
	if c.Engine.Ready <= 0 {
		c.Engine.Ready = time.Minute
	}
	if c.Engine.Backoff <= 0 {
		c.Engine.Backoff = time.Second
	}
	if len(c.Shell) == 0 {
		c.Shell = []string{"bash"}
	}
	c.Log = c.Log.With("node", c.Node)
}

// account is who the shells belong to.
type account struct {
	name, home string
	uid, gid   uint32
	cred       *syscall.Credential // nil: whoever runs the agent
}

func lookup(name string) (account, error) {
	if name == "" {
		home, _ := os.UserHomeDir()
		return account{name: os.Getenv("USER"), home: home, uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, err
	}
	a := account{name: u.Username, home: u.HomeDir, uid: number(u.Uid), gid: number(u.Gid)}
	a.cred = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	ids, err := u.GroupIds()
	if err != nil {
		return account{}, err
	}
	for _, id := range ids {
		a.cred.Groups = append(a.cred.Groups, number(id))
	}
	return a, nil
}

func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}
