package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// call runs a tool in this process, in a folder of its own with one Compose file.
func call(t *testing.T, env map[string]string, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	tool := tool{get: func(name string) string { return env[name] }, home: t.TempDir(),
		now: func() time.Time { return time.Unix(1453366800, 0) }, stdout: &out, stderr: &out}
	code := tool.main(t.Context(), args)
	return out.String(), code
}

func folder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"compose.yaml": "services:\n  a:\n    image: x\n    depends_on: [b]\n  b:\n    image: y\n",
		"copy.yaml":    "services:\n  a:\n    image: x\n    depends_on: [b]\n  b:\n    image: y\n",
		"bad.yaml":     "services:\n  a:\n    imag: x\n",
		"ports.yml":    "b: 80\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLinkToAmbassadorsWritesOnlyWhatItMay(t *testing.T) {
	folder(t)
	for _, c := range []struct {
		env  map[string]string
		args string
		code int
		want string
	}{
		{nil, "", 2, "set COMPOSE_FILE"},
		{map[string]string{"COMPOSE_FILE": "compose.yaml"}, "", 1, "compose.yaml is left alone"},
		{nil, "compose.yaml", 1, "compose.yaml is left alone"},
		{nil, "compose.yaml copy.yaml", 1, "copy.yaml is there already"},
		{nil, "a b c", 2, "at most two files"},
		{nil, "none.yaml", 1, "there is no file none.yaml"},
		{nil, "bad.yaml", 1, "bad.yaml is not a Compose file as Compose wants it"},
		{nil, "-ports none.yml copy.yaml", 1, "there is no none.yml"},
		{nil, "compose.yaml new.yaml", 0, "Wrote new.yaml"},
		{nil, "compose.yaml copy.yaml --force", 0, "Wrote copy.yaml"},
		{map[string]string{"COMPOSE_FILE": "new.yaml"}, "", 0, "Wrote new.yaml"},
	} {
		said, code := call(t, c.env, append([]string{"link-to-ambassadors"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("%v %q: %d %s", c.env, c.args, code, said)
		}
	}
	if text, _ := os.ReadFile("compose.yaml"); !bytes.Contains(text, []byte("depends_on: [b]")) {
		t.Errorf("compose.yaml was changed: %s", text)
	}
}

func TestBuildTagPushRefuses(t *testing.T) {
	folder(t)
	for _, c := range []struct {
		env  map[string]string
		args string
		code int
		want string
	}{
		{nil, "", 1, "builds nothing"},
		{nil, "compose.yaml compose.yml", 1, "compose.yml is left alone"},
		{nil, "compose.yaml copy.yaml", 1, "copy.yaml is there already"},
		{nil, "--tag a/b", 1, "can't be the tag"},
		{map[string]string{"REGISTRY": "http://x/"}, "", 1, "not the address of a registry"},
		{map[string]string{"COMPOSE_FILE": "a:b"}, "", 1, "several files"},
		{nil, "a b c", 2, "at most two files"},
		{nil, "--nonsense", 2, "flag provided but not defined"},
	} {
		said, code := call(t, c.env, append([]string{"/usr/local/bin/build-tag-push"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("%v %q: %d %s", c.env, c.args, code, said)
		}
	}
}

func TestCallsThatCannotBeUnderstood(t *testing.T) {
	folder(t)
	for args, want := range map[string]string{
		"workshop-tools":                               "The tools of the workshop",
		"workshop-tools nonsense":                      "The tools of the workshop",
		"workshop-tools ambassador":                    "ambassador watch, ambassador register or ambassador follow",
		"ambassador dance":                             "ambassador watch, ambassador register or ambassador follow",
		"ambassador follow":                            "AMBASSADOR_STORE",
		"create-ambassadors now":                       "takes no words",
		"ambassador register --store http://x":         "neither redis:// nor etcd://",
		"create-ambassadors --engines ~":               "neither a docker context",
		"create-ambassadors --engines tcp://[::1]:1":   "no Engine answers",
		"create-ambassadors --engines ftp://x":         "not the address of an Engine",
		"create-ambassadors --engines no-such.invalid": "no Engine answers",
	} {
		if said, code := call(t, nil, strings.Fields(args)...); code == 0 || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", args, code, said)
		}
	}
	if said, code := call(t, nil, "workshop-tools", "verbs"); code != 0 || len(strings.Fields(said)) != len(verbs()) {
		t.Errorf("verbs: %d %s", code, said)
	}
}

// TestBuildTagPush builds with the real Compose, on a real Engine, and pushes to a real registry.
func TestBuildTagPush(t *testing.T) {
	r := theRig(t)
	one := r.machines[0]
	dir := filepath.Join(r.dir, "Docker Coins")
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, service := range []string{"rng", "hasher"} {
		if err := os.MkdirAll(filepath.Join(dir, service), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, service, "Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile /\nCMD [\"/x\"]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte("# ours\nservices:\n  rng:\n    build: rng # here\n  hasher:\n    build: {context: hasher}\n  redis:\n    image: redis\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	push := func(env ...string) (string, int) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := r.command(ctx, append([]string{"COMPOSE_PROJECT_NAME=", "REGISTRY=127.0.0.1:5000/ada"}, env...), "build-tag-push")
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	said, code := push("TAG=v1")
	expect(t, said, code, 1, "127.0.0.1:5000/ada/dockercoins_rng:v1 was not pushed", "refused", "no file was written")
	if left, _ := filepath.Glob(filepath.Join(dir, "*v1*")); len(left) > 0 {
		t.Errorf("written although nothing was pushed: %v", left)
	}

	config := filepath.Join(r.dir, "registry.yml")
	if err := os.WriteFile(config, []byte("version: 0.1\nstorage: {filesystem: {rootdirectory: "+r.dir+"/registry}}\nhttp: {addr: \"127.0.0.1:5000\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, filepath.Join(r.dir, "docker-registry")); err != nil {
		t.Fatal(err)
	}
	registry := r.on(context.Background(), one, nil, "docker-registry", "serve", config)
	if err := registry.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = registry.Process.Kill(); _ = registry.Wait() }()
	until(t, "the registry", listening(one, "5000"))

	said, code = push("TAG=v1")
	expect(t, said, code, 0, "pushed 127.0.0.1:5000/ada/dockercoins_rng:v1", "pushed 127.0.0.1:5000/ada/dockercoins_hasher:v1", "export COMPOSE_FILE=compose.yaml-v1")
	text, err := os.ReadFile(filepath.Join(dir, "compose.yaml-v1"))
	want := "# ours\nservices:\n  rng:\n    image: 127.0.0.1:5000/ada/dockercoins_rng:v1\n  hasher:\n    image: 127.0.0.1:5000/ada/dockercoins_hasher:v1\n  redis:\n    image: redis\n"
	if err != nil || string(text) != want {
		t.Errorf("wrote %s, %v", text, err)
	}
	said, code = push("TAG=v1")
	expect(t, said, code, 1, "compose.yaml-v1 is there already")
	if err := os.WriteFile(filepath.Join(dir, "rng", "Dockerfile"), []byte("FROM scratch\nCOPY none /\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said, code = push("TAG=v2")
	expect(t, said, code, 1, "Compose could not build the images", "nothing was pushed")
}
