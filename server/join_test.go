package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/workshop"
)

func TestJoinAndComeBack(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.browser()
	answer, text := ada.do("POST", "/api/join", map[string]string{"code": strings.ToLower(w.code), "name": " Ada  L "})
	if answer.StatusCode != 200 || !strings.Contains(text, `"go":"/w/course/"`) || !strings.Contains(text, `"name":"Ada L"`) || strings.Contains(text, "token") {
		t.Fatalf("%s: %s", answer.Status, text)
	}
	set := answer.Header.Get("Set-Cookie")
	for _, part := range []string{"slipway=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(set, part) {
			t.Errorf("the cookie %q lacks %s", set, part)
		}
	}
	ada.enter("/api/join", map[string]string{"code": w.code, "name": "Somebody else"})
	if ada.me.Name != "Ada L" {
		t.Errorf("joining twice made %+v", ada.me)
	}
	w.restart(nil)
	answer, _ = ada.do("GET", "/w/course/", nil)
	if answer.StatusCode != http.StatusFound || answer.Header.Get("Location") != "/w/course/welcome" {
		t.Errorf("after a restart: %s to %q", answer.Status, answer.Header.Get("Location"))
	}
	if again := w.join("Grace"); again.me.ID == ada.me.ID {
		t.Error("two people are one")
	}
	w.labs.mu.Lock()
	defer w.labs.mu.Unlock()
	if len(w.labs.prepared) < 3 { // join, join again, restart
		t.Errorf("labs were asked for: %v", w.labs.prepared)
	}
}

func TestJournalHoldsNoCookie(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	if ada.cookie() == "" {
		t.Fatal("no cookie")
	}
	err := w.store.Read(context.Background(), w.id, 1, func(e workshop.Event) error {
		if e.Person != nil && (strings.Contains(e.Person.Token, ada.cookie()) || len(e.Person.Token) != 64) {
			t.Errorf("the journal holds %q", e.Person.Token)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestInstructorSignsIn(t *testing.T) {
	w := newWorld(t, nil)
	one := w.teach("Jo")
	if one.me.Role != workshop.Instructor {
		t.Fatalf("%+v", one.me)
	}
	two := w.teach("Jo") // a second device
	if two.me.ID != one.me.ID {
		t.Error("a second device made a second instructor")
	}
	for _, b := range []*browser{one, two} {
		if answer, text := b.do("GET", "/board", nil); answer.StatusCode != 200 || strings.Contains(text, w.key) {
			t.Errorf("board: %s", answer.Status)
		}
	}
	if answer, text := w.browser().do("POST", "/api/self", map[string]string{"key": w.key}); answer.StatusCode != http.StatusConflict {
		t.Errorf("a session with an instructor took a self-paced sign-in: %s %s", answer.Status, text)
	}
}

func TestSelfPaced(t *testing.T) {
	w := newWorld(t, nil)
	w.stop()
	w.open()
	w.id, w.key = workshop.SessionID(workshop.NewID()), workshop.NewSecret()
	session := workshop.Session{ID: w.id, Workshop: "course", Title: "Alone", JoinCode: workshop.NewJoinCode(), Secret: w.key, SelfPaced: true}
	if _, err := w.store.Append(context.Background(), w.id, workshop.Event{Kind: workshop.SessionCreated, Session: &session}); err != nil {
		t.Fatal(err)
	}
	w.start(nil)
	one := w.browser().enter("/api/self", map[string]string{"key": w.key})
	two := w.browser().enter("/api/self", map[string]string{"key": w.key})
	if one.me.ID != two.me.ID || one.me.Role != workshop.Attendee {
		t.Errorf("got %+v and %+v", one.me, two.me)
	}
	for _, b := range []*browser{one, two} {
		if answer, _ := b.do("GET", "/api/deck", nil); answer.StatusCode != 200 {
			t.Errorf("deck: %s", answer.Status)
		}
	}
}

// TestDamagedSessionIsLeftOut: an old session's journal that can't be read
// doesn't keep this one from going on.
func TestDamagedSessionIsLeftOut(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	w.stop()
	old := filepath.Join(w.dir, "sessions", "old")
	damaged := "rubbish\n{\"seq\":2,\"kind\":\"announcement.made\"}\n"
	if err := errors.Join(os.MkdirAll(old, 0o700), os.WriteFile(filepath.Join(old, "journal.jsonl"), []byte(damaged), 0o600)); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.start(nil)
	if answer, _ := ada.do("GET", "/api/deck", nil); answer.StatusCode != 200 {
		t.Errorf("the session that is well: %s", answer.Status)
	}
	if n := len(w.server.Sessions()); n != 1 {
		t.Errorf("%d sessions are served", n)
	}
}

func TestBadEntries(t *testing.T) {
	w := newWorld(t, nil)
	for what, c := range map[string]struct {
		path   string
		body   any
		status int
	}{
		"wrong code":   {"/api/join", map[string]string{"code": "AAAA-AAAA", "name": "x"}, 400},
		"no code":      {"/api/join", map[string]string{"name": "x"}, 400},
		"no name":      {"/api/join", map[string]string{"code": w.code}, 400},
		"long name":    {"/api/join", map[string]string{"code": w.code, "name": strings.Repeat("x", 10_000)}, 400},
		"huge body":    {"/api/join", map[string]string{"code": w.code, "name": strings.Repeat("x", 100_000)}, 400},
		"not an entry": {"/api/join", []int{1}, 400},
		"wrong key":    {"/api/instructor", map[string]string{"key": "nope"}, 400},
		"empty key":    {"/api/instructor", map[string]string{}, 400},
	} {
		answer, text := w.browser().do("POST", c.path, c.body)
		if answer.StatusCode != c.status || !strings.Contains(text, `"kind":"invalid"`) || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s %s", what, answer.Status, text)
		}
	}
}

func TestNameWithMarkupIsText(t *testing.T) {
	w := newWorld(t, nil)
	b := w.join(`<script>alert(1)</script>`)
	_, page := b.do("GET", "/w/course/welcome", nil)
	if strings.Contains(page, "<script>alert") {
		t.Error("a name is markup in the page")
	}
	if _, page := b.do("GET", "/", nil); strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;alert") {
		t.Errorf("the join page shows %s", page)
	}
}

func TestWrongCodesAreLimited(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 10 {
		if answer, text := w.browser().do("POST", "/api/join", map[string]string{"code": "BBBB-BBBB", "name": "x"}); answer.StatusCode != 400 {
			t.Fatalf("try %d: %s %s", i, answer.Status, text)
		}
	}
	if answer, text := w.browser().do("POST", "/api/join", map[string]string{"code": w.code, "name": "x"}); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the 11th: %s %s", answer.Status, text)
	}
	if answer, _ := w.browser().do("POST", "/api/instructor", map[string]string{"key": w.key}); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("keys may still be guessed: %s", answer.Status)
	}
}

