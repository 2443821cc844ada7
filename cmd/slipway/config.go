package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"slipway/lab"
)

// settings are all that an operator may choose.
type settings struct {
	name      string // of the installation
	data, run string
	listen    string
	public    string // the address people use, when it is not the listening one
	apps      string // host below which every name reaches the server
	workshop  string // folder; empty for the built-in one
	selfPaced bool
	engine    string
	runtime   string
	weak      bool
	memory    int64 // MiB a node
	cpus      float64
	warm      int
	registry  int64 // MiB a lab may push
}

// where are the settings every command needs to find an installation.
func (s *settings) where(flags *pflag.FlagSet) {
	data, run := places()
	flags.StringVar(&s.name, "name", "slipway", "name of this installation; several can live on one machine")
	flags.StringVar(&s.data, "data", data, "folder of all that is kept")
	flags.StringVar(&s.run, "run", run, "folder of sockets and locks")
	flags.StringVar(&s.engine, "engine", "", "use this Docker Engine, such as unix:///var/run/docker.sock, not one of our own")
	flags.BoolVar(&s.weak, "allow-weak-isolation", false, "accept an Engine on which a node's root is the host's root")
	flags.StringVar(&s.runtime, "runtime", "", "run nodes with this runtime of the Engine (sysbox-runc, kata)")
}

func (s *settings) nodes(flags *pflag.FlagSet) {
	flags.Int64Var(&s.memory, "node-memory", 2048, "memory limit of a node in MiB")
	flags.Float64Var(&s.cpus, "node-cpus", 0, "processors a node may use; 0 for all")
	flags.IntVar(&s.warm, "warm", 1, "labs kept ready for the next to join")
	flags.Int64Var(&s.registry, "registry-quota", 2048, "MiB of images a lab may push to its registry")
}

func (s *settings) serving(flags *pflag.FlagSet) {
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "address to listen on")
	flags.StringVar(&s.public, "public", "", "address people type, such as https://workshop.example.org; default from --listen")
	flags.StringVar(&s.apps, "apps-host", "", "host, with port, below which every name leads here (wildcard DNS); pages of nodes get names below it")
	flags.StringVar(&s.workshop, "workshop", "", "folder of a workshop; default the built-in one")
	flags.BoolVar(&s.selfPaced, "self-paced", false, "one person, straight into their own workshop")
}

// places are where root, or anyone else, keeps things.
func places() (data, run string) {
	if os.Geteuid() == 0 {
		return "/var/lib/slipway", "/run/slipway"
	}
	data = os.Getenv("XDG_DATA_HOME")
	if data == "" {
		home, _ := os.UserHomeDir()
		data = filepath.Join(home, ".local", "share")
	}
	run = os.Getenv("XDG_RUNTIME_DIR")
	if run == "" {
		run = filepath.Join(os.TempDir(), fmt.Sprintf("slipway-%d", os.Getuid()))
	}
	return filepath.Join(data, "slipway"), filepath.Join(run, "slipway")
}

// publicURL is the address people type, without a slash at the end.
func (s *settings) publicURL(listening string) string {
	if s.public != "" {
		return strings.TrimRight(s.public, "/")
	}
	return "http://" + listening
}

func (s *settings) labConfig(progress func(string), log *slog.Logger) lab.Config {
	return lab.Config{
		Name: s.name, DataDir: s.data, RunDir: s.run,
		Engine: s.engine, AllowWeakIsolation: s.weak, Runtime: s.runtime,
		Limits:   lab.Limits{Memory: s.memory << 20, CPUs: s.cpus},
		Warm:     s.warm,
		Progress: progress,
		Log:      log,
	}
}

// speaker prints what a person waits for, with the time it took so far.
func speaker(out io.Writer) func(string) {
	begun := time.Now()
	return func(line string) {
		fmt.Fprintf(out, "%6.1fs  %s\n", time.Since(begun).Seconds(), line)
	}
}
