package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"slipway/workshop"
)

// serverState is what a running server leaves in the run folder for the
// commands at the shell. It holds the instructor's key: mode 0600.
type serverState struct {
	PID        int    `json:"pid"`
	Binary     string `json:"binary"` // identity of the program file
	Settings   string `json:"settings"`
	Asked      string `json:"asked"`                // --listen
	Listen     string `json:"listen"`               // where it really listens
	Instructor string `json:"instructor,omitempty"` // address
	Join       string `json:"join,omitempty"`
	JoinCode   string `json:"joinCode,omitempty"`
	Self       string `json:"self,omitempty"`
}

func statePath(s *settings) string { return filepath.Join(s.run, "server.json") }

func writeState(s *settings, state serverState) error {
	raw, err := json.Marshal(state)
	if err != nil {
		return err
	}
	path := statePath(s)
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readState finds the server of this installation; nil when none runs.
func readState(s *settings) *serverState {
	raw, err := os.ReadFile(statePath(s))
	if err != nil {
		return nil
	}
	var state serverState
	if json.Unmarshal(raw, &state) != nil || !isServer(state.PID) {
		return nil
	}
	return &state
}

// isServer says whether the process runs our server: a number alone may have
// been given to another program since.
func isServer(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && pid > 0 && bytes.Contains(raw, []byte("\x00serve\x00"))
}

// programIdentity changes when the program file does.
func programIdentity() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(self)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d", self, info.Size(), info.ModTime().UnixNano()), nil
}

// startServer runs "slipway serve" in a session of its own and waits until it
// answers. What it has to say goes to the server's log.
func startServer(ctx context.Context, s *settings, args []string) (*serverState, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	logPath := filepath.Join(s.data, "server.log")
	output, err := os.OpenFile(filepath.Join(s.data, "server.out"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	cmd := exec.Command(self, append([]string{"serve"}, args...)...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if state := readState(s); state != nil && state.PID == cmd.Process.Pid && answers(ctx, state) {
			return state, nil
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(output.Name())
			return nil, whatItSaid(said, "The server ended at once; its log is "+logPath+".")
		case <-ctx.Done():
			return nil, workshop.Errorf(workshop.Unavailable, "The server does not answer after a minute; its log is %s.", logPath)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// whatItSaid is what the server printed before it ended, as one error.
func whatItSaid(said []byte, otherwise string) error {
	text := strings.TrimPrefix(string(bytes.TrimSpace(said[:min(len(said), 4096)])), "slipway: ")
	if text == "" {
		text = otherwise
	}
	return errors.New(text)
}

// answers asks the server whether it is ready.
func answers(ctx context.Context, state *serverState) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+state.Listen+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// stopServer ends the server and waits for it; labs stay.
func stopServer(ctx context.Context, state *serverState) error {
	if err := syscall.Kill(state.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for isServer(state.PID) {
		select {
		case <-ctx.Done():
			return syscall.Kill(state.PID, syscall.SIGKILL)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
