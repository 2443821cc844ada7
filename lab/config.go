package lab

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"

	"slipway/workshop"
)

// Config says where a [Host] lives and what it may use. The zero value of
// every field but DataDir and RunDir has a default that works.
type Config struct {
	// Name tells installations on one machine apart: containers, networks,
	// control groups and the user of the id range carry it. 1 to 24 of a-z, 0-9
	// and dashes, beginning with a letter; default "slipway".
	Name string
	// DataDir keeps what must survive a reboot (the Engine's images and volumes,
	// the labs' keys). Others may keep things there too: only "engine" and
	// "labs" in it are ours.
	DataDir string
	// RunDir keeps sockets, locks and the pinned network namespace. It may be
	// emptied by a reboot. At most 40 bytes long, as Unix sockets allow few.
	RunDir string
	// CacheDir keeps what is costly to make again and is the same for all
	// installations: the packed images. Default /var/cache/slipway for root,
	// DataDir/cache otherwise. The last installation to be purged removes the
	// default one; one that was chosen stays.
	CacheDir  string
	keepCache bool // it was chosen

	// Engine is the address of an Engine to use instead of our own, such as
	// "unix:///var/run/docker.sock"; empty for our own.
	Engine string
	// AllowWeakIsolation accepts an Engine on which a node's root is the host's.
	AllowWeakIsolation bool
	// Runtime names another OCI runtime of the Engine (sysbox-runc, kata).
	Runtime string

	// Pool is where labs get their addresses, 64 a lab; default 10.213.0.0/16.
	Pool netip.Prefix
	// Nodes is how many nodes a lab has, 1 to 9; default 5.
	Nodes int
	// Limits bound each node.
	Limits Limits
	// Warm is how many labs are kept ready for the next to join; default none.
	Warm int

	// Binary is the slipway program that becomes process 1 of each node; default
	// the running program.
	Binary string
	// Command is a node's first process; default "slipway node".
	Command []string

	// Progress hears one line at a time about what a person waits for. May be nil.
	Progress func(line string)
	// Log gets everything else; default discards.
	Log *slog.Logger
}

// Limits bound what one node may take from the host, and what its lab may:
// twice as much memory and processes as one node. Zero means the default.
type Limits struct {
	Memory int64   // bytes; default 2 GiB
	CPUs   float64 // of the host's; default all of them
	PIDs   int64   // processes and threads; default 4096
}

// Default limits of a node: five nodes running DockerCoins with ten workers
// stay far below each of them, a fork bomb or a memory hog does not get further.
const (
	DefaultMemory = 2 << 30
	DefaultPIDs   = 4096
)

var (
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,23}$`)
	idPattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
)

// withDefaults fills what was left open and refuses what can't work.
func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		c.Name = "slipway"
	}
	if c.Nodes == 0 {
		c.Nodes = 5
	}
	if !c.Pool.IsValid() {
		c.Pool = netip.MustParsePrefix("10.213.0.0/16")
	}
	if c.Limits.Memory == 0 {
		c.Limits.Memory = DefaultMemory
	}
	if c.Limits.PIDs == 0 {
		c.Limits.PIDs = DefaultPIDs
	}
	c.keepCache = c.CacheDir != ""
	if c.CacheDir == "" {
		c.CacheDir = filepath.Join(c.DataDir, "cache")
		if os.Geteuid() == 0 {
			c.CacheDir = "/var/cache/slipway"
		}
	}
	if len(c.Command) == 0 {
		c.Command = []string{"/usr/local/bin/slipway", "node"}
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Binary == "" {
		self, err := os.Executable()
		if err != nil {
			return c, err
		}
		c.Binary = self
	}
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case !namePattern.MatchString(c.Name):
		return workshop.Errorf(workshop.Invalid, "The name %q can't be used: take up to 24 of a-z, 0-9 and dashes, beginning with a letter.", c.Name)
	case !filepath.IsAbs(c.DataDir) || !filepath.IsAbs(c.RunDir) || !filepath.IsAbs(c.CacheDir):
		return workshop.Errorf(workshop.Invalid, "The data, run and cache folders must be absolute paths.")
	case len(c.RunDir) > 40:
		return workshop.Errorf(workshop.Invalid, "The run folder's path is too long for sockets: use one of at most 40 characters.")
	case c.Nodes < 1 || c.Nodes > 9:
		return workshop.Errorf(workshop.Invalid, "A lab has 1 to 9 nodes, not %d.", c.Nodes)
	case !c.Pool.Addr().Is4() || c.Pool.Bits() > labBits:
		return workshop.Errorf(workshop.Invalid, "The labs' address pool must be an IPv4 network of /%d or wider, such as 10.213.0.0/16.", labBits)
	case c.Limits.Memory < 128<<20 || c.Limits.PIDs < 128 || c.Limits.CPUs < 0:
		return workshop.Errorf(workshop.Invalid, "A node needs at least 128 MiB of memory and 128 processes.")
	}
	return nil
}

// The places of an installation, in one list so that Purge and the tests can
// be held against it.

func (c Config) engineDir() string          { return filepath.Join(c.DataDir, "engine") }
func (c Config) labsDir() string            { return filepath.Join(c.DataDir, "labs") }
func (c Config) logDir() string             { return filepath.Join(c.DataDir, "engine", "log") }
func (c Config) runPath(name string) string { return filepath.Join(c.RunDir, name) }
func (c Config) engineSocket() string       { return c.runPath("engine.sock") }
func (c Config) netns() string              { return c.runPath("netns") }
func (c Config) cgroupParent() string       { return "/" + c.Name }

// cacheUser is a file that says that this installation uses the cache.
func (c Config) cacheUser() string { return filepath.Join(c.CacheDir, "used-by", c.Name) }

// labKeep is what the lab remembers across reboots, labRun its nodes' sockets.
func (c Config) labKeep(id string) string { return filepath.Join(c.labsDir(), id) }
func (c Config) labRun(id string) string  { return filepath.Join(c.RunDir, "labs", id) }
