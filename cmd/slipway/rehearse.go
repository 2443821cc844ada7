package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"slipway/exercises"
	"slipway/lab"
	"slipway/workshop"
)

func rehearseCommand() *cobra.Command {
	var s settings
	var only, report string
	cmd := &cobra.Command{
		Use:   "rehearse [FOLDER or MANIFEST]",
		Short: "Do every exercise of a workshop in a fresh lab: red before, green after",
		Long: `Makes a fresh lab and types the solution of every exercise into real terminals,
in order. Each check must be false before, stay false on the wrong ways the
author lists, and be true after. What is typed and seen is printed; a step that
fails names the file and line. Ends with status 1 when anything failed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			deck, err := loadDeck(first(args))
			if err != nil {
				return err
			}
			var all []exercises.Exercise
			for _, e := range deck.Exercises {
				all = append(all, toExercise(e))
			}
			found, err := rehearse(cmd.Context(), &s, exercises.RehearseConfig{Exercises: all, Only: only, Out: cmd.OutOrStdout()})
			if err != nil {
				return err
			}
			if err := writeReport(report, found); err != nil {
				return err
			}
			if !found.OK {
				return errReported
			}
			return nil
		},
	}
	s.where(cmd.Flags())
	s.nodes(cmd.Flags())
	cmd.Flags().StringVar(&only, "only", "", "one exercise or chapter, by its name; what it needs is done first")
	cmd.Flags().StringVar(&report, "json", "", "write a report to this file")
	return cmd
}

func writeReport(path string, found exercises.Report) error {
	if path == "" {
		return nil
	}
	raw, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}

// rehearse makes a lab for it and removes it afterwards, also when interrupted.
func rehearse(ctx context.Context, s *settings, cfg exercises.RehearseConfig) (exercises.Report, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	host, err := lab.New(s.labConfig(speaker(cfg.Out), log))
	if err != nil {
		return exercises.Report{}, err
	}
	defer host.Close()
	if err := host.Up(ctx); err != nil {
		return exercises.Report{}, err
	}
	id := "rehearsal-" + workshop.NewID()[:8]
	defer func() {
		// A second ^C during the removal would leave the lab behind.
		signal.Ignore(syscall.SIGINT)
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := host.Remove(clean, id); err != nil {
			log.Warn("the rehearsal's lab is left behind", "lab", id, "err", err)
		}
	}()
	made, err := host.EnsureLab(ctx, lab.Owner{Lab: id, Session: "rehearsal", Participant: id})
	if err != nil {
		return exercises.Report{}, err
	}
	images, err := openImages(s, log)
	if err != nil {
		return exercises.Report{}, err
	}
	stopRegistry := rehearseRegistry(ctx, images, host, made, log)
	defer stopRegistry()
	stage := &stage{lab: made}
	defer stage.close()
	for _, n := range made.Nodes {
		node, err := newLabNode(n)
		if err != nil {
			return exercises.Report{}, err
		}
		stage.nodes = append(stage.nodes, node)
	}
	cfg.Lab, cfg.Registry, cfg.Log = stage, images.follow(made.ID), log
	return exercises.Rehearse(ctx, cfg)
}

// stage is the lab of a rehearsal.
type stage struct {
	lab   *lab.Lab
	nodes []*labNode
}

func (s *stage) close() {
	for _, n := range s.nodes {
		n.close()
	}
}

// Nodes are the lab's nodes, in order.
func (s *stage) Nodes() []exercises.Node {
	var nodes []exercises.Node
	for _, n := range s.nodes {
		nodes = append(nodes, n)
	}
	return nodes
}

func (s *stage) node(name string) (*labNode, error) {
	for _, n := range s.nodes {
		if n.name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("the lab has no %s", name)
}

// OpenTerminal opens a new shell of the size a laptop shows beside the slides.
func (s *stage) OpenTerminal(ctx context.Context, node string, _ int) (exercises.Terminal, error) {
	n, err := s.node(node)
	if err != nil {
		return nil, err
	}
	opened, err := n.agent.OpenTerminal(ctx, lab.TerminalSpec{Cols: 100, Rows: 30})
	if err != nil {
		return nil, err
	}
	return openShell(ctx, n.agent, node, opened.ID)
}

// OpenPort looks at a port as a person does through the page.
func (s *stage) OpenPort(ctx context.Context, node string, port int) error {
	n, err := s.node(node)
	if err != nil {
		return err
	}
	return openPort(ctx, node, func(ctx context.Context) (io.ReadWriteCloser, error) { return n.Dial(ctx, port) })
}

// openPort asks a port of a node for its page, as a browser does.
func openPort(ctx context.Context, node string, dial func(context.Context) (io.ReadWriteCloser, error)) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	late := time.AfterFunc(5*time.Second, func() { conn.Close() })
	defer late.Stop()
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", node); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(conn, 1<<20))
	return err
}
