package convert

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slipway/dockercoins/tools/internal/composefile"
)

const folder = "../../../" // of DockerCoins

func convert(t *testing.T, text string, ports Ports) (*composefile.File, []string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := composefile.Read(t.Context(), path, "p")
	if err != nil {
		t.Fatal(err)
	}
	report, err := Convert(f, ports)
	return f, report, err
}

// TestDockerCoins makes of compose.yaml what compose.extra-hosts.yaml is.
func TestDockerCoins(t *testing.T) {
	ports, known, err := ReadPorts(folder + "ports.yml")
	if err != nil || !known || len(ports) != 4 {
		t.Fatalf("got %v, %v, %v", ports, known, err)
	}
	f, err := composefile.Read(t.Context(), folder+"compose.yaml", "p")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Convert(f, ports); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(folder + "compose.extra-hosts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	comments := regexp.MustCompile(`(?m)^ *#.*\n`)
	if got := comments.ReplaceAllString(f.String(), ""); got != comments.ReplaceAllString(string(want), "") {
		t.Errorf("got:\n%s", got)
	}
}

func TestLinksAliasesAndGaps(t *testing.T) {
	f, report, err := convert(t, `services:
  web:
    image: x
    ports: ["80:80"]
    volumes:
      - data:/data
    links:
      - nowhere   # not in ports.yml
      - rng0:rng
      - redis
      - fixed
    depends_on: [redis, hasher]
    extra_hosts:
      - "fixed:10.0.0.1"
      - "mine:127.127.0.3"
    labels:
      colour: blue
  rng0: {image: hamba, command: 80 a 80}
  nowhere: {image: x, ports: ["9:9"]}
  redis: {image: redis}
  fixed: {image: x}
  hasher: {image: x, links: [redis]}
volumes:
  data:
`, Ports{"rng0": 80, "redis": 6379, "hasher": 80, "fixed": 1})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(f.Path), "out.yaml")
	if err := f.Save(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	f, err = composefile.Read(t.Context(), path, "p")
	if err != nil {
		t.Fatal(err)
	}
	web := f.Project.Services["web"]
	for name, want := range map[string]string{"fixed": "10.0.0.1", "mine": "127.127.0.3", "rng": "127.127.0.2", "redis": "127.127.0.4", "hasher": "127.127.0.5"} {
		if got := web.ExtraHosts[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is at %v, want %s", name, got, want)
		}
	}
	if len(web.ExtraHosts) != 5 || web.Labels["ambassador.link.rng"] != "rng0" || web.Labels["colour"] != "blue" {
		t.Errorf("hosts %v, labels %v", web.ExtraHosts, web.Labels)
	}
	if len(web.Links)+len(web.DependsOn)+len(web.Ports)+len(web.Volumes) > 0 || len(f.Project.Services["nowhere"].Ports) > 0 {
		t.Error("links, dependencies, ports or volumes are left")
	}
	if got := f.Project.Services["hasher"]; got.ExtraHosts["redis"][0] != "127.127.0.2" || got.Ports[0].Target != 80 || got.Ports[0].Mode != "host" || got.Ports[0].Published != "" {
		t.Errorf("numbering does not begin anew, or the port is not as it should be: %+v", got)
	}
	for _, want := range []string{"web: left out nowhere", "web: fixed stays at 10.0.0.1", "web: finds rng at 127.127.0.2", "nowhere: removed ports"} {
		if !strings.Contains(strings.Join(report, "\n"), want) {
			t.Errorf("no %q in the report %q", want, report)
		}
	}
}

func TestTooManyAndInherited(t *testing.T) {
	text := "services:\n  a:\n    image: x\n    depends_on:\n"
	ports, others := Ports{}, ""
	for i := range 254 {
		name := "s" + strings.Repeat("x", i)
		text += "      - " + name + "\n"
		others += "  " + name + ": {image: x}\n"
		ports[name] = 80
	}
	if _, _, err := convert(t, text+others, ports); err == nil || !strings.Contains(err.Error(), "addresses for 253") {
		t.Errorf("too many: %v", err)
	}
	_, _, err := convert(t, "services:\n  base:\n    image: x\n    ports: [\"1:1\"]\n  a:\n    extends: base\n", Ports{})
	if err == nil || !strings.Contains(err.Error(), "a gets its ports from somewhere else") {
		t.Errorf("inherited: %v", err)
	}
}

func TestReadPortsSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"rng: http\n":                 "lines like",
		"- rng\n":                     "lines like",
		"rng: 70000\n":                "is not a port",
		strings.Repeat("# \n", 30000): "too large",
	} {
		path := filepath.Join(dir, "ports.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadPorts(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", text, err, want)
		}
	}
	if ports, known, err := ReadPorts(filepath.Join(dir, "none")); err != nil || known || len(ports) > 0 {
		t.Errorf("none: %v %v %v", ports, known, err)
	}
}
