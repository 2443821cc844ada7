package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/docker/docker/api/types/image"

	"slipway/workshop"
)

const (
	suite   = "trixie"
	keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
)

// debian is a Debian to be made: its packages, and what is left out of them.
type debian struct {
	variant  string
	packages []string
	exclude  []string // dpkg path patterns
	remove   []string // removed afterwards, below the root
}

// basePackages is what every node has.
var basePackages = []string{
	// an Engine and its clients
	"docker.io", "docker-cli", "docker-compose", "docker-buildx", "iptables", "nftables", "ca-certificates",
	// a shell one can live in
	"bash-completion", "sudo", "less", "nano", "vim-tiny", "procps", "htop", "tree", "unzip", "xz-utils",
	"openssh-server", "openssh-client", "git", "jq",
	// looking at a network
	"curl", "apache2-utils", "httping", "iproute2", "iputils-ping", "bind9-dnsutils", "netcat-openbsd", "tcpdump", "ngrep",
}

// baseExclude is what nobody reads on a node: documentation, translations, and
// the large parts of packages that a node has no use for.
var baseExclude = []string{
	"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*", "/usr/share/bug/*",
	"/usr/bin/ctr", "/usr/bin/containerd-shim", "/usr/bin/containerd-shim-runc-v1", "/usr/bin/containerd-stress",
	"/usr/lib/git-core/git-daemon", "/usr/lib/git-core/git-http-backend", "/usr/lib/git-core/git-http-push",
	"/usr/lib/git-core/git-imap-send", "/usr/bin/scalar", "/usr/lib/git-core/scalar",
	"/usr/lib/*/perl/*/auto/Encode/JP/*", "/usr/lib/*/perl/*/auto/Encode/KR/*", "/usr/lib/*/perl/*/auto/Encode/CN/*", "/usr/lib/*/perl/*/auto/Encode/TW/*",
	"/usr/lib/*/perl/*/CORE/*",
}

func baseRecipe() debian {
	return debian{
		variant: "minbase", packages: basePackages, exclude: baseExclude,
		// Nodes have no way out, so package lists and sources would only mislead; host
		// keys are a lab's own.
		remove: []string{"/var/lib/apt/lists/*", "/var/cache/*", "/var/log/*", "/etc/apt/sources.list", "/etc/apt/apt.conf.d/99mmdebstrap",
			"/etc/dpkg/dpkg.cfg.d/99mmdebstrap", "/etc/ssh/ssh_host_*", "/etc/machine-id"},
	}
}

func (d debian) hash() string {
	return short(fmt.Sprint(suite, runtime.GOARCH, d.variant, d.packages, d.exclude, d.remove))
}

// base imports the packed base into the Engine, made first when the cache
// doesn't have it.
func (b *builder) base(ctx context.Context) (string, error) {
	recipe := baseRecipe()
	ref := baseRepository + ":" + recipe.hash()
	if ok, err := b.there(ctx, ref); ok || err != nil {
		return ref, err
	}
	packed := filepath.Join(b.CacheDir, "base-"+recipe.hash()+".tar")
	if _, err := os.Stat(packed); err != nil {
		b.Progress("making the nodes' Debian: about 200 packages, one to three minutes the first time")
		if err := recipe.pack(ctx, packed); err != nil {
			return "", err
		}
		removeOthers(b.CacheDir, "base-*.tar", packed)
	}
	b.Progress("giving the nodes' Debian to the Engine")
	f, err := os.Open(packed)
	if err != nil {
		return "", err
	}
	defer f.Close()
	report, err := b.Docker.ImageImport(ctx, image.ImportSource{Source: f, SourceName: "-"}, ref, image.ImportOptions{})
	if err != nil {
		return "", fmt.Errorf("images: import the base: %w", err)
	}
	defer report.Close()
	return ref, buildOutcome(report)
}

// pack makes the Debian as one tar at a path, or as a folder when the path ends
// in a slash; whole or not at all. Without root it is made in a user namespace
// of the user's own range of ids, and a folder's files then belong to the user.
func (d debian) pack(ctx context.Context, path string) error {
	final, folder := strings.CutSuffix(path, "/")
	temp := final + ".part"
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	args := []string{"--mode=root", "--format=tar"}
	switch {
	case os.Geteuid() != 0:
		args[0] = "--mode=unshare"
	case folder:
		args[1] = "--format=directory"
	}
	args = append(args, "--variant="+d.variant, "--keyring="+keyring,
		"--include="+strings.Join(d.packages, ","), "--aptopt=APT::Install-Recommends \"false\"")
	for _, pattern := range d.exclude {
		args = append(args, "--dpkgopt=path-exclude="+pattern)
	}
	for _, option := range aptOptions(ctx) {
		args = append(args, "--aptopt="+option)
	}
	if len(d.remove) > 0 {
		hook := "cd \"$1\" && rm -rf"
		for _, r := range d.remove {
			hook += " ." + r
		}
		args = append(args, "--customize-hook="+hook)
	}
	args = append(args, suite, temp)
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	cmd.Stdin = bytes.NewBufferString(debianSources())
	if cmd.Stdin.(*bytes.Buffer).Len() > 0 {
		cmd.Args = append(cmd.Args, "-")
	}
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(temp)
		return cannotPack(err, out)
	}
	if folder && os.Geteuid() != 0 {
		if err := unpackOwn(ctx, temp); err != nil {
			return err
		}
	}
	return os.Rename(temp, final)
}

func cannotPack(err error, out []byte) error {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	cause := fmt.Errorf("mmdebstrap: %w: %s", err, strings.Join(lines[max(0, len(lines)-5):], "\n"))
	if errors.Is(err, exec.ErrNotFound) {
		return workshop.Errorf(workshop.Unavailable, "The nodes' Debian can't be made without mmdebstrap: install it, or bring a bundle from another machine (slipway images export there, slipway images import here).").Because(cause)
	}
	if os.Geteuid() != 0 {
		return workshop.Errorf(workshop.Unavailable, "The nodes' Debian can't be made without root here: is this machine online, and has your user a range in /etc/subuid? Or bring a bundle from another machine (slipway images export there, slipway images import here).").Because(cause)
	}
	return workshop.Errorf(workshop.Unavailable, "The nodes' Debian can't be made: is this machine online, and can apt-get download packages?").Because(cause)
}

// unpackOwn makes a tar a folder whose files belong to the user. Devices, which
// only root could make, are left out; nothing is picked from them.
func unpackOwn(ctx context.Context, path string) error {
	packed := path + ".tar"
	if err := os.Rename(path, packed); err != nil {
		return err
	}
	defer os.Remove(packed)
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "tar", "--extract", "--no-same-owner", "--exclude=./dev/*", "--file", packed, "--directory", path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("images: unpack %s: %w: %s", packed, err, out)
	}
	return nil
}

// removeOthers removes what earlier recipes left in the cache.
func removeOthers(dir, pattern, keep string) {
	found, _ := filepath.Glob(filepath.Join(dir, pattern))
	for _, path := range found {
		if path != keep {
			_ = os.RemoveAll(path) // only room on the disk is at stake
		}
	}
}
