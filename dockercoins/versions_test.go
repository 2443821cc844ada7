package dockercoins

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// v02 is how the images of v0.2 start their programs.
var v02 = []string{"VERSION=v0.2"}

func TestRngV02NeverStarts(t *testing.T) {
	t.Parallel()
	p := start(t, nil, v02, filepath.Join(programs, "rng"), "-listen", "127.0.0.1:0")
	if code := p.exitCode(); code != 1 || !p.mentions("can't start") || p.mentions("listens") {
		t.Errorf("it ended with %d, and this should say why: %v", code, p.lines)
	}
}

func TestWebuiV02IsGreen(t *testing.T) {
	t.Parallel()
	p := start(t, nil, v02, filepath.Join(programs, "webui"), "-listen", "127.0.0.1:0", "-redis", "/nowhere", "-files", "webui/files")
	_, found, _ := p.waitFor(0, `webui listens on (.*)`)
	file, err := os.ReadFile("webui/files/graph.css")
	if err != nil {
		t.Fatal(err)
	}
	_, now := fetch(t, "http://"+found[1]+"/graph.css")
	added, ok := strings.CutPrefix(now, string(file))
	if !ok || !strings.Contains(added, "--steel: #2e8b57") || !strings.Contains(added, "font-size: 17px") {
		t.Errorf("v0.2 adds %q to the style of before (kept: %v)", added, ok)
	}
	_, address := startService(t, "webui", "-redis", "/nowhere", "-files", "webui/files")
	if _, before := fetch(t, "http://"+address+"/graph.css"); before != string(file) {
		t.Error("v0.1 changes the style")
	}
}

// A unit takes 0.3 s, and 3.3 s in v0.2.
func TestWorkerV02IsElevenTimesSlower(t *testing.T) {
	t.Parallel()
	_, rng := startService(t, "rng")
	_, hasher := startService(t, "hasher")
	_, socket, _ := startRedis(t)
	for version, want := range map[string]time.Duration{"v0.1": 300 * time.Millisecond, "v0.2": 3300 * time.Millisecond} {
		p := startWorker(t, rng, hasher, socket, "DEBUG=yes", "VERSION="+version)
		first, _, next := p.waitFor(0, `doing one unit of work`)
		second, _, _ := p.waitFor(next, `doing one unit of work`)
		if took := second.at.Sub(first.at); took < want-20*time.Millisecond || took > want+want/4 {
			t.Errorf("%s: a unit took %v, want %v", version, took, want)
		}
	}
}

// All Compose files are ones that Compose takes, and name services that build from
// folders there are.
func TestComposeFiles(t *testing.T) {
	files, err := filepath.Glob("compose*.yaml")
	if err != nil || len(files) != 5 {
		t.Fatalf("found %v, %v", files, err)
	}
	program := "docker-compose"
	if _, err := exec.LookPath(program); err != nil {
		if out, err := exec.Command("../scripts/install", "docker-compose").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, file := range files {
		out, err := exec.CommandContext(t.Context(), program, "-f", file, "config", "--services").CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
		for _, service := range []string{"hasher", "redis", "webui", "worker"} {
			if !strings.Contains(string(out), service) {
				t.Errorf("%s has no %s: %s", file, service, out)
			}
		}
	}
}
