package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/distribution/distribution/v3"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/reference"
)

// What is listed of a space at most.
const (
	maxRepositories = 200
	maxTags         = 200 // of one repository
)

// Repository is a name that was pushed to, with its tags in order.
type Repository struct {
	Name string
	Tags []Tag
}

// Tag is one tag of a repository.
type Tag struct {
	Name   string
	Digest string    // of its manifest
	Pushed time.Time // when it was last given
}

// Repositories lists what a lab has pushed, ordered by name: at most 200
// repositories of 200 tags. A lab that has pushed nothing has none.
func (r *Registry) Repositories(ctx context.Context, lab string) ([]Repository, error) {
	if _, err := os.Stat(r.labDir(lab)); errors.Is(err, os.ErrNotExist) && labPattern.MatchString(lab) {
		return nil, nil
	}
	s, err := r.space(lab)
	if err != nil {
		return nil, err
	}
	return r.list(ctx, s)
}

// Library lists what every lab can pull.
func (r *Registry) Library(ctx context.Context) ([]Repository, error) {
	return r.list(ctx, r.library)
}

func (r *Registry) list(ctx context.Context, s *space) ([]Repository, error) {
	s.busy.RLock()
	defer s.busy.RUnlock()
	ctx = within(ctx, &asking{space: s})
	names := make([]string, maxRepositories)
	n, err := r.names.Repositories(ctx, names, "")
	var missing storagedriver.PathNotFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	if n == 0 || n > len(names) {
		return nil, nil
	}
	var all []Repository
	for _, name := range names[:n] {
		tags, err := r.tags(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("registry: list %s: %w", name, err)
		}
		if len(tags) > 0 { // begun and not finished, or all deleted
			all = append(all, Repository{name, tags})
		}
	}
	slices.SortFunc(all, func(a, b Repository) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func (r *Registry) tags(ctx context.Context, name string) ([]Tag, error) {
	named, err := reference.WithName(name)
	if err != nil {
		return nil, err
	}
	repository, err := r.names.Repository(ctx, named)
	if err != nil {
		return nil, err
	}
	service := repository.Tags(ctx)
	names, err := service.All(ctx)
	var unknown distribution.ErrRepositoryUnknown
	if errors.As(err, &unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var tags []Tag
	for _, tag := range names[:min(len(names), maxTags)] {
		descriptor, err := service.Get(ctx, tag)
		if err != nil {
			continue // deleted meanwhile
		}
		t := Tag{Name: tag, Digest: descriptor.Digest.String()}
		if info, err := (driver{}).Stat(ctx, "/docker/registry/v2/repositories/"+name+"/_manifests/tags/"+tag+"/current/link"); err == nil {
			t.Pushed = info.ModTime()
		}
		tags = append(tags, t)
	}
	return tags, nil
}

// measureUploads is how much unfinished uploads hold.
func (s *space) measureUploads() int64 {
	var sum int64
	for _, dir := range s.uploadDirs("docker/registry/v2/repositories", 0) {
		sum += s.measure(dir)
	}
	return sum
}

// uploadDirs finds the folders of unfinished uploads.
func (s *space) uploadDirs(dir string, depth int) []string {
	if depth > 130 { // a name has at most 255 letters
		return nil
	}
	f, err := s.root.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(-1)
	var found []string
	for _, e := range entries {
		switch {
		case e.Name() == "_uploads":
			found = append(found, dir+"/_uploads")
		case e.IsDir() && !strings.HasPrefix(e.Name(), "_"):
			found = append(found, s.uploadDirs(dir+"/"+e.Name(), depth+1)...)
		}
	}
	return found
}
