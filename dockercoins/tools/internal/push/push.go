// Package push builds the images of a Compose file, pushes them to a registry
// under one version, and writes a Compose file that needs no builds any more.
package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"slipway/dockercoins/tools/internal/composefile"
)

// A Job is one run.
type Job struct {
	File     *composefile.File
	Registry string // host:port, with a name space behind it if there is one
	Version  string // the tag of all images
	Output   string // path of the new Compose file
	Force    bool   // it may be there already
	Out, Err io.Writer
}

var (
	goodTag      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	goodRegistry = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
)

// Run builds, pushes all images at once, and writes the new file when all are
// there. With any error no file is written.
func (j *Job) Run(ctx context.Context) error {
	if !goodTag.MatchString(j.Version) {
		return fmt.Errorf("%q can't be the tag of an image: use letters, digits, dots and dashes", j.Version)
	}
	if !goodRegistry.MatchString(j.Registry) {
		return fmt.Errorf("REGISTRY is %q, which is not the address of a registry: write host:port, or host:port/name", j.Registry)
	}
	if err := composefile.MayWrite(j.Output, j.Force); err != nil {
		return err
	}
	services, err := j.File.Services()
	if err != nil {
		return err
	}
	images, order := map[string]string{}, []string{}
	for _, s := range services {
		if j.File.Project.Services[s.Name].Build == nil {
			continue
		}
		if !s.Has("build") {
			return fmt.Errorf("%s:%d: %s gets its build from somewhere else (extends, include or a merge); write it out here, so that it can be changed", j.File.Path, s.Line("build"), s.Name)
		}
		images[s.Name] = fmt.Sprintf("%s/%s_%s:%s", j.Registry, j.File.Project.Name, s.Name, j.Version)
		order = append(order, s.Name)
	}
	if len(order) == 0 {
		return fmt.Errorf("%s builds nothing: there is nothing to push", j.File.Path)
	}
	if err := j.build(ctx, images, order); err != nil {
		return err
	}
	if err := j.push(ctx, images, order); err != nil {
		return err
	}
	for _, s := range services {
		if ref := images[s.Name]; ref != "" {
			if err := s.Set("image", ref, "build"); err != nil {
				return err
			}
			s.Remove("pull_policy") // "build" would build again
		}
	}
	if err := j.File.Save(ctx, j.Output); err != nil {
		return err
	}
	fmt.Fprintf(j.Out, "Wrote %s, which has images where %s has builds. To use it:\nexport COMPOSE_FILE=%s\n", j.Output, filepath.Base(j.File.Path), j.Output)
	return nil
}

// build has Compose build all images under the names they get in the registry.
func (j *Job) build(ctx context.Context, images map[string]string, order []string) error {
	override, err := os.CreateTemp("", "build-tag-push-*.yaml")
	if err != nil {
		return err
	}
	defer os.Remove(override.Name())
	names := map[string]any{}
	for service, ref := range images {
		names[service] = map[string]string{"image": ref}
	}
	text, err := yaml.Marshal(map[string]any{"services": names})
	if err == nil {
		_, err = override.Write(text)
	}
	if closing := override.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	program, err := compose(ctx)
	if err != nil {
		return err
	}
	args := append(program[1:], "--file", j.File.Path, "--file", override.Name(), "--project-name", j.File.Project.Name, "build")
	cmd := exec.CommandContext(ctx, program[0], append(args, order...)...)
	cmd.Stdout, cmd.Stderr = j.Err, j.Err // the result alone goes to Out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("Compose could not build the images (%w): nothing was pushed, no file was written", err)
	}
	return nil
}

// compose finds Compose by its new or its old spelling.
func compose(ctx context.Context) ([]string, error) {
	if exec.CommandContext(ctx, "docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}, nil
	}
	if path, err := exec.LookPath("docker-compose"); err == nil {
		return []string{path}, nil
	}
	return nil, errors.New("there is no Compose here: neither \"docker compose\" nor \"docker-compose\" works")
}

// maxPushes bounds the pushes at the same time.
const maxPushes = 8

// push pushes all images at once and answers all errors.
func (j *Job) push(ctx context.Context, images map[string]string, order []string) error {
	errs := make([]error, len(order))
	slots := make(chan struct{}, maxPushes)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, service := range order {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			out, err := exec.CommandContext(ctx, "docker", "push", images[service]).CombinedOutput()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs[i] = fmt.Errorf("%s was not pushed: %s", images[service], lastLine(string(out), err))
				return
			}
			fmt.Fprintf(j.Err, "pushed %s\n", images[service])
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w\nno file was written", err)
	}
	return nil
}

// lastLine is where docker says what went wrong.
func lastLine(out string, err error) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}
