package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"slipway/exercises"
	"slipway/workshop"
)

// coach notes what it is asked for.
type coach struct {
	asked chan string
}

func (c coach) Do(_ context.Context, _ workshop.SessionID, _ workshop.ParticipantID, x workshop.ExerciseID, bring bool) error {
	c.asked <- fmt.Sprintf("do %s %v", x, bring)
	return nil
}

func (c coach) Stop(context.Context, workshop.ParticipantID) error {
	c.asked <- "stop"
	return nil
}

func (c coach) Typed(_ workshop.ParticipantID, node, terminal string) {
	c.asked <- "typed " + node + " " + terminal
}

func (c coach) Try(_ context.Context, _ workshop.SessionID, _ workshop.ParticipantID, x string) (Tried, error) {
	if x == "bad" {
		return Tried{Problems: []string{"did you mean node1?"}}, nil
	}
	return Tried{Verdict: &exercises.Tried{CheckVerdict: workshop.CheckVerdict{State: workshop.Passing}, Seen: []exercises.Seen{{Part: "a", Value: "1"}}}}, nil
}

func (c coach) Judge(_ context.Context, _ workshop.SessionID, who workshop.ParticipantID, x workshop.ExerciseID) error {
	c.asked <- fmt.Sprintf("judge %s %s", who, x)
	return nil
}

