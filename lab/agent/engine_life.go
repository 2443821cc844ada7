package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// life is one run of the Engine, from start to end.
func (e *engine) life(ctx context.Context) error {
	e.set(EngineStarting, nil)
	if e.cfg.PidFile != "" {
		os.Remove(e.cfg.PidFile) // whoever wrote it is dead: we waited for it
	}
	os.Remove(e.cfg.Socket)
	if err := e.cfg.linkConfig(); err != nil {
		return fmt.Errorf("its configuration can't be reached: %w", err)
	}
	logs := newCapped(e.cfg.LogFile)
	defer logs.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if len(e.cfg.Helper) > 0 {
		helper, err := e.startHelper(ctx, logs)
		if err != nil {
			return err
		}
		defer helper.end()
		go func() { // ends with the helper, which ends with this life
			<-helper.exited
			cancel(errors.New("the part of it that runs containers stopped by itself"))
		}()
	}
	main, err := e.start(e.cfg.Command, logs)
	if err != nil {
		return err
	}
	defer main.end()
	e.setProcess(main.cmd.Process)
	defer e.setProcess(nil)
	err = e.serve(ctx, main.exited, logs)
	if errors.Is(err, errExited) {
		return fmt.Errorf("it stopped by itself: %s", logs.last())
	}
	return err
}

// daemon is a program that belongs to one life of the Engine.
type daemon struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
}

func (e *engine) start(command []string, logs *capped) (*daemon, error) {
	cmd := &exec.Cmd{Path: command[0], Args: command, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}
	cmd.WaitDelay = time.Second
	if path, err := exec.LookPath(command[0]); err == nil {
		cmd.Path = path
	}
	quiet := &quieter{to: logs}
	cmd.Stdout, cmd.Stderr = quiet, quiet
	if err := e.reap.Start(cmd); err != nil {
		return nil, fmt.Errorf("it can't be started: %w", err)
	}
	d := &daemon{cmd, make(chan struct{})}
	go func() {
		_ = e.reap.Wait(cmd) // its last line says more than its code
		quiet.flush()
		close(d.exited)
	}()
	return d, nil
}

// startHelper starts what the Engine needs and waits until it can be reached: an
// Engine that starts before it waits a whole second until it looks again.
func (e *engine) startHelper(ctx context.Context, logs *capped) (*daemon, error) {
	os.Remove(e.cfg.HelperSocket)
	d, err := e.start(e.cfg.Helper, logs)
	if err != nil {
		return nil, err
	}
	ready := time.NewTimer(e.cfg.Ready)
	defer ready.Stop()
	for {
		if conn, err := net.Dial("unix", e.cfg.HelperSocket); err == nil {
			conn.Close()
			return d, nil
		}
		select {
		case <-time.After(pingEvery):
			continue
		case <-d.exited:
			err = fmt.Errorf("it stopped by itself: %s", logs.last())
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-ready.C:
			err = fmt.Errorf("it did not answer within %v: %s", e.cfg.Ready, logs.last())
		}
		d.end()
		return nil, err
	}
}

func (e *engine) setProcess(p *os.Process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.process = p
}

var errExited = errors.New("the Engine exited")

// serve waits until the Engine answers, fills it, and then for its end.
func (e *engine) serve(ctx context.Context, exited <-chan struct{}, logs *capped) error {
	ready := time.NewTimer(e.cfg.Ready)
	defer ready.Stop()
	client := e.client()
	defer client.CloseIdleConnections()
	for !e.answers(ctx, client) {
		select {
		case <-exited:
			return errExited
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ready.C:
			return fmt.Errorf("it did not answer within %v: %s", e.cfg.Ready, logs.last())
		case <-time.After(pingEvery):
		}
	}
	if err := e.fill(ctx, client); err != nil {
		// An Engine without some image is worth more than none.
		e.log.Error("images could not be loaded", "err", err)
	}
	e.set(EngineRunning, nil)
	return e.untilIdle(ctx, client, exited)
}

// end ends a program that may have ended by itself: politely, then not.
func (d *daemon) end() {
	d.cmd.Process.Signal(syscall.SIGTERM)
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-d.exited:
	case <-grace.C:
		syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
		<-d.exited
	}
}