func TestJoinByFormWithoutScripts(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser()
	form := url.Values{"code": {w.code}, "name": {"Ada"}}
	answer, err := b.http.PostForm(w.url+"/api/join", form)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/w/course/" {
		t.Fatalf("%s to %q", answer.Status, answer.Header.Get("Location"))
	}
	_, page := b.do("GET", "/w/course/second", nil)
	for _, want := range []string{`href="/w/course/welcome"`, `href="/w/course/third"`, "Do it", "2 of 3"} {
		if !strings.Contains(page, want) {
			t.Errorf("the slide without scripts lacks %q", want)
		}
	}
	form.Set("code", "CCCC-CCCC")
	answer, err = w.browser().http.PostForm(w.url+"/api/join", form)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 400 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a wrong code by form: %s %s", answer.Status, answer.Header.Get("Content-Type"))
	}
}

func TestForeignPagesAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	for _, origin := range []string{"http://evil.test", "null", "http://127.0.0.1:1", "https://" + strings.TrimPrefix(w.url, "http://") + ".evil.test", "file://"} {
		if answer, text := ada.do("POST", "/api/status", map[string]string{"status": "help"}, "Origin", origin); answer.StatusCode != 403 {
			t.Errorf("POST from %s: %s %s", origin, answer.Status, text)
		}
		if conn, answer, err := ada.dial("/api/events", "Origin", origin); err == nil {
			conn.Close()
			t.Errorf("a socket from %s opened", origin)
		} else if answer == nil || answer.StatusCode != 403 {
			t.Errorf("a socket from %s: %v", origin, err)
		}
	}
	if answer, _ := ada.do("POST", "/api/status", map[string]string{"status": "help"}, "Sec-Fetch-Site", "cross-site"); answer.StatusCode != 403 {
		t.Errorf("a cross-site POST without Origin: %s", answer.Status)
	}
	if answer, text := ada.do("POST", "/api/status", map[string]string{"status": "help"}, "Origin", w.url); answer.StatusCode != 200 {
		t.Errorf("our own page: %s %s", answer.Status, text)
	}
}

func TestSessionEnds(t *testing.T) {
	w := newWorld(t, nil)
	ada, jo := w.join("Ada"), w.teach("Jo")
	jo.must("POST", "/api/session/end", struct{}{})
	if answer, text := w.browser().do("POST", "/api/join", map[string]string{"code": w.code, "name": "Late"}); answer.StatusCode != http.StatusGone {
		t.Errorf("the code still works: %s %s", answer.Status, text)
	}
	if answer, _ := ada.do("POST", "/api/status", map[string]string{"status": "help"}); answer.StatusCode != http.StatusGone {
		t.Errorf("status after the end: %s", answer.Status)
	}
	if answer, _ := ada.do("GET", "/api/replay", nil); answer.StatusCode != 200 {
		t.Errorf("replay after the end: %s", answer.Status)
	}
}

func TestLeaveForgetsTheCookie(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	ada.must("POST", "/api/leave", struct{}{})
	if answer, text := ada.do("GET", "/w/course/welcome", nil); answer.StatusCode != 401 || !strings.Contains(text, `href="/"`) {
		t.Errorf("after leaving: %s %s", answer.Status, text)
	}
}
