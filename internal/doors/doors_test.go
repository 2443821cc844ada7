package doors

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "slipway"

// mayImport is the table of doors in ARCHITECTURE.md: what a room may import
// of ours in code that ships. The longest matching room counts.
var mayImport = map[string][]string{
	"workshop":           {},
	"slides":             {},
	"terminal":           {},
	"web":                {},
	"dockercoins":        {},
	"exercises":          {"workshop"},
	"store":              {"workshop"},
	"replay":             {"workshop", "terminal"},
	"lab":                {"workshop", "terminal", "lab", "lab/tunnel"},
	"lab/tunnel":         {},
	"lab/agent":          {"terminal", "lab/tunnel"},
	"lab/agent/balancer": {},
	"server":             {"workshop", "slides", "exercises", "terminal", "lab", "replay", "web", "server"},
	"cmd/slipway":        {"workshop", "slides", "exercises", "terminal", "lab", "lab/agent", "replay", "web", "server", "store", "cmd/slipway"},
	"internal":           {"workshop"},
}

// homes says where a third-party library may be imported.
var homes = map[string][]string{
	"github.com/yuin/goldmark":                 {"slides"},
	"github.com/alecthomas/chroma/v2":          {"slides"},
	"github.com/gorilla/websocket":             {"server"},
	"github.com/creack/pty":                    {"terminal"},
	"github.com/vishvananda/netlink":           {"lab/agent/balancer"},
	"github.com/redis/go-redis/v9":             {"store", "dockercoins"},
	"github.com/google/cel-go":                 {"exercises"},
	"github.com/spf13/cobra":                   {"cmd/slipway"},
	"github.com/distribution/distribution/v3":  {"lab/registry"},
	"github.com/docker/docker/client":          {"lab", "dockercoins"},
	"github.com/docker/docker/pkg/jsonmessage": {"lab"},
}

type file struct {
	dir     string // of the package, from the module's root
	name    string
	test    bool
	syntax  *ast.File
	imports []string
}

func sources(t *testing.T) []file {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	err = fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "node_modules" || base == "testdata" || (base != "." && strings.HasPrefix(base, ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(p) != ".go" {
			return nil
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, p), nil, parser.ParseComments)
		if err != nil {
			return err
		}
		f := file{dir: path.Dir(p), name: p, test: strings.HasSuffix(p, "_test.go"), syntax: syntax}
		for _, spec := range syntax.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("found only %d Go files below %s", len(files), root)
	}
	return files
}

// room finds the entry of table that dir lies in.
func room[V any](table map[string]V, dir string) (string, bool) {
	for d := dir; d != "." && d != "/"; d = path.Dir(d) {
		if _, ok := table[d]; ok {
			return d, true
		}
	}
	return "", false
}

func within(dir string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool { return dir == r || strings.HasPrefix(dir, r+"/") })
}

func TestDoors(t *testing.T) {
	for _, f := range sources(t) {
		in, known := room(mayImport, f.dir)
		if !known {
			t.Errorf("%s lies in no room: add it to the table here and in ARCHITECTURE.md, or move it", f.name)
			continue
		}
		for _, imported := range f.imports {
			ours, ok := strings.CutPrefix(imported, module+"/")
			if !ok || f.test || within(ours, []string{in}) {
				continue
			}
			target, _ := room(mayImport, ours)
			if !slices.Contains(mayImport[in], target) {
				t.Errorf("%s imports %s: %s may import only %v", f.name, imported, in, mayImport[in])
			}
		}
	}
}

func TestLibrariesStayAtHome(t *testing.T) {
	for _, f := range sources(t) {
		for _, imported := range f.imports {
			if home, ok := room(homes, imported); ok && !f.test && !within(f.dir, homes[home]) {
				t.Errorf("%s imports %s, whose home is %v", f.name, imported, homes[home])
			}
			if imported == "github.com/gorilla/websocket" && !f.test && path.Base(f.name) != "socket.go" {
				t.Errorf("%s imports gorilla/websocket: only server/socket.go does", f.name)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range sources(t) {
		if !f.test {
			documented[f.dir] = documented[f.dir] || f.syntax.Doc.Text() != ""
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment that says what it is for", dir)
		}
	}
}

// TestNoPackageState refuses variables that code can change behind a caller's
// back. Values that are set once and only read (tables, regular expressions,
// errors, embedded files) are what package-level var is for.
func TestNoPackageState(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, decl := range f.syntax.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s has an init function: do its work where it is needed", f.name)
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					checkVars(t, f, d)
				}
			}
		}
	}
}

func checkVars(t *testing.T, f file, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		if len(v.Values) == 0 && !embeds(d.Doc) && !embeds(v.Doc) {
			t.Errorf("%s declares the package variable %s without a value: state belongs in a value someone owns", f.name, v.Names[0].Name)
		}
	}
}

// embeds looks at the raw comments, because Text leaves directives out.
func embeds(g *ast.CommentGroup) bool {
	return g != nil && slices.ContainsFunc(g.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed") })
}
