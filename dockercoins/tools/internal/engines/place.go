package engines

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// localSocket is where Docker listens when nobody says otherwise.
const localSocket = "unix:///var/run/docker.sock"

// A place is where an Engine can be reached.
type place struct {
	name string // for people
	url  string // unix://, tcp://, ssh://, http(s)://
	tls  string // folder with ca.pem, cert.pem, key.pem; empty: no TLS
}

// An Environment is what the tools take from their surroundings.
type Environment struct {
	Get  func(name string) string // os.Getenv
	Home string                   // where .docker is
	Port string                   // of Engines that are named by node; 55555 when empty
}

func (e Environment) port() string {
	if e.Port == "" {
		return "55555"
	}
	return e.Port
}

func (e Environment) dockerFolder() string {
	if dir := e.Get("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	return filepath.Join(e.Home, ".docker")
}

// chosen is the Engine that the docker command would use.
func (e Environment) chosen() (place, error) {
	if host := e.Get("DOCKER_HOST"); host != "" {
		p := place{name: host, url: host}
		if e.Get("DOCKER_TLS_VERIFY") != "" {
			if p.tls = e.Get("DOCKER_CERT_PATH"); p.tls == "" {
				p.tls = e.dockerFolder()
			}
		}
		return p, nil
	}
	name := e.Get("DOCKER_CONTEXT")
	if name == "" {
		var config struct{ CurrentContext string }
		text, err := os.ReadFile(filepath.Join(e.dockerFolder(), "config.json"))
		if err == nil {
			err = json.Unmarshal(text, &config)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return place{}, fmt.Errorf("docker's settings can't be read: %w", err)
		}
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return place{name: "this node", url: localSocket}, nil
	}
	p, ok, err := e.context(name)
	if err == nil && !ok {
		err = fmt.Errorf("there is no docker context %q; \"docker context ls\" shows those there are", name)
	}
	return p, err
}

// nodeName is a name or address of a machine.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$`)

// named finds the Engine that someone called by a name.
func (e Environment) named(name string) (place, error) {
	if strings.Contains(name, "://") {
		return place{name: name, url: name}, nil
	}
	if name == "default" {
		return place{name: "this node", url: localSocket}, nil
	}
	if p, ok, err := e.context(name); ok || err != nil {
		return p, err
	}
	if host, _, err := net.SplitHostPort(name); err == nil && nodeName.MatchString(host) {
		return place{name: name, url: "tcp://" + name}, nil
	}
	if !nodeName.MatchString(name) {
		return place{}, fmt.Errorf("%q is neither a docker context, nor an address, nor the name of a node", name)
	}
	return place{name: name, url: "tcp://" + net.JoinHostPort(name, e.port())}, nil
}

// context reads a docker context; false when there is none of that name.
func (e Environment) context(name string) (place, bool, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	text, err := os.ReadFile(filepath.Join(e.dockerFolder(), "contexts", "meta", id, "meta.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return place{}, false, nil
	}
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if err == nil {
		err = json.Unmarshal(text, &meta)
	}
	if err == nil && meta.Endpoints["docker"].Host == "" {
		err = errors.New("it names no Engine")
	}
	if err != nil {
		return place{}, true, fmt.Errorf("docker context %q can't be used: %w", name, err)
	}
	p := place{name: name, url: meta.Endpoints["docker"].Host}
	keys := filepath.Join(e.dockerFolder(), "contexts", "tls", id, "docker")
	if _, err := os.Stat(filepath.Join(keys, "ca.pem")); err == nil {
		p.tls = keys
	}
	return p, true, nil
}

// host is the machine a place is on; empty when it is this one.
func (p place) host() string {
	u, err := url.Parse(p.url)
	if err != nil || u.Scheme == "unix" {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()) {
		return ""
	}
	return u.Hostname()
}
