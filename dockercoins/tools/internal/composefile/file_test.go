package composefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `# DockerCoins, as we like it.
services:

  # Random bytes.
  rng:
    build: rng # a folder
    ports:
      - "8001:80"
    environment:
      - 'QUOTES=stay'

  # On one line.
  hasher: {build: hasher, ports: ["8002:80"]}

  worker:
    image: old
    command: |
      a text
        that stays
    # about its build
    build:
      context: worker
      args:
        - A=1
    depends_on:
    - rng
    - hasher # order counts

volumes:
  data: # nothing
`

func read(t *testing.T, text string) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Read(t.Context(), path, "dockercoins")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRewriteKeepsWhatItIsNotAskedToChange(t *testing.T) {
	f := read(t, sample)
	if f.String() != sample {
		t.Errorf("without a change:\n%s", f.String())
	}
	services, err := f.Services()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		if err := s.Set("image", "127.0.0.1:5000/dockercoins_"+s.Name+":1", "build"); err != nil {
			t.Fatal(err)
		}
		s.Remove("ports", "depends_on")
		if err := s.Append("extra_hosts", ":", "redis:127.127.0.2", "rng:127.127.0.3"); err != nil {
			t.Fatal(err)
		}
	}
	want := `# DockerCoins, as we like it.
services:

  # Random bytes.
  rng:
    image: 127.0.0.1:5000/dockercoins_rng:1
    environment:
      - 'QUOTES=stay'
    extra_hosts:
      - redis:127.127.0.2
      - rng:127.127.0.3

  # On one line.
  hasher:
    image: 127.0.0.1:5000/dockercoins_hasher:1
    extra_hosts:
      - redis:127.127.0.2
      - rng:127.127.0.3

  worker:
    image: 127.0.0.1:5000/dockercoins_worker:1
    command: |
      a text
        that stays
    extra_hosts:
      - redis:127.127.0.2
      - rng:127.127.0.3

volumes:
  data: # nothing
`
	if got := f.String(); got != want {
		t.Errorf("got:\n%s", got)
	}
	path := filepath.Join(filepath.Dir(f.Path), "new.yaml")
	if err := f.Save(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if again, err := Read(t.Context(), path, ""); err != nil || again.Project.Services["worker"].Image != "127.0.0.1:5000/dockercoins_worker:1" {
		t.Errorf("read again: %v", err)
	}
}

func TestNamesAndAppendInEveryForm(t *testing.T) {
	f := read(t, "services:\n  a:\n    image: x\n    depends_on:\n      c: {condition: service_started}\n      b: {condition: service_started}\n"+
		"    extra_hosts:\n      one: 1.1.1.1\n  b: {image: x, extra_hosts: [\"one:1.1.1.1\"]}\n  c:\n    image: x\n")
	services, err := f.Services()
	if err != nil {
		t.Fatal(err)
	}
	if names, err := services[0].Names("depends_on"); err != nil || strings.Join(names, " ") != "c b" {
		t.Errorf("got %v, %v", names, err)
	}
	for _, s := range services {
		if err := s.Append("extra_hosts", ":", "two:2.2.2.2"); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(filepath.Dir(f.Path), "new.yaml")
	if err := f.Save(t.Context(), path); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	again, err := Read(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"a": 2, "b": 2, "c": 1} {
		if got := again.Project.Services[name].ExtraHosts; len(got) != want || got["two"][0] != "2.2.2.2" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"notyaml":  {"services: [", "not a Compose file as Compose wants it"},
		"wrongkey": {"services:\n  a:\n    imag: x\n", "imag"},
		"empty":    {"", "not a Compose file"},
		"anchors":  {"x-x: &x\n  image: y\nservices:\n  a: *x\n", "anchor, an alias"},
		"large":    {strings.Repeat("#", maxSize+1), "more than a Compose file needs"},
		"scalar":   {"just words", "not a Compose file"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Read(t.Context(), path, "p")
		if err == nil {
			_, err = f.Services()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if _, err := Read(t.Context(), filepath.Join(dir, "none"), ""); err == nil || !strings.Contains(err.Error(), "there is no file") {
		t.Errorf("no file: %v", err)
	}
}

func TestFindAndMayWrite(t *testing.T) {
	dir := t.TempDir()
	if _, err := Find(dir, ""); err == nil || !strings.Contains(err.Error(), "set COMPOSE_FILE") {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := Find(dir, "a.yaml:b.yaml"); err == nil || !strings.Contains(err.Error(), "works on one") {
		t.Errorf("two: %v", err)
	}
	for _, name := range []string{"docker-compose.yml", "compose.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Find(dir, ""); err != nil || got != filepath.Join(dir, name) {
			t.Errorf("got %s, %v", got, err)
		}
	}
	other := filepath.Join(dir, "compose.yaml-1")
	if err := MayWrite(other, false); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if MayWrite(other, false) == nil || MayWrite(other, true) != nil || MayWrite(filepath.Join(dir, "compose.yml"), true) == nil {
		t.Error("a file that should be left alone may be written, or the other way round")
	}
}

func TestSaveRefuses(t *testing.T) {
	f := read(t, sample)
	if err := f.Save(t.Context(), filepath.Join(t.TempDir(), "x.yaml")); err == nil || !strings.Contains(err.Error(), "relative") {
		t.Errorf("another folder: %v", err)
	}
	services, _ := f.Services()
	if err := services[0].Set("no-such-key", "x"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(f.Path), "x.yaml")
	if err := f.Save(t.Context(), path); err == nil || !strings.Contains(err.Error(), "was not written") {
		t.Errorf("a wrong key: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(f.Path), "*x.yaml*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
