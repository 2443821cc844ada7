package server

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"slipway/workshop"
)

// address makes a request of a pattern: every wildcard gets something that
// exists, or exists for somebody else.
func address(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, strings.NewReplacer("{$}", "", "{code}", "AAAA-AAAA", "{workshop}", "course", "{slide}", "second",
		"{path...}", "pic.png", "{id}", "do-it", "{node}", "node1", "{file}", "t1.cast").Replace(path)
}

// TestEveryRouteForEveryRole asks every route of the table as nobody, with
// guessed and stale cookies, and as every role, and compares who got in with the
// table below. A new route without a row here fails.
func TestEveryRouteForEveryRole(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MaxPeople = 10_000 })
	who := map[string]*browser{"nobody": w.browser(), "attendee": w.join("Ada"), "instructor": w.teach("Jo"), "helper": w.helper("Hal")}
	guess := w.browser()
	guess.do("GET", "/", nil) // makes its jar
	stale := map[string]string{"guessed": workshop.NewSecret(), "the hash": hashOf(who["attendee"].cookie()), "an id": string(who["attendee"].me.ID), "the key": w.key, "the code": w.code}

	want := map[string]string{} // least role, by pattern
	for _, row := range strings.Split(strings.TrimSpace(leastRoles), "\n") {
		pattern, least, _ := strings.Cut(row, " = ")
		want[pattern] = strings.TrimSpace(least)
	}
	ranks := map[string]int{"nobody": 0, "attendee": 1, "helper": 2, "instructor": 3}
	seen := map[string]bool{}
	for _, row := range table() {
		least, ok := want[row.pattern]
		if !ok {
			t.Errorf("%s has no row in this test: say who may use it", row.pattern)
			continue
		}
		seen[row.pattern] = true
		if strings.HasSuffix(row.pattern, "/session/end") {
			continue // ends it for the others; TestSessionEnds
		}
		method, path := address(row.pattern)
		for role, b := range who {
			if role != "nobody" && (strings.HasSuffix(path, "/leave") || strings.HasSuffix(path, "/join")) {
				continue
			}
			status := ask(b, row, method, path)
			if allowed := ranks[role] >= ranks[least]; allowed == (status == 401 || status == 403) {
				t.Errorf("%s as %s: %d, but it is for %s and up", row.pattern, role, status, least)
			}
		}
		if least == "nobody" {
			continue
		}
		for what, secret := range stale {
			if status := ask(guess, row, method, path, "Cookie", "slipway="+secret); status != 401 {
				t.Errorf("%s with %s for a cookie: %d", row.pattern, what, status)
			}
		}
	}
	for pattern := range want {
		if !seen[pattern] {
			t.Errorf("the test knows %s, the server doesn't", pattern)
		}
	}
}

// ask gives the status, or for a socket the status its close code stands for.
func ask(b *browser, row route, method, path string, headers ...string) int {
	if row.kind == stream {
		conn, answer, err := b.dial(path+"?client=c&from=-1", headers...)
		if err != nil {
			if answer == nil {
				b.w.t.Fatalf("%s: %v", path, err)
			}
			return answer.StatusCode
		}
		defer conn.Close()
		if strings.HasSuffix(path, "/events") {
			if _, raw, err := conn.ReadMessage(); err == nil && strings.Contains(string(raw), "snapshot") {
				return 200
			}
		}
		return closeCode(b.w.t, conn) - 4000
	}
	var body any
	if method == "POST" {
		body = struct{}{}
	}
	answer, _ := b.do(method, path, body, headers...)
	return answer.StatusCode
}

// helper makes a participant with the role of a helper; there is no way to
// become one from outside yet.
func (w *world) helper(name string) *browser {
	w.t.Helper()
	b := w.browser()
	secret := workshop.NewSecret()
	p := workshop.Participant{ID: workshop.ParticipantID(workshop.NewID()), Name: name, Role: workshop.Helper, Token: hashOf(secret)}
	session := w.server.allSessions()[0]
	if err := session.append(context.Background(), workshop.Event{Kind: workshop.Joined, Participant: p.ID, Person: &p}); err != nil {
		w.t.Fatal(err)
	}
	b.setCookie(secret)
	b.me = p
	return b
}

