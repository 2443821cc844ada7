package registry

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// distribution keeps one goroutine for listeners to its events, of which we
	// have none, for as long as the process lives.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/docker/go-events.(*Broadcaster).run"))
}

func open(t *testing.T, cfg Config) *Registry {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.MinFree == 0 {
		cfg.MinFree = 1
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// client speaks the protocol as a lab's Engine does.
type client struct {
	t    *testing.T
	door http.Handler
}

func (r *Registry) client(t *testing.T, lab string) *client { return &client{t, r.Handler(lab)} }

func (c *client) do(method, target string, body []byte, header ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	req := httptest.NewRequestWithContext(c.t.Context(), method, "http://127.0.0.1:5000/", bytes.NewReader(body))
	u, err := req.URL.Parse(target)
	if err != nil {
		req.URL.Path = target // what no parser lets through
	} else {
		req.URL = u
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.door.ServeHTTP(w, req)
	return w
}

// blob pushes a blob in two steps and answers the last status.
func (c *client) blob(name string, content []byte) int {
	c.t.Helper()
	w := c.do("POST", "/v2/"+name+"/blobs/uploads/", nil)
	if w.Code != http.StatusAccepted {
		return w.Code
	}
	w = c.do("PATCH", w.Header().Get("Location"), content)
	if w.Code != http.StatusAccepted {
		return w.Code
	}
	to := w.Header().Get("Location")
	return c.do("PUT", to+"&digest="+digest.FromBytes(content).String(), nil).Code
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// manifest describes an image of one layer.
func manifest(config, layer []byte) []byte {
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},`+
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`,
		manifestType, digest.FromBytes(config), len(config), digest.FromBytes(layer), len(layer))
}

// push pushes an image of one layer and answers the first status that is no success.
func (c *client) push(name, tag string, layer []byte) int {
	c.t.Helper()
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	for _, b := range [][]byte{config, layer} {
		if code := c.blob(name, b); code != http.StatusCreated {
			return code
		}
	}
	return c.do("PUT", "/v2/"+name+"/manifests/"+tag, manifest(config, layer), "Content-Type", manifestType).Code
}

func (c *client) pull(name, tag string) (int, []byte) {
	c.t.Helper()
	w := c.do("GET", "/v2/"+name+"/manifests/"+tag, nil, "Accept", manifestType)
	if w.Code != http.StatusOK {
		return w.Code, nil
	}
	var m struct{ Layers []struct{ Digest string } }
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || len(m.Layers) != 1 {
		c.t.Fatalf("manifest %s: %v", w.Body, err)
	}
	w = c.do("GET", "/v2/"+name+"/blobs/"+m.Layers[0].Digest, nil)
	return w.Code, w.Body.Bytes()
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestPushAndPull(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	r := open(t, Config{Pushed: func(lab string) { mu.Lock(); heard = append(heard, lab); mu.Unlock() }})
	alice := r.client(t, "alice")
	if w := alice.do("GET", "/v2/", nil); w.Code != http.StatusOK {
		t.Fatalf("the door answers %d", w.Code)
	}
	layer := noise(3 << 20)
	if code := alice.push("dockercoins_rng", "v0.1", layer); code != http.StatusCreated {
		t.Fatalf("push: %d", code)
	}
	if code := alice.push("deep/er/name", "a", noise(10)); code != http.StatusCreated {
		t.Fatalf("push of a name with slashes: %d", code)
	}
	if code, got := alice.pull("dockercoins_rng", "v0.1"); code != http.StatusOK || !bytes.Equal(got, layer) {
		t.Errorf("pull: %d and %d bytes", code, len(got))
	}
	if !slices.Equal(heard, []string{"alice", "alice"}) {
		t.Errorf("told of pushes by %q", heard)
	}
	all, err := r.Repositories(t.Context(), "alice")
	if err != nil || len(all) != 2 || all[0].Name != "deep/er/name" || all[1].Name != "dockercoins_rng" {
		t.Fatalf("repositories: %+v, %v", all, err)
	}
	if tag := all[1].Tags[0]; tag.Name != "v0.1" || time.Since(tag.Pushed) > time.Minute || !strings.HasPrefix(tag.Digest, "sha256:") {
		t.Errorf("tag: %+v", tag)
	}
	if w := alice.do("GET", "/v2/_catalog", nil); !strings.Contains(w.Body.String(), `["deep/er/name","dockercoins_rng"]`) {
		t.Errorf("catalog: %s", w.Body)
	}
}

// What one lab pushed does not exist for another, whatever it asks for.
func TestLabsAreStrangers(t *testing.T) {
	r := open(t, Config{})
	alice, bob := r.client(t, "alice"), r.client(t, "bob")
	secret := noise(1000)
	if code := alice.push("mine", "v1", secret); code != http.StatusCreated {
		t.Fatal(code)
	}
	id := digest.FromBytes(secret).String()
	for _, target := range []string{
		"/v2/mine/manifests/v1", "/v2/alice/mine/manifests/v1", "/v2/labs/alice/mine/manifests/v1", "/v2/mine/tags/list",
		"/v2/mine/blobs/" + id, "/v2/alice/mine/blobs/" + id, "/v2/other/blobs/" + id,
		"/v2/../alice/mine/manifests/v1", "/v2/%2e%2e/alice/mine/manifests/v1", "/v2/..%2falice/mine/manifests/v1",
		"/v2/x/../../labs/alice/mine/blobs/" + id, "/v2/mine/blobs/sha256:../../../../alice",
		"/v2//mine/manifests/v1", "/v2/mine/manifests/..%2f..%2fv1", "/v2/MINE/manifests/v1", "/v2/_catalog", "/v2/_catalog?last=../alice",
	} {
		w := bob.do("GET", target, nil)
		if w.Code == http.StatusMovedPermanently { // a path that was tidied up: ask as told to
			w = bob.do("GET", w.Header().Get("Location"), nil)
		}
		if w.Code == http.StatusOK && !strings.Contains(target, "_catalog") || bytes.Contains(w.Body.Bytes(), secret) || strings.Contains(w.Body.String(), "mine\"]") {
			t.Errorf("GET %s answers %d: %.200s", target, w.Code, w.Body)
		}
	}
	for _, from := range []string{"mine", "alice/mine", "../alice/mine", "labs/alice/mine"} {
		w := bob.do("POST", "/v2/stolen/blobs/uploads/?mount="+id+"&from="+from, nil)
		if w.Code == http.StatusCreated {
			t.Errorf("mounted %s of another lab", from)
		}
	}
	// An upload begun by one can't be gone on with by another.
	begun := alice.do("POST", "/v2/mine/blobs/uploads/", nil).Header().Get("Location")
	if w := bob.do("PATCH", begun, []byte("x")); w.Code != http.StatusNotFound {
		t.Errorf("another lab's upload answers %d", w.Code)
	}
	if w := bob.do("DELETE", "/v2/mine/manifests/"+id, nil); w.Code == http.StatusAccepted {
		t.Error("deleted another lab's image")
	}
	// A manifest may name only blobs that were pushed to its own space.
	config := []byte(`{}`)
	bob.blob("thief", config)
	if w := bob.do("PUT", "/v2/thief/manifests/v1", manifest(config, secret), "Content-Type", manifestType); w.Code != http.StatusBadRequest {
		t.Errorf("a manifest with another lab's layer answers %d", w.Code)
	}
	if all, err := r.Repositories(t.Context(), "bob"); err != nil || len(all) != 0 {
		t.Errorf("bob has %+v, %v", all, err)
	}
	if code, got := alice.pull("mine", "v1"); code != http.StatusOK || !bytes.Equal(got, secret) {
		t.Errorf("alice's own image afterwards: %d", code)
	}
}

// Names of labs come from the server alone, and still none leads anywhere else.
func TestNamesOfLabs(t *testing.T) {
	r := open(t, Config{})
	for _, lab := range []string{"", ".", "..", "../library", "a/b", "A", "a b", "-x", strings.Repeat("a", 33), "a\x00b"} {
		if w := r.client(t, lab).do("GET", "/v2/", nil); w.Code != http.StatusServiceUnavailable {
			t.Errorf("lab %q is answered %d", lab, w.Code)
		}
		if err := r.Remove(lab); err == nil {
			t.Errorf("lab %q was removed", lab)
		}
		if _, err := r.Repositories(t.Context(), lab); err == nil {
			t.Errorf("lab %q was listed", lab)
		}
	}
}

// A link that somehow got into a space leads nowhere out of it.
func TestLinksStayInside(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Config{Dir: dir})
	alice := r.client(t, "alice")
	if code := alice.push("mine", "v1", noise(10)); code != http.StatusCreated {
		t.Fatal(code)
	}
	at := filepath.Join(dir, "labs", "bob", "docker", "registry", "v2")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"repositories", "blobs"} {
		if err := os.Symlink(filepath.Join(dir, "labs", "alice", "docker", "registry", "v2", name), filepath.Join(at, name)); err != nil {
			t.Fatal(err)
		}
	}
	if code, _ := r.client(t, "bob").pull("mine", "v1"); code == http.StatusOK {
		t.Error("a link led into another lab's space")
	}
	if code := r.client(t, "bob").push("new", "v1", noise(10)); code == http.StatusCreated {
		t.Error("a push followed a link into another lab's space")
	}
}

func TestQuota(t *testing.T) {
	r := open(t, Config{Quota: 5 << 20})
	alice, bob := r.client(t, "alice"), r.client(t, "bob")
	if code := alice.push("a", "v1", noise(3<<20)); code != http.StatusCreated {
		t.Fatal(code)
	}
	w := alice.do("POST", "/v2/b/blobs/uploads/", nil)
	w = alice.do("PATCH", w.Header().Get("Location"), noise(3<<20))
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"DENIED"`) || !strings.Contains(w.Body.String(), "full") {
		t.Errorf("beyond the quota: %d %s", w.Code, w.Body)
	}
	if code := bob.push("a", "v1", noise(3<<20)); code != http.StatusCreated {
		t.Errorf("another lab suffers: %d", code)
	}
	// Whatever is sent, the folder stays within its bound.
	for i := range 50 {
		alice.blob(fmt.Sprintf("r%d", i), noise(200<<10))
	}
	if size := folderSize(t, r.labDir("alice")); size > 5<<20 {
		t.Errorf("the space holds %d bytes", size)
	}
	// An image without a tag makes room, and so do blobs of no image.
	s, err := r.space("alice")
	if err != nil {
		t.Fatal(err)
	}
	removeUploads(t, s)
	if err := r.tidy(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if used, real := s.used.Load(), folderSize(t, r.labDir("alice")); used < real || used > 4<<20 {
		t.Errorf("after tidying %d bytes are counted, %d are there", used, real)
	}
	if code := alice.push("a", "v1", noise(1<<20)); code != http.StatusCreated {
		t.Errorf("push after tidying: %d", code)
	}
	if err := r.tidy(t.Context(), s); err != nil { // v1 has moved on
		t.Fatal(err)
	}
	if used := s.used.Load(); used > 2<<20 {
		t.Errorf("%d bytes are counted after the first image lost its tag", used)
	}
	if code, _ := alice.pull("a", "v1"); code != http.StatusOK {
		t.Errorf("what has a tag was cleared away: %d", code)
	}
}

// removeUploads ends what was begun and refused, as time would.
func removeUploads(t *testing.T, s *space) {
	t.Helper()
	for _, dir := range s.uploadDirs("docker/registry/v2/repositories", 0) {
		if err := s.remove(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func folderSize(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestTidyLeavesPushesAlone(t *testing.T) {
	r := open(t, Config{})
	alice := r.client(t, "alice")
	layer, config := noise(1000), []byte(`{}`)
	alice.blob("half", layer)
	alice.blob("half", config)
	alice.do("POST", "/v2/half/blobs/uploads/", nil) // goes on
	s, err := r.space("alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.tidy(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if !s.dirt.Load() {
		t.Error("nobody will look again")
	}
	if w := alice.do("PUT", "/v2/half/manifests/v1", manifest(config, layer), "Content-Type", manifestType); w.Code != http.StatusCreated {
		t.Errorf("a push that was under way ends with %d: %s", w.Code, w.Body)
	}
}

func TestDiskNearlyFull(t *testing.T) {
	r := open(t, Config{MinFree: 1 << 60})
	w := r.client(t, "alice").do("POST", "/v2/a/blobs/uploads/", nil)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "nearly full") {
		t.Errorf("on a full disk: %d %s", w.Code, w.Body)
	}
}

func TestRemoveAndKeep(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Config{Dir: dir})
	for _, lab := range []string{"alice", "bob", "carol"} {
		if code := r.client(t, lab).push("x", "v1", noise(100)); code != http.StatusCreated {
			t.Fatal(code)
		}
	}
	if err := r.Remove("alice"); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove("alice"); err != nil {
		t.Errorf("removed twice: %v", err)
	}
	if all, err := r.Repositories(t.Context(), "alice"); err != nil || all != nil {
		t.Errorf("alice still has %v, %v", all, err)
	}
	removed, err := r.Keep(func(lab string) bool { return lab == "carol" })
	if err != nil || !slices.Equal(removed, []string{"bob"}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	if code := r.client(t, "alice").push("x", "v1", noise(100)); code != http.StatusCreated {
		t.Errorf("a lab of the same name begins anew: %d", code)
	}
	again := open(t, Config{Dir: dir}) // another process, later
	if code, _ := again.client(t, "carol").pull("x", "v1"); code != http.StatusOK {
		t.Errorf("carol's image after a restart: %d", code)
	}
}

// saved writes a "docker save" of images of one layer.
func saved(t *testing.T, images map[string][]byte) string {
	t.Helper()
	type image struct {
		Config           string
		RepoTags, Layers []string
	}
	var list []image
	path := filepath.Join(t.TempDir(), "images.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	add := func(name string, content []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	for tag, layer := range images {
		config := fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","comment":%q}`, tag)
		at := "blobs/sha256/" + digest.FromBytes(layer).Encoded()
		conf := "blobs/sha256/" + digest.FromBytes(config).Encoded()
		add(at, layer)
		add(conf, config)
		list = append(list, image{conf, []string{tag}, []string{at}})
	}
	index, _ := json.Marshal(list)
	add("manifest.json", index)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLibrary(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Config{Dir: dir})
	redis := noise(5000)
	first := saved(t, map[string][]byte{"redis:latest": redis, "dockercoins/rng:v0.1": noise(500), "hamba:latest": noise(300)})
	if err := r.Load(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	for _, lab := range []string{"alice", "bob"} {
		if code, got := r.client(t, lab).pull("library/redis", "latest"); code != http.StatusOK || !bytes.Equal(got, redis) {
			t.Errorf("%s pulls redis: %d, %d bytes", lab, code, len(got))
		}
		if code, _ := r.client(t, lab).pull("dockercoins/rng", "v0.1"); code != http.StatusOK {
			t.Errorf("%s pulls dockercoins/rng: %d", lab, code)
		}
	}
	alice := r.client(t, "alice")
	id := digest.FromBytes(redis).String()
	for _, ask := range [][2]string{
		{"POST", "/v2/library/redis/blobs/uploads/"}, {"PUT", "/v2/library/redis/manifests/latest"}, {"DELETE", "/v2/library/redis/manifests/latest"},
		{"DELETE", "/v2/library/redis/blobs/" + id}, {"POST", "/v2/library/new/blobs/uploads/"}, {"POST", "/v2/dockercoins/rng/blobs/uploads/"},
	} {
		if w := alice.do(ask[0], ask[1], []byte("x")); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "library") {
			t.Errorf("%s %s: %d %s", ask[0], ask[1], w.Code, w.Body)
		}
	}
	// The library's layers can't be had under another name without sending them.
	if w := alice.do("HEAD", "/v2/mine/blobs/"+id, nil); w.Code != http.StatusNotFound {
		t.Errorf("a layer of the library under a name of one's own: %d", w.Code)
	}
	if w := alice.do("POST", "/v2/mine/blobs/uploads/?mount="+id+"&from=library/redis", nil); w.Code != http.StatusAccepted {
		t.Errorf("a mount from the library is answered %d, not by an upload", w.Code)
	}
	if code := alice.push("redis", "mine", redis); code != http.StatusCreated {
		t.Errorf("the library's image under a name of one's own: %d", code)
	}
	if all, err := r.Library(t.Context()); err != nil || len(all) != 3 {
		t.Errorf("library: %+v, %v", all, err)
	}
	second := saved(t, map[string][]byte{"redis:latest": redis, "tools:latest": noise(100)})
	if err := r.Load(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	all, err := r.Library(t.Context())
	if err != nil || len(all) != 2 || all[0].Name != "library/redis" || all[1].Name != "library/tools" {
		t.Errorf("library afterwards: %+v, %v", all, err)
	}
	if code, got := alice.pull("library/redis", "latest"); code != http.StatusOK || !bytes.Equal(got, redis) {
		t.Errorf("redis afterwards: %d", code)
	}
}

// Loading the same again reads nothing.
func TestLoadTwice(t *testing.T) {
	dir := t.TempDir()
	archive := saved(t, map[string][]byte{"redis": noise(100)})
	r := open(t, Config{Dir: dir})
	if err := r.Load(t.Context(), archive); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, stamp))
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t, Config{Dir: dir}).Load(t.Context(), archive); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(filepath.Join(dir, stamp)); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("it was loaded again: %v", err)
	}
	for name, text := range map[string]string{"empty": "", "noise": strings.Repeat("x", 2000)} {
		bad := filepath.Join(t.TempDir(), name)
		os.WriteFile(bad, []byte(text), 0o600)
		if err := r.Load(t.Context(), bad); err == nil {
			t.Errorf("%s was taken for an archive", name)
		}
	}
	if code, _ := r.client(t, "alice").pull("library/redis", "latest"); code != http.StatusOK {
		t.Errorf("redis after bad archives: %d", code)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	r := open(t, Config{})
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, "alice", l) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("http://127.0.0.1:5000/v2/")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
