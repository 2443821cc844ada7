package dockercoins

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lucky returns 32 bytes whose digest starts with a zero, and the digest.
func lucky() ([]byte, string) {
	for i := 0; ; i++ {
		data := []byte(fmt.Sprintf("%032d", i))
		sum := sha256.Sum256(data)
		if digest := hex.EncodeToString(sum[:]); digest[0] == '0' {
			return data, digest
		}
	}
}

// The first report says 0 units and creates the counter; later ones come at
// most once a second and add up to the counter's value.
func TestWorkerReports(t *testing.T) {
	t.Parallel()
	_, socket, client := startRedis(t)
	_, rng := startService(t, "rng")
	_, hasher := startService(t, "hasher")
	w := startWorker(t, rng, hasher, socket)

	const report = `(\d+) units of work done`
	first, found, next := w.waitFor(0, report)
	if found[1] != "0" {
		t.Errorf("the first report is of %s units, want 0", found[1])
	}
	before, sum := first.at, 0.0
	for range 3 {
		var l line
		l, found, next = w.waitFor(next, report)
		if gap := l.at.Sub(before); gap < 900*time.Millisecond {
			t.Errorf("two reports are %v apart, want a second at least", gap)
		}
		if found[1] != "4" && found[1] != "3" {
			t.Errorf("a report of %s units, want 4 (3 on a busy machine)", found[1])
		}
		before, sum = l.at, sum+float64(found[1][0]-'0')
	}
	// The log line comes right before the counter is raised.
	deadline := time.Now().Add(patience)
	for hashes(t, client) < sum && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if n := hashes(t, client); n < sum {
		t.Errorf("hashes is %v, the reports say %v", n, sum)
	}
	if w.mentions("debug:") {
		t.Error("a worker without DEBUG should be brief")
	}
}

// A coin is logged by its first eight digits and kept with its 32 bytes; the
// same coin again is said to be not new.
func TestWorkerKeepsCoins(t *testing.T) {
	t.Parallel()
	_, socket, client := startRedis(t)
	_, hasher := startService(t, "hasher")
	data, digest := lucky()
	rng := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.Path != "/32" {
			t.Errorf("the worker asked %s %s", r.Method, r.URL.Path)
		}
		w.Write(data)
	})
	w := startWorker(t, rng, hasher, socket, "DEBUG=Yes please")
	_, _, next := w.waitFor(0, `coin found: `+digest[:8]+`\.\.\.$`)
	w.waitFor(next, `not new`)
	kept, err := client.HGet(t.Context(), "wallet", digest).Bytes()
	if err != nil || string(kept) != string(data) {
		t.Errorf("the wallet has %q (%v), want %q", kept, err, data)
	}
	if !w.mentions("debug:") {
		t.Error("DEBUG=Yes please should make the worker talk")
	}
}

// Digests that do not start with a zero are no coins.
func TestWorkerIsNotAlwaysLucky(t *testing.T) {
	t.Parallel()
	_, socket, client := startRedis(t)
	_, rng := startService(t, "rng")
	hasher := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if kind := r.Header.Get("Content-Type"); r.Method != "POST" || kind != "application/octet-stream" {
			t.Errorf("the worker sent %s with content type %q", r.Method, kind)
		}
		fmt.Fprint(w, "10ab")
	})
	w := startWorker(t, rng, hasher, socket, "DEBUG=y")
	w.waitFor(0, `debug: no coin`)
	if n := client.HLen(t.Context(), "wallet").Val(); n != 0 {
		t.Errorf("the wallet has %d coins, want none", n)
	}
}

// Whatever breaks, the worker says so, waits ten seconds and starts again.
func TestWorkerWaitsTenSecondsAfterAnError(t *testing.T) {
	t.Parallel()
	_, socket, _ := startRedis(t)
	_, rng := startService(t, "rng")
	_, hasher := startService(t, "hasher")
	broken := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "broken", http.StatusInternalServerError)
	})
	const nobody = "127.0.0.1:1"
	says := []string{"redis:", "rng:", "hasher:", "rng: the answer was 500"}
	workers := []*process{ // they wait side by side
		startWorker(t, rng, hasher, "/nowhere/redis.sock"),
		startWorker(t, nobody, hasher, socket),
		startWorker(t, rng, nobody, socket),
		startWorker(t, broken, hasher, socket),
	}
	for i, w := range workers {
		failed, _, next := w.waitFor(0, `something went wrong: `+says[i])
		again, found, _ := w.waitFor(next, `(\d+) units of work done`)
		if gap := again.at.Sub(failed.at); gap < 10*time.Second || gap > 12*time.Second {
			t.Errorf("%s started again after %v, want 10 s", says[i], gap)
		}
		if found[1] != "0" {
			t.Errorf("%s the fresh start reports %s units, want 0", says[i], found[1])
		}
	}
}

// docker stop sends SIGTERM first. rng, hasher and webui leave at once with
// status 0; the worker stays, also as process 1 of a container.
func TestSigterm(t *testing.T) {
	t.Parallel()
	_, socket, _ := startRedis(t)
	rngProcess, rng := startService(t, "rng")
	hasherProcess, hasher := startService(t, "hasher")
	webui, _ := startService(t, "webui", "-redis", socket, "-files", "webui/files")

	container := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Geteuid() != 0 {
		container.Cloneflags |= syscall.CLONE_NEWUSER
	}
	for _, attributes := range []*syscall.SysProcAttr{nil, container} {
		w := start(t, attributes, nil, filepath.Join(programs, "worker"),
			"-rng", "http://"+rng+"/32", "-hasher", "http://"+hasher+"/", "-redis", socket)
		_, _, next := w.waitFor(0, `units of work done`)
		w.cmd.Process.Signal(syscall.SIGTERM)
		for range 2 {
			_, _, next = w.waitFor(next, `units of work done`)
		}
	}
	for _, p := range []*process{rngProcess, hasherProcess, webui} {
		p.cmd.Process.Signal(syscall.SIGTERM)
		if code := p.exitCode(); code != 0 {
			t.Errorf("%s left with status %d, want 0", p.name, code)
		}
	}
}

