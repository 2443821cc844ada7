package agent

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheBalancersQuestionsAreNotLogged(t *testing.T) {
	long := strings.Repeat("x", 2*maxLine)
	text := "one\nlevel=info msg=\"get table\" component=diagnostic\ntwo\n" + long + "\nlast"
	want := "one\ntwo\n" + long + "\nlast\n"
	for _, size := range []int{1, 7, 4096, len(text)} {
		var out bytes.Buffer
		q := &quieter{to: &out}
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if wrote, err := q.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatal(wrote, err)
			}
			rest = rest[n:]
		}
		q.flush()
		if out.String() != want {
			t.Errorf("in pieces of %d: %d bytes, want %d", size, out.Len(), len(want))
		}
	}
}

func TestWithMember(t *testing.T) {
	for text, want := range map[string]string{
		"":                               `{"p":7}`,
		"null":                           `{"p":7}`,
		`{"a": [1], "p": 3}`:             `{"a":[1],"p":7}`,
		"{\n \"big\": 9007199254740993}": `{"big":9007199254740993,"p":7}`,
	} {
		got, err := withMember([]byte(text), "p", 7)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, bad := range []string{"{", "[]", "null x"} {
		if got, err := withMember([]byte(bad), "p", 7); err == nil {
			t.Errorf("%s: %s", bad, got)
		}
	}
}

func TestTheConfigurationIsThePeoples(t *testing.T) {
	dir := t.TempDir()
	c := EngineConfig{ConfigFile: filepath.Join(dir, "daemon.json"), ConfigLink: filepath.Join(dir, "link.json")}
	read := func() string {
		if err := c.linkConfig(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(c.ConfigLink)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := read(); !json.Valid([]byte(got)) {
		t.Errorf("without a file: %q", got)
	}
	os.WriteFile(c.ConfigFile, []byte(`{"debug":true}`), 0o644)
	if got := read(); got != `{"debug":true}` {
		t.Errorf("with one: %q", got)
	}
	os.WriteFile(c.ConfigFile, []byte(`{}`), 0o644)
	if got, err := os.ReadFile(c.ConfigLink); err != nil || string(got) != "{}" {
		t.Errorf("changed: %q, %v", got, err)
	}
}
