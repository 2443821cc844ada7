// Package storetest is the contract of a journal as a test suite: whoever
// passes it can stand behind a server.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/workshop"
)

// Journal is what the suite tests; see package store for the contract.
type Journal interface {
	Sessions(ctx context.Context) ([]workshop.SessionID, error)
	Append(ctx context.Context, session workshop.SessionID, events ...workshop.Event) ([]uint64, error)
	Read(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error
	Follow(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error
}

// Place is where a store lies. Open opens it, empty the first time; close ends
// that use of it, after which Open opens the same again.
type Place interface {
	Open(t *testing.T) (journal Journal, close func())
}

// patience bounds every wait; only a broken store needs it.
const patience = 20 * time.Second

// Run runs the suite; place makes a new empty place for each test.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"NumbersFromOne":              numbersFromOne,
		"SurvivesReopening":           survivesReopening,
		"KeepsEveryField":             keepsEveryField,
		"UnknownSessions":             unknownSessions,
		"RefusesWhatIsTooLarge":       refusesTooLarge,
		"ReadsFromAnyNumber":          readsFromAny,
		"FollowsPastAndFuture":        followsPastAndFuture,
		"FollowersEnd":                followersEnd,
		"ManyWriters":                 manyWriters,
		"SessionsAreApart":            sessionsApart,
		"AnEndedContextWritesNothing": endedContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, place(t)) })
	}
}

func begin(t *testing.T, p Place, session workshop.SessionID) Journal {
	t.Helper()
	j, close := p.Open(t)
	t.Cleanup(close)
	create(t, j, session)
	return j
}

func create(t *testing.T, j Journal, session workshop.SessionID) {
	t.Helper()
	append1(t, j, session, workshop.Event{Kind: workshop.SessionCreated, Session: &workshop.Session{ID: session, Title: "T"}})
}

func append1(t *testing.T, j Journal, session workshop.SessionID, events ...workshop.Event) []uint64 {
	t.Helper()
	seqs, err := j.Append(context.Background(), session, events...)
	if err != nil {
		t.Fatal(err)
	}
	return seqs
}

func said(n int) workshop.Event {
	return workshop.Event{Kind: workshop.Announced, Text: fmt.Sprint(n)}
}

