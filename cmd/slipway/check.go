package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slipway/exercises"
	"slipway/lab"
	"slipway/server"
	"slipway/workshop"
)

// checkLimit bounds one look at a lab, measurements included.
const checkLimit = time.Minute

func checkCommand() *cobra.Command {
	var s settings
	var id string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [--lab LAB] EXPRESSION",
		Short: "Judge a check against a lab as it is now, and show what was seen",
		Long: `Judges an expression in the language of docs/checks.md against a running lab and
prints the verdict, why, and what each part of the expression was. Labs are
listed by "slipway status"; with a single lab there is no need to name it.
Ends with status 1 unless the check holds.

What is measured over time (speed, rate, held) is waited for. What only the
running server knows, opened, is false here: try it on the server's page /try.`,
		Example: `  slipway check --lab 3f9a 'node1.service("rng").running == 1'`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), checkLimit)
			defer cancel()
			found, err := check(ctx, &s, id, args[0])
			if err != nil {
				return err
			}
			return printTried(cmd.OutOrStdout(), found, asJSON)
		},
	}
	s.where(cmd.Flags())
	cmd.Flags().StringVar(&id, "lab", "", "the lab, by its name in \"slipway status\" or the beginning of it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// check watches a lab for as long as one expression needs.
func check(ctx context.Context, s *settings, id, expression string) (server.Tried, error) {
	book, _, err := exercises.Compile(nodeNames, nil)
	if err != nil {
		return server.Tried{}, err
	}
	host, err := lab.New(s.labConfig(nil, slog.New(slog.DiscardHandler)))
	if err != nil {
		return server.Tried{}, err
	}
	defer host.Close()
	found, err := labNamed(ctx, host, id)
	if err != nil {
		return server.Tried{}, err
	}
	var nodes []exercises.Node
	for _, n := range found.Nodes {
		node, err := newLabNode(n)
		if err != nil {
			return server.Tried{}, err
		}
		defer node.close()
		nodes = append(nodes, node)
	}
	watcher := exercises.NewWatcher(exercises.WatcherConfig{Book: book, Nodes: nodes})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- watcher.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	return try(ctx, watcher, expression), nil
}

// labNamed finds a lab by its id or the beginning of it; the only one without.
func labNamed(ctx context.Context, host *lab.Host, id string) (*lab.Lab, error) {
	labs, err := host.Labs(ctx)
	if err != nil {
		return nil, err
	}
	var fits []*lab.Lab
	names := []string{}
	for _, l := range labs {
		names = append(names, l.ID)
		if l.ID == id {
			return l, nil
		}
		if strings.HasPrefix(l.ID, id) {
			fits = append(fits, l)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0], nil
	case len(labs) == 0:
		return nil, workshop.Errorf(workshop.Unknown, "There is no lab. Join the workshop to get one.")
	case id == "":
		return nil, workshop.Errorf(workshop.Invalid, "There are %d labs: say which one with --lab. They are %s.", len(labs), strings.Join(names, ", "))
	}
	return nil, workshop.Errorf(workshop.Unknown, "%d labs have a name that begins with %q. They are %s.", len(fits), id, strings.Join(names, ", "))
}

// printTried says what became of an expression.
func printTried(out io.Writer, found server.Tried, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(out).Encode(found); err != nil {
			return err
		}
	}
	if found.Verdict == nil {
		if asJSON {
			return errReported
		}
		return errors.New(strings.Join(found.Problems, "\n"))
	}
	v := found.Verdict
	if !asJSON {
		words := map[workshop.State]string{workshop.Passing: "holds", workshop.Failing: "does not hold", workshop.Unsure: "can't be told"}
		fmt.Fprintln(out, strings.TrimSpace(words[v.State]+"  "+v.Reason))
		for _, s := range v.Seen {
			fmt.Fprintf(out, "  %s\n      %s\n", s.Part, s.Value)
		}
	}
	if v.State != workshop.Passing {
		return errReported
	}
	return nil
}
