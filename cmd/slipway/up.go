package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slipway/lab"
	"slipway/workshop"
)

func upCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Prepare this machine, start the lab Engine and the server, print the addresses",
		Long: `Prepares what is missing, starts the lab Engine and the server, and prints the
addresses. It can be called again at any time and does only what is left to do.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return up(cmd.Context(), &s, serveArguments(cmd.Flags()), cmd.OutOrStdout())
		},
	}
	s.where(cmd.Flags())
	s.nodes(cmd.Flags())
	s.serving(cmd.Flags())
	return cmd
}

// tellSlips says how much is wrong with a workshop. It goes on: a slip costs
// only what it is about.
func tellSlips(path string, say func(string)) error {
	deck, err := loadDeck(path)
	if err != nil {
		return err
	}
	_, slips, err := compileBook(deck)
	if n := len(deck.Problems) + len(slips); n > 0 {
		say(fmt.Sprintf("the workshop has %d slips; \"slipway lint %s\" names them", n, path))
	}
	return err
}

// serveArguments hands the flags that were given on to the server.
func serveArguments(flags *pflag.FlagSet) []string {
	var args []string
	flags.Visit(func(f *pflag.Flag) { args = append(args, "--"+f.Name+"="+f.Value.String()) })
	return args
}

func up(ctx context.Context, s *settings, args []string, out io.Writer) error {
	say := speaker(out)
	if err := tellSlips(s.workshop, say); err != nil { // before anything that takes long
		return err
	}
	running := readState(s)
	if running == nil || running.Asked != s.listen {
		if err := checkListen(s.listen); err != nil {
			return err
		}
	}
	host, err := lab.New(s.labConfig(say, nil))
	if err != nil {
		return err
	}
	defer host.Close()
	if err := host.Up(ctx); err != nil {
		return err
	}
	say(host.Isolation().Sentence)
	state, err := ensureServer(ctx, s, running, args, say)
	if err != nil {
		return err
	}
	say("ready")
	printAddresses(out, s, state)
	return nil
}

// ensureServer keeps a server that is as asked, and replaces one of another
// build or with other settings; shells don't notice.
func ensureServer(ctx context.Context, s *settings, running *serverState, args []string, say func(string)) (*serverState, error) {
	identity, err := programIdentity()
	if err != nil {
		return nil, err
	}
	if running != nil {
		if running.Binary == identity && running.Settings == strings.Join(args, " ") && answers(ctx, running) {
			say("the server is running")
			return running, nil
		}
		say("replacing the running server; shells stay")
		if err := stopServer(ctx, running); err != nil {
			return nil, err
		}
	}
	say("starting the server")
	return startServer(ctx, s, args)
}

// checkListen finds out early that a port is taken, and says what to do.
func checkListen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return workshop.Errorf(workshop.Conflict, "The server can't listen on %s: another program may use it. Choose another with --listen, such as --listen 127.0.0.1:8081.", address).Because(err)
	}
	return l.Close()
}

func printAddresses(out io.Writer, s *settings, state *serverState) {
	fmt.Fprintln(out)
	if state.Self != "" {
		fmt.Fprintf(out, "  Your workshop   %s\n", state.Self)
	} else {
		fmt.Fprintf(out, "  Instructor   %s\n", state.Instructor)
		fmt.Fprintf(out, "  To join      %s   (code %s)\n", state.Join, state.JoinCode)
	}
	fmt.Fprintf(out, "\n  Stop with %s; remove every trace with %s.\n", command(s, "down"), command(s, "down --purge"))
}

// command is how to call us again for the same installation.
func command(s *settings, verb string) string {
	name := "slipway"
	if self, err := os.Executable(); err == nil {
		if wd, err := os.Getwd(); err == nil && strings.HasPrefix(self, wd+"/") {
			name = strings.TrimPrefix(self, wd+"/")
		}
	}
	data, run := places()
	for flag, given := range map[string][2]string{"name": {s.name, "slipway"}, "data": {s.data, data}, "run": {s.run, run}, "engine": {s.engine, ""}} {
		if given[0] != given[1] {
			verb += " --" + flag + "=" + given[0]
		}
	}
	return name + " " + verb
}
