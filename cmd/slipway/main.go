// Command slipway is the whole product in one program: the server, the
// preparation of the host, the tools for authors and, as the hidden command
// "node", the agent inside each node.
//
// It is the only place that knows all rooms. Settings come from flags, each
// with an environment alias (--listen is SLIPWAY_LISTEN), and are read here
// and nowhere else.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slipway/workshop"
)

// version is set by the build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintln(os.Stderr, "slipway: "+sentence(err))
		}
		stop()
		os.Exit(1)
	}
}

// errReported ends the program with status 1 when everything was said before.
var errReported = errors.New("reported")

// sentence is what a person at the shell is told: the operator may see causes.
func sentence(err error) string {
	var known *workshop.Error
	if errors.As(err, &known) && known.Cause != nil {
		return fmt.Sprintf("%s\n  (%v)", known.Message, known.Cause)
	}
	return err.Error()
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "slipway",
		Short:         "Hands-on workshops on Docker, in the browser, on real nodes",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return fromEnvironment(cmd.Flags())
		},
	}
	cmd.AddCommand(upCommand(), downCommand(), serveCommand(), statusCommand(), doctorCommand(),
		lintCommand(), renderCommand(), rehearseCommand(), checkCommand(), imagesCommand(), nodeCommand(), versionCommand())
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), "slipway", version) },
	}
}

// fromEnvironment gives every flag that was not typed the value of its alias:
// --self-paced is SLIPWAY_SELF_PACED.
func fromEnvironment(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "SLIPWAY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if f.Changed || !ok || failed != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failed = workshop.Errorf(workshop.Invalid, "%s=%q can't be used for --%s: %s expected.", name, value, f.Name, f.Value.Type())
		}
	})
	return failed
}
