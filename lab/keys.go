package lab

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// labKeys are what makes ssh between a lab's nodes work without a question: one
// key pair for the people on it, one for its sshds. They are a lab's own,
// never part of an image.
type labKeys struct {
	user, userPub string
	host, hostPub string
}

// ensureKeys makes a lab's keys, or reads those it has. They are kept in the
// data folder, so that a node that is made again is the same to the others.
func (h *Host) ensureKeys(key string) (keys labKeys, err error) {
	dir := h.cfg.labKeep(key)
	if keys.user, keys.userPub, err = ensureKey(filepath.Join(dir, "user_key"), "docker@"+key); err != nil {
		return keys, err
	}
	keys.host, keys.hostPub, err = ensureKey(filepath.Join(dir, "host_key"), "nodes@"+key)
	return keys, err
}

func ensureKey(path, comment string) (private, public string, err error) {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return "", "", err
		}
		block, err := ssh.MarshalPrivateKey(key, comment)
		if err != nil {
			return "", "", err
		}
		text = pem.EncodeToMemory(block)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return "", "", err
		}
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return "", "", fmt.Errorf("lab: the key %s is damaged, remove it: %w", path, err)
	}
	public = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " " + comment + "\n"
	return string(text), public, nil
}

// archive is the files of the keys as a node wants them.
func (k labKeys) archive() []byte {
	const uid = 1000 // the user docker, see images/node/Dockerfile
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(name, text string, mode int64, id int) {
		// Errors of a bytes.Buffer don't happen, and sizes are right by construction.
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text)), Uid: id, Gid: id, Typeflag: tar.TypeReg})
		_, _ = w.Write([]byte(text))
	}
	for _, home := range []struct {
		dir string
		id  int
	}{{"home/docker/.ssh/", uid}, {"root/.ssh/", 0}} {
		_ = w.WriteHeader(&tar.Header{Name: home.dir, Mode: 0o700, Uid: home.id, Gid: home.id, Typeflag: tar.TypeDir})
		add(home.dir+"id_ed25519", k.user, 0o600, home.id)
		add(home.dir+"id_ed25519.pub", k.userPub, 0o644, home.id)
		add(home.dir+"authorized_keys", k.userPub, 0o600, home.id)
	}
	add("etc/ssh/ssh_host_ed25519_key", k.host, 0o600, 0)
	add("etc/ssh/ssh_host_ed25519_key.pub", k.hostPub, 0o644, 0)
	add("etc/ssh/ssh_known_hosts", "node*,10.* "+k.hostPub, 0o644, 0)
	_ = w.Close()
	return buf.Bytes()
}
