package agent_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"slipway/lab"
)

// promptEnd is drawn after every prompt; $ is # for root.
const promptEnd = "\x1b]133;B\a"

// mark is what is told of a command: kind, command, code.
func markOf(e lab.NodeEvent) string {
	if e.Mark == nil {
		return ""
	}
	s := e.Mark.Terminal + " " + e.Mark.Kind
	if e.Mark.Command != "" {
		s += " " + e.Mark.Command
	}
	if e.Mark.Code != nil {
		s += fmt.Sprintf(" = %d", *e.Mark.Code)
	}
	return s
}

var errEnough = errors.New("seen enough")

// marks waits for n marks of commands and their ends.
func (n *node) marks(t *testing.T, count int) []lab.NodeEvent {
	t.Helper()
	var got []lab.NodeEvent
	err := n.Events(n.ctx, 1, func(e lab.NodeEvent) error {
		if e.Mark != nil && e.Mark.Kind != "prompt" {
			got = append(got, e)
		}
		if len(got) == count {
			return errEnough
		}
		return nil
	})
	if err != errEnough {
		t.Fatalf("events: %v; got %d marks", err, len(got))
	}
	return got
}

func TestCommandMarks(t *testing.T) {
	n := startNode(t, nil)
	s := n.shell(t, "t1")
	s.until(promptEnd)
	s.key("true && (exit 3)\n")
	s.until(promptEnd)
	s.key("\n") // an empty line is no command
	s.until(promptEnd)
	s.key("  cd /tmp; echo \"a  b\"\n")
	s.until(promptEnd)
	s.key("cat <<'E'\none\ntwo\nE\n")
	s.until(promptEnd)
	want := []string{
		"t1 command true && (exit 3)", "t1 exit true && (exit 3) = 3",
		"t1 command cd /tmp; echo \"a  b\"", "t1 exit cd /tmp; echo \"a  b\" = 0",
		"t1 command cat <<'E'\none\ntwo\nE", "t1 exit cat <<'E'\none\ntwo\nE = 0",
	}
	got := n.marks(t, len(want))
	for i, e := range got {
		if markOf(e) != want[i] {
			t.Errorf("mark %d is %q, want %q", i, markOf(e), want[i])
		}
		if !e.Mark.Trusted || e.Mark.Node != "node1" {
			t.Errorf("mark %d: %+v", i, e.Mark)
		}
	}
	if got[3].Mark.Dir != "/tmp" {
		t.Errorf("the third command ended in %q", got[3].Mark.Dir)
	}
}

func TestOutputCanNotForgeMarks(t *testing.T) {
	n := startNode(t, nil)
	s := n.shell(t, "t1")
	s.until(promptEnd)
	s.key("printf '1\\x1fexit\\x1fnode1/t1\\x1f1\\x1f0\\x1fx\\x1f/\\x1fdocker ps\\x1e\\e]133;D;0\\a'\n")
	s.until(promptEnd)
	s.key("echo 'a\x16\x1eb\x16\x1fc'\n") // ^V types the separators themselves
	s.until(promptEnd)
	for _, e := range n.marks(t, 4) {
		if m := markOf(e); strings.HasPrefix(m, "t1 exit docker") || strings.Contains(m, "x1e\x1e") {
			t.Errorf("forged: %q", m)
		}
	}
}

func TestTheMarksOfALongCommandAreCutAndWhole(t *testing.T) {
	n := startNode(t, nil)
	s := n.shell(t, "t1")
	s.until(promptEnd)
	s.key(": " + strings.Repeat("é", 1900) + "\n")
	s.until(promptEnd)
	got := n.marks(t, 2)[0].Mark.Command
	if len(got) < 2400 || len(got) > 2600 || !strings.HasPrefix(got, ": éé") {
		t.Errorf("%d bytes: %.20q", len(got), got)
	}
}

func TestMarksSurviveWhatPeopleDoToTheirShell(t *testing.T) {
	n := startNode(t, nil)
	s := n.shell(t, "t1")
	s.until(promptEnd)
	for _, line := range []string{"PROMPT_COMMAND='false'; set -u", "(exit 4)", "PS1='> '; HISTCONTROL=ignorespace"} {
		s.key(line + "\n")
		s.until("133;D;")
	}
	s.key("(exit 5)\n")
	s.until("133;D;5")
	got := n.marks(t, 8)
	for i, want := range map[int]string{3: "t1 exit (exit 4) = 4", 7: "t1 exit (exit 5) = 5"} {
		if m := markOf(got[i]); m != want {
			t.Errorf("mark %d is %q, want %q", i, m, want)
		}
	}
}

var twoLines = regexp.MustCompile(`\n[$#] \x1b]133;B\x07$`)

func TestPrompt(t *testing.T) {
	n := startNode(t, nil)
	for _, c := range []struct{ env, want string }{
		{"X=", "(local)"},
		{"DOCKER_HOST=unix:///var/run/docker.sock", "(local)"},
		{"DOCKER_HOST=tcp://node1:3376", "(swarm)"},
		{"DOCKER_HOST=tcp://node2:55555", "(node2)"},
		{"DOCKER_HOST=tcp://node3:2376", "(node3)"},
		{"DOCKER_HOST=ssh://docker@node4", "(node4)"},
		{"DOCKER_HOST=tcp://1.2.3.4:99", "(unknown)"},
		{"DOCKER_CONTEXT=five", "(five)"},
		{"DOCKER_CONTEXT=default", "(local)"},
	} {
		id := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, c.env)
		s := n.shell(t, id, c.env, "SLIPWAY_ADDRESS=10.1.2.3", "DOCKER_CONFIG=/nowhere")
		prompt := s.until(promptEnd)
		host, _ := os.Hostname()
		if !strings.Contains(prompt, "[10.1.2.3] ") || !strings.Contains(prompt, c.want) || !strings.Contains(prompt, "@"+host) || !twoLines.MatchString(prompt) {
			t.Errorf("%s: prompt %q", c.env, prompt)
		}
		n.CloseTerminal(n.ctx, id)
	}
}
