package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"slipway/lab"
	"slipway/workshop"
)

func imagesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Build, list, export and import what nodes are made of",
		Long: `What nodes are made of is built from Debian packages, once for a machine. A
machine without a network gets it as one file: "slipway images export FILE"
where there is a network, "slipway images import FILE" where there is none.`,
	}
	cmd.AddCommand(
		imagesVerb("build", "Build what is missing or has changed", 0, imagesBuild),
		imagesVerb("list", "Show what is built and what is missing", 0, imagesList),
		imagesVerb("export FILE", "Write one file with all images, - for standard output", 1, imagesExport),
		imagesVerb("import FILE", "Read what export wrote, - for standard input", 1, imagesImport),
	)
	return cmd
}

// imagesVerb makes one of the commands; do gets FILE, or nothing.
func imagesVerb(use, short string, args int, do func(context.Context, *lab.Host, *cobra.Command, string) error) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			host, err := lab.New(s.labConfig(speaker(cmd.ErrOrStderr()), nil))
			if err != nil {
				return err
			}
			defer host.Close()
			return do(cmd.Context(), host, cmd, first(args))
		},
	}
	s.where(cmd.Flags())
	return cmd
}

func imagesBuild(ctx context.Context, host *lab.Host, cmd *cobra.Command, _ string) error {
	if err := host.Up(ctx); err != nil {
		return err
	}
	return imagesList(ctx, host, cmd, "")
}

func imagesList(_ context.Context, host *lab.Host, cmd *cobra.Command, _ string) error {
	out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
	fmt.Fprintln(out, "FILE\tWHAT IT IS\tSIZE\tBUILT")
	for _, c := range host.CachedImages() {
		size, built := "missing", ""
		if c.Size > 0 {
			size, built = fmt.Sprintf("%.1f MB", float64(c.Size)/1e6), c.Made.Local().Format("2006-01-02 15:04")
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", c.Name, c.What, size, built)
	}
	return out.Flush()
}

func imagesExport(ctx context.Context, host *lab.Host, cmd *cobra.Command, path string) error {
	if path == "-" {
		return host.ExportImages(ctx, cmd.OutOrStdout())
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return workshop.Errorf(workshop.Invalid, "%s can't be written.", path).Because(err)
	}
	defer os.Remove(path + ".part") // gone by then when all went well
	out := bufio.NewWriterSize(f, 1<<20)
	err = host.ExportImages(ctx, out)
	if err = errors.Join(err, out.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "%s has all images, in %.1f MB. On the other machine: slipway images import FILE\n", path, float64(info.Size())/1e6)
	}
	return err
}

func imagesImport(ctx context.Context, host *lab.Host, cmd *cobra.Command, path string) error {
	var from io.Reader = cmd.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return workshop.Errorf(workshop.Invalid, "%s can't be read.", path).Because(err)
		}
		defer f.Close()
		from = bufio.NewReaderSize(f, 1<<20)
	}
	if _, err := host.ImportImages(ctx, from); err != nil {
		return err
	}
	if err := imagesList(ctx, host, cmd, ""); err != nil {
		return err
	}
	for _, c := range host.CachedImages() {
		if c.Current && c.Size == 0 {
			return workshop.Errorf(workshop.Invalid, "The bundle was made by another build of Slipway, and %s is still missing. Export it with the same build as here.", c.Name)
		}
	}
	return nil
}
