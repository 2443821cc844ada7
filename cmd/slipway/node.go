package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"slipway/lab/agent"
)

// nodeCommand is the agent: process 1 of a node. It is not for people.
func nodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "node", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := agent.Defaults()
			cfg.Version, cfg.Log = version, slog.New(slog.NewTextHandler(os.Stderr, nil))
			return agent.Run(cmd.Context(), cfg)
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "tunnel", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return agent.Tunnel(cmd.Context(), stdio{os.Stdin, os.Stdout}, agent.SocketPath)
		},
	})
	return cmd
}

// stdio is standard input and output as one stream.
type stdio struct {
	io.ReadCloser
	io.Writer
}
