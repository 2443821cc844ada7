package server

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slipway/workshop"
)

func TestSnapshotThenEvents(t *testing.T) {
	w := newWorld(t, nil)
	ada, bob, jo := w.join("Ada"), w.join("Bob"), w.teach("Jo")
	bob.must("POST", "/api/status", map[string]string{"status": "help"})
	board, page := jo.socket("/api/events"), ada.socket("/api/events")

	var all, own workshop.Progress
	next(t, board, "snapshot", &all)
	next(t, page, "snapshot", &own)
	if all.People[bob.me.ID] == nil || all.People[bob.me.ID].Status != workshop.Help || len(own.People) != 1 || own.People[ada.me.ID] == nil {
		t.Fatalf("snapshots: %+v and %+v", all, own)
	}
	if own.Session.JoinCode != "" || all.Session.JoinCode != w.code || all.Session.Secret != "" {
		t.Errorf("sessions in snapshots: %+v and %+v", own.Session, all.Session)
	}
	bob.must("POST", "/api/status", map[string]string{"status": "done"})
	var e workshop.Event
	next(t, board, "event", &e)
	if e.Kind != workshop.StatusChanged || e.Participant != bob.me.ID || e.Status != workshop.Done {
		t.Errorf("the board got %+v", e)
	}
	jo.must("POST", "/api/slide", workshop.Place{Slide: "second", Step: 99})
	next(t, page, "event", &e) // nothing of Bob before it
	if e.Kind != workshop.DriverChanged {
		t.Errorf("Ada got %+v", e)
	}
	next(t, page, "event", &e)
	if e.Kind != workshop.SlideMoved || e.Place.Slide != "second" || e.Place.Step != 1 {
		t.Errorf("Ada got %+v", e)
	}
	jo.must("POST", "/api/announce", map[string]string{"text": " Coffee\n at ten "})
	next(t, page, "event", &e)
	if e.Text != "Coffee at ten" {
		t.Errorf("Ada got %+v", e)
	}
	if answer, _ := ada.do("GET", "/w/course/", nil); answer.Header.Get("Location") != "/w/course/second?s=1" {
		t.Errorf("a late page goes to %q", answer.Header.Get("Location"))
	}
}

func TestPresence(t *testing.T) {
	w := newWorld(t, nil)
	ada, jo := w.join("Ada"), w.teach("Jo")
	board := jo.socket("/api/events")
	page := ada.socket("/api/events")
	var here map[workshop.ParticipantID]bool
	for !here[ada.me.ID] {
		here = nil
		next(t, board, "presence", &here)
	}
	page.Close()
	for here[ada.me.ID] {
		here = nil
		next(t, board, "presence", &here)
	}
	if !here[jo.me.ID] {
		t.Error("the instructor doesn't see themselves")
	}
}

func TestLabIsToldWhole(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	page := ada.socket("/api/events")
	var s workshop.Progress
	next(t, page, "snapshot", &s)
	w.labs.set(LabView{Nodes: map[string]NodeView{"node1": {State: "ready", Engine: "running"}},
		Ports: map[string][]PortView{"node1": {{8000, "webui"}}}, Speed: &SpeedView{3.3, 3.33, "rng"}})
	var nodes map[string]NodeView
	next(t, page, "nodes", &nodes)
	var ports map[string][]shownPort
	next(t, page, "ports", &ports)
	if nodes["node1"].State != "ready" || len(ports["node1"]) != 1 {
		t.Fatalf("%+v %+v", nodes, ports)
	}
	p := ports["node1"][0]
	if p.Port != 8000 || p.Container != "webui" || !strings.HasPrefix(p.Frame, "/port/") || !strings.HasSuffix(p.URL, ".apps.test/") {
		t.Errorf("%+v", p)
	}
	_, raw, err := page.ReadMessage()
	if err != nil || string(raw) != `{"speed":3.3,"theory":3.33,"why":"rng"}` {
		t.Errorf("%s %v", raw, err)
	}
	w.labs.set(LabView{Speed: &SpeedView{Speed: 9}})
	if _, raw, err = page.ReadMessage(); err != nil || string(raw) != `{"speed":9}` {
		t.Errorf("%s %v", raw, err)
	}
}

