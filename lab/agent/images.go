package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// loadTime bounds how long one image may take.
const loadTime = 5 * time.Minute

// stampOf identifies a file of images without reading it all.
func stampOf(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d", filepath.Base(path), st.Size(), st.ModTime().Unix()), nil
}

func readStamp(path string) map[string]bool {
	loaded := map[string]bool{}
	b, err := os.ReadFile(path)
	if err != nil {
		return loaded // nothing was loaded yet, or it is done again: harmless
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			loaded[line] = true
		}
	}
	return loaded
}

func writeStamp(path string, loaded map[string]bool) error {
	if path == "" {
		return nil
	}
	text := strings.Join(slices.Sorted(maps.Keys(loaded)), "\n") + "\n"
	return os.WriteFile(path, []byte(text), 0o644)
}

// load gives one file of images to the Engine.
func load(ctx context.Context, c *http.Client, path string) error {
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	req, err := http.NewRequestWithContext(ctx, "POST", "http://engine/images/load?quiet=1", f)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-tar")
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("the Engine answered %s: %s", res.Status, said)
	case bytes.Contains(said, []byte(`"errorDetail"`)):
		return errors.New(string(said))
	}
	return nil
}
