package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"slipway/workshop"
)

// hostile is an app that tries what an app may not do.
func hostile(t *testing.T) (*httptest.Server, chan http.Header) {
	t.Helper()
	asked := make(chan http.Header, 16)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		head := r.Header.Clone()
		head.Set("X-Seen-Host", r.Host)
		head.Set("X-Seen-Path", r.URL.EscapedPath()+"?"+r.URL.RawQuery)
		asked <- head
		h := w.Header()
		h.Add("Set-Cookie", "slipway=stolen; Path=/")
		h.Add("Set-Cookie", "a=b; Domain=apps.test")
		h.Set("Clear-Site-Data", `"*"`)
		h.Set("Strict-Transport-Security", "max-age=99999; includeSubDomains")
		h.Set("X-Frame-Options", "DENY")
		h.Add("Content-Security-Policy", "frame-ancestors 'none'; img-src 'self'")
		h.Add("Content-Security-Policy", "sandbox allow-same-origin allow-top-navigation, script-src 'none'")
		h.Set("Access-Control-Allow-Origin", "http://evil.test")
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Service-Worker-Allowed", "/")
		h.Set("WWW-Authenticate", "Basic")
		h.Set("Link", "</api/deck>; rel=prefetch")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "hop")
		h.Set("X-App", "kept")
		fmt.Fprint(w, "hello from the app")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex() // it answers while it is being asked
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Query().Get("to"), 302) })
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		conn, err := up.Upgrade(w, r, nil) // checks that Origin is Host, as apps do
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, raw, err := conn.ReadMessage()
			if err != nil {
				return
			}
			conn.WriteMessage(kind, append([]byte("app: "), raw...))
		}
	})
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)
	return app, asked
}

func portWorld(t *testing.T) (w *world, ada *browser, token string, asked chan http.Header) {
	w = newWorld(t, nil)
	ada = w.join("Ada")
	app, asked := hostile(t)
	w.labs.mu.Lock()
	w.labs.app = app.Listener.Addr().String()
	w.labs.mu.Unlock()
	token, err := w.server.portToken(portName{ada.me.ID, "node1", 8000})
	if err != nil {
		t.Fatal(err)
	}
	return w, ada, token, asked
}

func TestAppByPathIsTame(t *testing.T) {
	_, ada, token, asked := portWorld(t)
	answer, text := ada.do("GET", "/port/"+token+"/a%2Fb/?x=1", nil, "Referer", "http://x/port/secret/", "X-Forwarded-For", "1.2.3.4", "Origin", "null")
	if answer.StatusCode != 200 || text != "hello from the app" || answer.Header.Get("X-App") != "kept" {
		t.Fatalf("%s %s", answer.Status, text)
	}
	h := answer.Header
	for _, name := range []string{"Set-Cookie", "Clear-Site-Data", "Strict-Transport-Security", "X-Frame-Options", "Access-Control-Allow-Credentials",
		"Service-Worker-Allowed", "WWW-Authenticate", "Link", "X-Hop"} {
		if h.Get(name) != "" {
			t.Errorf("%s came through: %s", name, h.Get(name))
		}
	}
	if h.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the app can't read itself: %q", h.Get("Access-Control-Allow-Origin"))
	}
	policies := h.Values("Content-Security-Policy")
	if strings.Contains(strings.Join(policies, " "), "frame-ancestors") || strings.Contains(strings.Join(policies, " "), "allow-same-origin") ||
		strings.Contains(strings.Join(policies, " "), "allow-top-navigation") ||
		!slices.ContainsFunc(policies, func(p string) bool { return strings.HasPrefix(p, "sandbox allow-scripts ") }) || !slices.Contains(policies, "img-src 'self'") {
		t.Errorf("policies: %q", policies)
	}
	in := <-asked
	if in.Get("Cookie") != "" || in.Get("Referer") != "" || in.Get("X-Forwarded-For") != "" || in.Get("X-Forwarded-Prefix") != "/port/"+token {
		t.Errorf("the app was sent %v", in)
	}
	if in.Get("X-Seen-Path") != "/a%2Fb/?x=1" || in.Get("X-Seen-Host") != "node1:8000" || in.Get("Origin") != "http://node1:8000" {
		t.Errorf("the app was asked for %q of %q from %q", in.Get("X-Seen-Path"), in.Get("X-Seen-Host"), in.Get("Origin"))
	}
}