func readAll(t *testing.T, j Journal, session workshop.SessionID, from uint64) []workshop.Event {
	t.Helper()
	var all []workshop.Event
	err := j.Read(context.Background(), session, from, func(e workshop.Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func checkNumbers(t *testing.T, events []workshop.Event, first uint64, n int) {
	t.Helper()
	if len(events) != n {
		t.Fatalf("%d events, want %d", len(events), n)
	}
	for i, e := range events {
		if e.Seq != first+uint64(i) {
			t.Fatalf("event %d has number %d, want %d", i, e.Seq, first+uint64(i))
		}
	}
}

func numbersFromOne(t *testing.T, p Place) {
	j := begin(t, p, "a")
	if seqs := append1(t, j, "a", said(1), said(2)); len(seqs) != 2 || seqs[0] != 2 || seqs[1] != 3 {
		t.Errorf("got numbers %v", seqs)
	}
	if seqs := append1(t, j, "a", workshop.Event{Seq: 77, Kind: workshop.Announced}); seqs[0] != 4 {
		t.Errorf("a number that was set is kept: %v", seqs)
	}
	if seqs := append1(t, j, "a"); len(seqs) != 0 {
		t.Errorf("nothing got numbers %v", seqs)
	}
	events := readAll(t, j, "a", 0)
	checkNumbers(t, events, 1, 4)
	for _, e := range events {
		if since := time.Since(e.At); since < -time.Minute || since > time.Minute || e.At.Location() != time.UTC {
			t.Errorf("event %d is of %v", e.Seq, e.At)
		}
	}
}

func survivesReopening(t *testing.T, p Place) {
	j, close := p.Open(t)
	create(t, j, "a")
	append1(t, j, "a", said(1))
	close()
	j, close = p.Open(t)
	if seqs := append1(t, j, "a", said(2)); seqs[0] != 3 {
		t.Errorf("goes on with %v", seqs)
	}
	close()
	j, close = p.Open(t)
	defer close()
	events := readAll(t, j, "a", 1)
	checkNumbers(t, events, 1, 3)
	if events[1].Text != "1" || events[2].Text != "2" {
		t.Errorf("got %+v", events)
	}
	if ids, err := j.Sessions(context.Background()); err != nil || len(ids) != 1 || ids[0] != "a" {
		t.Errorf("sessions %v, %v", ids, err)
	}
}

func keepsEveryField(t *testing.T, p Place) {
	j := begin(t, p, "a")
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	in := workshop.Event{At: at, Kind: workshop.VerdictChanged, Participant: "p", Text: "é\u2028\"\n\x00<&>", Number: 3, Correct: true, Speed: 3.25,
		Verdict: &workshop.Verdict{Exercise: "x", State: workshop.Failing, Checks: []workshop.CheckVerdict{{State: workshop.Failing, Reason: "r"}}}}
	append1(t, j, "a", in)
	out := readAll(t, j, "a", 2)[0]
	if !out.At.Equal(at) || out.Text != in.Text || out.Number != 3 || !out.Correct || out.Speed != 3.25 || out.Verdict == nil || out.Verdict.Checks[0].Reason != "r" {
		t.Errorf("got %+v of %+v", out, in)
	}
}

func unknownSessions(t *testing.T, p Place) {
	j, close := p.Open(t)
	defer close()
	ctx := context.Background()
	none := func(workshop.Event) error { t.Error("an event came"); return nil }
	for _, id := range []workshop.SessionID{"nope", "", "../a", "a/b", "A b", workshop.SessionID(strings.Repeat("x", 300))} {
		if _, err := j.Append(ctx, id, said(1)); workshop.KindOf(err) != workshop.Unknown {
			t.Errorf("append to %q: %v", id, err)
		}
		if err := j.Read(ctx, id, 1, none); workshop.KindOf(err) != workshop.Unknown {
			t.Errorf("read of %q: %v", id, err)
		}
		if err := j.Follow(ctx, id, 1, none); workshop.KindOf(err) != workshop.Unknown {
			t.Errorf("follow of %q: %v", id, err)
		}
	}
	if ids, err := j.Sessions(ctx); err != nil || len(ids) != 0 {
		t.Errorf("sessions %v, %v", ids, err)
	}
}

func refusesTooLarge(t *testing.T, p Place) {
	j := begin(t, p, "a")
	if _, err := j.Append(context.Background(), "a", said(1), workshop.Event{Kind: workshop.Announced, Text: strings.Repeat("x", 70_000)}); workshop.KindOf(err) != workshop.Invalid {
		t.Errorf("got %v", err)
	}
	checkNumbers(t, readAll(t, j, "a", 1), 1, 1) // all or nothing
	big := append1(t, j, "a", workshop.Event{Kind: workshop.Announced, Text: strings.Repeat("x", 60_000)})
	if events := readAll(t, j, "a", big[0]); len(events) != 1 || len(events[0].Text) != 60_000 {
		t.Error("an event just within the bound is not kept")
	}
}

func readsFromAny(t *testing.T, p Place) {
	j := begin(t, p, "a")
	const n = 1300
	batch := make([]workshop.Event, 0, 100)
	for i := 2; i <= n; i++ {
		if batch = append(batch, said(i)); len(batch) == 100 || i == n {
			append1(t, j, "a", batch...)
			batch = batch[:0]
		}
	}
	for _, from := range []uint64{0, 1, 2, 511, 512, 513, 1024, 1025, 1026, n, n + 1, n + 5} {
		first := max(from, 1)
		checkNumbers(t, readAll(t, j, "a", from), first, max(0, n-int(first)+1))
	}
	stop := errors.New("stop")
	if err := j.Read(context.Background(), "a", 1, func(workshop.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func followsPastAndFuture(t *testing.T, p Place) {
	j := begin(t, p, "a")
	append1(t, j, "a", said(2), said(3))
	got := make(chan uint64, 100)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	var followers sync.WaitGroup
	for range 2 {
		followers.Go(func() {
			err := j.Follow(ctx, "a", 2, func(e workshop.Event) error { got <- e.Seq; return nil })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("follow ended with %v", err)
			}
		})
	}
	sum := map[uint64]int{}
	take := func(n int) {
		for range n {
			select {
			case seq := <-got:
				sum[seq]++
			case <-ctx.Done():
				t.Fatal("events are missing: ", sum)
			}
		}
	}
	take(4)
	append1(t, j, "a", said(4))
	append1(t, j, "a", said(5))
	take(4)
	cancel()
	followers.Wait()
	for seq := uint64(2); seq <= 5; seq++ {
		if sum[seq] != 2 {
			t.Errorf("event %d came %d times to two followers", seq, sum[seq])
		}
	}
}

func followersEnd(t *testing.T, p Place) {
	j, close := p.Open(t)
	create(t, j, "a")
	seen, ended := make(chan bool, 1), make(chan error, 1)
	go func() {
		ended <- j.Follow(context.Background(), "a", 1, func(workshop.Event) error { seen <- true; return nil })
	}()
	<-seen
	close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a follower of a closed store ends without a reason")
		}
	case <-time.After(patience):
		t.Fatal("a follower outlives its store")
	}
	if _, err := j.Append(context.Background(), "a", said(1)); err == nil {
		t.Error("a closed store takes events")
	}
}

func manyWriters(t *testing.T, p Place) {
	j := begin(t, p, "a")
	const writers, each = 20, 25
	var all sync.WaitGroup
	var mu sync.Mutex
	mine := map[uint64]string{}
	for w := range writers {
		all.Go(func() {
			for i := range each {
				text := fmt.Sprint(w, "-", i)
				seqs, err := j.Append(context.Background(), "a", workshop.Event{Kind: workshop.Announced, Text: text}, workshop.Event{Kind: workshop.Announced, Text: text + "b"})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				mine[seqs[0]], mine[seqs[1]] = text, text+"b"
				mu.Unlock()
				if seqs[1] != seqs[0]+1 {
					t.Errorf("one Append was torn apart: %v", seqs)
				}
			}
		})
	}
	all.Wait()
	events := readAll(t, j, "a", 2)
	checkNumbers(t, events, 2, writers*each*2)
	for _, e := range events {
		if mine[e.Seq] != e.Text {
			t.Fatalf("event %d is %q, its writer was told %q", e.Seq, e.Text, mine[e.Seq])
		}
	}
}

func sessionsApart(t *testing.T, p Place) {
	j := begin(t, p, "a")
	create(t, j, "b")
	append1(t, j, "a", said(1))
	checkNumbers(t, readAll(t, j, "a", 1), 1, 2)
	checkNumbers(t, readAll(t, j, "b", 1), 1, 1)
	if ids, err := j.Sessions(context.Background()); err != nil || len(ids) != 2 || ids[0] != "a" || ids[1] != "b" {
		t.Errorf("sessions %v, %v", ids, err)
	}
}

func endedContext(t *testing.T, p Place) {
	j := begin(t, p, "a")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := j.Append(ctx, "a", said(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	if err := j.Follow(ctx, "a", 1, func(workshop.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("follow: %v", err)
	}
	checkNumbers(t, readAll(t, j, "a", 1), 1, 1)
}