func TestDoneForPeople(t *testing.T) {
	c := coach{make(chan string, 10)}
	w := newWorld(t, func(cfg *Config) { cfg.Coach = c })
	ada, jo := w.join("Ada"), w.teach("Jo")
	socket := ada.socket("/api/events")
	ada.must("POST", "/api/exercises/do-it/do", map[string]bool{"bring": false})
	ada.must("POST", "/api/exercises/guess/do", map[string]bool{"bring": true})
	ada.must("POST", "/api/doing/stop", struct{}{})
	for _, want := range []string{"do do-it false", "do guess true", "stop"} {
		if got := <-c.asked; got != want {
			t.Errorf("asked %q, wanted %q", got, want)
		}
	}
	for path, status := range map[string]int{"guess/do": 404, "nothing/do": 404} {
		if answer, _ := ada.do("POST", "/api/exercises/"+path, struct{}{}); answer.StatusCode != status {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	w.labs.set(LabView{Doing: &DoingView{Exercise: "do-it", For: "do-it", Act: 1, Acts: 2, Node: "node1", Terminal: "t1", Text: "ls"}})
	var doing *DoingView
	if next(t, socket, "doing", &doing); doing == nil || doing.Text != "ls" {
		t.Errorf("the page is told %+v", doing)
	}
	w.labs.set(LabView{})
	if next(t, socket, "doing", &doing); doing != nil {
		t.Errorf("at the end the page is told %+v", doing)
	}
	if text := jo.must("POST", "/api/try", map[string]string{"expression": "node1"}); !strings.Contains(text, `"state":"passing"`) || !strings.Contains(text, `"part":"a"`) {
		t.Errorf("tried: %s", text)
	}
	if text := jo.must("POST", "/api/try", map[string]string{"expression": "bad"}); !strings.Contains(text, "did you mean") {
		t.Errorf("tried: %s", text)
	}
	for _, bad := range []string{"", strings.Repeat("x", 5000)} {
		if answer, _ := jo.do("POST", "/api/try", map[string]string{"expression": bad}); answer.StatusCode != 400 {
			t.Errorf("%.10q: %s", bad, answer.Status)
		}
	}
}

// A key of the person is told apart from what a terminal answers by itself.
func TestTypedByHand(t *testing.T) {
	for keys, want := range map[string]bool{"a": true, "\x03": true, "\r": true, "\x1b[A": true, "\x1bOA": true, "\x1b": true, "ls\r": true, "": false,
		"\x1b[12;40R": false, "\x1b[?1;2c": false, "\x1b[>0;276;0c": false, "\x1b[I": false, "\x1b[O": false, "\x1b[<0;3;4M": false,
		"\x1b]11;rgb:0000/0000/0000\x1b\\": false, "\x1b[?2026;2$y": false, "\x1b[12;40Rx": true} {
		if got := typedByHand(append([]byte("i\x00\x00\x00\x00\x00\x00\x00\x00"), keys...)); got != want {
			t.Errorf("%q typed by hand: %v", keys, got)
		}
	}
	if typedByHand([]byte("a\x00\x00\x00\x00\x00\x00\x00\x00")) || typedByHand(nil) {
		t.Error("other frames count as typed")
	}
	c := coach{make(chan string, 10)}
	w := newWorld(t, func(cfg *Config) { cfg.Coach = c })
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	tab := ada.tab("node1", "t1", "tab", -1)
	tab.type_("x")
	if got := <-c.asked; got != "typed node1 t1" {
		t.Errorf("told %q", got)
	}
}

func TestDecisions(t *testing.T) {
	c := coach{make(chan string, 10)}
	w := newWorld(t, func(cfg *Config) { cfg.Judge = c })
	ada, jo, hal := w.join("Ada"), w.teach("Jo"), w.helper("Hal")
	mine := ada.socket("/api/events")
	at := "/api/participants/" + string(ada.me.ID) + "/exercises/do-it/"
	hal.must("POST", at+"judge", struct{}{})
	if got := <-c.asked; got != "judge "+string(ada.me.ID)+" do-it" {
		t.Errorf("asked %q", got)
	}
	if answer, _ := hal.do("POST", at+"override", map[string]string{"reason": "x"}); answer.StatusCode != 403 {
		t.Errorf("a helper decided: %s", answer.Status)
	}
	jo.must("POST", at+"override", map[string]string{"reason": " Shown on\npaper. "})
	var e workshop.Event
	for e.Kind != workshop.VerdictChanged {
		e = workshop.Event{}
		next(t, mine, "event", &e)
	}
	if e.By != jo.me.ID || e.Verdict.Override != "Shown on paper." || e.Verdict.State != workshop.Solved {
		t.Errorf("decided is %+v %+v", e, e.Verdict)
	}
	// What a watcher tells a moment later doesn't undo it.
	failing := workshop.Verdict{Exercise: "do-it", State: workshop.Failing}
	session := w.server.allSessions()[0]
	if err := session.append(t.Context(), workshop.Event{Kind: workshop.VerdictChanged, Participant: ada.me.ID, Verdict: &failing}); err != nil {
		t.Fatal(err)
	}
	if p, _ := session.person(ada.me.ID); p.Exercises["do-it"].State != workshop.Solved || p.Exercises["do-it"].Override == "" {
		t.Errorf("then it is %+v", p.Exercises["do-it"])
	}
	jo.must("POST", at+"override", map[string]string{"reason": ""})
	if p, _ := session.person(ada.me.ID); p.Exercises["do-it"].State != workshop.Pending || p.Exercises["do-it"].Override != "" || !p.Exercises["do-it"].SolvedAt.IsZero() {
		t.Errorf("taken back it is %+v", p.Exercises["do-it"])
	}
	for path, status := range map[string]int{"/api/participants/nobody/exercises/do-it/override": 404, "/api/participants/" + string(jo.me.ID) + "/exercises/do-it/judge": 404,
		"/api/participants/" + string(ada.me.ID) + "/exercises/nothing/judge": 404} {
		if answer, _ := jo.do("POST", path, map[string]string{"reason": "x"}); answer.StatusCode != status {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	if answer, _ := jo.do("POST", at+"override", map[string]string{"reason": strings.Repeat("x", 281)}); answer.StatusCode != 400 {
		t.Errorf("a long reason: %s", answer.Status)
	}
}

// Hints about what fails come first; what is open keeps its number.
func TestHintsByFailedPart(t *testing.T) {
	e := Exercise{Checks: []string{"code", "runs", "answers"}, Hints: []Hint{{"", "general"}, {"answers", "a"}, {"runs", "r"}, {"code", "c"}}}
	checks := func(states ...workshop.State) (list []workshop.CheckVerdict) {
		for _, s := range states {
			list = append(list, workshop.CheckVerdict{State: s})
		}
		return list
	}
	for _, c := range []struct {
		a    workshop.Achievement
		want []int
	}{
		{workshop.Achievement{}, []int{0, 1, 2, 3}},
		{workshop.Achievement{Verdict: workshop.Verdict{Checks: checks(workshop.Passing, workshop.Failing, workshop.Unsure)}}, []int{2, 0, 1, 3}},
		{workshop.Achievement{Hints: 1, Opened: []int{3}, Verdict: workshop.Verdict{Checks: checks(workshop.Passing, workshop.Passing, workshop.Failing)}}, []int{2, 1, 0, 3}},
		{workshop.Achievement{Hints: 2}, []int{0, 1, 2, 3}},
		{workshop.Achievement{Hints: 1, Opened: []int{9, 0, 4}}, []int{3, 0, 1, 2}},
	} {
		if got := hintOrder(e, &c.a); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%+v: %v, wanted %v", c.a, got, c.want)
		}
	}
	w := newWorld(t, nil)
	ada := w.join("Ada")
	var first, again struct {
		HTML   string
		Number int
	}
	json.Unmarshal([]byte(ada.must("POST", "/api/exercises/do-it/hint", map[string]int{"number": 1})), &first)
	json.Unmarshal([]byte(ada.must("POST", "/api/exercises/do-it/hint", map[string]int{"number": 1})), &again)
	if first != again || first.Number != 1 {
		t.Errorf("%+v, then %+v", first, again)
	}
	p, _ := w.server.allSessions()[0].person(ada.me.ID)
	if a := p.Exercises["do-it"]; a.Hints != 1 || fmt.Sprint(a.Opened) != "[1]" {
		t.Errorf("kept is %+v", a)
	}
}
