package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"slipway/lab"
	"slipway/store"
	"slipway/workshop"
)

// Bounds of a keeper.
const (
	maxLabs      = 1000             // labs one server keeps
	maxSessions  = 1000             // sessions it hears of
	madeAtOnce   = 3                // labs being made at the same time
	retryMaking  = 30 * time.Second // after a failure, unless the person asks earlier
	lookAfter    = 20 * time.Second // between two looks at nodes that don't answer
	speedKept    = 10 * time.Second // window of the measured speed, and how often it is remembered
	speedTimeout = 3 * time.Second
)

// keeper gives every participant a lab and watches it: what its nodes tell
// becomes verdicts in the journal and the view that pages are shown. It is the
// server's Labs and Judge. Its methods are safe for concurrent use; the work is
// done by Run.
type keeper struct {
	host    *lab.Host
	journal *store.File
	content *content
	images  *images // of all labs; set before Run
	log     *slog.Logger
	making  chan struct{} // holds a token for each lab being made
	asked   chan *kept    // labs that Run has to take on
	heard   chan follow   // sessions that Run has to follow

	mu      sync.Mutex
	labs    map[workshop.ParticipantID]*kept
	history map[workshop.SessionID]*workshop.Progress // as it was when first asked for
}

// follow asks Run to hear what happens in a session from an event on.
type follow struct {
	session workshop.SessionID
	from    uint64
}

func newKeeper(host *lab.Host, journal *store.File, content *content, log *slog.Logger) *keeper {
	return &keeper{
		host: host, journal: journal, content: content, log: log,
		making: make(chan struct{}, madeAtOnce), asked: make(chan *kept, maxLabs), heard: make(chan follow, maxSessions),
		labs: map[workshop.ParticipantID]*kept{}, history: map[workshop.SessionID]*workshop.Progress{},
	}
}

// Run makes and watches labs until ctx ends; labs stay. Called once.
func (k *keeper) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case one := <-k.asked:
			running.Go(func() { one.run(ctx) })
		case f := <-k.heard:
			running.Go(func() { k.hear(ctx, f) })
		case <-ctx.Done():
			return nil
		}
	}
}

// Prepare asks for a lab, or for another try at one that failed.
func (k *keeper) Prepare(ctx context.Context, session workshop.SessionID, who workshop.ParticipantID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if one := k.labs[who]; one != nil {
		one.retrySoon()
		return nil
	}
	if len(k.labs) >= maxLabs {
		return workshop.Errorf(workshop.TooMany, "This server already keeps %d labs, which is all it can. Ask the instructor for another one.", maxLabs)
	}
	past, err := k.past(ctx, session)
	if err != nil {
		return err
	}
	one := newKept(k, session, who, past.People[who])
	k.labs[who] = one
	k.asked <- one // never blocks: there is room for maxLabs
	return nil
}

// past is what the journal remembers of a session from before this server.
// Called with mu held.
func (k *keeper) past(ctx context.Context, session workshop.SessionID) (*workshop.Progress, error) {
	if known := k.history[session]; known != nil {
		return known, nil
	}
	progress := workshop.NewProgress()
	err := k.journal.Read(ctx, session, 1, func(e workshop.Event) error { progress.Apply(e); return nil })
	if err != nil {
		return nil, err
	}
	if len(k.history) >= maxSessions {
		return nil, workshop.Errorf(workshop.TooMany, "This server already keeps %d sessions, which is all it can.", maxSessions)
	}
	k.history[session] = progress
	k.heard <- follow{session, progress.Seq + 1} // never blocks: there is room for maxSessions
	return progress, nil
}

// hear tells labs which slide their person is at, until ctx ends: exercises
// around it are looked at, others are left alone.
func (k *keeper) hear(ctx context.Context, f follow) {
	err := k.journal.Follow(ctx, f.session, f.from, func(e workshop.Event) error {
		one, err := k.lab(e.Participant)
		switch {
		case err != nil:
		case e.Kind == workshop.PlaceChanged && e.Place != nil:
			one.moved(e.Place.Slide)
		case e.Kind == workshop.VerdictChanged && e.Verdict != nil && e.By != "":
			one.decided(*e.Verdict)
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		k.log.Error("a session can't be followed", "session", string(f.session), "err", err)
	}
}

// lab finds a kept lab.
func (k *keeper) lab(who workshop.ParticipantID) (*kept, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if one := k.labs[who]; one != nil {
		return one, nil
	}
	return nil, workshop.Errorf(workshop.Unknown, "You have no nodes here. Join the workshop to get some.")
}

// Judge judges a person's exercises again at once.
func (k *keeper) Judge(_ context.Context, _ workshop.SessionID, who workshop.ParticipantID, _ workshop.ExerciseID) error {
	one, err := k.lab(who)
	if err != nil {
		return err
	}
	return one.rejudge()
}
