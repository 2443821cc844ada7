package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"slipway/slides"
	"slipway/store"
	"slipway/terminal"
	"slipway/workshop"
)

// The library that colours code keeps a clock running for a while; it ends by
// itself.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

// patience bounds every wait of the tests; none needs it but a broken one.
const patience = 20 * time.Second

// world is a whole server with a real store, a real deck and real shells.
type world struct {
	t      testing.TB
	server *Server
	store  *store.File
	labs   *shells
	dir    string
	url    string
	id     workshop.SessionID
	code   string
	key    string
	stop   func()
}

// marks stand in what an attendee must never receive.
var marks = []string{"MARK-NOTE", "MARK-THAT", "MARK-HINT", "MARK-SOLUTION", "MARK-ANSWER", "MARK-EXPLAIN", "MARK-WRONG", "MARK-HIDDEN"}

const testDeck = `name: welcome
# Welcome
Hello.

???
MARK-NOTE for the presenter.

---
name: second
# Second

One.

--

Two.

::: exercise {#do-it minutes=4 title="Do it"}
Type this:

` + "```bash" + `
echo done
` + "```" + `

` + "```checks" + `
- says: it is done
  that: lab.ran("MARK-THAT")
  else: Do it.
` + "```" + `

::: hint
MARK-HINT one
:::

::: solution
` + "```bash {node=node2}" + `
echo MARK-SOLUTION
` + "```" + `
:::

::: wrong {says="MARK-WRONG"}
` + "```bash" + `
echo no
` + "```" + `
:::
:::

---
name: third
# Third

::: quiz {#guess minutes=1}
How fast?

` + "```answer" + `
/MARK-ANSWER/
` + "```" + `
:::

???
MARK-NOTE again.
`

func testSlides(t testing.TB) *Deck {
	t.Helper()
	files := fstest.MapFS{
		"workshop.yaml": {Data: []byte("name: course\ntitle: A course\nchapters:\n  - title: One\n    files: [one.md]\n")},
		"one.md":        {Data: []byte(testDeck)},
		"pic.png":       {Data: []byte("\x89PNG picture")},
	}
	loaded, err := slides.Load(files, "workshop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range loaded.Problems {
		t.Logf("deck: %s", p)
	}
	deck, err := FromSlides(loaded)
	if err != nil {
		t.Fatal(err)
	}
	return deck
}

type oneDeck struct{ deck *Deck }

func (d oneDeck) Deck(name string) (*Deck, error) {
	if name != d.deck.Name {
		return nil, workshop.Errorf(workshop.Unknown, "There is no workshop %s.", name)
	}
	return d.deck, nil
}

// newWorld starts a server; change may alter its settings first.
func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), id: workshop.SessionID(workshop.NewID()), code: workshop.NewJoinCode(), key: workshop.NewSecret()}
	w.labs = &shells{terminals: map[string]*terminal.Terminal{}, watchers: map[chan LabView]workshop.ParticipantID{}}
	t.Cleanup(w.labs.close)
	w.open()
	session := workshop.Session{ID: w.id, Workshop: "course", Title: "A course", JoinCode: w.code, Secret: w.key, Created: time.Now()}
	if _, err := w.store.Append(context.Background(), w.id, workshop.Event{Kind: workshop.SessionCreated, Session: &session}); err != nil {
		t.Fatal(err)
	}
	w.start(change)
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) open() {
	var err error
	if w.store, err = store.OpenFile(w.dir, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) start(change func(*Config)) {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	secret, err := w.store.Secret("ports")
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := Config{Listener: listener, Journal: w.store, Decks: oneDeck{testSlides(w.t)}, Labs: w.labs, Casts: w.store,
		Secret: secret, Nodes: []string{"node1", "node2"}, Version: "test", AppsHost: "apps.test"}
	if change != nil {
		change(&cfg)
	}
	if w.server, err = New(cfg); err != nil {
		w.t.Fatal(err)
	}
	w.url = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.server.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				w.t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			w.t.Error("the server did not end")
		}
		if err := w.store.Close(); err != nil {
			w.t.Errorf("closing the store: %v", err)
		}
	})
}

// restart ends the server and starts another one on the same folder.
func (w *world) restart(change func(*Config)) {
	w.stop()
	w.open()
	w.start(change)
}

// browser is one person's browser: a jar of cookies.
type browser struct {
	w    *world
	http http.Client
	jar  *cookiejar.Jar
	me   workshop.Participant
}

func (w *world) browser() *browser {
	jar, _ := cookiejar.New(nil)
	b := &browser{w: w, jar: jar}
	transport := &http.Transport{DisableCompression: false}
	b.http = http.Client{Jar: jar, Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w.t.Cleanup(transport.CloseIdleConnections)
	return b
}

// do sends a request; a body that isn't nil goes as JSON. headers come in pairs.
func (b *browser) do(method, path string, body any, headers ...string) (*http.Response, string) {
	b.w.t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			b.w.t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, b.w.url+path, in)
	if err != nil {
		b.w.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.http.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return answer, string(raw)
}

// must is do for what has to work.
func (b *browser) must(method, path string, body any) string {
	b.w.t.Helper()
	answer, text := b.do(method, path, body)
	if answer.StatusCode != http.StatusOK {
		b.w.t.Fatalf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return text
}

func (b *browser) enter(path string, body any) *browser {
	b.w.t.Helper()
	var got struct{ Participant workshop.Participant }
	if err := json.Unmarshal([]byte(b.must("POST", path, body)), &got); err != nil {
		b.w.t.Fatal(err)
	}
	b.me = got.Participant
	return b
}

func (w *world) join(name string) *browser {
	w.t.Helper()
	return w.browser().enter("/api/join", map[string]string{"code": w.code, "name": name})
}

func (w *world) teach(name string) *browser {
	w.t.Helper()
	return w.browser().enter("/api/instructor", map[string]string{"key": w.key, "name": name})
}

func (b *browser) cookie() string {
	u, _ := url.Parse(b.w.url)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == "slipway" {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(secret string) {
	u, _ := url.Parse(b.w.url)
	b.jar.SetCookies(u, []*http.Cookie{{Name: "slipway", Value: secret, Path: "/"}})
}

// dial opens a WebSocket with the browser's cookies.
func (b *browser) dial(path string, headers ...string) (*websocket.Conn, *http.Response, error) {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	d := websocket.Dialer{Jar: b.jar, HandshakeTimeout: patience}
	conn, answer, err := d.Dial("ws"+strings.TrimPrefix(b.w.url, "http")+path, h)
	if err == nil {
		conn.SetReadDeadline(time.Now().Add(patience))
		b.w.t.Cleanup(func() { conn.Close() })
	}
	return conn, answer, err
}

func (b *browser) socket(path string) *websocket.Conn {
	b.w.t.Helper()
	conn, answer, err := b.dial(path)
	if err != nil {
		b.w.t.Fatalf("%s: %v (%v)", path, err, answer)
	}
	return conn
}

// next reads messages until one has the member, and gives that.
func next(t testing.TB, conn *websocket.Conn, member string, into any) {
	t.Helper()
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("waiting for %s: %v", member, err)
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if part, ok := m[member]; ok {
			if err := json.Unmarshal(part, into); err != nil {
				t.Fatalf("%s: %v", part, err)
			}
			return
		}
	}
}

// closeCode reads until the other side closes and gives its code.
func closeCode(t testing.TB, conn *websocket.Conn) int {
	t.Helper()
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			if e, ok := err.(*websocket.CloseError); ok {
				return e.Code
			}
			t.Fatalf("not closed properly: %v", err)
		}
	}
}