func TestDriversTakeTurns(t *testing.T) {
	w := newWorld(t, nil)
	jo, al := w.teach("Jo"), w.teach("Al")
	jo.must("POST", "/api/slide", workshop.Place{Slide: "second"})
	answer, text := al.do("POST", "/api/slide", workshop.Place{Slide: "third"})
	if answer.StatusCode != 409 || !strings.Contains(text, "Jo drives") {
		t.Errorf("%s %s", answer.Status, text)
	}
	al.must("POST", "/api/drive", struct{}{})
	al.must("POST", "/api/slide", workshop.Place{Slide: "third"})
	if answer, _ := jo.do("POST", "/api/slide", workshop.Place{Slide: "second"}); answer.StatusCode != 409 {
		t.Errorf("Jo still drives: %s", answer.Status)
	}
	if answer, _ := al.do("POST", "/api/slide", workshop.Place{Slide: "nope"}); answer.StatusCode != 404 {
		t.Errorf("to a slide that isn't there: %s", answer.Status)
	}
}

func TestServerGoesAwayWith1001(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	page, term := ada.socket("/api/events"), ada.socket("/api/nodes/node1/terminals/t1/socket?client=c&from=-1")
	go w.stop()
	if code := closeCode(t, page); code != 1001 {
		t.Errorf("events: %d", code)
	}
	if code := closeCode(t, term); code != 1001 {
		t.Errorf("terminal: %d", code)
	}
	w.stop()
}

func TestSocketsOfOnePersonAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	for range socketsOf {
		ada.socket("/api/events")
	}
	if code := closeCode(t, ada.socket("/api/events")); code != 4429 {
		t.Errorf("one too many: %d", code)
	}
	if _, _, err := w.join("Bob").socket("/api/events").ReadMessage(); err != nil {
		t.Errorf("others are kept out as well: %v", err)
	}
}

// TestSlowWatcherIsClosed fills the queue of one who doesn't read; others go on.
func TestSlowWatcherIsClosed(t *testing.T) {
	s := newSession("s", nil, testLog())
	join := func(seq uint64, id workshop.ParticipantID) workshop.Participant {
		p := workshop.Participant{ID: id, Role: workshop.Instructor}
		s.apply(workshop.Event{Seq: seq, Kind: workshop.Joined, Person: &p})
		return p
	}
	slow, fast := s.watch(join(1, "slow")), s.watch(join(2, "fast"))
	got := 0
	for seq := uint64(3); seq < 3+2*queueLength; seq++ {
		s.apply(workshop.Event{Seq: seq, Kind: workshop.Announced, Text: "x"})
		for len(fast.queue) > 0 {
			<-fast.queue
			got++
		}
	}
	if !slow.closed || fast.closed || got < 2*queueLength {
		t.Fatalf("slow closed: %v, fast closed: %v after %d", slow.closed, fast.closed, got)
	}
	n := 0
	for range slow.queue {
		n++
	}
	if n != queueLength {
		t.Errorf("%d messages waited, bound is %d", n, queueLength)
	}
	s.unwatch(slow) // as its socket does when it sees the closed queue
	s.unwatch(fast)
	if len(s.watchers)+len(s.present) != 0 {
		t.Errorf("left over: %v %v", s.watchers, s.present)
	}
}

func TestLimiterForgetsWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(2, time.Minute)
		if !l.add("a") || !l.add("a") || l.add("a") || !l.full("a") || l.full("b") {
			t.Fatal("the share is not 2")
		}
		time.Sleep(time.Minute)
		if l.full("a") || !l.add("a") {
			t.Error("a minute later it still is used up")
		}
		for i := range 3 * maxTallies {
			l.add(string(rune(i)))
		}
		if len(l.keys) > maxTallies {
			t.Errorf("%d keys are kept", len(l.keys))
		}
	})
}

// TestEventFloodIsBounded sends commands as fast as it can.
func TestEventFloodIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	status := []string{"help", "working"}
	refused := 0
	for i := range 250 {
		if answer, _ := ada.do("POST", "/api/status", map[string]string{"status": status[i%2]}); answer.StatusCode == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	raw, _ := json.Marshal(w.server.Sessions())
	if !strings.Contains(string(raw), "A course") {
		t.Errorf("sessions: %s", raw)
	}
}
