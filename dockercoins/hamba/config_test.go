package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for args, want := range map[string]string{
		"80 rng1 80 rng2 80":            "*:80 rng1:80 rng2:80",
		"80 rng1:80 rng2:8001":          "*:80 rng1:80 rng2:8001",
		"80 rng1 80 10.1.1.1:99 rng3 7": "*:80 rng1:80 10.1.1.1:99 rng3:7",
		"127.127.0.2:6379 10.0.0.5 999": "127.127.0.2:6379 10.0.0.5:999",
		"*:80 a:1":                      "*:80 a:1",
		":80 a:1":                       "*:80 a:1",
		"[::1]:80 [fd00::2]:81":         "[::1]:80 fd00::2:81",
		"80 fd00::2 81":                 "*:80 fd00::2:81",
		"80":                            "*:80",
	} {
		c, err := parse(strings.Fields(args), "")
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		got := c.bind
		for _, b := range c.backends {
			got += " " + b.host + ":" + strconv.Itoa(b.port)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", args, got, want)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"":                                      "say where to listen",
		"http rng1 80":                          `"http" is not a port`,
		"0 rng1 80":                             `"0" is not a port`,
		"65536 rng1 80":                         `"65536" is not a port`,
		"here:80 rng1 80":                       `"here" is not an address of this machine`,
		"80 rng1":                               `backend "rng1" has no port`,
		"80 rng1 80 rng2":                       `backend "rng2" has no port`,
		"80 rng1 http":                          `backend rng1: "http" is not a port`,
		"80 rng1:http":                          `backend rng1: "http" is not a port`,
		"80 :80":                                `"" is neither a name nor an address`,
		"80 rng;shutdown 80":                    `neither a name nor an address`,
		"80 rng1\nbind:80 80":                   `neither a name nor an address`,
		"1:2:3 rng1 80":                         `is not [address:]port`,
		"80 " + strings.Repeat("a", 300) + ":1": `neither a name nor an address`,
	} {
		_, err := parse(strings.FieldsFunc(args, func(r rune) bool { return r == ' ' }), "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
}

func TestParseBounds(t *testing.T) {
	if _, err := parse(append([]string{"80"}, slices.Repeat([]string{"a:1"}, maxBackends)...), ""); err != nil {
		t.Error(err)
	}
	if _, err := parse(append([]string{"80"}, slices.Repeat([]string{"a:1"}, maxBackends+1)...), ""); err == nil {
		t.Error("too many backends were taken")
	}
	if _, err := parse([]string{"80"}, "x"); err == nil || !strings.Contains(err.Error(), "ADMIN") {
		t.Errorf("a bad ADMIN: %v", err)
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"80 rng1 80", "rng2 80"}, []string{"80", "rng1", "80", "rng2", "80"}},
		{[]string{"run 80", "rng1"}, []string{"run", "80", "rng1"}},
		{[]string{"80", "rng1 80"}, []string{"80", "rng1 80"}},
		{nil, nil},
	} {
		if got := words(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}
