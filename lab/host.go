package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/docker/docker/client"

	"slipway/lab/images"
	"slipway/lab/tunnel"
	"slipway/workshop"
)

// Host is one installation: an Engine and the labs on it. Make it with [New].
type Host struct {
	cfg    Config
	own    bool           // the Engine is ours to start and stop
	docker *client.Client // of that Engine; made once, dials when used

	mu        sync.Mutex
	isolation Isolation
	nodeImage string
	subID     int // first id of our range; 0 until known

	taken   chan struct{} // wakes the pool's keeper
	lowDisk int64         // bytes; see guardDisk

	tunnelMu sync.Mutex
	tunnels  map[string]*tunnel.Session // by container; other Engines only
}

// New checks the settings. It touches nothing: see [Host.Up] and [Host.Attach].
func New(cfg Config) (*Host, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Host{cfg: cfg, taken: make(chan struct{}, 1), lowDisk: lowDisk}
	if cfg.Engine == "" && os.Geteuid() == 0 {
		h.own = true
		h.docker, err = NewDockerClient(dialUnix(cfg.engineSocket()))
		return h, err
	}
	h.docker, err = dialForeign(cfg.Engine)
	return h, err
}

// Own reports whether the Engine is started and stopped by us.
func (h *Host) Own() bool { return h.own }

// Docker is a client of the Engine that hosts the nodes. It belongs to the Host.
func (h *Host) Docker() *client.Client { return h.docker }

// Close lets go of connections to the Engine and of tunnels through it. Engine
// and labs stay as they are.
func (h *Host) Close() error {
	h.closeTunnels()
	return h.docker.Close()
}

// Up makes the host ready for labs: what is missing is installed, the Engine is
// started or adopted, images are built. It may be called at any time and does
// only what is left to do; with nothing left it takes well under a second.
// It fails with a sentence that says what a person can do.
func (h *Host) Up(ctx context.Context) error {
	if err := h.prepareDirs(); err != nil {
		return err
	}
	if err := h.Preflight(ctx); err != nil {
		return err
	}
	if h.own {
		if err := h.startEngine(ctx); err != nil {
			return err
		}
	}
	if err := h.probe(ctx); err != nil {
		return err
	}
	return h.PrepareImages(ctx)
}

// Attach connects to an installation that [Host.Up] made ready, as a server
// does. It installs and builds nothing; on our own Engine it does start one that has
// died since.
func (h *Host) Attach(ctx context.Context) error {
	if h.own && !h.healthy(ctx) {
		if err := h.startEngine(ctx); err != nil {
			return err
		}
	}
	if err := h.probe(ctx); err != nil {
		return err
	}
	return h.findImages(ctx)
}

// PrepareImages builds what is missing or has changed. See [images.Prepare].
func (h *Host) PrepareImages(ctx context.Context) error {
	unlock, err := h.lock(ctx, "images")
	if err != nil {
		return err
	}
	defer unlock()
	set, err := images.Prepare(ctx, h.imageOptions())
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.nodeImage = set.Node
	h.mu.Unlock()
	return nil
}

// findImages takes the newest node image that is there.
func (h *Host) findImages(ctx context.Context) error {
	ref, err := images.Newest(ctx, h.docker)
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.nodeImage = ref
	h.mu.Unlock()
	return nil
}

// image is the reference of the image for new nodes; empty before Up or Attach.
func (h *Host) image() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nodeImage
}

func (h *Host) imageOptions() images.Options {
	return images.Options{
		Docker:   h.docker,
		CacheDir: h.cfg.CacheDir,
		Binary:   h.cfg.Binary,
		Progress: h.cfg.Progress,
	}
}

// prepareDirs makes the folders. They can be passed through, not listed, by
// others: the Engine, as the root of its id range, must reach its own below them.
func (h *Host) prepareDirs() error {
	for _, dir := range []string{h.cfg.DataDir, h.cfg.RunDir, h.cfg.CacheDir, h.cfg.labsDir(), h.cfg.runPath("labs"), h.cfg.runPath("locks"), filepath.Dir(h.cfg.cacheUser())} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return workshop.Errorf(workshop.Unavailable, "The folder %s can't be made: run as root, or choose another with --data.", dir).Because(err)
		}
	}
	if h.own {
		if err := errors.Join(checkPassable(h.cfg.DataDir), checkPassable(h.cfg.RunDir)); err != nil {
			return err
		}
	}
	return os.WriteFile(h.cfg.cacheUser(), []byte(h.cfg.DataDir+"\n"), 0o644)
}

// checkPassable finds a folder on the way to dir that others may not pass
// through: the Engine, as the root of its id range, is one of those others.
func checkPassable(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return workshop.Errorf(workshop.Invalid, "Nodes can't reach what lies below %s, because only its owner may pass through it: choose another place with --data and --run, or allow it with \"chmod o+x %s\".", dir, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// answers reports whether the Engine answers within two seconds.
func (h *Host) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := h.docker.Ping(ctx)
	return err == nil
}

// lock holds an exclusive lock of a name in the run folder until the returned
// function is called, so that two processes don't do the same thing at once.
func (h *Host) lock(ctx context.Context, name string) (func(), error) {
	f, err := os.OpenFile(h.cfg.runPath(filepath.Join("locks", name)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lab: lock %s: %w", name, err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lab: lock %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Dialer is what clients of an agent or of an Engine need.
type Dialer = func(context.Context) (net.Conn, error)
