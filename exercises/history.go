package exercises

import "strings"

// maxCommands bounds what is remembered of a node's command history.
const maxCommands = 1000

// codeClosed is the exit code of a command whose terminal ended under it: as
// a shell says of a hang-up.
const codeClosed = 129

// remember brings what a shell said into a node's history. It says whether
// the history changed, and whether a command has ended.
func remember(history []*Command, node string, e NodeEvent) (next []*Command, changed, ended bool) {
	if e.Closed != "" {
		for _, c := range history {
			if c.Terminal == e.Closed && !c.Done {
				c.Done, c.ExitCode, c.EndedAt = true, codeClosed, e.At
				changed, ended = true, true
			}
		}
		return history, changed, ended
	}
	m := e.Mark
	if m == nil || m.Untrusted {
		return history, false, false
	}
	open := lastOpen(history, m)
	switch m.Kind {
	case MarkCommand:
		if open != nil { // its end was lost: the shell is at something else now
			open.Done, open.EndedAt = true, e.At
		}
		c := &Command{Line: strings.TrimSpace(m.Command), Node: node, Terminal: terminalKey(m), Folder: m.Dir, shell: m.Shell, ExitCode: -1, StartedAt: e.At}
		return keepNewest(append(history, c)), true, false
	case MarkExit:
		if open == nil {
			if strings.TrimSpace(m.Command) == "" {
				return history, false, false
			}
			open = &Command{Line: strings.TrimSpace(m.Command), Node: node, Terminal: terminalKey(m), Folder: m.Dir, shell: m.Shell, StartedAt: e.At}
			history = keepNewest(append(history, open))
		}
		open.Done, open.ExitCode, open.EndedAt = true, m.Code, e.At
		return history, true, true
	}
	return history, false, false
}

// terminalKey tells shells apart whose terminal isn't known.
func terminalKey(m *Mark) string {
	if m.Terminal != "" {
		return m.Terminal
	}
	return "shell " + itoa(m.Shell)
}

// lastOpen finds the command that the mark's shell is busy with. One shell in
// another has its own process id, so the outer one's command stays open.
func lastOpen(history []*Command, m *Mark) *Command {
	for i := len(history) - 1; i >= 0; i-- {
		if c := history[i]; !c.Done && c.Terminal == terminalKey(m) && c.shell == m.Shell {
			return c
		}
	}
	return nil
}

func keepNewest(history []*Command) []*Command {
	return history[max(0, len(history)-maxCommands):]
}
