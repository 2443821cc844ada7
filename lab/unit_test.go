package lab

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/system"

	"slipway/workshop"
)

func TestConfigRefuses(t *testing.T) {
	good := func() Config { return Config{DataDir: "/d", RunDir: "/r", Binary: "/b"} }
	if c, err := good().withDefaults(); err != nil || c.Nodes != 5 || c.Name != "slipway" || c.Limits.Memory != DefaultMemory {
		t.Fatalf("the defaults: %+v, %v", c, err)
	}
	for name, spoil := range map[string]func(*Config){
		"a name with a slash":  func(c *Config) { c.Name = "a/b" },
		"a name of 25":         func(c *Config) { c.Name = strings.Repeat("a", 25) },
		"a relative folder":    func(c *Config) { c.DataDir = "data" },
		"a long run folder":    func(c *Config) { c.RunDir = "/" + strings.Repeat("r", 40) },
		"ten nodes":            func(c *Config) { c.Nodes = 10 },
		"a negative number":    func(c *Config) { c.Nodes = -1 },
		"a pool of IPv6":       func(c *Config) { c.Pool = netip.MustParsePrefix("fd00::/64") },
		"a pool for half":      func(c *Config) { c.Pool = netip.MustParsePrefix("10.0.0.0/27") },
		"no memory":            func(c *Config) { c.Limits.Memory = 1 << 20 },
		"a negative processor": func(c *Config) { c.Limits.CPUs = -1 },
	} {
		c := good()
		spoil(&c)
		if _, err := New(c); workshop.KindOf(err) != workshop.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChooseSubIDs(t *testing.T) {
	const size = subIDCount
	for name, c := range map[string]struct {
		taken []subRange
		want  int
	}{
		"nobody else":           {nil, subIDFirst},
		"people below":          {[]subRange{{"ann", 100000, size}}, subIDFirst},
		"ours already":          {[]subRange{{"lab", 7 << 20, size}}, 7 << 20},
		"ours, but too small":   {[]subRange{{"lab", subIDFirst, 1000}}, subIDFirst + size},
		"the first is taken":    {[]subRange{{"x", subIDFirst, size}}, subIDFirst + size},
		"one reaches into it":   {[]subRange{{"x", subIDFirst - 10, 20}}, subIDFirst + size},
		"a gap is wide enough":  {[]subRange{{"y", subIDFirst + 2*size, size}, {"x", subIDFirst, size}}, subIDFirst + size},
		"a gap is not":          {[]subRange{{"x", subIDFirst, size}, {"y", subIDFirst + size + 5, size}}, subIDFirst + 3*size},
		"one lies in the range": {[]subRange{{"x", subIDFirst + 100, 1}}, subIDFirst + size},
	} {
		if got := chooseSubIDs("lab", c.taken); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestEditSubIDs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "subuid")
	steps := []struct{ line, want string }{
		{"lab:1:2\n", "lab:1:2\n"},
		{"lab:3:4\n", "lab:3:4\n"},
		{"", ""},
	}
	for _, before := range []string{"", "ann:100000:65536\n", "ann:100000:65536"} {
		if err := os.WriteFile(file, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if err := editSubIDs(file, "lab", s.line); err != nil {
				t.Fatal(err)
			}
			got, _ := os.ReadFile(file)
			want := s.want
			if before != "" {
				want = "ann:100000:65536\n" + want
			}
			if string(got) != want && !(s.line == "" && string(got) == before) {
				t.Errorf("after %q on %q the file is %q", s.line, before, got)
			}
		}
	}
}

func TestSubnets(t *testing.T) {
	var got []string
	for p := range subnets(netip.MustParsePrefix("10.213.0.77/24")) {
		got = append(got, p.String())
	}
	want := []string{"10.213.0.0/26", "10.213.0.64/26", "10.213.0.128/26", "10.213.0.192/26"}
	if !slices.Equal(got, want) {
		t.Errorf("subnets %v, want %v", got, want)
	}
	count := 0
	for range subnets(netip.MustParsePrefix("255.255.255.0/24")) {
		if count++; count > 4 {
			t.Fatal("the end of the address space is no end")
		}
	}
	if a := nodeAddress(netip.MustParsePrefix("10.213.0.64/26"), 5); a.String() != "10.213.0.79" {
		t.Errorf("node5 lives at %s", a)
	}
}

func TestCapabilities(t *testing.T) {
	all := capabilitiesFor(^uint64(0))
	if len(all) != len(nodeCapabilities) || !slices.Contains(all, "CAP_SYS_RESOURCE") {
		t.Errorf("with everything there: %v", all)
	}
	// A host that refuses SYS_RESOURCE (24), as some do.
	if some := capabilitiesFor(^uint64(1 << 24)); slices.Contains(some, "CAP_SYS_RESOURCE") || len(some) != len(all)-1 {
		t.Errorf("without SYS_RESOURCE: %v", some)
	}
	for _, never := range []string{"CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_BOOT", "CAP_SYS_TIME", "CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG"} {
		if slices.Contains(all, never) {
			t.Errorf("nodes get %s", never)
		}
	}
}

func TestGradeEngine(t *testing.T) {
	userns, plain, rootless := []string{"name=seccomp", "name=userns"}, []string{"name=seccomp"}, []string{"name=rootless"}
	for name, c := range map[string]struct {
		options []string
		own     bool
		runtime string
		want    Grade
	}{
		"our own":                     {userns, true, "", Strong},
		"ours that lost its remap":    {plain, true, "", Weak},
		"somebody's with a remap":     {userns, false, "", Fair},
		"rootless":                    {rootless, false, "", Fair},
		"somebody's plain one":        {plain, false, "", Weak},
		"plain, but virtual machines": {plain, false, "kata", Strong},
		"plain with another runtime":  {plain, false, "crun", Weak},
	} {
		got := gradeEngine(system.Info{SecurityOptions: c.options}, c.own, c.runtime)
		if got.Grade != c.want || got.Sentence == "" {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}

// The profile is an allow list, and what must not be on it is not.
func TestSeccompProfile(t *testing.T) {
	var profile struct {
		DefaultAction string
		Syscalls      []struct {
			Names           []string
			Action, Comment string
		}
	}
	if err := json.Unmarshal([]byte(seccompProfile), &profile); err != nil {
		t.Fatal(err)
	}
	if profile.DefaultAction != "SCMP_ACT_ERRNO" {
		t.Errorf("what isn't named gets %s", profile.DefaultAction)
	}
	allowed := map[string]bool{}
	for _, group := range profile.Syscalls {
		if len(group.Comment) < 20 {
			t.Errorf("no reason is given for %v", group.Names)
		}
		for _, name := range group.Names {
			if _, twice := allowed[name]; twice {
				t.Errorf("%s is named twice", name)
			}
			allowed[name] = group.Action == "SCMP_ACT_ALLOW"
		}
	}
	for _, name := range strings.Fields(`acct bpf clock_settime clock_settime64 create_module delete_module finit_module init_module
		io_uring_setup io_uring_enter ioperm iopl kexec_file_load kexec_load lookup_dcookie nfsservctl open_by_handle_at perf_event_open
		quotactl reboot settimeofday stime swapon swapoff syslog userfaultfd uselib vm86 add_key keyctl request_key`) {
		if allowed[name] {
			t.Errorf("%s is allowed", name)
		}
	}
	for _, name := range []string{"clone3", "mount", "pivot_root", "setns", "unshare", "openat2", "ptrace"} {
		if !allowed[name] {
			t.Errorf("%s is not allowed, and a nested Engine needs it", name)
		}
	}
}

func TestBoundLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	line := strings.Repeat("x", 1<<20-1) + "\n"
	for range 9 {
		if _, err := f.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	boundLog(path)
	if _, err := f.WriteString("after\n"); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	old, _ := os.ReadFile(path + ".old")
	if string(text) != "after\n" || len(old) != 1<<20 {
		t.Errorf("the log has %d bytes, the old one %d", len(text), len(old))
	}
	if got := lastLines(path, 3); got != "after" {
		t.Errorf("its last lines are %q", got)
	}
}

func TestFullDiskIsRefused(t *testing.T) {
	if err := roomFor("/data", MinFree); err != nil {
		t.Errorf("just enough: %v", err)
	}
	err := roomFor("/data", MinFree-1)
	if workshop.KindOf(err) != workshop.Unavailable || !strings.Contains(workshop.MessageOf(err), "--data") {
		t.Errorf("too little: %v", err)
	}
}

func TestMountsUnescape(t *testing.T) {
	if got := unescapeMount(`/a\040b\134c`); got != `/a b\c` {
		t.Errorf("%q", got)
	}
}
