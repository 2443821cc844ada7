package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/creack/pty"
)

// Bounds of a recording.
const (
	maxRecording = 4 << 20
	longest      = 20 * time.Second
)

// recording is a program to run on a pseudo-terminal, and what to type: each
// text as soon as the program has been quiet for a moment.
type recording struct {
	Command []string `json:"command"`
	Keys    []string `json:"keys"`
	Cols    int      `json:"cols"`
	Rows    int      `json:"rows"`
	Quiet   int      `json:"quiet"` // milliseconds
}

// record returns what the program printed until it ended, or was quiet after
// the last key.
func record(r recording) ([]byte, error) {
	if len(r.Command) == 0 {
		return nil, errors.New("nothing to run")
	}
	cmd := exec.Command(r.Command[0], r.Command[1:]...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LANG=C.UTF-8", "COLORTERM=truecolor", "HOME=/nonexistent", "TMUX=")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(r.Cols), Rows: uint16(r.Rows)})
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.Command[0], err)
	}
	pieces := make(chan []byte)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, 32<<10)
			n, err := f.Read(b)
			if err != nil {
				return
			}
			pieces <- b[:n]
		}
	}()
	out := follow(f, pieces, r)
	cmd.Process.Kill()
	f.Close()
	for range pieces { // until the reader has ended
	}
	cmd.Wait() // killed: how it ended says nothing
	return out, nil
}

func follow(f *os.File, pieces <-chan []byte, r recording) []byte {
	var out []byte
	end := time.After(longest)
	quiet := time.Duration(r.Quiet) * time.Millisecond
	for {
		select {
		case p, ok := <-pieces:
			if out = append(out, p...); !ok || len(out) > maxRecording {
				return out
			}
		case <-time.After(quiet):
			if len(r.Keys) == 0 {
				return out
			}
			f.WriteString(r.Keys[0]) // a program that has gone reads no more
			r.Keys = r.Keys[1:]
		case <-end:
			return out
		}
	}
}
