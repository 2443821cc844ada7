package exercises_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/docker/docker/client"
	"github.com/gorilla/websocket"

	"slipway/exercises"
	"slipway/internal/dockertest"
	"slipway/server"
	"slipway/slides"
	"slipway/store"
	"slipway/workshop"
)

// BenchmarkEventToSockets is the way of an event of a node's Engine to the tick
// on the attendee's page and on the instructor's board: mirror, judging, journal
// on disk, server, two WebSockets. Beside it stand 200 labs, each with an Engine
// of its own in which a container starts or stops once a second, as recorded in
// a room that works. The value is the 99th percentile, in ms.
func BenchmarkEventToSockets(b *testing.B) {
	for _, c := range []struct {
		name string
		labs int
		goal float64
	}{{"1lab", 0, 100}, {"200labs", 200, 250}} {
		b.Run(c.name, func(b *testing.B) { eventToSockets(b, c.labs, c.goal) })
	}
}

func eventToSockets(b *testing.B, others int, goal float64) {
	room := newRoom(b)
	ada, fake := room.enter("Ada"), dockertest.StartFake(b)
	room.watch(ada, fake)
	stop := room.others(others)
	defer stop()
	board, mine := room.dial(room.teach()), room.dial(ada)
	var delays []time.Duration
	state := func(conn *websocket.Conn, want workshop.State) time.Time { return room.tick(conn, ada.id, want) }
	round := func() {
		began := time.Now()
		id := fake.Run("rng", "rng", map[string]string{"com.docker.compose.service": "rng"}, nil)
		a, z := state(mine, workshop.Passing), state(board, workshop.Passing)
		delays = append(delays, a.Sub(began), z.Sub(began))
		began = time.Now()
		fake.Stop(id, 0)
		a, z = state(mine, workshop.Failing), state(board, workshop.Failing)
		delays = append(delays, a.Sub(began), z.Sub(began))
		fake.Remove(id, false)
	}
	round()
	delays = delays[:0]
	for b.Loop() {
		round()
	}
	b.StopTimer()
	slices.Sort(delays)
	b.ReportMetric(float64(delays[len(delays)*99/100])/1e6, "value")
	b.ReportMetric(goal, "goal")
	b.ReportMetric(float64(delays[len(delays)/2])/1e6, "p50-ms")
}

// room is a session on a real server and store, whose labs are fake Engines.
type room struct {
	b       testing.TB
	url     string
	journal *store.File
	session workshop.Session
	book    *exercises.Book
	ctx     context.Context
	running sync.WaitGroup
}

type attendee struct {
	id  workshop.ParticipantID
	jar http.CookieJar
}

