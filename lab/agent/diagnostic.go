package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// The Engine opens its diagnostic port only when its configuration file says so
// and only when told to read it again. The file is the people's, so the Engine
// is given another path that leads to theirs, and for the moment of that reading
// to a copy with the port in it. When the people have it read again the port shuts,
// and the balancer asks for it anew.

// linkConfig makes the path that the Engine is given lead to the people's file.
func (c EngineConfig) linkConfig() error {
	if c.ConfigLink == "" {
		return nil
	}
	next := c.ConfigLink + ".next"
	os.Remove(next)
	err := os.Symlink(c.ConfigFile, next)
	if _, missing := os.Stat(c.ConfigFile); errors.Is(missing, os.ErrNotExist) {
		// The Engine can do without its usual file, but not without one it was given.
		os.Remove(next)
		err = os.WriteFile(next, []byte("{}\n"), 0o644)
	}
	if err != nil {
		return err
	}
	return os.Rename(next, c.ConfigLink)
}

// openDiagnostic has the running Engine open its diagnostic port, and waits for it.
func (e *engine) openDiagnostic(ctx context.Context) error {
	_, port, err := net.SplitHostPort(e.cfg.Diagnostic)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(e.cfg.ConfigFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	text, err = withMember(text, "network-diagnostic-port", number)
	if err != nil {
		return fmt.Errorf("%s: %w", e.cfg.ConfigFile, err)
	}
	next := e.cfg.ConfigLink + ".next"
	os.Remove(next)
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return err
	}
	if err := os.Rename(next, e.cfg.ConfigLink); err != nil {
		return err
	}
	err = e.reload(ctx)
	return errors.Join(err, e.cfg.linkConfig())
}

// withMember adds a member to a JSON object.
func withMember(text []byte, name string, value any) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &members); err != nil {
			return nil, err
		}
	}
	if members == nil { // the text was null
		members = map[string]json.RawMessage{}
	}
	b, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	members[name] = b
	return json.Marshal(members)
}

// reload tells the Engine to read its configuration and waits until the
// diagnostic port answers.
func (e *engine) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	e.mu.Lock()
	process := e.process
	e.mu.Unlock()
	if process == nil {
		return errNotRunning{e.Status()}
	}
	if err := process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", e.cfg.Diagnostic)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the Engine's diagnostic port stays shut: %w", err)
		case <-time.After(pingEvery):
		}
	}
}
