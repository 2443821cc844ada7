package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"slipway/lab"
)

func statusCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what runs: server, Engine and its isolation, labs and their nodes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return status(cmd.Context(), &s, cmd.OutOrStdout())
		},
	}
	s.where(cmd.Flags())
	return cmd
}

func status(ctx context.Context, s *settings, out io.Writer) error {
	state := readState(s)
	switch {
	case state == nil:
		fmt.Fprintln(out, "server    does not run; slipway up starts it")
	case answers(ctx, state):
		fmt.Fprintf(out, "server    answers on %s\n", state.Listen)
		printAddresses(out, s, state)
		fmt.Fprintln(out)
	default:
		fmt.Fprintf(out, "server    process %d does not answer on %s; slipway up replaces it\n", state.PID, state.Listen)
	}
	host, err := lab.New(s.labConfig(nil, nil))
	if err != nil {
		return err
	}
	defer host.Close()
	labs, err := host.Labs(ctx)
	if err != nil {
		fmt.Fprintln(out, "engine    "+sentence(err))
		return nil
	}
	if err := host.Look(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "engine    answers; isolation %s: %s\n", host.Isolation().Grade, host.Isolation().Sentence)
	printLabs(out, labs)
	return nil
}

func printLabs(out io.Writer, labs []*lab.Lab) {
	if len(labs) == 0 {
		fmt.Fprintln(out, "labs      none")
		return
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	defer table.Flush()
	for _, l := range labs {
		var nodes []string
		for _, n := range l.Nodes {
			nodes = append(nodes, n.Name+" "+n.State)
		}
		fmt.Fprintf(table, "lab\t%s\t%s\n", l.ID, strings.Join(nodes, ", "))
	}
}

func doctorCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with this machine for Slipway, and what to do",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return doctor(cmd.Context(), &s, cmd.OutOrStdout())
		},
	}
	s.where(cmd.Flags())
	cmd.Flags().StringVar(&s.listen, "listen", "127.0.0.1:8080", "address the server would listen on")
	return cmd
}

// doctor changes nothing. It ends with an error when something needs a person.
func doctor(ctx context.Context, s *settings, out io.Writer) error {
	host, err := lab.New(s.labConfig(nil, nil))
	if err != nil {
		return err
	}
	defer host.Close()
	healthy := true
	for _, f := range append(host.Examine(ctx), examineServer(ctx, s)...) {
		mark := "ok  "
		if f.Problem {
			mark, healthy = "bad ", false
		}
		fmt.Fprintf(out, "%s  %-10s %s\n", mark, f.Part, f.Sentence)
	}
	if !healthy {
		return errReported
	}
	fmt.Fprintln(out, "\nnothing needs doing")
	return nil
}

func examineServer(ctx context.Context, s *settings) []lab.Finding {
	state := readState(s)
	switch {
	case state != nil && answers(ctx, state):
		return []lab.Finding{{Part: "server", Sentence: "It answers on " + state.Listen + "."}}
	case state != nil:
		return []lab.Finding{{Part: "server", Problem: true, Sentence: "It runs but does not answer; slipway up replaces it."}}
	}
	if l, err := net.Listen("tcp", s.listen); err != nil {
		return []lab.Finding{{Part: "server", Problem: true, Sentence: "Another program uses " + s.listen + ": choose another address with --listen."}}
	} else {
		l.Close()
	}
	return []lab.Finding{{Part: "server", Sentence: "It does not run; slipway up starts it. " + s.listen + " is free."}}
}
