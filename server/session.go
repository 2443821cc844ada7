package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"slipway/workshop"
)

// session folds one session's journal and tells those who watch it. Its
// goroutines are [session.follow] and [session.tellPresence], run by the server.
type session struct {
	id      workshop.SessionID
	journal Journal
	log     *slog.Logger

	mu       sync.Mutex
	progress *workshop.Progress
	tokens   map[string]workshop.ParticipantID // hashes of cookies, also of second devices
	shells   map[shell]bool                    // terminals opened and not closed
	watchers map[*watcher]bool
	present  map[workshop.ParticipantID]int // event sockets
	stirred  bool                           // presence changed since it was told
	marks    chan mark                      // chapters for recordings; nil when nothing is recorded
	grown    chan struct{}                  // closed and replaced when an event was folded
}

// shell is one terminal of one participant.
type shell struct {
	who  workshop.ParticipantID
	node string
	id   string
}

// watcher is one event socket's queue. It is closed when the socket can't
// keep up.
type watcher struct {
	who    workshop.Participant
	queue  chan []byte
	closed bool // by session.mu
}

// queueLength is how many messages may wait for a socket. A room of 200 makes
// some ten events a second, so this is many seconds of stalling.
const queueLength = 256

func newSession(id workshop.SessionID, journal Journal, log *slog.Logger) *session {
	return &session{
		id: id, journal: journal, log: log.With("session", string(id)),
		progress: workshop.NewProgress(),
		tokens:   map[string]workshop.ParticipantID{},
		shells:   map[shell]bool{},
		watchers: map[*watcher]bool{},
		present:  map[workshop.ParticipantID]int{},
		grown:    make(chan struct{}),
	}
}

// load folds what is in the journal already. It may run beside follow: both go
// in order from what is folded, so neither leaves a gap.
func (s *session) load(ctx context.Context) error {
	s.mu.Lock()
	next := s.progress.Seq + 1
	s.mu.Unlock()
	return s.journal.Read(ctx, s.id, next, func(e workshop.Event) error {
		s.apply(e)
		return nil
	})
}

// follow folds what comes until ctx ends. A journal that is away is tried
// again: the session goes on with what it knows.
func (s *session) follow(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		next := s.progress.Seq + 1
		s.mu.Unlock()
		err := s.journal.Follow(ctx, s.id, next, func(e workshop.Event) error {
			s.apply(e)
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		s.log.Error("following the journal stopped; trying again", "err", err)
		sleep(ctx, time.Second)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// apply folds one event and hands it to those who may see it.
func (s *session) apply(e workshop.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Seq <= s.progress.Seq {
		return
	}
	s.progress.Apply(e)
	s.note(e)
	var raw []byte // the same for all who may see it: made once
	for w := range s.watchers {
		shown, ok := workshop.ShownEvent(e, w.who.ID, w.who.Role)
		if !ok {
			continue
		}
		if raw == nil {
			raw, _ = json.Marshal(map[string]any{"event": shown})
		}
		s.send(w, raw)
	}
	close(s.grown)
	s.grown = make(chan struct{})
}

// giveMarks begins to pass the chapters of recordings on.
func (s *session) giveMarks() <-chan mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = make(chan mark, queueLength)
	return s.marks
}

// changed is closed when a further event was folded.
func (s *session) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grown
}

// note keeps what the fold of package workshop leaves out.
func (s *session) note(e workshop.Event) {
	if m, ok := markOf(e); ok && s.marks != nil {
		select {
		case s.marks <- m:
		default: // a chapter less rather than a room that waits
		}
	}
	switch {
	case e.Kind == workshop.Joined && e.Person != nil && e.Person.Token != "":
		s.tokens[e.Person.Token] = e.Person.ID
	case e.Kind == workshop.TerminalOpened && e.Terminal != nil:
		s.shells[shell{e.Participant, e.Terminal.Node, e.Terminal.ID}] = true
	case e.Kind == workshop.TerminalClosed && e.Terminal != nil:
		delete(s.shells, shell{e.Participant, e.Terminal.Node, e.Terminal.ID})
	}
}

// send queues a message, or closes a watcher whose queue is full. Called with
// mu held.
func (s *session) send(w *watcher, raw []byte) {
	if w.closed {
		return
	}
	select {
	case w.queue <- raw:
	default:
		w.closed = true
		close(w.queue)
		delete(s.watchers, w)
	}
}

// tell queues something that isn't history for one watcher.
func (s *session) tell(w *watcher, message any) {
	raw, err := json.Marshal(message)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(w, raw)
}

// tellAll queues something that isn't history for everyone.
func (s *session) tellAll(message any) {
	raw, err := json.Marshal(message)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		s.send(w, raw)
	}
}

