package agent_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/lab"
	"slipway/lab/agent"
)

// engineStates hears the first states of a node's Engine, or fewer when the time is over.
func engineStates(n *node, count int, limit time.Duration) []string {
	ctx, cancel := context.WithTimeout(n.ctx, limit)
	defer cancel()
	var states []string
	n.Events(ctx, 1, func(e lab.NodeEvent) error {
		if e.Kind == lab.NodeEngine {
			states = append(states, e.Engine.State)
		}
		if len(states) == count {
			return errEnough
		}
		return nil
	})
	return states
}

func (n *node) engine(t *testing.T, wake bool, path string) string {
	t.Helper()
	conn, err := n.EngineConn(n.ctx, wake)
	if err != nil {
		t.Fatal(err)
	}
	_, body := get(t, conn, path)
	return body
}

// An Engine without work sleeps, one that is asked for wakes, and whoever only
// looks neither keeps it awake nor wakes it.
func TestTheEngineSleeps(t *testing.T) {
	n := startNode(t, func(c *agent.Config) { c.Engine.Idle = 200 * time.Millisecond })
	first := n.engine(t, true, "/pid")
	looking, err := n.EngineConn(n.ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	defer looking.Close()
	if got := engineStates(n, 3, patience); !slices.Equal(got, []string{"starting", "running", "asleep"}) {
		t.Fatalf("states %q", got)
	}
	if _, err := io.Copy(io.Discard, looking); err != nil {
		t.Errorf("who looks hears %v", err)
	}
	if _, err := n.EngineConn(n.ctx, false); !lab.IsAgentError(err, lab.AgentEngine) || !strings.Contains(err.Error(), "asleep") {
		t.Errorf("asking without waking: %v", err)
	}
	if info, err := n.Info(n.ctx); err != nil || info.Engine.State != "asleep" {
		t.Errorf("%+v, %v", info, err)
	}
	if n.engine(t, true, "/pid") == first {
		t.Error("it never slept")
	}
	if got := engineStates(n, 6, patience); len(got) != 6 {
		t.Errorf("states %q", got)
	}
}

// What keeps an Engine awake: a connection of the people's, a container, a swarm.
func TestTheEngineStaysAwake(t *testing.T) {
	dir := t.TempDir()
	var held net.Conn
	for name, c := range map[string]struct{ keep, let func(t *testing.T, n *node) }{
		"a connection": {
			func(t *testing.T, n *node) {
				conn, err := dialer(n.cfg.Engine.Public)(n.ctx)
				if err != nil {
					t.Fatal(err)
				}
				held = conn
			},
			func(t *testing.T, n *node) { held.Close() },
		},
		"a container": {
			func(t *testing.T, n *node) { n.engine(t, true, "/run") },
			func(t *testing.T, n *node) { n.engine(t, true, "/rm") },
		},
		"a swarm": {
			func(t *testing.T, n *node) { os.WriteFile(n.cfg.Engine.Member, nil, 0o600) },
			func(t *testing.T, n *node) { os.Remove(n.cfg.Engine.Member) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, func(c *agent.Config) {
				c.Engine.Idle, c.Engine.Member = 100*time.Millisecond, filepath.Join(dir, "member")
			})
			c.keep(t, n)
			n.engine(t, true, "/pid")
			if got := engineStates(n, 3, time.Second); !slices.Equal(got, []string{"starting", "running"}) {
				t.Errorf("kept awake its states are %q", got)
			}
			c.let(t, n)
			if got := engineStates(n, 3, patience); !slices.Equal(got, []string{"starting", "running", "asleep"}) {
				t.Errorf("let go its states are %q", got)
			}
		})
	}
}

// The helper comes first, and its death is the Engine's.
func TestTheEngineHasAHelper(t *testing.T) {
	n := startNode(t, func(c *agent.Config) {
		c.Engine.HelperSocket = filepath.Join(filepath.Dir(c.Socket), "helper.sock")
		c.Engine.Helper = []string{os.Args[0], c.Engine.HelperSocket}
	})
	first := n.engine(t, true, "/pid")
	conn, err := net.Dial("unix", n.cfg.Engine.HelperSocket)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET /die HTTP/1.0\r\n\r\n")
	io.Copy(io.Discard, conn)
	conn.Close()
	if got := engineStates(n, 5, patience); !slices.Equal(got, []string{"starting", "running", "failed", "starting", "running"}) {
		t.Errorf("states %q", got)
	}
	if n.engine(t, true, "/pid") == first {
		t.Error("the Engine outlived its helper")
	}
}

func TestAHelperThatCanNotStartSaysWhy(t *testing.T) {
	n := startNode(t, func(c *agent.Config) {
		c.Engine.HelperSocket = filepath.Join(filepath.Dir(c.Socket), "helper.sock")
		c.Engine.Helper = []string{"env", engineVariable + "=broken", os.Args[0]}
	})
	if _, err := n.EngineConn(n.ctx, true); !lab.IsAgentError(err, lab.AgentEngine) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("programs see %v", err)
	}
}
