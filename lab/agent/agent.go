package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"sync"
	"time"
)

// agent is one running agent.
type agent struct {
	cfg       Config
	born      time.Time
	life      context.Context // ends when the agent begins to stop; streams watch it
	events    *events
	engine    *engine
	terminals *terminals
	reaper    *reaper
	streams   sync.WaitGroup
	keyMaking sync.Mutex // two first visitors by ssh make one host key
}

// Run is the agent: it prepares the node if it is its first process, serves
// until ctx ends, then ends its streams, shells and Engine and returns nil. It fails only when it can't listen.
func Run(ctx context.Context, cfg Config) error {
	cfg.fill()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := &agent{cfg: cfg, born: cfg.Now(), life: ctx, reaper: newReaper()}
	a.events = newEvents(rand.Text()[:12], cfg.Now)
	a.engine = newEngine(cfg.Engine, cfg.Log, a.reaper, func(s EngineStatus) {
		a.events.add(Event{Kind: EventEngine, Engine: &s})
	})
	a.terminals = newTerminals(cfg, a.reaper, a.events.add)

	var last sync.WaitGroup // ends after everything that has children
	reaping, stopReaping := context.WithCancel(context.WithoutCancel(ctx))
	defer last.Wait()
	defer stopReaping()
	if cfg.Init {
		last.Go(func() { a.reaper.Run(reaping) })
		a.prepare()
	}
	return a.serve(ctx, stop)
}

// serve runs all parts until ctx ends.
func (a *agent) serve(ctx context.Context, stop context.CancelFunc) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	door, err := listenUnix(a.cfg.Socket, 0o600)
	if err != nil {
		return fmt.Errorf("the agent can't listen: %w", err)
	}
	if a.cfg.Marks != "" {
		marks, err := openMarks(a.cfg.Marks)
		if err != nil {
			door.Close()
			return err
		}
		parts.Go(func() { readMarks(ctx, marks, a.cfg.Node, a.marked) })
	}
	parts.Go(func() { a.terminals.Run(ctx) })
	parts.Go(func() { a.engine.Run(ctx) })
	parts.Go(func() { a.balance(ctx) })
	a.listeners(ctx, &parts)
	server := &http.Server{
		Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	parts.Go(func() {
		<-ctx.Done()
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(short) != nil {
			server.Close()
		}
	})
	a.cfg.Log.Info("the agent listens", "version", a.cfg.Version)
	err = server.Serve(door)
	stop()
	a.streams.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// listeners opens the doors that the node's people use. One that can't be
// opened is logged and left out: the rest of the node still works.
func (a *agent) listeners(ctx context.Context, parts *sync.WaitGroup) {
	open := func(what string, l net.Listener, err error, serve func(context.Context, net.Conn)) {
		if err != nil {
			a.cfg.Log.Error("a door of the node stays shut", "door", what, "err", err)
			return
		}
		parts.Go(func() { accept(ctx, l, a.cfg.Log, serve) })
	}
	if p := a.cfg.Engine.Public; p != "" {
		l, err := listenUnix(p, 0o660)
		if err == nil {
			err = giveToGroup(p, a.cfg.Engine.Group)
		}
		open(p, l, err, a.engine.engineConn)
	}
	for _, addr := range a.cfg.Engine.Addresses {
		l, err := net.Listen("tcp", addr)
		open(addr, l, err, a.engine.engineConn)
	}
	for _, f := range a.cfg.Forwards {
		l, err := net.Listen("tcp", f.Listen)
		open(f.Listen, l, err, forward(f.Socket))
	}
	if a.cfg.SSH != "" {
		l, err := net.Listen("tcp", a.cfg.SSH)
		open("ssh", l, err, a.sshConn)
	}
}

func giveToGroup(path, group string) error {
	if group == "" {
		return nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, 0, gid)
}

func (a *agent) marked(m Mark) { a.events.add(Event{Kind: EventMark, Mark: &m}) }

func (a *agent) snapshot() Event {
	s := a.engine.Status()
	return Event{Node: a.cfg.Node, Engine: &s, Terminals: a.terminals.List()}
}

// Info describes the node.
type Info struct {
	Version   string       `json:"version"`  // of the product
	Protocol  int          `json:"protocol"` // of the agent's door
	Node      string       `json:"node"`
	Epoch     string       `json:"epoch"` // of the events
	Engine    EngineStatus `json:"engine"`
	Uptime    float64      `json:"uptime"` // seconds
	Addresses []string     `json:"addresses"`
	Cgroup    int          `json:"cgroup"` // version of the control groups, 0 if none is mounted
	Terminals int          `json:"terminals"`
}

func (a *agent) info(w http.ResponseWriter, r *http.Request) error {
	return reply(w, http.StatusOK, Info{
		Version: a.cfg.Version, Protocol: 1, Node: a.cfg.Node, Epoch: a.events.epoch,
		Engine: a.engine.Status(), Uptime: a.cfg.Now().Sub(a.born).Seconds(),
		Addresses: addresses(), Cgroup: cgroupVersion(), Terminals: len(a.terminals.List()),
	})
}

// addresses are the node's own, without loopback and Docker's bridges.
func addresses() []string {
	list := []string{}
	ifs, _ := net.Interfaces()
	for _, i := range ifs {
		if i.Flags&net.FlagLoopback != 0 || i.Name == "docker0" || i.Name == "docker_gwbridge" || len(i.Name) > 3 && i.Name[:3] == "br-" {
			continue
		}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
				list = append(list, n.IP.String())
			}
		}
	}
	return list
}
