package workshop

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// vectors is the golden file the TypeScript fold reads as well.
type vectors struct {
	Events   []Event   `json:"events"`
	Progress *Progress `json:"progress"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/progress.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestProgressMatchesVectors(t *testing.T) {
	v := readVectors(t)
	got := NewProgress()
	for _, e := range v.Events {
		got.Apply(e)
		got.Apply(e) // folding twice is folding once
	}
	if *update {
		v.Progress = got
		raw, _ := json.MarshalIndent(v, "", "  ")
		if err := os.WriteFile("testdata/progress.json", append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := json.Marshal(v.Progress)
	have, _ := json.Marshal(got)
	if string(want) != string(have) {
		t.Errorf("fold differs from testdata/progress.json\n got %s\nwant %s", have, want)
	}
}

func TestProgressFromAnySnapshot(t *testing.T) {
	v := readVectors(t)
	for cut := range v.Events {
		p := NewProgress()
		for _, e := range v.Events[:cut] {
			p.Apply(e)
		}
		raw, _ := json.Marshal(p)
		resumed := NewProgress()
		if err := json.Unmarshal(raw, resumed); err != nil {
			t.Fatal(err)
		}
		for _, e := range v.Events { // the overlap must not count twice
			resumed.Apply(e)
		}
		want, _ := json.Marshal(v.Progress)
		have, _ := json.Marshal(resumed)
		if string(want) != string(have) {
			t.Fatalf("resuming after event %d gives another result:\n got %s\nwant %s", cut, have, want)
		}
	}
}

func TestAttendeesSeeNobodyElse(t *testing.T) {
	v := readVectors(t)
	p := NewProgress()
	for _, e := range v.Events {
		p.Apply(e)
		shown, ok := ShownEvent(e, "ada", Attendee)
		raw, _ := json.Marshal(shown)
		if ok && (strings.Contains(string(raw), "grace") || strings.Contains(string(raw), "hash-of-")) {
			t.Errorf("attendee ada is shown %s", raw)
		}
	}
	raw, _ := json.Marshal(p.Shown("ada", Attendee))
	for _, private := range []string{"grace", "hash-of-", "s3cret", p.Session.JoinCode} {
		if strings.Contains(string(raw), private) {
			t.Errorf("the snapshot for an attendee holds %q: %s", private, raw)
		}
	}
	raw, _ = json.Marshal(p.Shown("teacher", Instructor))
	if !strings.Contains(string(raw), "grace") || strings.Contains(string(raw), "s3cret") || strings.Contains(string(raw), "hash-of-") {
		t.Errorf("the snapshot for an instructor is wrong: %s", raw)
	}
}

func TestCleanName(t *testing.T) {
	for typed, want := range map[string]string{
		"  Ada   Lovelace ":     "Ada Lovelace",
		"<b>Bob</b>":            "<b>Bob</b>",
		"a\x00b\tc":             "a b c",
		"\u202eevil":            "evil",
		"张伟":                    "张伟",
		strings.Repeat("é", 60): strings.Repeat("é", 60),
	} {
		if got, err := CleanName(typed); err != nil || got != want {
			t.Errorf("CleanName(%q) = %q, %v; want %q", typed, got, err, want)
		}
	}
	for _, typed := range []string{"", " \t", "\u200b", strings.Repeat("x", 61), strings.Repeat("x", 10_000)} {
		if _, err := CleanName(typed); KindOf(err) != Invalid {
			t.Errorf("CleanName of %d bytes: %v, want a refusal", len(typed), err)
		}
	}
}

func TestJoinCode(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		code := NewJoinCode()
		if len(code) != 9 || code[4] != '-' || NormalizeJoinCode(strings.ToLower(strings.Replace(code, "-", " ", 1))) != code {
			t.Fatalf("code %q does not survive being typed", code)
		}
		seen[code] = true
	}
	if len(seen) < 1000 {
		t.Errorf("only %d different codes of 1000", len(seen))
	}
}

func TestErrorKeepsItsCauseForTheLog(t *testing.T) {
	cause := errors.New("dial unix: no such file")
	var err error = Errorf(Unavailable, "Node %s does not answer.", "node1").Because(cause)
	if !errors.Is(err, cause) || KindOf(err) != Unavailable || MessageOf(err) != "Node node1 does not answer." {
		t.Errorf("got %v, %v, %q", err, KindOf(err), MessageOf(err))
	}
	if strings.Contains(MessageOf(cause), "unix") {
		t.Error("the text of an unknown error is shown to people")
	}
}

func TestEventSurvivesJSON(t *testing.T) {
	for _, e := range readVectors(t).Events {
		raw, _ := json.Marshal(e)
		var back Event
		if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(e, back) {
			t.Errorf("%s became %+v (%v)", raw, back, err)
		}
	}
}
