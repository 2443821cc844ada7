package lab_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/lab"
	"slipway/lab/registry"
)

// realRegistry serves the registry to all nodes of labs until the test ends.
func realRegistry(t *testing.T, labs ...*lab.Lab) *registry.Registry {
	t.Helper()
	r, err := registry.New(registry.Config{Dir: filepath.Join(t.TempDir(), "registry")})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := r.Load(t.Context(), realHost(t).LibraryArchives()...); err != nil {
		t.Fatal(err)
	}
	t.Logf("the library was filled in %v", time.Since(begun).Round(time.Millisecond))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	count := 0
	for _, l := range labs {
		for _, n := range l.Nodes {
			count++
			go func() {
				ended <- n.ServeRegistry(ctx, func(ctx context.Context, listener net.Listener) error { return r.Serve(ctx, l.ID, listener) })
			}()
		}
	}
	t.Cleanup(func() {
		cancel()
		for range count {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// timed runs a script, within a limit that holds on a busy machine too.
func timed(t *testing.T, n *lab.Node, what, script string, limit time.Duration) {
	t.Helper()
	begun := time.Now()
	must(t, n, script)
	took := time.Since(begun)
	t.Logf("%s: %v", what, took.Round(time.Millisecond))
	if took > limit {
		t.Errorf("%s took %v, more than %v", what, took, limit)
	}
}

// What is pushed on one node of a lab is there for its other nodes, and for
// nobody else.
func TestRegistryInTheNodes(t *testing.T) {
	alice, bob := newLab(t, "pushes"), newLab(t, "looks")
	r := realRegistry(t, alice, bob)
	node1, node2, foreign := alice.Node("node1"), alice.Node("node2"), bob.Node("node1")
	for _, n := range []*lab.Node{node1, node2, foreign} {
		must(t, n, "docker version >/dev/null") // wakes the Engine
	}

	must(t, node1, "docker tag redis 127.0.0.1:5000/mine:v1 && docker push -q 127.0.0.1:5000/mine:v1")
	if out := must(t, node2, "docker pull -q 127.0.0.1:5000/mine:v1 && docker run --rm 127.0.0.1:5000/mine:v1 redis-cli --version"); !strings.Contains(out, "redis-cli") {
		t.Errorf("on node2: %q", out)
	}
	repositories, err := r.Repositories(t.Context(), alice.ID)
	if err != nil || len(repositories) != 1 || repositories[0].Name != "mine" || repositories[0].Tags[0].Name != "v1" {
		t.Errorf("repositories: %+v, %v", repositories, err)
	}
	if out, code := run(t, foreign, "docker", "docker pull 127.0.0.1:5000/mine:v1 2>&1"); code == 0 || !strings.Contains(out, "not found") && !strings.Contains(out, "unknown") {
		t.Errorf("another lab pulls it: %d %s", code, out)
	}
	if out := must(t, foreign, "curl -s 127.0.0.1:5000/v2/_catalog"); out != `{"repositories":[]}` {
		t.Errorf("another lab's catalog: %s", out)
	}

	// An image that a node lost comes from the library under its plain name.
	must(t, node2, "docker rm -f $(docker ps -aq) 2>/dev/null; docker rmi -f redis tools hamba 127.0.0.1:5000/mine:v1 >/dev/null 2>&1; true")
	timed(t, node2, "redis from the library under its plain name", "docker pull -q redis", 10*time.Second)
	must(t, node2, "docker rmi -f redis >/dev/null")
	timed(t, node2, "redis from the library, 24 MB", "docker pull -q 127.0.0.1:5000/library/redis", 5*time.Second)
	if out, code := run(t, node1, "docker", "docker tag tools 127.0.0.1:5000/library/redis:evil && docker push 127.0.0.1:5000/library/redis:evil 2>&1"); code == 0 || !strings.Contains(out, "library") {
		t.Errorf("a push to the library: %d %s", code, out)
	}

	// Twenty megabytes that don't compress, as one layer.
	must(t, node1, `mkdir -p /tmp/big && cd /tmp/big && head -c 20000000 /dev/urandom > noise && printf 'FROM redis\nCOPY noise /\n' > Dockerfile && docker build -q -t 127.0.0.1:5000/big . >/dev/null`)
	timed(t, node1, "push of 20 MB", "docker push -q 127.0.0.1:5000/big", 15*time.Second)
	timed(t, node2, "pull of 20 MB", "docker pull -q 127.0.0.1:5000/big", 8*time.Second)

	// The node's root takes the socket away, and harms nobody but this node; and that not for long.
	if out, code := run(t, node1, "root", "rm /run/slipway/registry.sock && ln -s /etc/passwd /run/slipway/registry.sock && curl -s -m 5 127.0.0.1:5000/v2/_catalog"); code == 0 {
		t.Errorf("without the socket: %s", out)
	}
	must(t, node2, "curl -sf 127.0.0.1:5000/v2/")
	eventually(t, 30*time.Second, "the socket comes back", func() bool {
		out, code := run(t, node1, "docker", "curl -s -m 5 127.0.0.1:5000/v2/_catalog")
		return code == 0 && strings.Contains(out, fmt.Sprintf("%q", "mine"))
	})
}
