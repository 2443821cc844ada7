package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"slipway/slides"
	"slipway/slides/orchestration"
	"slipway/workshop"
)

func lintCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint [FOLDER or MANIFEST]",
		Short: "Say what is wrong with a workshop's slides and exercises, by file and line",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			deck, err := loadDeck(first(args))
			if err != nil {
				return err
			}
			_, slips, err := compileBook(deck)
			if err != nil {
				return err
			}
			return printProblems(cmd.OutOrStdout(), append(slides.Lint(deck), slips...), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list")
	return cmd
}

func printProblems(out io.Writer, problems []slides.Problem, asJSON bool) error {
	failed := false
	for _, p := range problems {
		failed = failed || p.Severity == slides.Error
		if !asJSON {
			fmt.Fprintln(out, p)
		}
	}
	if asJSON {
		if problems == nil {
			problems = []slides.Problem{}
		}
		if err := json.NewEncoder(out).Encode(problems); err != nil {
			return err
		}
	} else if len(problems) == 0 {
		fmt.Fprintln(out, "nothing to say: every slide and exercise is well")
	}
	if failed {
		return errReported
	}
	return nil
}

func renderCommand() *cobra.Command {
	var stats bool
	cmd := &cobra.Command{
		Use:   "render PATH --stats",
		Short: "Build a workshop's slides and count what is in them, as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !stats {
				return workshop.Errorf(workshop.Invalid, "Say what to render: --stats counts slides, steps, notes and exercises.")
			}
			deck, err := loadDeck(args[0])
			if err != nil {
				return err
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(slides.Count(deck))
		},
	}
	cmd.Flags().BoolVar(&stats, "stats", false, "print what was counted")
	return cmd
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// loadDeck loads the workshop at path: a folder, a manifest, or nothing for the
// built-in one.
func loadDeck(path string) (*slides.Deck, error) {
	fsys, manifest, err := deckFiles(path)
	if err != nil {
		return nil, err
	}
	return slides.Load(fsys, manifest)
}

func deckFiles(path string) (fs.FS, string, error) {
	if path == "" {
		return orchestration.FS, "workshop.yaml", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", workshop.Errorf(workshop.Unknown, "There is no workshop at %s: name its folder, or its manifest file.", path).Because(err)
	}
	if info.IsDir() {
		return os.DirFS(path), "workshop.yaml", nil
	}
	return os.DirFS(filepath.Dir(path)), filepath.Base(path), nil
}
