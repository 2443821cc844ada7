package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSourcesFollowTheMachine(t *testing.T) {
	oneLine := `# a comment
deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib # inside
deb-src http://mirror.test/debian bookworm main
deb http://mirror.test/debian bookworm-updates main
deb http://security.test/debian-security bookworm-security main
deb http://other.test/tool nodistro tool
`
	stanzas := `Types: deb
# a comment
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /k.gpg

Types: deb
URIs: http://security.test/debian-security
Suites: bookworm-security
Components:
 main
 contrib

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
`
	want := "deb http://mirror.test/debian trixie main\ndeb http://security.test/debian-security trixie-security main\n"
	if got := linesFor(parseOneLine(oneLine), "bookworm"); got != want {
		t.Errorf("of the classic form: %q", got)
	}
	if got := linesFor(parseStanzas(stanzas), "bookworm"); got != want {
		t.Errorf("of the stanzas: %q", got)
	}
	if got := linesFor(nil, "bookworm"); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	if got := codename("ID=debian\nVERSION_CODENAME=trixie\n"); got != "trixie" {
		t.Errorf("codename %q", got)
	}
}

func TestBuildOutcome(t *testing.T) {
	for report, want := range map[string]string{
		`{"stream":"Step 1"}{"stream":"done"}`:                  "",
		`{"stream":"sh: no such thing"}{"error":"exit code 1"}`: "exit code 1: sh: no such thing",
		`{"stream":"half`: io.ErrUnexpectedEOF.Error(),
		``:                "",
		`{"status":"loading"}{"errorDetail":{},"error":"disk full"}`: "disk full: ",
	} {
		err := buildOutcome(strings.NewReader(report))
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", report, err, want)
		}
	}
}

// A context sent twice is the same twice, scripts may be run, links stay links.
func TestContext(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	pack := func() []byte {
		c := newContext()
		c.embedded("node", "")
		c.tree("rootfs", root)
		c.file("slipway", filepath.Join(root, "file"), 0o755)
		var b bytes.Buffer
		if err := c.write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	first := pack()
	if err := os.Chtimes(filepath.Join(root, "file"), epoch, epoch); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, pack()) {
		t.Error("two contexts of the same files differ")
	}
	modes := map[string]int64{}
	for r := tar.NewReader(bytes.NewReader(first)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		modes[header.Name] = header.Mode
		if header.Name == "rootfs/link" && header.Linkname != "file" {
			t.Errorf("the link leads to %q", header.Linkname)
		}
	}
	if modes["Dockerfile"] != 0o644 || modes["rootfs/usr/share/slipway/setup"] != 0o755 || modes["slipway"] != 0o755 {
		t.Errorf("modes are %v", modes)
	}
}

// A program of this machine, with what it needs, runs with nothing else around it.
func TestClosureIsComplete(t *testing.T) {
	to := t.TempDir()
	paths, err := closure("/", []string{"/usr/bin/ls"})
	if err != nil {
		t.Fatal(err)
	}
	if err := pick("/", to, paths); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(paths, func(p string) bool { return strings.Contains(p, "libpcre2") }) {
		t.Errorf("a library that ls needs through another is missing: %v", paths)
	}
	if os.Geteuid() != 0 {
		return // only root may change its root
	}
	out, err := exec.Command("chroot", to, "/usr/bin/ls", "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "ls (") {
		t.Errorf("ls, alone, says %q, %v", out, err)
	}
}

func TestPickStaysInside(t *testing.T) {
	root, to := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"usr/bin/out": "/etc/passwd", "usr/bin/up": "../../../../../../etc/passwd", "usr/bin/loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
		if err := pick(root, to, []string{"/" + link}); err == nil {
			t.Errorf("a link to %s was followed", target)
		}
	}
}

// A recipe's name changes with everything that goes into it.
func TestRecipeNames(t *testing.T) {
	one := baseRecipe()
	two := baseRecipe()
	two.packages = append(slices.Clone(two.packages), "one-more")
	if one.hash() != baseRecipe().hash() || one.hash() == two.hash() {
		t.Errorf("names %s and %s", one.hash(), two.hash())
	}
	if hashTree("small/redis") == hashTree("node") {
		t.Error("two trees have one name")
	}
}
