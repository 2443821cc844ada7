package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/replay"
	"slipway/terminal"
	"slipway/workshop"
)

// recorded waits until a recording holds a text and gives all that it shows.
func (w *world) recorded(who workshop.ParticipantID, node, id, text string) string {
	w.t.Helper()
	path := filepath.Join(w.store.CastsDir(w.id), string(who), node, id+".cast")
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var shown strings.Builder
		if file, err := os.Open(path); err == nil {
			if cast, err := terminal.NewCastReader(file); err == nil {
				for e, err := cast.Next(); err == nil; e, err = cast.Next() {
					shown.WriteString(e.Code + e.Data)
				}
			}
			file.Close()
		}
		if strings.Contains(shown.String(), text) {
			return shown.String()
		}
	}
	w.t.Fatalf("%s does not come to hold %q", path, text)
	return ""
}

func TestTerminalsAreRecordedAcrossRestarts(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{Cols: 90, Rows: 20})
	one := ada.tab("node1", "t1", "tab", -1)
	one.type_("echo fi''rst\r")
	one.until("first")
	w.recorded(ada.me.ID, "node1", "t1", "first")
	ada.must("POST", "/api/place", workshop.Place{Slide: "second"})
	w.recorded(ada.me.ID, "node1", "t1", "mslide second")

	// Typed while no server runs: the terminal remembers it.
	tm, err := w.labs.get(ada.me.ID, "node1", "t1")
	if err != nil {
		t.Fatal(err)
	}
	w.restart(nil)
	two := ada.tab("node1", "t1", "tab", -1)
	two.type_("echo sec''ond; exit 3\r")
	<-tm.Done()
	shown := w.recorded(ada.me.ID, "node1", "t1", "x3")
	if strings.Count(shown, "first") != 1 || strings.Count(shown, "second\r\n") != 1 || strings.Contains(shown, "not recorded") {
		t.Errorf("the recording shows %q", shown)
	}
	var run replay.Run
	if err := json.Unmarshal([]byte(ada.must("GET", "/api/replay", nil)), &run); err != nil {
		t.Fatal(err)
	}
	if len(run.Terminals) != 1 || len(run.Slides) != 1 || len(run.Exercises) != 2 || run.Title != "A course" {
		t.Fatalf("%+v", run)
	}
	answer, text := ada.do("GET", run.Terminals[0].URL, nil)
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "application/x-asciicast" || !strings.HasPrefix(text, `{"version":3`) {
		t.Errorf("%s %s", answer.Status, text)
	}
	if answer, text := ada.do("GET", run.Terminals[0].URL, nil, "Range", "bytes=0-9"); answer.StatusCode != 206 || len(text) != 10 {
		t.Errorf("a part of it: %s", answer.Status)
	}

	jo := w.teach("Jo")
	if text := jo.must("GET", "/api/replay?participant="+string(ada.me.ID), nil); !strings.Contains(text, "t1.cast?participant="+string(ada.me.ID)) {
		t.Errorf("the instructor gets %s", text)
	}
	if answer, _ := jo.do("GET", "/api/replay?participant=nobody", nil); answer.StatusCode != 404 {
		t.Errorf("a run of nobody: %s", answer.Status)
	}
}

// TestRecordingTroubleLeavesTheShellAlone gives the recorder no folder to write
// to.
func TestRecordingTroubleLeavesTheShellAlone(t *testing.T) {
	w := newWorld(t, nil)
	if err := os.WriteFile(w.store.CastsDir(w.id), []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	one := ada.tab("node1", "t1", "tab", -1)
	one.type_("echo st''ill\r")
	one.until("still")
	if text := ada.must("GET", "/api/replay", nil); !strings.Contains(text, `"terminals":[]`) {
		t.Errorf("replay: %s", text)
	}
}