// webui answers with null before the first worker, with a string after it.
func TestWebuiNumbers(t *testing.T) {
	t.Parallel()
	database, socket, client := startRedis(t)
	_, address := startService(t, "webui", "-redis", socket, "-files", "webui/files")

	look := func() (coins, hashes string, now float64) {
		response, body := fetch(t, "http://"+address+"/json")
		if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("/json: %s, %s", response.Status, response.Header.Get("Content-Type"))
		}
		if origin := response.Header.Get("Access-Control-Allow-Origin"); origin != "*" {
			t.Errorf("a framed page may not ask: allowed origin %q", origin)
		}
		var raw struct{ Coins, Hashes, Now json.RawMessage }
		if err := json.Unmarshal([]byte(body), &raw); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw.Now, &now); err != nil {
			t.Error(err)
		}
		return string(raw.Coins), string(raw.Hashes), now
	}
	if coins, hashes, _ := look(); coins != "0" || hashes != "null" {
		t.Errorf("before the first worker: coins %s, hashes %s; want 0 and null", coins, hashes)
	}
	client.IncrBy(t.Context(), "hashes", 42)
	client.HSet(t.Context(), "wallet", "0a", "x", "0b", "y")
	before := float64(time.Now().UnixMilli()) / 1000
	coins, hashes, now := look()
	if coins != "2" || hashes != `"42"` {
		t.Errorf("coins %s, hashes %s; want 2 and \"42\"", coins, hashes)
	}
	if after := float64(time.Now().UnixMilli()) / 1000; now < before || now > after {
		t.Errorf("now is %f, want between %f and %f", now, before, after)
	}
	database.cmd.Process.Kill()
	<-database.done
	response, body := fetch(t, "http://"+address+"/json")
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "redis") {
		t.Errorf("without redis: %s %q", response.Status, body)
	}
}

// The page is found, and nothing outside its folder is.
func TestWebuiFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := filepath.Join(dir, "files")
	if err := os.CopyFS(files, os.DirFS("webui/files")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(files, "link")); err != nil {
		t.Fatal(err)
	}
	_, address := startService(t, "webui", "-redis", "/nowhere", "-files", files)

	response, _ := fetch(t, "http://"+address+"/")
	to, err := response.Location()
	if err != nil || response.StatusCode != http.StatusFound || to.Path != "/index.html" {
		t.Errorf("/ gives %s to %v (%v), want a redirect to /index.html", response.Status, to, err)
	}
	for path, kind := range map[string]string{
		"/index.html": "text/html", "/graph.js": "text/javascript", "/graph.css": "text/css",
	} {
		response, body := fetch(t, "http://"+address+path)
		if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), kind) || body == "" {
			t.Errorf("%s: %s, %s, %d bytes", path, response.Status, response.Header.Get("Content-Type"), len(body))
		}
	}
	for _, path := range []string{"/link", "/..%2fsecret", "/%2e%2e/secret", "/nothing", "/.", "//"} {
		if response, body := fetch(t, "http://"+address+path); response.StatusCode == 200 || strings.Contains(body, "secret") {
			t.Errorf("%s: %s %q", path, response.Status, body)
		}
	}
	// What is mounted at /files is served as it is now.
	if err := os.WriteFile(filepath.Join(files, "graph.css"), []byte("/* changed */"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, body := fetch(t, "http://"+address+"/graph.css"); body != "/* changed */" {
		t.Errorf("a changed file is served as %q", body)
	}
}

// The page asks for nothing by an absolute address, so it works under a path
// and without any network but its own server.
func TestPageHasRelativeAddressesOnly(t *testing.T) {
	entries, err := os.ReadDir("webui/files")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join("webui/files", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(data), `"http://www.w3.org/2000/svg"`, "")
		for _, absolute := range []string{"http://", "https://", `="/`, `("/`, "url(/", "localStorage", "document.cookie"} {
			if strings.Contains(text, absolute) {
				t.Errorf("%s contains %q: it would break under a path or in a sandboxed frame", entry.Name(), absolute)
			}
		}
	}
}

// The arithmetic of the graph runs in node as it runs in the page.
func TestGraphArithmetic(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "node", "--test", "testdata/speed.test.mjs").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Every byte is copied into every node: programs stay within a budget, in MB.
func TestPayloadBudget(t *testing.T) {
	for name, budget := range map[string]float64{"rng": 7, "hasher": 7, "worker": 10, "webui": 10} {
		info, err := os.Stat(filepath.Join(programs, name))
		if err != nil {
			t.Fatal(err)
		}
		if size := float64(info.Size()) / 1e6; size > budget {
			t.Errorf("%s has %.1f MB, the budget is %.0f MB", name, size, budget)
		}
	}
	var page int64
	entries, err := os.ReadDir("webui/files")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		page += info.Size()
	}
	if page > 20_000 {
		t.Errorf("the page has %d bytes, the budget is 20000", page)
	}
}
