package engines

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// home makes a home folder with a docker context of that name and text.
func home(t *testing.T, name, meta, config string) string {
	t.Helper()
	dir := t.TempDir()
	sum := sha256.Sum256([]byte(name))
	for path, text := range map[string]string{
		".docker/contexts/meta/" + hex.EncodeToString(sum[:]) + "/meta.json": meta,
		".docker/config.json": config,
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const meta = `{"Name":"mine","Endpoints":{"docker":{"Host":"ssh://docker@node2","SkipTLSVerify":false}}}`

func TestChosenIsWhatDockerWouldUse(t *testing.T) {
	h := home(t, "mine", meta, `{"currentContext":"mine"}`)
	for name, c := range map[string]struct {
		env       map[string]string
		home      string
		url, tls  string
		complaint string
	}{
		"nothing said":          {home: t.TempDir(), url: "unix:///var/run/docker.sock"},
		"current context":       {home: h, url: "ssh://docker@node2"},
		"context by name":       {home: h, env: map[string]string{"DOCKER_CONTEXT": "default"}, url: "unix:///var/run/docker.sock"},
		"host counts for more":  {home: h, env: map[string]string{"DOCKER_HOST": "tcp://node1:55555", "DOCKER_CONTEXT": "none"}, url: "tcp://node1:55555"},
		"with TLS":              {home: h, env: map[string]string{"DOCKER_HOST": "tcp://a:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/keys"}, url: "tcp://a:2376", tls: "/keys"},
		"a context of nobody":   {home: h, env: map[string]string{"DOCKER_CONTEXT": "none"}, complaint: `no docker context "none"`},
		"a context of nonsense": {home: home(t, "mine", "{", `{"currentContext":"mine"}`), complaint: "can't be used"},
		"a context of nothing":  {home: home(t, "mine", "{}", `{"currentContext":"mine"}`), complaint: "names no Engine"},
		"settings of nonsense":  {home: home(t, "mine", "{}", `{`), complaint: "settings can't be read"},
	} {
		env := Environment{Home: c.home, Get: func(key string) string { return c.env[key] }}
		p, err := env.chosen()
		if c.complaint != "" {
			if err == nil || !strings.Contains(err.Error(), c.complaint) {
				t.Errorf("%s: got %v", name, err)
			}
			continue
		}
		if err != nil || p.url != c.url || p.tls != c.tls {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
	}
}

func TestNamed(t *testing.T) {
	env := Environment{Home: home(t, "mine", meta, "{}"), Get: func(string) string { return "" }}
	for name, want := range map[string]string{
		"node2": "tcp://node2:55555", "10.0.0.7": "tcp://10.0.0.7:55555", "node2:2375": "tcp://node2:2375",
		"mine": "ssh://docker@node2", "tcp://x:1": "tcp://x:1", "default": localSocket,
	} {
		if p, err := env.named(name); err != nil || p.url != want {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
	}
	for _, name := range []string{"", "-x", "a b", strings.Repeat("n", 10000)} {
		if p, err := env.named(name); err == nil {
			t.Errorf("%.20q is taken for %+v", name, p)
		}
	}
	for url, want := range map[string]string{"unix:///s": "", "tcp://localhost:1": "", "tcp://127.0.0.1:1": "", "tcp://node1:1": "node1", "ssh://u@node2": "node2"} {
		if got := (place{url: url}).host(); got != want {
			t.Errorf("%s is on %q, want %q", url, got, want)
		}
	}
}
