package agent

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

//go:embed shell/hook.bash
var shellHook []byte

// daemonConfig is what a node's Engine runs with unless its image brings a
// file of its own: the lab's registry is at hand, and no log fills the disk.
const daemonConfig = `{
  "storage-driver": "overlay2",
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "log-driver": "json-file",
  "log-opts": {"max-size": "10m", "max-file": "2"},
  "registry-mirrors": ["http://127.0.0.1:5000"],
  "insecure-registries": ["127.0.0.0/8"]
}
`

// prepare makes a node of the container the agent finds itself in. Every step
// that fails is logged and left out, so that a person gets a shell in any case.
func (a *agent) prepare() {
	steps := []struct {
		what string
		do   func() error
	}{
		{"folders", a.prepareFolders},
		{"control groups", func() error { return prepareCgroups("/sys/fs/cgroup", "/proc/self/mountinfo") }},
		{"shell hooks", a.prepareShell},
		{"ssh", a.prepareSSH},
		{"sudo", a.prepareSudo},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			a.cfg.Log.Error("the node is not fully prepared", "step", s.what, "err", err)
		}
	}
}

// at is a path of the node.
func (a *agent) at(path string) string { return filepath.Join(a.cfg.Root, path) }

func (a *agent) prepareFolders() error {
	var errs []error
	for _, dir := range []string{"run/sshd", "run/lock", "run/user", "var/log", "var/lib/docker", "etc/docker"} {
		errs = append(errs, os.MkdirAll(a.at(dir), 0o755))
	}
	errs = append(errs, os.MkdirAll(a.at("tmp"), 0o777), os.Chmod(a.at("tmp"), 0o777|os.ModeSticky))
	// What an earlier life of this node left would make the Engine believe
	// that processes still run which only share a number with others now.
	for _, pid := range []string{"run/docker.pid", "run/docker/containerd/containerd.pid"} {
		if err := os.Remove(a.at(pid)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, writeIfMissing(a.at("etc/docker/daemon.json"), []byte(daemonConfig), 0o644))...)
}

func writeIfMissing(path string, data []byte, mode os.FileMode) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, data, mode)
}

// prepareCgroups makes the mounted control groups writable and, on version 2,
// hands the controllers down: a group that has processes of its own may not
// pass controllers to groups below it, so the agent's move to a child first.
func prepareCgroups(root, mountinfo string) error {
	errs := []error{remountCgroups(mountinfo)}
	controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if errors.Is(err, os.ErrNotExist) {
		return errors.Join(errs...) // version 1: the lab prepares it from outside
	}
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	child := filepath.Join(root, "slipway")
	if err := os.MkdirAll(child, 0o755); err != nil {
		return errors.Join(append(errs, err)...)
	}
	if err := moveProcesses(root, child); err != nil {
		return errors.Join(append(errs, err)...)
	}
	for c := range strings.FieldsSeq(string(controllers)) {
		// One by one: a controller that can't be handed down is no reason to
		// go without the others.
		err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+c), 0)
		if err != nil {
			errs = append(errs, fmt.Errorf("controller %s: %w", c, err))
		}
	}
	return errors.Join(errs...)
}

// moveProcesses empties a control group into one below it. New processes may
// appear meanwhile, so it looks more than once.
func moveProcesses(from, to string) error {
	for range 10 {
		b, err := os.ReadFile(filepath.Join(from, "cgroup.procs"))
		if err != nil {
			return err
		}
		pids := strings.Fields(string(b))
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if pid == "0" {
				continue // of another pid namespace: not ours to move
			}
			err := os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte(pid), 0)
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	return nil
}

// remountCgroups makes control group mounts writable that are read-only, which
// is how an unprivileged container finds them.
func remountCgroups(mountinfo string) error {
	f, err := os.Open(mountinfo)
	if err != nil {
		return err
	}
	defer f.Close()
	var errs []error
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		dir, ok := readOnlyCgroup(lines.Text())
		if !ok {
			continue
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			errs = append(errs, fmt.Errorf("make %s writable: %w", dir, err))
		}
	}
	return errors.Join(append(errs, lines.Err())...)
}

// readOnlyCgroup reads a line of mountinfo: number, parent, device, root,
// mount point, options, optional fields, "-", type, source, options.
func readOnlyCgroup(line string) (dir string, ok bool) {
	mount, fs, ok := strings.Cut(line, " - ")
	fields := strings.Fields(mount)
	if !ok || len(fields) < 6 || !strings.HasPrefix(fs, "cgroup") {
		return "", false
	}
	for o := range strings.SplitSeq(fields[5], ",") {
		if o == "ro" {
			return unescape(fields[4]), true
		}
	}
	return "", false
}

// unescape undoes mountinfo's \040 and the like.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func cgroupVersion() int {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return 2
	}
	if entries, err := os.ReadDir("/sys/fs/cgroup"); err == nil && len(entries) > 0 {
		return 1
	}
	return 0
}

// prepareShell installs the hooks that give shells their prompt and marks.
func (a *agent) prepareShell() error {
	if a.cfg.Hook == "" {
		return nil
	}
	hook := a.at(a.cfg.Hook)
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		return err
	}
	address := ""
	if list := addresses(); len(list) > 0 {
		address = list[0]
	}
	env := fmt.Sprintf("SLIPWAY_NODE=%s\nSLIPWAY_ADDRESS=%s\n", quote(a.cfg.Node), quote(address))
	source := "[ -z \"${BASH_VERSION-}\" ] || . " + a.cfg.Hook + "\n"
	return errors.Join(
		os.WriteFile(hook, shellHook, 0o644),
		os.WriteFile(hook+".env", []byte(env), 0o644),
		os.MkdirAll(a.at("etc/profile.d"), 0o755),
		os.WriteFile(a.at("etc/profile.d/slipway-agent.sh"), []byte(source), 0o644),
		appendOnce(a.at("etc/bash.bashrc"), []byte(source)),
	)
}

// prepareSudo lets a root shell know which terminal it is in.
func (a *agent) prepareSudo() error {
	dir := a.at("etc/sudoers.d")
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	path := filepath.Join(dir, "slipway-agent")
	if err := os.WriteFile(path, []byte("Defaults env_keep += \"SLIPWAY_TERMINAL\"\n"), 0o440); err != nil {
		return err
	}
	return os.Chmod(path, 0o440)
}

// quote makes a word of a shell out of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// appendOnce adds a line to a file unless it is there.
func appendOnce(path string, line []byte) error {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if bytes.Contains(b, line) {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	return errors.Join(err, f.Close())
}
