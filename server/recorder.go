package server

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"slipway/terminal"
	"slipway/workshop"
)

// recorders records every open terminal of a session: one goroutine each, one
// file each. What one can't do, such as write to a full disk, never touches
// the terminal.
type recorders struct {
	server  *Server
	session *session

	mu      sync.Mutex
	running map[shell]*recording
}

// recording is the recorder of one terminal; its file may not be open.
type recording struct {
	stop context.CancelFunc
	rec  *terminal.Recorder // nil while the file is not open; by recorders.mu
}

// mark is something that happened to someone and that their recordings show
// as a chapter.
type mark struct {
	who   workshop.ParticipantID
	label string
	at    time.Time
}

// markOf is the chapter that an event begins.
func markOf(e workshop.Event) (mark, bool) {
	m := mark{who: e.Participant, at: e.At}
	switch {
	case e.Kind == workshop.PlaceChanged && e.Place != nil:
		m.label = "slide " + e.Place.Slide
	case e.Kind == workshop.VerdictChanged && e.Verdict != nil && e.Verdict.State == workshop.Solved:
		m.label = "solved " + string(e.Verdict.Exercise)
	default:
		return m, false
	}
	return m, true
}

// record keeps a recorder at every open terminal of a session until ctx ends.
func (s *Server) record(ctx context.Context, session *session) {
	r := &recorders{server: s, session: session, running: map[shell]*recording{}}
	marks := session.giveMarks()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		grown := session.changed()
		r.match(ctx, &all, session.openShells())
		for waiting := true; waiting; {
			select {
			case m := <-marks:
				r.mark(m)
			case <-grown:
				waiting = false
			case <-ctx.Done():
				return
			}
		}
	}
}

// match starts and stops recorders, so that those run whose terminals are open.
func (r *recorders) match(ctx context.Context, all *sync.WaitGroup, open map[shell]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for sh, one := range r.running {
		if !open[sh] {
			one.stop()
			delete(r.running, sh)
		}
	}
	for sh := range open {
		if r.running[sh] != nil {
			continue
		}
		own, stop := context.WithCancel(ctx)
		one := &recording{stop: stop}
		r.running[sh] = one
		all.Go(func() {
			defer stop()
			r.keep(own, sh, one)
		})
	}
}

func (r *recorders) mark(m mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for sh, one := range r.running {
		if sh.who == m.who && one.rec != nil {
			one.rec.Mark(m.label, m.at) // a failure shows at the next flush
		}
	}
}

// Between tries to record a terminal that can't be reached or written.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// keep records one terminal until it ends or ctx does. A node that is away and a
// disk that is full are tried again; what the terminal still remembers then
// is not lost.
func (r *recorders) keep(ctx context.Context, sh shell, one *recording) {
	log := r.server.log.With("session", string(r.session.id), "participant", string(sh.who), "node", sh.node, "terminal", sh.id)
	said := ""
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		began := time.Now()
		err := r.once(ctx, sh, one)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			r.ended(ctx, sh)
			return
		}
		kind := workshop.KindOf(err)
		away := kind == workshop.Unavailable || kind == workshop.Unknown // as nodes are now and then
		if away && r.session.facts().Ended {
			return
		}
		if err.Error() != said && !away {
			said = err.Error()
			log.Warn("recording stopped; trying again", "err", err)
		}
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		sleep(ctx, wait)
	}
}

// once opens the file, attaches where it ends and records until something
// breaks; nil says that the shell ended.
func (r *recorders) once(ctx context.Context, sh shell, one *recording) error {
	dir := filepath.Join(r.server.castsOf(r.session, sh.who), sh.node)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	rec, err := terminal.OpenRecorder(filepath.Join(dir, sh.id+".cast"), terminal.RecorderOptions{Title: sh.node + " " + sh.id})
	if err != nil {
		return err
	}
	defer rec.Close()
	from, born := rec.From()
	link, err := r.server.cfg.Labs.Attach(ctx, sh.who, sh.node, sh.id,
		Viewer{Client: "recorder", From: from, Born: born, Role: string(terminal.RoleRecorder)})
	if err != nil {
		return err
	}
	r.show(one, rec)
	defer r.show(one, nil)
	return rec.Record(ctx, link)
}

func (r *recorders) show(one *recording, rec *terminal.Recorder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one.rec = rec
}

// ended writes down that a shell came to its end by itself, so that the next
// one of that name is news. When the next one was quicker, that is said too.
func (r *recorders) ended(ctx context.Context, sh shell) {
	// Writing it down makes match stop this very recorder.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	c := caller{session: r.session}
	r.server.noteShell(ctx, c, sh, false)
	list, err := r.server.cfg.Labs.Terminals(ctx, sh.who, sh.node)
	if err != nil {
		return
	}
	for _, t := range list {
		if t.ID == sh.id && !t.Exited {
			r.server.noteShell(ctx, c, sh, true)
		}
	}
}
