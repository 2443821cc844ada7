// Command paint is the model's end of a comparison with the real xterm.js: it
// reads what a terminal gets, a JSON object a line, and answers every paint
// with the model's repaint. Tests of the web side run it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"slipway/terminal/screen"
)

// step is one line of input: a new screen, output, another size, or a question.
type step struct {
	New    []int      `json:"new"`    // columns, rows
	Data   []byte     `json:"data"`   // base64
	Resize []int      `json:"resize"` // columns, rows
	Paint  int        `json:"paint"`  // at most so many bytes
	Widths bool       `json:"widths"` // how wide is every code point?
	Record *recording `json:"record"` // what does a program print?
}

type answer struct {
	Paint  []byte `json:"paint"`
	Behind int    `json:"behind"`
	Widths []byte `json:"widths,omitempty"`
	Output []byte `json:"output,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	out := json.NewEncoder(os.Stdout)
	s := screen.New(80, 24)
	for in.More() {
		var st step
		if err := in.Decode(&st); err != nil {
			return err
		}
		switch {
		case len(st.New) == 2:
			s = screen.New(st.New[0], st.New[1])
		case len(st.Resize) == 2:
			s.Resize(st.Resize[0], st.Resize[1])
		case st.Widths:
			if err := out.Encode(answer{Widths: screen.Widths()}); err != nil {
				return err
			}
		case st.Record != nil:
			output, err := record(*st.Record)
			if err := errors.Join(err, out.Encode(answer{Output: output})); err != nil {
				return err
			}
		case st.Paint > 0:
			paint, behind := s.Repaint(st.Paint, st.Paint)
			if err := out.Encode(answer{Paint: paint, Behind: behind}); err != nil {
				return err
			}
		default:
			s.Write(st.Data)
		}
	}
	return nil
}
