package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"slipway/workshop"
)

// MinFree is how many bytes must be free where the data lives. Images take 1.5
// GB; the rest is for the volumes of a first lab. Below it nothing is started.
const MinFree = 4 << 30

// need is something a host must have, and the Debian package that brings it.
type need struct {
	path    string // a program's name, or a file's absolute path
	pkg     string
	purpose string
}

var needs = []need{
	{"dockerd", "docker.io", "the Engine that hosts nodes"},
	{"containerd", "containerd", "runs the Engine's containers"},
	{"runc", "runc", "starts containers"},
	{"mmdebstrap", "mmdebstrap", "makes the nodes' Debian"},
	{"/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring", "checks what it downloads"},
	{"ip", "iproute2", "sets up the labs' network"},
	{"iptables", "iptables", "keeps labs apart"},
	{"nsenter", "util-linux", "enters the labs' network"},
	{"useradd", "passwd", "makes the user whose ids nodes run under"},
}

// Missing lists the Debian packages that this host lacks, in no need of root.
func (h *Host) Missing() []string {
	if !h.own {
		return nil
	}
	var missing []string
	for _, n := range needs {
		if !n.there() {
			missing = append(missing, n.pkg)
		}
	}
	return missing
}

func (n need) there() bool {
	if strings.HasPrefix(n.path, "/") {
		_, err := os.Stat(n.path)
		return err == nil
	}
	_, err := exec.LookPath(n.path)
	return err == nil
}

// Preflight makes sure that the host has what labs need, and installs what it
// lacks with apt-get. A full disk is refused before anything is done.
func (h *Host) Preflight(ctx context.Context) error {
	if err := h.checkDisk(); err != nil {
		return err
	}
	missing := h.Missing()
	if len(missing) == 0 {
		return nil
	}
	unlock, err := h.lock(ctx, "install")
	if err != nil {
		return err
	}
	defer unlock()
	return h.install(ctx, missing)
}

func (h *Host) checkDisk() error {
	dir := h.cfg.DataDir
	for !isDir(dir) && dir != "/" {
		dir = filepath.Dir(dir) // it will be made there
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("lab: look at the disk of %s: %w", dir, err)
	}
	return roomFor(h.cfg.DataDir, int64(fs.Bavail)*int64(fs.Bsize))
}

func roomFor(dir string, free int64) error {
	if free >= MinFree {
		return nil
	}
	return workshop.Errorf(workshop.Unavailable, "Only %.1f GB are free where %s lives, and labs need %.1f: free some, or choose another folder with --data.",
		float64(free)/1e9, dir, float64(MinFree)/1e9)
}

// install tries without fetching the package lists first, because most hosts
// have them.
func (h *Host) install(ctx context.Context, packages []string) error {
	names := strings.Join(packages, ", ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return workshop.Errorf(workshop.Unavailable, "This machine lacks %s, and has no apt-get to install it. Install it, then try again.", names)
	}
	h.cfg.Progress("installing " + names)
	args := append([]string{"install", "--yes", "--no-install-recommends"}, packages...)
	_, err := aptGet(ctx, args...)
	if err != nil {
		h.cfg.Progress("fetching the package lists")
		if out, err := aptGet(ctx, "update"); err != nil {
			return workshop.Errorf(workshop.Unavailable, "This machine lacks %s, and the package lists can't be fetched: is it online?", names).Because(fmt.Errorf("%w: %s", err, out))
		}
		out, err := aptGet(ctx, args...)
		if err != nil {
			return workshop.Errorf(workshop.Unavailable, "Installing %s failed. Try \"apt-get install %s\" by hand and see why.", names, strings.Join(packages, " ")).Because(fmt.Errorf("%w: %s", err, out))
		}
	}
	for _, n := range needs {
		if !n.there() {
			return workshop.Errorf(workshop.Unavailable, "%s is still missing after installing %s: %s. Install it by hand.", n.path, n.pkg, n.purpose)
		}
	}
	return nil
}

// aptGet answers the last lines of what apt-get said.
func aptGet(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], "\n"), err
}
