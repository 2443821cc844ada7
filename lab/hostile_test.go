package lab_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"slipway/lab"
)

// asked sends a request that an Engine answers with 200 and an agent with 404.
func asked(ctx context.Context, n *lab.Node) (status int, err error) {
	conn, err := n.Dial(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprint(conn, "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	res.Body.Close()
	return res.StatusCode, nil
}

// A node's root owns the folder that its agent's socket is in. Whatever it puts
// there, the host connects to a socket of that node or to nothing.
func TestDoorIsHostile(t *testing.T) {
	l := newLab(t, "hostile")
	node := l.Node("node1")
	engine := testRun + "/engine.sock"
	if status, err := asked(t.Context(), node); err != nil || status != http.StatusNotFound {
		t.Fatalf("the agent answers %d, %v", status, err)
	}
	root := func(script string) {
		t.Helper()
		if out, code := run(t, node, "root", "cd /run/slipway && "+script); code != 0 {
			t.Fatalf("%s: %s", script, out)
		}
	}
	root("mv agent.sock real")
	for name, script := range map[string]string{
		"a link to the lab Engine":     "ln -sfn " + engine + " agent.sock",
		"a relative link to it":        "ln -sfn ../../../engine.sock agent.sock",
		"a link to another node":       "ln -sfn ../node2/agent.sock agent.sock",
		"a link to the node's own":     "ln -sfn real agent.sock",
		"a link through the host's fd": "ln -sfn /proc/self/fd/3 agent.sock",
		"a link to itself":             "ln -sfn agent.sock agent.sock",
		"a file":                       "rm -f agent.sock; echo x >agent.sock",
		"a pipe":                       "rm -f agent.sock; mkfifo agent.sock",
		"a folder":                     "rm -f agent.sock; mkdir agent.sock; ln -s " + engine + " agent.sock/agent.sock",
		"nothing":                      "rm -rf agent.sock",
	} {
		root(script)
		if status, err := asked(t.Context(), node); err == nil {
			t.Errorf("%s: somebody answered %d", name, status)
		}
		root("rm -rf agent.sock")
	}
	flickering(t, node, engine)
	root("rm -rf agent.sock && mv real agent.sock")
	if status, err := asked(t.Context(), node); err != nil || status != http.StatusNotFound {
		t.Errorf("afterwards the agent answers %d, %v", status, err)
	}
}

// flickering changes the socket to a link and back as fast as a node can,
// while the host connects.
func flickering(t *testing.T, node *lab.Node, engine string) {
	const script = `cd /run/slipway && ln -sfn %s link && perl -e '
		$end = time + 60;
		while (time < $end && !-e "stop") { link("real", "a"); rename("a", "agent.sock"); symlink("%s", "b"); rename("b", "agent.sock") }'`
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(t, node, "root", fmt.Sprintf(script, engine, engine))
	}()
	agents, refused := 0, 0
	for deadline := time.Now().Add(30 * time.Second); (agents < 50 || refused < 50) && time.Now().Before(deadline); {
		switch status, err := asked(t.Context(), node); {
		case err != nil:
			refused++
		case status == http.StatusNotFound:
			agents++
		default:
			t.Errorf("somebody else answered: %d", status)
		}
	}
	run(t, node, "root", "touch /run/slipway/stop; sleep 0.2; rm -f /run/slipway/stop /run/slipway/link")
	<-done
	if agents < 50 || refused < 50 {
		t.Errorf("%d answers and %d refusals prove nothing", agents, refused)
	}
}

// What a node writes beside its socket fills nothing of the host's.
func TestDoorIsSmall(t *testing.T) {
	l := newLab(t, "small")
	out, code := run(t, l.Node("node1"), "root", "cd /run/slipway; head -c 10M /dev/zero >big; for i in $(seq 1000); do : >f$i || break; done 2>/dev/null; stat -c %s big; ls | wc -l")
	var size, files int
	if _, err := fmt.Sscan(out[max(0, lastLine(out)):], &size, &files); err != nil || code != 0 {
		t.Fatalf("%q, %v", out, err)
	}
	if size > 256<<10 || files > 64 {
		t.Errorf("a node put %d bytes in a file of %d beside its socket", size, files)
	}
	if _, err := (&lab.Agent{Dial: l.Node("node1").Dial}).Info(t.Context()); err != nil {
		t.Errorf("with a full door: %v", err)
	}
	doors, _ := filepath.Glob(testRun + "/labs/*/node1/big")
	if len(doors) != 1 {
		t.Fatalf("the file is seen at %q", doors)
	}
	if err := realHost(t).Remove(t.Context(), "small"); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(doors[0]); !os.IsNotExist(err) {
		t.Errorf("after the lab's removal: %v", err)
	}
}

// lastLine is where the last two lines of a text begin.
func lastLine(text string) int {
	at := len(text)
	for range 2 {
		for at--; at > 0 && text[at-1] != '\n'; at-- {
		}
	}
	return at
}
