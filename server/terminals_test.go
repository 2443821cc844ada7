package server

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"slipway/terminal"
)

func testLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// tab is a terminal of a page.
type tab struct {
	t     testing.TB
	conn  *websocket.Conn
	hello terminal.Hello
	typed uint64
	next  uint64
	text  strings.Builder
	exit  *int32
}

func (b *browser) tab(node, id, client string, from int64) *tab {
	b.w.t.Helper()
	v := &tab{t: b.w.t, conn: b.socket(fmt.Sprintf("/api/nodes/%s/terminals/%s/socket?client=%s&from=%d", node, id, client, from))}
	f, err := v.read()
	if err != nil || f.Kind != terminal.KindHello {
		b.w.t.Fatalf("no hello but %+v %v", f, err)
	}
	v.hello = *f.Hello
	v.typed = v.hello.InputReceived
	return v
}

func (v *tab) read() (terminal.Frame, error) {
	kind, raw, err := v.conn.ReadMessage()
	if err != nil {
		return terminal.Frame{}, err
	}
	if kind != websocket.BinaryMessage {
		v.t.Errorf("a message of kind %d", kind)
	}
	return terminal.ParseFrame(raw)
}

func (v *tab) send(f terminal.Frame) {
	v.t.Helper()
	raw, err := f.Append(nil)
	if err == nil {
		err = v.conn.WriteMessage(websocket.BinaryMessage, raw)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *tab) type_(text string) {
	v.t.Helper()
	v.send(terminal.Frame{Kind: terminal.KindInput, Offset: v.typed, Data: []byte(text)})
	v.typed += uint64(len(text))
}

// until reads and acknowledges output until it holds the text.
func (v *tab) until(text string) {
	v.t.Helper()
	for !strings.Contains(v.text.String(), text) {
		f, err := v.read()
		if err != nil {
			v.t.Fatalf("waiting for %q: %v; have %q", text, err, v.text.String())
		}
		switch f.Kind {
		case terminal.KindRepaint, terminal.KindOutput:
			v.text.Write(f.Data)
			v.next = f.Offset
			if f.Kind == terminal.KindOutput {
				v.next += uint64(len(f.Data))
			}
			v.send(terminal.Frame{Kind: terminal.KindAck, Offset: v.next})
		case terminal.KindExit:
			v.exit = &f.Code
		}
	}
}

func TestTypeIntoAShell(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	var info TerminalInfo
	text := ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{Cols: 100, Rows: 30, Name: "<b>"})
	if err := json.Unmarshal([]byte(text), &info); err != nil || info.ID != "t1" || info.Cols != 100 {
		t.Fatalf("%s %v", text, err)
	}
	again := ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{ID: "t1"})
	if !strings.Contains(again, `"id":"t1"`) {
		t.Errorf("opening it again gives %s", again)
	}
	one := ada.tab("node1", "t1", "tab-a", -1)
	one.type_("echo sum=$((40+2)) pid=$$\r")
	one.until("sum=42")
	one.until("pid=")
	one.until("$ ")

	// The page is reloaded from its offset: nothing twice, nothing missing.
	one.type_("echo wh")
	one.until("echo wh")
	one.conn.Close()
	two := ada.tab("node1", "t1", "tab-a", int64(one.next))
	two.typed = one.typed
	two.type_("ole\r")
	two.until("whole")
	if strings.Contains(two.text.String(), "sum=42") {
		t.Error("what was drawn came again")
	}
}

func TestServerRestartKeepsTheShell(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node2/terminals", TerminalWish{})
	one := ada.tab("node2", "t1", "tab", -1)
	one.type_("x=kept\r")
	one.until("x=kept")
	w.restart(nil)
	two := ada.tab("node2", "t1", "tab", int64(one.next))
	two.type_("echo is-$x\r")
	two.until("is-kept")
}

func TestBrokenStreamBringsThePageBack(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	one := ada.tab("node1", "t1", "tab", -1)
	one.type_("echo before\r")
	one.until("before\r\n")
	w.labs.cut()
	if code := closeCode(t, one.conn); code != 1001 {
		t.Errorf("a broken stream closes with %d", code)
	}
	two := ada.tab("node1", "t1", "tab", int64(one.next))
	two.type_("echo af''ter\r")
	two.until("after")
}

func TestExitIsTheEnd(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	one := ada.tab("node1", "t1", "tab", -1)
	one.type_("exit 7\r")
	for one.exit == nil {
		f, err := one.read()
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind == terminal.KindExit {
			one.exit = &f.Code
		}
	}
	if *one.exit != 7 {
		t.Errorf("exit code %d", *one.exit)
	}
	if code := closeCode(t, one.conn); code != 1000 {
		t.Errorf("after the shell's end the socket closes with %d", code)
	}
}

// TestFloodArrivesWhole relays more than any buffer on the way holds.
func TestFloodArrivesWhole(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	one := ada.tab("node1", "t1", "tab", -1)
	one.type_("seq 1 200000; echo fin''ished\r")
	one.until("finished")
	if n := strings.Count(one.text.String(), "\n"); n < 200_000 {
		t.Errorf("%d lines of 200,000 arrived", n)
	}
}

func TestBadTerminalRequests(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	for path, status := range map[string]int{"/api/nodes/node9/terminals": 404, "/api/nodes/..%2fnode1/terminals": 404} {
		if answer, text := ada.do("GET", path, nil); answer.StatusCode != status {
			t.Errorf("%s: %s %s", path, answer.Status, text)
		}
	}
	for _, wish := range []TerminalWish{{ID: "../x"}, {ID: strings.Repeat("x", 33)}, {Cols: -1}, {Cols: 10_000}, {Name: strings.Repeat("x", 101)}} {
		if answer, text := ada.do("POST", "/api/nodes/node1/terminals", wish); answer.StatusCode != 400 {
			t.Errorf("%+v: %s %s", wish, answer.Status, text)
		}
	}
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	for _, query := range []string{"", "?client=", "?client=a_b", "?client=" + strings.Repeat("x", 65), "?client=a&from=-2", "?client=a&from=x", "?client=a&born=-1"} {
		if code := closeCode(t, ada.socket("/api/nodes/node1/terminals/t1/socket"+query)); code != 4400 {
			t.Errorf("%q: %d", query, code)
		}
	}
	one := ada.tab("node1", "t1", "tab", -1)
	one.conn.WriteMessage(websocket.BinaryMessage, make([]byte, terminal.MaxFrame+1))
	for {
		if _, _, err := one.conn.ReadMessage(); err != nil {
			break // refused; the shell goes on:
		}
	}
	two := ada.tab("node1", "t1", "other", -1)
	two.type_("echo ali''ve\r")
	two.until("alive")
	for i := range maxTerminals + 1 {
		answer, _ := ada.do("POST", "/api/nodes/node2/terminals", TerminalWish{})
		if i == maxTerminals && answer.StatusCode != 429 {
			t.Errorf("terminal %d of one node: %s", i+1, answer.Status)
		}
	}
}
