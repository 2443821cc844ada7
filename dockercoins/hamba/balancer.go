package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"slices"
	"time"
)

const (
	lookEvery  = 200 * time.Millisecond // for a new configuration
	startTime  = 10 * time.Second       // HAProxy has to be ready in
	afterCrash = time.Second            // between two attempts to bring it back
	farewell   = 2 * time.Second        // for open connections, when we are stopped
	maxOld     = 8                      // HAProxys that still finish their connections
)

// A balancer keeps one HAProxy going and changes it for another when a new
// configuration arrives. It is used by one goroutine.
type balancer struct {
	dir     string // the volume
	program string // haproxy
	out     io.Writer
	log     *log.Logger

	current *proxy
	old     []*proxy // finishing what they began, the oldest first
	text    string   // the configuration in force
}

func newBalancer(dir, program string, out io.Writer) *balancer {
	return &balancer{dir: dir, program: program, out: out, log: log.New(out, "hamba: ", 0)}
}

// run works until ctx ends, then lets open connections finish for a moment. All
// processes have ended when it returns.
func (b *balancer) run(ctx context.Context) error {
	defer b.stop()
	if err := b.begin(); err != nil {
		return err
	}
	var next time.Time // of another attempt to bring HAProxy back
	for ctx.Err() == nil {
		if err := b.look(ctx); err != nil {
			return err
		}
		if b.text != "" && !b.current.alive() && time.Now().After(next) {
			b.revive(ctx)
			next = time.Now().Add(afterCrash)
		}
		b.tidy()
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
	return nil
}

// begin takes up what was in force before a restart.
func (b *balancer) begin() error {
	signed, err := readConfig(currentPath(b.dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the volume %s can't be used: %w", b.dir, err)
	}
	b.text, _ = unsign(signed)
	if _, err := os.Stat(newPath(b.dir)); err != nil && b.text == "" {
		b.log.Print("no configuration yet, waiting for one; \"hamba reconfigure\" brings it")
	}
	return nil
}

// look takes up a new configuration when there is one.
func (b *balancer) look(ctx context.Context) error {
	err := os.Rename(newPath(b.dir), checkPath(b.dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the volume %s can't be used: %w", b.dir, err)
	}
	signed, err := readConfig(checkPath(b.dir))
	if err != nil {
		return err
	}
	text, id := unsign(signed)
	o := outcome{ID: id, Good: true}
	if err := b.change(ctx, text); err != nil {
		o.Good, o.Said = false, err.Error()
		b.log.Print("the new configuration is not good, nothing was changed:\n", err)
	}
	return o.save(b.dir)
}

// change validates a configuration and puts it in force.
func (b *balancer) change(ctx context.Context, text string) error {
	if b.current.alive() && text == b.text {
		b.log.Print("the new configuration says the same as the old one")
		return os.Rename(checkPath(b.dir), currentPath(b.dir))
	}
	if err := validate(ctx, b.program, checkPath(b.dir)); err != nil {
		return err
	}
	before := b.current
	if !before.alive() {
		before = nil
	}
	next, err := b.start(ctx, checkPath(b.dir), before)
	if err != nil {
		return err
	}
	if before != nil {
		b.old = append(b.old, before)
	}
	b.current, b.text = next, text
	if err := os.Rename(checkPath(b.dir), currentPath(b.dir)); err != nil {
		return err
	}
	b.log.Printf("a new configuration is in force (HAProxy %d)", next.pid())
	return nil
}

// revive brings HAProxy back as it was: after a crash, or after a restart of the
// whole container.
func (b *balancer) revive(ctx context.Context) {
	if b.current != nil {
		b.log.Printf("HAProxy %d ended: %v; starting another", b.current.pid(), b.current.err)
		b.current = nil
	}
	next, err := b.start(ctx, currentPath(b.dir), nil)
	if err != nil {
		b.log.Print("HAProxy does not start, trying again in a second:\n", err)
		return
	}
	b.current = next
	b.log.Printf("the configuration of before is in force again (HAProxy %d)", next.pid())
}

// tidy forgets the HAProxys that have finished, and ends the oldest when there
// are too many of them.
func (b *balancer) tidy() {
	b.old = slices.DeleteFunc(b.old, func(p *proxy) bool { return !p.alive() })
	for len(b.old) > maxOld {
		b.log.Printf("HAProxy %d still has connections after %d changes, ending it", b.old[0].pid(), maxOld)
		b.old[0].end()
		b.old = b.old[1:]
	}
}

// stop ends all processes.
func (b *balancer) stop() {
	all := b.old
	if b.current != nil {
		all = append(all, b.current)
	}
	for _, p := range all {
		p.finish()
	}
	deadline := time.After(farewell)
	for _, p := range all {
		select {
		case <-p.done:
		case <-deadline:
			p.end()
			deadline = closed()
		}
	}
}

func closed() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}

// readConfig reads a configuration, but not one without end.
func readConfig(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig))
	return string(text), err
}