const leastRoles = `
GET /{$} = nobody
GET /j/{code} = nobody
POST /api/join = nobody
GET /instructor = nobody
POST /api/instructor = nobody
GET /self = nobody
POST /api/self = nobody
POST /api/leave = nobody
GET /w/{workshop}/{$} = attendee
GET /w/{workshop}/{slide} = attendee
GET /w/{workshop}/assets/{path...} = attendee
GET /present = instructor
GET /board = helper
GET /projector = instructor
GET /try = instructor
GET /replay = attendee
GET /assets/{path...} = nobody
GET /chroma.css = nobody
GET /healthz = nobody
GET /readyz = nobody
GET /api/deck = attendee
GET /api/slides = attendee
GET /api/notes = instructor
GET /api/search = attendee
GET /api/events = attendee
POST /api/place = attendee
POST /api/slide = instructor
POST /api/drive = instructor
POST /api/status = attendee
POST /api/announce = instructor
POST /api/exercises/{id}/hint = attendee
POST /api/exercises/{id}/solution = attendee
POST /api/exercises/{id}/quiz = attendee
POST /api/exercises/{id}/judge = attendee
POST /api/exercises/{id}/do = attendee
POST /api/doing/stop = attendee
POST /api/participants/{who}/exercises/{id}/judge = helper
POST /api/participants/{who}/exercises/{id}/override = instructor
POST /api/try = instructor
POST /api/session/end = instructor
POST /api/lab/retry = attendee
GET /api/nodes/{node}/terminals = attendee
POST /api/nodes/{node}/terminals = attendee
DELETE /api/nodes/{node}/terminals/{id} = attendee
GET /api/nodes/{node}/terminals/{id}/socket = attendee
GET /api/replay = attendee
GET /api/replay/casts/{node}/{file} = attendee
`

func TestNobodyEndsASessionButInstructors(t *testing.T) {
	w := newWorld(t, nil)
	for _, b := range []*browser{w.browser(), w.join("Ada"), w.helper("Hal")} {
		if answer, _ := b.do("POST", "/api/session/end", struct{}{}); answer.StatusCode != 401 && answer.StatusCode != 403 {
			t.Errorf("%s ended it: %s", b.me.Role, answer.Status)
		}
	}
}

// TestPeopleSeeNoOneElse tries the ways to another one's things.
func TestPeopleSeeNoOneElse(t *testing.T) {
	w := newWorld(t, nil)
	ada, bob := w.join("Ada"), w.join("Bob")
	bob.must("POST", "/api/nodes/node1/terminals", TerminalWish{Cols: 80, Rows: 24})
	if text := ada.must("GET", "/api/nodes/node1/terminals", nil); strings.TrimSpace(text) != "[]" {
		t.Errorf("Ada sees the terminals %s", text)
	}
	for _, path := range []string{"/api/replay", "/replay", "/api/replay/casts/node1/t1.cast"} {
		if answer, _ := ada.do("GET", path+"?participant="+string(bob.me.ID), nil); answer.StatusCode != 403 {
			t.Errorf("%s of Bob for Ada: %s", path, answer.Status)
		}
	}
	conn := ada.socket(fmt.Sprintf("/api/nodes/node1/terminals/t1/socket?client=c&from=-1&participant=%s", bob.me.ID))
	if code := closeCode(t, conn); code != 4403 {
		t.Errorf("Bob's terminal for Ada: %d", code)
	}
	conn = ada.socket("/api/nodes/node1/terminals/t1/socket?client=c&from=-1")
	if code := closeCode(t, conn); code != 4404 {
		t.Errorf("a terminal that only Bob has: %d", code)
	}
}

func TestPathsOutsideAreNotFound(t *testing.T) {
	w := newWorld(t, nil)
	jo := w.teach("Jo")
	for _, path := range []string{"/api/replay/casts/..%2f..%2f/journal.jsonl", "/api/replay/casts/node1/..%2f..%2fjournal.cast",
		"/w/course/assets/one.md", "/w/course/assets/..%2fworkshop.yaml", "/w/course/assets/workshop.yaml", "/assets/..%2f..%2fgo.mod", "/nowhere", "/api/nowhere"} {
		answer, text := jo.do("GET", path, nil)
		if answer.StatusCode != 404 || strings.Contains(text, "MARK") {
			t.Errorf("%s: %s %s", path, answer.Status, text)
		}
	}
}
