package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// sshdConfig is for a lab whose nodes trust each other and whose only way in
// is the lab's own network. It stands beside the image's own configuration.
const sshdConfig = `HostKey %s
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
AcceptEnv LANG LC_* SLIPWAY_TERMINAL
PrintMotd no
PrintLastLog no
X11Forwarding no
UseDNS no
MaxSessions 64
Subsystem sftp internal-sftp
`

// sshConfig lets nodes reach each other without a question: their keys change
// with every lab, and remembering them would only bring warnings.
const sshConfig = `Host node? node?? 10.* 172.* 192.168.* 127.0.0.1 localhost
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
    SendEnv LANG LC_* SLIPWAY_TERMINAL
    ConnectTimeout 10
`

const (
	hostKeyPath    = "etc/ssh/ssh_host_ed25519_key"
	sshdConfigPath = "etc/ssh/slipway_sshd_config"
)

// prepareSSH installs the lab's key pair for the people's account and root, so
// that every node reaches every node without a password.
func (a *agent) prepareSSH() error {
	if err := os.MkdirAll(a.at("etc/ssh/ssh_config.d"), 0o755); err != nil {
		return err
	}
	errs := []error{
		os.WriteFile(a.at("etc/ssh/ssh_config.d/slipway-agent.conf"), []byte(sshConfig), 0o644),
		os.WriteFile(a.at(sshdConfigPath), fmt.Appendf(nil, sshdConfig, "/"+hostKeyPath), 0o644),
	}
	people, err := lookup(a.cfg.User)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	errs = append(errs, unlock(a.at("etc/shadow"), people.name, "root"))
	if _, err := os.Stat(a.cfg.Keys); a.cfg.Keys == "" || errors.Is(err, os.ErrNotExist) {
		return errors.Join(errs...) // the lab put the keys where they belong itself
	}
	private, err := os.ReadFile(filepath.Join(a.cfg.Keys, "id_ed25519"))
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("the lab's key: %w", err))...)
	}
	public, err := os.ReadFile(filepath.Join(a.cfg.Keys, "id_ed25519.pub"))
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("the lab's key: %w", err))...)
	}
	for _, who := range []account{people, {home: "/root"}} {
		errs = append(errs, installKeys(a.at(who.home), who, private, public))
	}
	return errors.Join(errs...)
}

func installKeys(home string, who account, private, public []byte) error {
	dir := filepath.Join(home, ".ssh")
	errs := []error{os.MkdirAll(dir, 0o700)}
	for name, data := range map[string][]byte{"id_ed25519": private, "id_ed25519.pub": public, "authorized_keys": public} {
		path := filepath.Join(dir, name)
		// People may have added keys of their own; theirs stay.
		if old, err := os.ReadFile(path); err == nil && bytes.Contains(old, bytes.TrimSpace(data)) {
			continue
		} else if err == nil && name == "authorized_keys" {
			data = append(append(bytes.TrimRight(old, "\n"), '\n'), data...)
		}
		errs = append(errs, os.WriteFile(path, data, 0o600))
		errs = append(errs, os.Chown(path, int(who.uid), int(who.gid)))
	}
	errs = append(errs, os.Chown(dir, int(who.uid), int(who.gid)))
	return errors.Join(errs...)
}

// unlock turns "locked" into "has no password" for accounts, which keeps
// passwords shut and lets keys in: sshd refuses locked accounts altogether.
func unlock(shadow string, names ...string) error {
	b, err := os.ReadFile(shadow)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	changed := false
	for i, line := range lines {
		fields := bytes.SplitN(line, []byte(":"), 3)
		for _, name := range names {
			if len(fields) == 3 && string(fields[0]) == name && bytes.HasPrefix(fields[1], []byte("!")) {
				fields[1] = []byte("*")
				lines[i] = bytes.Join(fields, []byte(":"))
				changed = true
			}
		}
	}
	if !changed {
		return nil
	}
	return os.WriteFile(shadow, bytes.Join(lines, nil), 0o640)
}

// sshTime bounds one ssh connection's life; labs don't live longer.
const sshTime = 24 * time.Hour

// hostKey makes the host key at the first connection.
func (a *agent) hostKey(ctx context.Context) error {
	a.keyMaking.Lock()
	defer a.keyMaking.Unlock()
	path := a.at(hostKeyPath)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := a.reaper.run(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", a.cfg.Node, "-f", path); err != nil {
		return fmt.Errorf("make the host key: %w", err)
	}
	return nil
}

// sshConn serves one ssh connection with an sshd of its own: a node that
// nobody visits pays for none.
func (a *agent) sshConn(ctx context.Context, c net.Conn) {
	if err := a.hostKey(ctx); err != nil {
		a.cfg.Log.Error("ssh does not answer", "err", err)
		return
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	f, err := tcp.File()
	if err != nil {
		a.cfg.Log.Error("ssh does not answer", "err", err)
		return
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(ctx, sshTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/sbin/sshd", "-i", "-e", "-f", "/"+sshdConfigPath)
	cmd.Stdin, cmd.Stdout = f, f
	if err := a.reaper.Start(cmd); err != nil {
		a.cfg.Log.Error("ssh does not answer", "err", err)
		return
	}
	c.Close() // sshd has its own copies; the line must end when it does
	f.Close()
	a.reaper.Wait(cmd) // its exit code is the visitor's affair
}