func TestAppByHostIsTame(t *testing.T) {
	_, ada, token, asked := portWorld(t)
	answer, text := ada.do("GET", "/page?x=1", nil, "Host", token+".apps.test", "Cookie", "slipway="+ada.cookie())
	if answer.StatusCode != 200 || text != "hello from the app" {
		t.Fatalf("%s %s", answer.Status, text)
	}
	if answer.Header.Get("Set-Cookie") != "" || answer.Header.Get("X-Frame-Options") != "" || strings.Contains(answer.Header.Get("Content-Security-Policy"), "frame-ancestors") {
		t.Errorf("%v", answer.Header)
	}
	if in := <-asked; in.Get("Cookie") != "" || in.Get("X-Seen-Host") != token+".apps.test" || in.Get("X-Seen-Path") != "/page?x=1" {
		t.Errorf("the app was sent %v", in)
	}
	// No page of ours is served below the apps' host, whatever the token.
	for _, host := range []string{"nope.apps.test", token[1:] + ".apps.test"} {
		if answer, text := ada.do("GET", "/api/deck", nil, "Host", host); answer.StatusCode != 404 || strings.Contains(text, "slides") {
			t.Errorf("%s: %s %s", host, answer.Status, text)
		}
	}
}

func TestTokensCantBeForged(t *testing.T) {
	w, ada, token, _ := portWorld(t)
	bob := w.join("Bob")
	other, err := w.server.portToken(portName{bob.me.ID, "node1", 8000})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := w.server.portToken(portName{workshop.ParticipantID(workshop.NewID()), "node1", 8000})
	if err != nil {
		t.Fatal(err)
	}
	bad := []string{"x", strings.Repeat("a", len(token)), other[:21] + token[21:], token + "a", gone, strings.ToUpper(token)}
	for i := range token {
		flipped := []byte(token)
		flipped[i] = "ab"[b2i(flipped[i] == 'a')]
		if i < len(token)-1 { // the last letter holds unused bits
			bad = append(bad, string(flipped))
		}
	}
	for _, forged := range bad {
		if answer, text := ada.do("GET", "/port/"+forged+"/", nil); answer.StatusCode != 404 {
			t.Errorf("%s: %s %s", forged, answer.Status, text)
		}
	}
	for _, p := range []portName{{ada.me.ID, "node3", 1}, {ada.me.ID, "node1", 0}, {ada.me.ID, "node1", 65536}, {"ada", "node1", 1}} {
		if token, err := w.server.portToken(p); err == nil {
			t.Errorf("%+v has the token %s", p, token)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestRedirectsStayWithTheApp(t *testing.T) {
	_, ada, token, _ := portWorld(t)
	prefix := "/port/" + token
	for to, want := range map[string]string{
		"/login?a=1":             prefix + "/login?a=1",
		"next":                   prefix + "/next",
		"http://node1:8000/x":    prefix + "/x",
		"http://localhost:8000":  prefix + "/",
		"https://example.org/y":  "https://example.org/y",
		"http://localhost:9999/": "http://localhost:9999/",
		"//example.org/z":        "//example.org/z",
	} {
		if answer, _ := ada.do("GET", prefix+"/away?to="+to, nil); answer.Header.Get("Location") != want {
			t.Errorf("%s becomes %q, want %q", to, answer.Header.Get("Location"), want)
		}
	}
}

func TestAppBodiesAndSocketsPass(t *testing.T) {
	w, ada, token, _ := portWorld(t)
	big := strings.Repeat("0123456789", 100_000)
	r, _ := http.NewRequest("POST", w.url+"/port/"+token+"/echo", strings.NewReader(big))
	answer, err := ada.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || string(raw) != big {
		t.Errorf("a megabyte comes back as %d bytes, %v", len(raw), err)
	}
	conn, _, err := ada.dial("/port/"+token+"/ws", "Origin", "null")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, raw, err := conn.ReadMessage(); err != nil || string(raw) != "app: hi" {
		t.Errorf("%q %v", raw, err)
	}
	go w.stop() // the app's socket must not keep the server from going away
	if _, _, err := conn.ReadMessage(); err == nil {
		t.Error("the app's socket goes on")
	}
	w.stop()
}

func TestPreflightOfAnOpaqueOrigin(t *testing.T) {
	_, ada, token, _ := portWorld(t)
	answer, _ := ada.do("OPTIONS", "/port/"+token+"/json", nil, "Origin", "null", "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "content-type")
	h := answer.Header
	if answer.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PUT") || h.Get("Access-Control-Allow-Headers") != "content-type" {
		t.Errorf("%s %v", answer.Status, h)
	}
	if answer, _ := ada.do("OPTIONS", "/api/status", nil, "Origin", "null", "Access-Control-Request-Method", "POST"); answer.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("our own interface lets other origins in")
	}
}

func TestAppsThatAreAway(t *testing.T) {
	w, ada, token, _ := portWorld(t)
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	go func() {
		for {
			c, err := deaf.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "this is no HTTP\r\n\r\n")
			c.Close()
		}
	}()
	for _, c := range []struct {
		err    error
		app    string
		status int
		want   string
	}{
		{workshop.Errorf(workshop.Unknown, "x"), "", 502, "Nothing listens on port 8000 of node1"},
		{workshop.Errorf(workshop.Unavailable, "x"), "", 503, "node1 is away"},
		{errors.New("dial unix /run/secret: no"), "", 502, "no proper answer"},
		{nil, deaf.Addr().String(), 502, "no proper answer"},
	} {
		w.labs.mu.Lock()
		w.labs.dialError, w.labs.app = c.err, c.app
		w.labs.mu.Unlock()
		answer, text := ada.do("GET", "/port/"+token+"/", nil)
		if answer.StatusCode != c.status || !strings.Contains(text, c.want) || strings.Contains(text, "secret") {
			t.Errorf("%v: %s %s", c.err, answer.Status, text)
		}
		if !strings.Contains(answer.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("the error's policy is %q", answer.Header.Get("Content-Security-Policy"))
		}
	}
}

// TestPortsAfterRestart: an address that a page has goes on working.
func TestPortsAfterRestart(t *testing.T) {
	w, ada, token, _ := portWorld(t)
	w.restart(nil)
	if answer, text := ada.do("GET", "/port/"+token+"/", nil); answer.StatusCode != 200 {
		t.Errorf("%s %s", answer.Status, text)
	}
}

func TestPortsMessageIsJSON(t *testing.T) {
	raw, err := json.Marshal(shownPort{8000, "c", "u", "f"})
	if err != nil || string(raw) != `{"port":8000,"container":"c","url":"u","frame":"f"}` {
		t.Errorf("%s %v", raw, err)
	}
}

// FuzzPolicy: whatever an app's policy looks like, what is left of it neither
// keeps us from framing the app nor replaces our sandbox.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{"", "frame-ancestors 'none'", "default-src 'self'; FRAME-ANCESTORS x, sandbox", "sandbox\tallow-scripts;;img-src *", " ,;, \u00a0frame-ancestors x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, policy string) {
		h := http.Header{"Content-Security-Policy": {policy}}
		unframe(h, "Content-Security-Policy")
		for _, one := range h.Values("Content-Security-Policy") {
			for _, d := range strings.FieldsFunc(one, func(r rune) bool { return r == ';' || r == ',' }) {
				if words := strings.Fields(d); len(words) > 0 && (strings.EqualFold(words[0], "frame-ancestors") || strings.EqualFold(words[0], "sandbox")) {
					t.Errorf("%q leaves %q", policy, one)
				}
			}
		}
	})
}
