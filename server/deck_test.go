package server

import (
	"compress/gzip"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"slipway/slides"
	"slipway/slides/orchestration"
	"slipway/workshop"
)

func TestDeckOutline(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	var got outline
	if err := json.Unmarshal([]byte(ada.must("GET", "/api/deck", nil)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "course" || len(got.Slides) != 3 || got.Slides[1].Name != "second" || got.Slides[1].Steps != 1 || got.Slides[1].N != 2 {
		t.Errorf("%+v", got)
	}
	if len(got.Exercises) != 2 {
		t.Fatalf("%+v", got.Exercises)
	}
	if e := got.Exercises[0]; e.ID != "do-it" || e.Slide != "second" || len(e.Checks) != 1 || e.Checks[0] != "it is done" || e.Hints != 1 || !e.Solution || e.Quiz || e.Minutes != 4 {
		t.Errorf("%+v", e)
	}
	if !got.Exercises[1].Quiz {
		t.Errorf("%+v", got.Exercises[1])
	}
	answer, _ := ada.do("GET", "/api/deck", nil)
	if answer, _ := ada.do("GET", "/api/deck", nil, "If-None-Match", answer.Header.Get("ETag")); answer.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %s", answer.Status)
	}
}

func TestSlidesComeInChunks(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	for query, want := range map[string]string{"": "welcome second third", "?from=2&count=1": "second", "?from=3&count=1000": "third", "?from=9": ""} {
		var chunk []fragment
		if err := json.Unmarshal([]byte(ada.must("GET", "/api/slides"+query, nil)), &chunk); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range chunk {
			names = append(names, f.Name)
		}
		if strings.Join(names, " ") != want {
			t.Errorf("%q gives %v", query, names)
		}
	}
	for _, query := range []string{"?from=0", "?count=-1", "?from=x"} {
		if answer, _ := ada.do("GET", "/api/slides"+query, nil); answer.StatusCode != 400 {
			t.Errorf("%s: %s", query, answer.Status)
		}
	}
}

// TestNothingPrivateReachesAttendees reads every answer that an attendee can
// get about a deck whose secrets are marked.
func TestNothingPrivateReachesAttendees(t *testing.T) {
	w := newWorld(t, nil)
	ada, jo := w.join("Ada"), w.teach("Jo")
	notes := jo.must("GET", "/api/notes?slide=welcome", nil)
	if !strings.Contains(notes, "MARK-NOTE") || !strings.Contains(notes, `"next":"second"`) {
		t.Fatalf("the presenter's notes: %s", notes) // or the marks would prove nothing
	}
	if hits := jo.must("GET", "/api/search?q=MARK-NOTE", nil); !strings.Contains(hits, `"where":"notes"`) {
		t.Fatalf("the presenter finds in notes: %s", hits)
	}
	var seen strings.Builder
	for _, row := range table() {
		if row.least > member || row.kind == stream || row.kind == command {
			continue
		}
		_, path := address(row.pattern)
		for _, path := range []string{path, strings.Replace(path, "second", "welcome", 1), strings.Replace(path, "second", "third", 1), path + "?q=MARK&slide=welcome&from=1&count=100"} {
			answer, text := ada.do("GET", path, nil)
			seen.WriteString(text)
			for name, values := range answer.Header {
				seen.WriteString(name + strings.Join(values, " "))
			}
		}
	}
	page := ada.socket("/api/events")
	_, snapshot, err := page.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	seen.Write(snapshot)
	for _, mark := range append(marks, w.key, w.code, hashOf(ada.cookie()), "MARK") {
		if i := strings.Index(seen.String(), mark); i >= 0 {
			t.Errorf("an attendee received %s: …%s…", mark, seen.String()[max(0, i-200):min(seen.Len(), i+100)])
		}
	}
	if !strings.Contains(seen.String(), "Type this") {
		t.Error("the test saw no slide at all")
	}
}

// TestBuiltInDeckKeepsItsSecrets looks for the real deck's checks, hints, answers
// and notes in what attendees are sent of it.
func TestBuiltInDeckKeepsItsSecrets(t *testing.T) {
	loaded, err := slides.Load(orchestration.FS, "workshop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	deck, err := FromSlides(loaded)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(outlineOf(deck))
	if err != nil {
		t.Fatal(err)
	}
	sent := string(public)
	for _, s := range deck.Slides {
		sent += html.UnescapeString(s.HTML)
	}
	looked := 0
	hidden := func(what, secret string) {
		if len(secret) < 12 { // a word that may well stand on a slide
			return
		}
		looked++
		if strings.Contains(sent, html.UnescapeString(secret)) {
			t.Errorf("attendees are sent %s: %q", what, secret)
		}
	}
	for _, e := range loaded.Exercises {
		for _, c := range e.Checks {
			hidden("a check of "+e.ID, c.That)
		}
		for _, h := range e.Hints {
			hidden("a hint of "+e.ID, h.HTML)
		}
		if e.Quiz != nil {
			hidden("an answer of "+e.ID, e.Quiz.Pattern)
			hidden("an explanation of "+e.ID, e.Quiz.Explain)
		}
	}
	for _, s := range loaded.Slides {
		hidden("notes of "+s.Name, s.NotesHTML)
	}
	if looked < 10 {
		t.Errorf("the deck holds only %d secrets; is it the right one?", looked)
	}
}

func TestHintsSolutionsAndQuizzesAreRecorded(t *testing.T) {
	w := newWorld(t, nil)
	ada, jo := w.join("Ada"), w.teach("Jo")
	board := jo.socket("/api/events")
	if hint := ada.must("POST", "/api/exercises/do-it/hint", map[string]int{"number": 1}); !strings.Contains(hint, "MARK-HINT") {
		t.Errorf("hint: %s", hint)
	}
	ada.must("POST", "/api/exercises/do-it/hint", map[string]int{"number": 1}) // again is no news
	acts := ada.must("POST", "/api/exercises/do-it/solution", struct{}{})
	if !strings.Contains(acts, "echo MARK-SOLUTION") || !strings.Contains(acts, `"node":"node2","terminal":"t1"`) {
		t.Errorf("solution: %s", acts)
	}
	if text := ada.must("POST", "/api/exercises/guess/quiz", map[string]string{"answer": "nope"}); !strings.Contains(text, `"correct":false`) {
		t.Errorf("quiz: %s", text)
	}
	if text := ada.must("POST", "/api/exercises/guess/quiz", map[string]string{"answer": "mark-answer"}); !strings.Contains(text, `"correct":true`) {
		t.Errorf("quiz: %s", text)
	}
	var kinds []string
	var e workshop.Event
	for e.Kind != workshop.VerdictChanged || e.Verdict.State != workshop.Solved {
		e = workshop.Event{}
		next(t, board, "event", &e)
		kinds = append(kinds, string(e.Kind))
	}
	if got := strings.Join(kinds, " "); got != "hint.opened solution.opened quiz.answered verdict.changed quiz.answered verdict.changed" {
		t.Errorf("the board saw %s", got)
	}
	for path, status := range map[string]int{"do-it/quiz": 400, "nope/hint": 404, "guess/solution": 404, "do-it/judge": 200} {
		if answer, text := ada.do("POST", "/api/exercises/"+path, struct{}{}); answer.StatusCode != status {
			t.Errorf("%s: %s %s", path, answer.Status, text)
		}
	}
	for _, number := range []int{0, -1, 2, 1 << 40} {
		if answer, _ := ada.do("POST", "/api/exercises/do-it/hint", map[string]int{"number": number}); answer.StatusCode != 404 {
			t.Errorf("hint %d: %s", number, answer.Status)
		}
	}
}

var builtWeb = fstest.MapFS{
	".vite/manifest.json": {Data: []byte(`{
		"src/pages/attendee.ts": {"file": "assets/attendee-x1.js", "css": ["assets/a.css"], "imports": ["_shared.js"], "isEntry": true},
		"_shared.js": {"file": "assets/shared-y2.js", "css": ["assets/s.css"], "imports": ["_shared.js"]}}`)},
	"assets/attendee-x1.js": {Data: []byte("console.log(" + strings.Repeat("1+", 2000) + "1)")},
	"assets/a.css":          {Data: []byte("p{}")},
}

func TestPagesLoadTheWebBuild(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Web = builtWeb })
	ada := w.join("Ada")
	answer, page := ada.do("GET", "/w/course/second?s=7", nil)
	for _, want := range []string{`<script type="module" src="/assets/attendee-x1.js">`, `href="/assets/a.css"`, `href="/assets/s.css"`,
		`<link rel="modulepreload" href="/assets/shared-y2.js">`, `"step":1`, `"page":"attendee"`, `"appsHost":"apps.test"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for header, want := range map[string]string{"Content-Security-Policy": "script-src 'self'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"} {
		if !strings.Contains(answer.Header.Get(header), want) {
			t.Errorf("%s: %q", header, answer.Header.Get(header))
		}
	}
	csp := answer.Header.Get("Content-Security-Policy")
	if strings.Contains(csp, "unsafe-eval") || strings.Contains(csp, "script-src 'self' '") || strings.Contains(csp, "connect-src *") || !strings.Contains(csp, "frame-src 'self' http://*.apps.test") {
		t.Errorf("the policy is %s", csp)
	}
	if strings.Contains(page, "The web build is missing") {
		t.Error("the page says that the build is missing")
	}
	_, page = w.join("Bob").do("GET", "/replay", nil)
	if !strings.Contains(page, "The web build is missing") {
		t.Error("a page without its script says nothing")
	}
}

func TestAssets(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Web = builtWeb })
	b := w.browser()
	r, _ := http.NewRequest("GET", w.url+"/assets/attendee-x1.js", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	answer, err := b.http.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("%v", answer.Header)
	}
	unzipped, err := gzip.NewReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if raw, _ := io.ReadAll(unzipped); len(raw) != len(builtWeb["assets/attendee-x1.js"].Data) {
		t.Errorf("%d bytes", len(raw))
	}
	if answer, _ := b.do("GET", "/assets/attendee-x1.js", nil, "If-None-Match", answer.Header.Get("ETag")); answer.StatusCode != 304 {
		t.Errorf("asked again: %s", answer.Status)
	}
	for _, path := range []string{"/assets/", "/assets/nope.js", "/assets/../.vite/manifest.json", "/assets/%2e%2e/.vite/manifest.json"} {
		if answer, text := b.do("GET", path, nil); answer.StatusCode == 200 || strings.Contains(text, "isEntry") {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	if answer, text := b.do("GET", "/chroma.css", nil); answer.StatusCode != 200 || !strings.Contains(text, ".chroma") {
		t.Errorf("chroma.css: %s", answer.Status)
	}
	if answer, text := w.join("Ada").do("GET", "/w/course/assets/pic.png", nil); answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "image/png" || !strings.HasPrefix(text, "\x89PNG") {
		t.Errorf("a picture: %s %s", answer.Status, answer.Header.Get("Content-Type"))
	}
}

func TestErrorPagesSayWhereToGo(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	for _, c := range []struct {
		b      *browser
		path   string
		status int
		want   []string
	}{
		{w.browser(), "/w/course/welcome", 401, []string{"You are not in yet", `href="/"`}},
		{w.browser(), "/board", 401, []string{`href="/"`}},
		{ada, "/board", 403, []string{"This is not for you", `href="/w/course/"`}},
		{ada, "/w/other/", 404, []string{"another workshop", `href="/w/course/"`}},
		{ada, "/w/course/nope", 404, []string{"no slide of that name"}},
		{ada, "/nope", 404, []string{"Nothing here"}},
	} {
		answer, text := c.b.do("GET", c.path, nil)
		if answer.StatusCode != c.status || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s", c.path, answer.Status)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", c.path, want)
			}
		}
	}
}
