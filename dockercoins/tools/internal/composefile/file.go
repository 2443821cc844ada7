// Package composefile reads Compose files with the Compose project's own library
// and rewrites them as text: comments, order, quotes and blank lines stay as they
// are, but for what is asked to change.
//
// Every rewritten file is read again by that library before it is saved, so a
// change can't leave a file behind that Compose would not take.
package composefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxSize is the most we read of a Compose file, in bytes.
const maxSize = 1 << 20

// DefaultNames are the files that Compose takes by itself, the first it finds.
var DefaultNames = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}

// A File is one Compose file: what it means, and its text. It is not for use by
// several goroutines.
type File struct {
	Path    string
	Project *types.Project
	syntax  *ast.File
	top     *ast.MappingNode
}

// Find answers the Compose file of a folder; named is what $COMPOSE_FILE says.
func Find(dir, named string) (string, error) {
	if named != "" {
		if strings.ContainsRune(named, os.PathListSeparator) {
			return "", fmt.Errorf("COMPOSE_FILE names several files (%s); this tool works on one", named)
		}
		return named, nil
	}
	for _, name := range DefaultNames {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name), nil
		}
	}
	return "", fmt.Errorf("there is no %s here: go to the folder of your application, or set COMPOSE_FILE", DefaultNames[0])
}

// Read loads one Compose file. project overrides the project's name; empty means
// what Compose would take.
func Read(ctx context.Context, path, project string) (*File, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", path)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSize {
		return nil, fmt.Errorf("%s has %d bytes, more than a Compose file needs", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path}
	if f.Project, err = load(ctx, path, project); err != nil {
		return nil, fmt.Errorf("%s is not a Compose file as Compose wants it: %w", path, err)
	}
	if f.syntax, err = parser.ParseBytes(text, parser.ParseComments); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, doc := range f.syntax.Docs {
		if m, ok := doc.Body.(*ast.MappingNode); ok {
			f.top = m
		}
	}
	if f.top == nil {
		return nil, fmt.Errorf("%s has no keys at its top", path)
	}
	return f, nil
}

func load(ctx context.Context, path, project string) (*types.Project, error) {
	options := []cli.ProjectOptionsFn{cli.WithOsEnv, cli.WithDotEnv, cli.WithResolvedPaths(false), cli.WithProfiles([]string{"*"})}
	if project != "" {
		options = append(options, cli.WithName(project))
	}
	o, err := cli.NewProjectOptions([]string{path}, options...)
	if err != nil {
		return nil, err
	}
	return o.LoadProject(ctx)
}

// String is the text of the file with all changes made to it.
func (f *File) String() string {
	return strings.TrimRight(f.syntax.String(), "\n") + "\n"
}

// MayWrite says why a file should not be written: it is one that Compose takes
// by itself, or it is there already and force was not given.
func MayWrite(path string, force bool) error {
	if slices.Contains(DefaultNames, filepath.Base(path)) {
		return fmt.Errorf("%s is left alone, because it is the file Compose takes by itself and others may rely on it: name another file", path)
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return fmt.Errorf("%s is there already: remove it, name another file, or say --force", path)
	}
	return nil
}

// Save checks that Compose takes the text as it is now, then writes it at path, whole
// or not at all. The file must lie in the folder of the original, because paths
// in it are relative.
func (f *File) Save(ctx context.Context, path string) error {
	here, err := filepath.Abs(filepath.Dir(f.Path))
	if err != nil {
		return err
	}
	if there, err := filepath.Abs(filepath.Dir(path)); err != nil || there != here {
		return fmt.Errorf("%s has to be in the folder of %s, because paths in it are relative", path, f.Path)
	}
	temp, err := os.CreateTemp(here, "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(f.String())
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if _, err := load(ctx, temp.Name(), f.Project.Name); err != nil {
		return fmt.Errorf("%s was not written, because Compose would not take it: %w", path, err)
	}
	if err := os.Chmod(temp.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
