package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"slipway/lab"
)

func downCommand() *cobra.Command {
	var s settings
	var purge bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the server and the lab Engine; labs keep their volumes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return down(cmd.Context(), &s, purge, cmd.OutOrStdout())
		},
	}
	s.where(cmd.Flags())
	cmd.Flags().BoolVar(&purge, "purge", false, "remove every trace: Engine, nodes, volumes, images, journal, recordings")
	return cmd
}

func down(ctx context.Context, s *settings, purge bool, out io.Writer) error {
	say := speaker(out)
	if state := readState(s); state != nil {
		say("stopping the server")
		if err := stopServer(ctx, state); err != nil {
			return err
		}
	}
	host, err := lab.New(s.labConfig(say, nil))
	if err != nil {
		return err
	}
	defer host.Close()
	if !purge {
		if err := host.Stop(ctx); err != nil {
			return err
		}
		say("stopped; volumes, journal and recordings are kept in " + s.data)
		return nil
	}
	if err := errors.Join(host.Purge(ctx), os.RemoveAll(s.data), os.RemoveAll(s.run)); err != nil {
		return err
	}
	say("nothing is left")
	return nil
}
