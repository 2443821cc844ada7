// The workshop's tools, all in one program that looks at the name it was called
// by: build-tag-push, link-to-ambassadors, create-ambassadors,
// configure-ambassadors, delete-ambassadors, and ambassador with its verbs
// watch, register and follow. Called by any other name, the first argument is the tool.
// "verbs" prints the names, so that an installation can make its links.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	home, _ := os.UserHomeDir() // without one there are no contexts
	t := tool{get: os.Getenv, home: home, now: time.Now, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(t.main(ctx, os.Args))
}

// A tool is one call with all that it depends on.
type tool struct {
	get            func(name string) string // environment
	home           string
	now            func() time.Time
	stdout, stderr io.Writer
}

// A verb is one of the tools.
type verb struct {
	name, args, help string
	run              func(t *tool, ctx context.Context, flags *options, args []string) error
}

func verbs() []verb {
	return []verb{
		{"build-tag-push", "[input [output]]", "build the images of a Compose file, push them, write a file that uses them", (*tool).buildTagPush},
		{"link-to-ambassadors", "[input [output]]", "rewrite a Compose file: addresses of ambassadors in place of links", (*tool).linkToAmbassadors},
		{"create-ambassadors", "", "make an ambassador for every service a container depends on, remove stale ones", (*tool).create},
		{"configure-ambassadors", "", "tell all ambassadors where their services are", (*tool).configure},
		{"delete-ambassadors", "", "remove all ambassadors of the project", (*tool).delete},
		{"ambassador", "watch | register | follow", "do it all by itself, as containers come and go", (*tool).ambassador},
	}
}

// main answers the exit code: 2 when the call can't be understood, 1 when
// something did not work.
func (t *tool) main(ctx context.Context, args []string) int {
	name, rest := filepath.Base(args[0]), args[1:]
	v, ok := find(name)
	if !ok && len(rest) > 0 {
		name, rest = rest[0], rest[1:]
		if name == "verbs" {
			for _, v := range verbs() {
				fmt.Fprintln(t.stdout, v.name)
			}
			return 0
		}
		v, ok = find(name)
	}
	if !ok {
		fmt.Fprintln(t.stderr, "The tools of the workshop:")
		for _, v := range verbs() {
			fmt.Fprintf(t.stderr, "  %-22s %s\n", v.name, v.help)
		}
		return 2
	}
	o := &options{}
	flags := o.flags(t, v)
	words, err := parseFlags(flags, rest)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // flag said it
	}
	err = v.run(t, ctx, o, words)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(t.stderr, "%s: %s\n", v.name, err)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintf(t.stderr, "%s: stopped\n", v.name)
		return 1
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(t.stderr, "%s: %s\n", v.name, strings.TrimRight(line, "\n"))
	}
	return 1
}

// parseFlags takes flags before, between and after words.
func parseFlags(flags *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		rest := flags.Args()
		if len(rest) == 0 {
			return words, nil
		}
		words, args = append(words, rest[0]), rest[1:]
	}
}

func find(name string) (verb, bool) {
	for _, v := range verbs() {
		if v.name == name {
			return v, true
		}
	}
	return verb{}, false
}

// usageError is a call that can't be understood.
type usageError string

func (e usageError) Error() string { return string(e) }

// options are the flags of all tools; each has those that concern it.
type options struct {
	project, engines, image, store, ports, tag string
	force                                      bool
}

func (o *options) flags(t *tool, v verb) *flag.FlagSet {
	f := flag.NewFlagSet(v.name, flag.ContinueOnError)
	f.SetOutput(t.stderr)
	f.Usage = func() {
		fmt.Fprintf(t.stderr, "%s %s\n  %s\n", v.name, v.args, v.help)
		f.PrintDefaults()
	}
	f.StringVar(&o.project, "project", t.get("COMPOSE_PROJECT_NAME"), "name of the project or stack; otherwise the folder's")
	switch v.name {
	case "build-tag-push":
		f.StringVar(&o.tag, "tag", t.get("TAG"), "version of the images; otherwise the seconds since 1970")
		f.BoolVar(&o.force, "force", false, "the output may be there already")
	case "link-to-ambassadors":
		f.StringVar(&o.ports, "ports", "ports.yml", "file that says which port each service listens on")
		f.BoolVar(&o.force, "force", false, "the output may be there already")
	default:
		f.StringVar(&o.engines, "engines", t.get("ENGINES"), "docker contexts, addresses or names of nodes, with commas between; otherwise what docker uses, or all nodes of its swarm")
		f.StringVar(&o.image, "image", or(t.get("HAMBA_IMAGE"), "hamba"), "image of the balancer")
		f.StringVar(&o.ports, "ports", "ports.yml", "file that says which port each service listens on; may be missing")
	}
	if v.name == "ambassador" {
		f.StringVar(&o.store, "store", t.get("AMBASSADOR_STORE"), "redis://host:6379 or etcd://host:2379, for register and follow")
	}
	return f
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
