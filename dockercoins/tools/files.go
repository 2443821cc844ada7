package main

import (
	"context"
	"fmt"
	"strconv"

	"slipway/dockercoins/tools/internal/composefile"
	"slipway/dockercoins/tools/internal/convert"
	"slipway/dockercoins/tools/internal/push"
)

// buildTagPush works on the Compose file of the folder, or on the one named.
func (t *tool) buildTagPush(ctx context.Context, o *options, args []string) error {
	if len(args) > 2 {
		return usageError("name at most two files: the one to read and the one to write")
	}
	input, err := composefile.Find(".", t.get("COMPOSE_FILE"))
	if len(args) > 0 {
		input, err = args[0], nil
	}
	if err != nil {
		return err
	}
	f, err := composefile.Read(ctx, input, o.project)
	if err != nil {
		return err
	}
	version := or(o.tag, strconv.FormatInt(t.now().Unix(), 10))
	output := input + "-" + version
	if len(args) > 1 {
		output = args[1]
	}
	job := push.Job{
		File: f, Registry: or(t.get("REGISTRY"), "127.0.0.1:5000"), Version: version,
		Output: output, Force: o.force, Out: t.stdout, Err: t.stderr,
	}
	return job.Run(ctx)
}

// linkToAmbassadors works in place on $COMPOSE_FILE or on the one file named, or
// from one file to another. A file that Compose takes by itself is never written.
func (t *tool) linkToAmbassadors(ctx context.Context, o *options, args []string) error {
	var input, output string
	force := true // in place
	switch len(args) {
	case 0:
		if input = t.get("COMPOSE_FILE"); input == "" {
			return usageError("name the file to convert, or set COMPOSE_FILE; the file that Compose takes by itself is left alone")
		}
		output = input
	case 1:
		input, output = args[0], args[0]
	case 2:
		input, output, force = args[0], args[1], o.force
	default:
		return usageError("name at most two files: the one to read and the one to write")
	}
	if err := composefile.MayWrite(output, force); err != nil {
		return err
	}
	ports, known, err := convert.ReadPorts(o.ports)
	if err != nil {
		return err
	}
	if !known {
		return fmt.Errorf("there is no %s: it has to say which port each service listens on, in lines like \"rng: 80\"", o.ports)
	}
	f, err := composefile.Read(ctx, input, o.project)
	if err != nil {
		return err
	}
	report, err := convert.Convert(f, ports)
	if err != nil {
		return err
	}
	if err := f.Save(ctx, output); err != nil {
		return err
	}
	for _, line := range report {
		fmt.Fprintln(t.stdout, line)
	}
	fmt.Fprintf(t.stdout, "Wrote %s. Start it, then run create-ambassadors and configure-ambassadors.\n", output)
	return nil
}