// watch begins a queue with a snapshot in it; every later event follows, none
// is missed between.
func (s *session) watch(who workshop.Participant) *watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &watcher{who: who, queue: make(chan []byte, queueLength)}
	raw, _ := json.Marshal(map[string]any{"snapshot": s.progress.Shown(who.ID, who.Role)})
	w.queue <- raw
	if who.Role != workshop.Attendee {
		w.queue <- s.presence()
	}
	s.watchers[w] = true
	s.present[who.ID]++
	s.stirred = true
	return w
}

func (s *session) unwatch(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.present[w.who.ID]--; s.present[w.who.ID] == 0 {
		delete(s.present, w.who.ID)
	}
	s.stirred = true
	delete(s.watchers, w)
}

// presence is the message about who has a page open. Called with mu held.
func (s *session) presence() []byte {
	here := make(map[workshop.ParticipantID]bool, len(s.present))
	for id := range s.present {
		here[id] = true
	}
	raw, _ := json.Marshal(map[string]any{"presence": here})
	return raw
}

// tellPresence tells instructors and helpers who is there, at most once a
// second, until ctx ends.
func (s *session) tellPresence(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		if s.stirred {
			s.stirred = false
			raw := s.presence()
			for w := range s.watchers {
				if w.who.Role != workshop.Attendee {
					s.send(w, raw)
				}
			}
		}
		s.mu.Unlock()
	}
}

// append writes events and waits until they are folded, so that whoever acted
// sees their act in the next answer.
func (s *session) append(ctx context.Context, events ...workshop.Event) error {
	now := time.Now().UTC()
	for i := range events {
		events[i].At = now
	}
	seqs, err := s.journal.Append(ctx, s.id, events...)
	if err != nil {
		return err
	}
	return s.await(ctx, seqs[len(seqs)-1])
}

// await waits until the event of that number is folded. One that takes longer
// than a moment is kept all the same, so this is no error.
func (s *session) await(ctx context.Context, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		s.mu.Lock()
		done, grown := s.progress.Seq >= seq, s.grown
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil
			}
			return ctx.Err()
		}
	}
}

// facts is a consistent look at what requests need of a session.
type facts struct {
	Session workshop.Session
	Ended   bool
	Driver  workshop.ParticipantID
	Place   workshop.Place
	People  int
}

func (s *session) facts() facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := facts{Ended: s.progress.Ended, Driver: s.progress.Driver, Place: s.progress.Place, People: len(s.progress.Order)}
	if s.progress.Session != nil {
		f.Session = *s.progress.Session
	}
	return f
}

// person gives a copy of what is known of someone; false when there is nobody
// of that id. Its map of exercises is a copy too.
func (s *session) person(id workshop.ParticipantID) (workshop.Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.progress.People[id]
	if p == nil {
		return workshop.Person{}, false
	}
	copied := *p
	copied.Exercises = make(map[workshop.ExerciseID]*workshop.Achievement, len(p.Exercises))
	for id, a := range p.Exercises {
		one := *a
		copied.Exercises[id] = &one
	}
	return copied, true
}

// byToken finds who has the cookie of that hash.
func (s *session) byToken(hash string) (workshop.Participant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.progress.People[s.tokens[hash]]; p != nil {
		return p.Participant, true
	}
	return workshop.Participant{}, false
}

// first finds the first participant that fits.
func (s *session) first(fits func(workshop.Participant) bool) (workshop.Participant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.progress.Order {
		if p := s.progress.People[id].Participant; fits(p) {
			return p, true
		}
	}
	return workshop.Participant{}, false
}

// openShells lists the terminals that are open.
func (s *session) openShells() map[shell]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := make(map[shell]bool, len(s.shells))
	for sh := range s.shells {
		open[sh] = true
	}
	return open
}

// attendees lists whose labs the session has.
func (s *session) attendees() []workshop.ParticipantID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []workshop.ParticipantID
	for _, id := range s.progress.Order {
		if s.progress.People[id].Role == workshop.Attendee {
			ids = append(ids, id)
		}
	}
	return ids
}
