package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReadOnlyCgroup(t *testing.T) {
	for line, want := range map[string]string{
		"29 23 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw":         "/sys/fs/cgroup",
		"29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw":         "",
		"29 23 0:26 / /a\\040b ro shared:1 master:2 - cgroup cgroup rw,cpu": "/a b",
		"29 23 0:26 / /ro ro - ext4 /dev/sda ro":                            "",
		"":                                                                  "",
		"29 23 - cgroup":                                                    "",
	} {
		if got, _ := readOnlyCgroup(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestPrepareCgroupsOfVersion2(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("cgroup.controllers", "cpu memory pids\n")
	put("cgroup.procs", "0\n")
	put("cgroup.subtree_control", "")
	put("mountinfo", "")
	os.Mkdir(filepath.Join(root, "slipway"), 0o755)
	put("slipway/cgroup.procs", "")
	if err := prepareCgroups(root, filepath.Join(root, "mountinfo")); err != nil {
		t.Fatal(err)
	}
	// A plain file keeps the last write; the kernel's adds them up.
	if b, _ := os.ReadFile(filepath.Join(root, "cgroup.subtree_control")); !strings.Contains(string(b), "+pids") {
		t.Errorf("subtree_control %q", b)
	}
}

func TestPrepareShellTwiceChangesNothing(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, "etc"), 0o755)
	os.WriteFile(filepath.Join(root, "etc/bash.bashrc"), []byte("# Debian's\n"), 0o644)
	a := &agent{cfg: Config{Node: "it's", Root: root, Hook: "/usr/share/slipway/shell.bash"}}
	for range 2 {
		if err := a.prepareShell(); err != nil {
			t.Fatal(err)
		}
	}
	b, _ := os.ReadFile(filepath.Join(root, "etc/bash.bashrc"))
	if strings.Count(string(b), "shell.bash") != 1 || !strings.HasPrefix(string(b), "# Debian's\n") {
		t.Errorf("bash.bashrc: %s", b)
	}
	if b, _ := os.ReadFile(filepath.Join(root, "usr/share/slipway/shell.bash.env")); !strings.HasPrefix(string(b), `SLIPWAY_NODE='it'\''s'`+"\n") {
		t.Errorf("env: %s", b)
	}
}

func TestUnlockAndKeys(t *testing.T) {
	dir := t.TempDir()
	shadow := filepath.Join(dir, "shadow")
	os.WriteFile(shadow, []byte("root:*:1::::::\ndocker:!:1::::::\nother:!:1::::::\n"), 0o640)
	if err := unlock(shadow, "docker", "root"); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(shadow); string(b) != "root:*:1::::::\ndocker:*:1::::::\nother:!:1::::::\n" {
		t.Errorf("shadow: %s", b)
	}
	who := account{uid: uint32(os.Getuid()), gid: uint32(os.Getgid())}
	os.MkdirAll(filepath.Join(dir, ".ssh"), 0o700)
	own := filepath.Join(dir, ".ssh/authorized_keys")
	os.WriteFile(own, []byte("ssh-ed25519 MINE me"), 0o600)
	for range 2 {
		if err := installKeys(dir, who, []byte("private\n"), []byte("ssh-ed25519 LAB lab\n")); err != nil {
			t.Fatal(err)
		}
	}
	if b, _ := os.ReadFile(own); string(b) != "ssh-ed25519 MINE me\nssh-ed25519 LAB lab\n" {
		t.Errorf("authorized_keys: %s", b)
	}
}

func TestTheLogIsBoundedAndItsEndRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := newCapped(path)
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range 3 * maxLog / len(line) {
		c.Write(line)
	}
	c.Write([]byte("the last word\n"))
	if got := c.last(); got != "the last word" {
		t.Errorf("last %q", got)
	}
	c.Close()
	for _, p := range []string{path, path + ".1"} {
		if st, err := os.Stat(p); err != nil || st.Size() > maxLog {
			t.Errorf("%s: %v, %v", p, st, err)
		}
	}
}

func TestEventsAreBoundedAndNumbered(t *testing.T) {
	e := newEvents("epoch", time.Now)
	for range 3 * maxEvents {
		e.add(Event{Kind: EventMark})
	}
	oldest, next := e.bounds()
	if next != 3*maxEvents+1 || next-oldest < maxEvents || next-oldest > 2*maxEvents {
		t.Errorf("oldest %d, next %d", oldest, next)
	}
	if _, missed, _ := e.since(1, 10); !missed {
		t.Error("forgotten events are not missed")
	}
	if evs, missed, _ := e.since(next-3, 10); missed || len(evs) != 3 || evs[0].N != next-3 {
		t.Errorf("%v, %v", evs, missed)
	}
}

func FuzzMarks(f *testing.F) {
	f.Add([]byte("1\x1fcommand\x1fnode1/t1\x1f42\x1f\x1fdocker\x1f/\x1fls\x1e"), uint8(5))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		collect := func(parts ...[]byte) (marks []Mark) {
			p := markParser{node: "n", running: map[string]string{}}
			for _, part := range parts {
				p.feed(part, func(m Mark) { marks = append(marks, m) })
			}
			if len(p.partial) > maxMark {
				t.Fatalf("%d bytes are kept", len(p.partial))
			}
			return marks
		}
		n := int(cut) % (len(b) + 1)
		if one, two := collect(b), collect(b[:n], b[n:]); len(b) <= maxMark && len(one) != len(two) {
			t.Fatalf("%v against %v", one, two)
		}
	})
}
