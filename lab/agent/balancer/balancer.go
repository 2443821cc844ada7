package balancer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"time"
)

// Config says where a node's Engine is and how to run programs.
type Config struct {
	// Engine connects to the API of the node's Engine.
	Engine func(ctx context.Context) (net.Conn, error)
	// Diagnostic is the address of its diagnostic port, and Open has it opened;
	// Open is called when nothing listens there, and then again at most every
	// few seconds.
	Diagnostic string
	Open       func(ctx context.Context) error
	// PeerPort is where the other nodes' Engines answer by TCP; 0 if they don't.
	// A node whose Engine is gone is then noticed at once.
	PeerPort int
	// Namespaces is the folder in which it keeps its network namespaces.
	Namespaces string
	// Run runs a program to its end; default (*exec.Cmd).Run. A first process
	// that buries orphans has to know its own children.
	Run func(*exec.Cmd) error
	// Log gets what goes wrong; default discards.
	Log *slog.Logger
}

// When to look at the table.
const (
	lookEvery   = time.Second            // with no sign of change
	idleEvery   = 5 * time.Second        // on a node that is in no swarm
	afterKick   = 20 * time.Millisecond  // lets what was announced happen
	lookBetween = 150 * time.Millisecond // news comes in bursts: not more often
	settles     = time.Second            // after the last kick, looks go on so long
	openEvery   = 3 * time.Second        // asks for the diagnostic port
	goodbye     = 5 * time.Second        // for removing the rules at the end
)

// Run balances from now until ctx ends, which should be when the node's Engine
// does; it then removes its rules. It returns at once where IPVS serves.
// Nothing that goes wrong ends it: it is logged, and tried again.
func Run(ctx context.Context, cfg Config) {
	cfg.fill()
	serves, err := ipvsServes()
	if err != nil {
		cfg.Log.Warn("it can't be told whether IPVS may be used; it is taken not to", "err", err)
	}
	if serves {
		return
	}
	b := &balancer{
		cfg: cfg, engine: newEngine(cfg.Engine, cfg.Diagnostic), kicked: make(chan struct{}, 1),
		names: map[string]network{}, peers: map[string]netip.Addr{}, applied: map[string]state{},
	}
	b.lines, b.healer = newLines(cfg.PeerPort, b.kick), newHealer()
	b.run(ctx)
}

func (c *Config) fill() {
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if c.Open == nil {
		c.Open = func(context.Context) error { return nil }
	}
	if c.Run == nil {
		c.Run = (*exec.Cmd).Run
	}
}

type balancer struct {
	cfg    Config
	engine *engine
	kicked chan struct{}
	lines  *lines
	healer *healer

	// Of the goroutine that looks.
	names   map[string]network    // by the name of their sandbox
	peers   map[string]netip.Addr // all nodes of these networks, by their names in the gossip
	applied map[string]state      // by sandbox
	node    string                // the rules of the node itself
	ports   []port                // that they send on
	clean   bool                  // whether rules of an earlier life are gone
	said    string                // the last trouble, told once
	opened  time.Time             // when the diagnostic port was last asked for
}

func (b *balancer) kick() {
	select {
	case b.kicked <- struct{}{}:
	default:
	}
}

func (b *balancer) run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { b.keep(ctx, "the Engine's events", func() error { return b.engine.events(ctx, b.kick) }) })
	parts.Go(func() { b.keep(ctx, "the gossip", func() error { return listenGossip(ctx, b.kick) }) })
	b.follow(ctx)
	b.lines.end()
	parts.Wait()
	b.engine.close()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	b.clear(last)
}

// keep does something that lasts, and again whenever it ends before ctx does.
func (b *balancer) keep(ctx context.Context, what string, do func() error) {
	for ctx.Err() == nil {
		err := do()
		if ctx.Err() != nil {
			return
		}
		b.cfg.Log.Debug("the balancer lost a line", "line", what, "err", err)
		b.kick()
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
		}
	}
}

// follow looks whenever something may have changed, until ctx ends.
func (b *balancer) follow(ctx context.Context) {
	var settled time.Time
	for {
		busy, err := b.look(ctx)
		b.tell(err)
		wait := idleEvery
		switch {
		case time.Now().Before(settled) || busy && err != nil:
			wait = lookBetween
		case busy:
			wait = lookEvery
		}
		if !pause(ctx, lookBetween) {
			return
		}
		select {
		case <-b.kicked:
			settled = time.Now().Add(settles)
			if !pause(ctx, afterKick) {
				return
			}
		case <-time.After(wait - lookBetween):
		case <-ctx.Done():
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// tell logs trouble when it is another than the last one. A sandbox that is not
// ready is none: the next look finds it.
func (b *balancer) tell(err error) {
	text := ""
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errUnready) {
		text = err.Error()
	}
	if text != b.said && text != "" {
		b.cfg.Log.Warn("services may not be reached by virtual IP or published port", "err", err)
	}
	b.said = text
}
