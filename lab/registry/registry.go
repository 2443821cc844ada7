package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/distribution/distribution/v3/registry/storage"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/sirupsen/logrus"

	"slipway/workshop"
)

// Defaults of a [Config].
const (
	DefaultQuota   = 2 << 30
	DefaultMinFree = 1 << 30
)

// Config says where a [Registry] keeps images and how many.
type Config struct {
	Dir     string           // made if it isn't there
	Quota   int64            // bytes a lab's space may hold; default 2 GiB
	MinFree int64            // bytes of the disk that stay free; default 1 GiB
	Pushed  func(lab string) // hears of every image that was pushed or deleted; may be nil
	Log     *slog.Logger     // default discards
}

// Registry is the registry of all labs of an installation. Make it with [New].
type Registry struct {
	cfg     Config
	app     *handlers.App
	names   distribution.Namespace
	library *space

	mu     sync.Mutex
	spaces map[string]*space // by lab; opened when first used
}

var labPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// useDriver makes our storage known to distribution, which asks for storages by
// name, and quiet: what people do wrong is told to them and not to the server's log.
var useDriver = sync.OnceFunc(func() {
	factory.Register(driverName, drivers{})
	logrus.SetOutput(io.Discard)
})

type drivers struct{}

// Create answers the one driver there is.
func (drivers) Create(context.Context, map[string]any) (storagedriver.StorageDriver, error) {
	return driver{}, nil
}

// New opens the registry in a folder, of which it is from now on the only user
// but for [Registry.Load]. Close it after Run has ended and nobody is served any more.
func New(cfg Config) (*Registry, error) {
	if cfg.Quota == 0 {
		cfg.Quota = DefaultQuota
	}
	if cfg.MinFree == 0 {
		cfg.MinFree = DefaultMinFree
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Pushed == nil {
		cfg.Pushed = func(string) {}
	}
	useDriver()
	names, err := storage.NewRegistry(context.Background(), driver{}, storage.EnableDelete)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	r := &Registry{cfg: cfg, names: names, spaces: map[string]*space{}}
	if r.library, err = openSpace(filepath.Join(cfg.Dir, "library"), 0, r.spare); err != nil {
		return nil, workshop.Errorf(workshop.Unavailable, "The registry's folder %s can't be used.", cfg.Dir).Because(err)
	}
	r.app = handlers.NewApp(context.Background(), appConfig())
	return r, nil
}

// appConfig is distribution as we need it: it stores and speaks, nothing else.
func appConfig() *configuration.Configuration {
	c := &configuration.Configuration{Storage: configuration.Storage{
		driverName:    configuration.Parameters{},
		"delete":      configuration.Parameters{"enabled": true},
		"redirect":    configuration.Parameters{"disable": true},
		"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
	}}
	c.HTTP.RelativeURLs = true
	c.Catalog.MaxEntries = maxRepositories
	c.Tags.MaxTags = maxTags
	return c
}

// Close lets go of all folders.
func (r *Registry) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := []error{r.app.Shutdown(), r.library.root.Close()}
	for _, s := range r.spaces {
		errs = append(errs, s.root.Close())
	}
	clear(r.spaces)
	return errors.Join(errs...)
}

// spare refuses when the disk is nearly full.
func (r *Registry) spare() error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(r.cfg.Dir, &fs); err != nil {
		return err
	}
	if int64(fs.Bavail)*int64(fs.Bsize) < r.cfg.MinFree {
		return errDisk
	}
	return nil
}

func (r *Registry) labDir(lab string) string { return filepath.Join(r.cfg.Dir, "labs", lab) }

// space finds a lab's space and opens it if need be.
func (r *Registry) space(lab string) (*space, error) {
	if !labPattern.MatchString(lab) {
		return nil, workshop.Errorf(workshop.Invalid, "%q is not a lab's id.", lab)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.spaces[lab]; s != nil {
		return s, nil
	}
	s, err := openSpace(r.labDir(lab), r.cfg.Quota, r.spare)
	if err != nil {
		return nil, fmt.Errorf("registry: open a lab's folder: %w", err)
	}
	r.spaces[lab] = s
	return s, nil
}

// Remove deletes all that a lab pushed. A lab that pushed nothing is no error.
func (r *Registry) Remove(lab string) error {
	if !labPattern.MatchString(lab) {
		return workshop.Errorf(workshop.Invalid, "%q is not a lab's id.", lab)
	}
	r.mu.Lock()
	s := r.spaces[lab]
	delete(r.spaces, lab)
	r.mu.Unlock()
	if s != nil {
		s.busy.Lock() // requests end first
		defer s.busy.Unlock()
		s.root.Close()
	}
	return os.RemoveAll(r.labDir(lab))
}

// Keep removes what labs pushed that keep doesn't claim and answers their ids.
func (r *Registry) Keep(keep func(lab string) bool) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.cfg.Dir, "labs"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var removed []string
	errs := []error{err}
	for _, e := range entries {
		if !labPattern.MatchString(e.Name()) || keep(e.Name()) {
			continue
		}
		if err := r.Remove(e.Name()); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, e.Name())
	}
	return removed, errors.Join(errs...)
}

// Bounds of Run's work.
const (
	tidyEvery  = time.Minute
	tidyIdle   = 30 * time.Second // nobody may have asked for that long
	uploadLife = time.Hour        // of one that nobody goes on with
)

// Run tidies up until ctx ends: unfinished uploads, and images without a tag.
func (r *Registry) Run(ctx context.Context) error {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		r.mu.Lock()
		var waiting []*space
		for _, s := range r.spaces {
			if s.dirt.Load() && s.idle() >= tidyIdle {
				waiting = append(waiting, s)
			}
		}
		r.mu.Unlock()
		for _, s := range waiting {
			if err := r.tidy(ctx, s); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn("a lab's registry can't be tidied", "err", err)
			}
		}
	}
}

// tidy clears away what nobody can pull any more. Requests wait meanwhile; if
// there are any, it is left for another time.
func (r *Registry) tidy(ctx context.Context, s *space) error {
	if !s.busy.TryLock() {
		return nil
	}
	defer s.busy.Unlock()
	ctx = within(ctx, &asking{space: s})
	if _, err := s.root.Stat("docker/registry/v2/repositories"); err != nil {
		return nil // empty, or removed
	}
	_, errs := storage.PurgeUploads(ctx, driver{}, time.Now().Add(-uploadLife), true)
	waits := s.measureUploads() // those keep the blobs that were sent for them
	if waits == 0 {
		errs = append(errs, storage.MarkAndSweep(ctx, driver{}, r.names, storage.GCOpts{RemoveUntagged: true, Quiet: true}))
	}
	s.used.Store(s.measure("."))
	s.dirt.Store(waits > 0)
	return errors.Join(errs...)
}

// Handler serves one lab.
func (r *Registry) Handler(lab string) http.Handler { return &door{r, lab} }