func newRoom(b testing.TB) *room {
	b.Helper()
	journal, err := store.OpenFile(b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	// The second check never holds: what is told are the first one's changes.
	all := []exercises.Exercise{{ID: "x", Checks: []exercises.Check{{That: `node1.service("rng").running == 1`}, {That: `node1.ran("never")`}}}}
	for i := range 60 {
		all = append(all, exercises.Exercise{ID: workshop.ExerciseID(fmt.Sprint("other", i)), Checks: []exercises.Check{{That: fmt.Sprintf(`node1.service("other%d").running == 1`, i)}}})
	}
	book, problems, err := exercises.Compile([]string{"node1"}, all)
	if err != nil || len(problems) > 0 {
		b.Fatal(err, problems)
	}
	deck, err := slides.Load(fstest.MapFS{"workshop.yaml": {Data: []byte("title: T\nname: t\nchapters: [m.md]\n")}, "m.md": {Data: []byte("# One\n")}}, ".")
	if err != nil {
		b.Fatal(err)
	}
	served, err := server.FromSlides(deck)
	if err != nil {
		b.Fatal(err)
	}
	r := &room{b: b, journal: journal, book: book}
	r.session = workshop.Session{ID: workshop.SessionID(workshop.NewID()), Workshop: "t", Title: "T", JoinCode: workshop.NewJoinCode(), Secret: workshop.NewSecret(), Created: time.Now()}
	if _, err := journal.Append(b.Context(), r.session.ID, workshop.Event{Kind: workshop.SessionCreated, Session: &r.session}); err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv, err := server.New(server.Config{Listener: listener, Journal: journal, Decks: oneDeck{served}, Labs: noLabs{}, Secret: []byte("0123456789abcdef"), Nodes: []string{"node1"}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.ctx, r.url = ctx, listener.Addr().String()
	r.running.Go(func() { srv.Run(ctx) })
	b.Cleanup(func() { cancel(); r.running.Wait(); journal.Close() })
	return r
}

func (r *room) post(path string, body any) attendee {
	r.b.Helper()
	jar, _ := cookiejar.New(nil)
	raw, _ := json.Marshal(body)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Jar: jar, Transport: transport}).Post("http://"+r.url+path, "application/json", bytes.NewReader(raw))
	if err != nil {
		r.b.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct{ Participant workshop.Participant }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Participant.ID == "" {
		r.b.Fatal(answer.Status, err)
	}
	return attendee{got.Participant.ID, jar}
}

func (r *room) enter(name string) attendee {
	return r.post("/api/join", map[string]string{"code": r.session.JoinCode, "name": name})
}

func (r *room) teach() attendee {
	return r.post("/api/instructor", map[string]string{"key": r.session.Secret, "name": "Jo"})
}

func (r *room) dial(who attendee) *websocket.Conn {
	r.b.Helper()
	conn, _, err := (&websocket.Dialer{Jar: who.jar}).Dial("ws://"+r.url+"/api/events", nil)
	if err != nil {
		r.b.Fatal(err)
	}
	r.b.Cleanup(func() { conn.Close() })
	return conn
}

// watch judges a fake Engine as a participant's node1, into the journal.
func (r *room) watch(who attendee, fake *dockertest.Fake) {
	r.b.Helper()
	docker, err := client.NewClientWithOpts(client.WithHost(fake.Host), client.WithAPIVersionNegotiation())
	if err != nil {
		r.b.Fatal(err)
	}
	r.b.Cleanup(func() { docker.Close() })
	w := exercises.NewWatcher(exercises.WatcherConfig{Book: r.book, Nodes: []exercises.Node{fakeNode{docker}}, Verdict: func(v workshop.Verdict) {
		r.journal.Append(r.ctx, r.session.ID, workshop.Event{Kind: workshop.VerdictChanged, At: time.Now(), Participant: who.id, Verdict: &v})
	}})
	r.running.Go(func() { w.Run(r.ctx) })
}

// others fills the room with labs in each of which something happens once a
// second.
func (r *room) others(n int) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	var busy sync.WaitGroup
	for i := range n {
		who, fake := r.enter(fmt.Sprint("Person ", i)), dockertest.StartFake(r.b)
		r.watch(who, fake)
		conn := r.dial(who)
		busy.Go(func() { // a page that is open
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					return
				}
			}
		})
		busy.Go(func() {
			defer conn.Close()
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			id := ""
			select { // not all at once
			case <-time.After(time.Duration(i) * time.Second / time.Duration(n)):
			case <-ctx.Done():
				return
			}
			for {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				if id == "" {
					id = fake.Run("rng", "rng", map[string]string{"com.docker.compose.service": "rng"}, nil)
				} else {
					fake.Remove(id, true)
					id = ""
				}
			}
		})
	}
	return func() { cancel(); busy.Wait() }
}

// tick reads until the first check of a person's exercise is so.
func (r *room) tick(conn *websocket.Conn, who workshop.ParticipantID, want workshop.State) time.Time {
	r.b.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			r.b.Fatalf("waiting for %s: %v", want, err)
		}
		if !strings.Contains(string(raw), string(who)) || !bytes.HasPrefix(raw, []byte(`{"event"`)) {
			continue
		}
		var m struct{ Event workshop.Event }
		if err := json.Unmarshal(raw, &m); err != nil {
			r.b.Fatal(err)
		}
		v := m.Event.Verdict
		if m.Event.Participant == who && v != nil && v.Exercise == "x" && len(v.Checks) == 2 && v.Checks[0].State == want {
			return time.Now()
		}
	}
}

// fakeNode is a node of which only its Engine is there.
type fakeNode struct{ docker *client.Client }

func (n fakeNode) Name() string                   { return "node1" }
func (n fakeNode) Docker() exercises.DockerClient { return n.docker }

func (n fakeNode) Events(ctx context.Context, _ uint64, f func(exercises.NodeEvent)) error {
	f(exercises.NodeEvent{Epoch: "one", Engine: exercises.EngineRunning})
	<-ctx.Done()
	return ctx.Err()
}

func (n fakeNode) ReadFile(context.Context, string, int64) (exercises.File, error) {
	return exercises.File{}, errors.New("away")
}
func (n fakeNode) Dial(context.Context, int) (net.Conn, error) { return nil, errors.New("away") }

type oneDeck struct{ deck *server.Deck }

func (d oneDeck) Deck(string) (*server.Deck, error) { return d.deck, nil }

// noLabs has no terminals and no ports: nobody asks for any here.
type noLabs struct{ server.Labs }

func (noLabs) Prepare(context.Context, workshop.SessionID, workshop.ParticipantID) error { return nil }
func (noLabs) Watch(ctx context.Context, _ workshop.ParticipantID, _ func(server.LabView) error) error {
	<-ctx.Done()
	return ctx.Err()
}
