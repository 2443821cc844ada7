// hamba is a small balancer: HAProxy, told on the command line what to do.
//
//	hamba 80 rng1 80 rng2 80            listen on 80, pass on to rng1 and rng2
//	hamba 127.127.0.2:80 10.0.0.5:8001  listen on one address only
//	hamba run                           wait for a configuration
//	hamba reconfigure 80 rng1 80        give a running balancer a new one
//	hamba debugconfig 80 rng1 80        print what HAProxy would get
//	hamba showconfig                    print what HAProxy has now
//
// A new configuration comes through the volume /run, so that it can be brought
// by "docker exec" as well as by a container that was started with --volumes-from.
// It is validated before it is used; what is wrong with it is said in the log
// of the balancer, which then stays as it was. HAProxys take over from each
// other with their listening sockets, so that no connection is dropped.
//
// Set ADMIN=[address:]port for HAProxy's own page of statistics.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	volume   = "/run"
	takeTime = 15 * time.Second // a balancer has to take up a new configuration in
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		program = "/usr/sbin/haproxy"
	}
	h := hamba{dir: volume, program: program, admin: os.Getenv("ADMIN"), hosts: "/etc/hosts", patience: takeTime,
		stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(h.main(ctx, os.Args[1:]))
}

// A hamba is one call of the program with all that it depends on.
type hamba struct {
	dir, program, admin, hosts string
	patience                   time.Duration // of reconfigure
	stdout, stderr             io.Writer
}

// main does what the arguments say and answers the exit code: 2 when they
// can't be understood, 1 when it did not work.
func (h hamba) main(ctx context.Context, args []string) int {
	args = words(args)
	verb := "run"
	if len(args) > 0 {
		switch args[0] {
		case "run", "reconfigure", "debugconfig", "showconfig":
			verb, args = args[0], words(args[1:])
		case "help", "-h", "--help":
			fmt.Fprint(h.stdout, usage)
			return 0
		}
	}
	if verb == "showconfig" {
		return h.show()
	}
	text := ""
	if len(args) > 0 || verb != "run" {
		c, err := parse(args, h.admin)
		if err != nil {
			return h.fail(2, err)
		}
		hosts, _ := os.ReadFile(h.hosts) // none is as good as an empty one
		text = render(c, h.dir, hostsFile(string(hosts)))
	}
	switch verb {
	case "debugconfig":
		fmt.Fprint(h.stdout, text)
		return 0
	case "reconfigure":
		return h.reconfigure(ctx, text)
	}
	return h.run(ctx, text)
}

const usage = `hamba [run] [[address:]port backend...]   balance; without arguments, wait for a configuration
hamba reconfigure [address:]port backend...  give the balancer that shares /run a new configuration
hamba debugconfig [address:]port backend...  print what HAProxy would get
hamba showconfig                             print what HAProxy has now
A backend is "name port" or "name:port". ADMIN=[address:]port adds a page of statistics.
`

func (h hamba) fail(code int, err error) int {
	fmt.Fprintln(h.stderr, "hamba:", err)
	return code
}

func (h hamba) show() int {
	signed, err := readConfig(currentPath(h.dir))
	if err != nil {
		return h.fail(1, fmt.Errorf("there is no configuration yet (%w)", err))
	}
	text, _ := unsign(signed)
	fmt.Fprint(h.stdout, text)
	return 0
}

// run balances until it is stopped. What its arguments say counts for more than
// what the volume holds from before.
func (h hamba) run(ctx context.Context, text string) int {
	if text != "" {
		signed, _ := sign(text)
		if err := put(newPath(h.dir), signed); err != nil {
			return h.fail(1, err)
		}
	}
	if err := newBalancer(h.dir, h.program, h.stdout).run(ctx); err != nil {
		return h.fail(1, err)
	}
	return 0
}

// reconfigure hands a configuration down and tells what became of it. One that
// HAProxy finds fault with here is handed down all the same: names can be known
// there that are not known here, and the balancer's log is where people look.
func (h hamba) reconfigure(ctx context.Context, text string) int {
	signed, id := sign(text)
	draft := filepath.Join(h.dir, "haproxy.draft-"+id)
	defer os.Remove(draft)
	if err := put(draft, signed); err != nil {
		return h.fail(1, err)
	}
	if err := validate(ctx, h.program, draft); err != nil {
		fmt.Fprintf(h.stderr, "hamba: HAProxy warns about the new configuration:\n%v\n", err)
	}
	if err := os.Rename(draft, newPath(h.dir)); err != nil {
		return h.fail(1, err)
	}
	o, ok := await(h.dir, id, h.patience)
	switch {
	case !ok:
		return h.fail(1, fmt.Errorf("nobody took the new configuration up within %v: it was replaced by a newer one, or no balancer runs with this volume (then it waits there)", h.patience))
	case !o.Good:
		return h.fail(1, fmt.Errorf("the balancer did not take the new configuration, it stays as it was: %s", o.Said))
	}
	fmt.Fprintln(h.stdout, "hamba: the new configuration is in force")
	return 0
}
