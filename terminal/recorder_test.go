package terminal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// readCast reads a recording whole.
func readCast(t *testing.T, path string) (CastHeader, []CastEvent) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(b) {
		t.Error("the file is no UTF-8")
	}
	c, err := NewCastReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var events []CastEvent
	for {
		e, err := c.Next()
		if errors.Is(err, io.EOF) {
			return c.Header, events
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
}

func printed(events []CastEvent) string {
	var s strings.Builder
	for _, e := range events {
		if e.Code == CastOutput {
			s.WriteString(e.Data)
		}
	}
	return s.String()
}

func hello(born int64) Frame {
	return Frame{Kind: KindHello, Hello: &Hello{Version: 1, Cols: 80, Rows: 24, Born: born, Role: RoleRecorder}}
}

func openRecorder(t *testing.T, path string, frames ...Frame) *Recorder {
	t.Helper()
	r, err := OpenRecorder(path, RecorderOptions{Title: "node1", Now: func() time.Time { return time.UnixMilli(1) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := r.Frame(f); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestARecordingOfARealShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.cast")
	tm := start(t, Options{Command: []string{"sh", "-c", "echo héllo; read x; stty size; exit 3"}, Cols: 100, Rows: 40})
	o := attach(t, tm, Attach{Client: "o", Role: RoleOwner, From: 0})
	o.until("llo")
	ours, theirs := socketPair(t)
	served := make(chan error, 1)
	go func() {
		served <- tm.Serve(context.Background(), theirs, Attach{Client: "r", Role: RoleRecorder, From: 0})
	}()
	r, err := OpenRecorder(path, RecorderOptions{Title: "node1"})
	if err != nil {
		t.Fatal(err)
	}
	recorded := make(chan error, 1)
	go func() { recorded <- r.Record(context.Background(), ours) }()
	eventually(t, "the recorder begins", func() bool { _, born := r.From(); return born != 0 })
	o.fw.Write(Frame{Kind: KindResize, Cols: 60, Rows: 20})
	for len(o.sizes) == 0 {
		o.frame()
	}
	o.key("secret typed\n")
	o.untilExit()
	if err := errors.Join(<-recorded, <-served, r.Close()); err != nil {
		t.Fatal(err)
	}
	head, events := readCast(t, path)
	if head.Term.Cols != 100 || head.Term.Rows != 40 || head.Title != "node1" || head.Timestamp == 0 {
		t.Errorf("header %+v", head)
	}
	if got := printed(events); got != "héllo\r\nsecret typed\r\n20 60\r\n" {
		t.Errorf("recorded %q", got)
	}
	codes := ""
	for _, e := range events {
		codes += e.Code
		if e.Code == CastExit && e.Data != "3" || e.Code == CastResize && e.Data != "60x20" {
			t.Errorf("event %+v", e)
		}
		if e.Code == CastInput {
			t.Error("keystrokes are stored")
		}
	}
	if !strings.HasSuffix(codes, "x") || strings.Count(codes, "r") != 1 {
		t.Errorf("codes %s", codes)
	}
}

func TestTimesOfARecordingDoNotDrift(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.cast")
	const born = 1_700_000_000_123
	r := openRecorder(t, path, hello(born))
	rnd := rand.New(rand.NewPCG(1, 2))
	ms, want := int64(born), []int64{}
	for i := range 5000 {
		ms += rnd.Int64N(17)
		want = append(want, ms)
		r.Frame(Frame{Kind: KindOutput, Offset: uint64(i), Time: ms, Data: []byte("x")})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	head, events := readCast(t, path)
	for i, e := range events {
		if got := head.Timestamp*1000 + e.Time.Milliseconds(); got != want[i] {
			t.Fatalf("event %d at %d, want %d", i, got, want[i])
		}
	}
}

func TestARecordingGoesOnAfterACrashAtAnyByte(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t.cast")
	const born = 1_700_000_000_000
	text := "première ligne\r\n\x1b[31mrouge\x1b[0m\r\n日本語 # slipway {\"offset\":1}\r\n"
	frames := func(from int) (list []Frame) {
		for i := from; i < len(text); {
			n := min(7, len(text)-i)
			n = wholeRunes([]byte(text[i : i+n]))
			list = append(list, Frame{Kind: KindOutput, Offset: uint64(i), Time: born + int64(i)*10, Data: []byte(text[i : i+n])})
			i += n
		}
		return list
	}
	r := openRecorder(t, path, hello(born))
	for _, f := range frames(0) {
		r.Frame(f)
		r.Flush()
	}
	r.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) + 1 {
		os.WriteFile(path, whole[:cut], 0o600)
		r := openRecorder(t, path)
		from, knownBorn := r.From()
		if knownBorn != 0 && knownBorn != born {
			t.Fatalf("cut at %d: born %d", cut, knownBorn)
		}
		r.Frame(hello(born))
		for _, f := range frames(int(from)) {
			if err := r.Frame(f); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		_, events := readCast(t, path)
		if got := printed(events); got != text {
			t.Fatalf("cut at %d: %q", cut, got)
		}
		for _, e := range events {
			if e.Code == CastMarker {
				t.Fatalf("cut at %d: marker %q", cut, e.Data)
			}
		}
	}
}

func TestAGapIsMarkedAndKnownBytesAreNotWrittenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.cast")
	r := openRecorder(t, path, hello(5000),
		Frame{Kind: KindOutput, Offset: 0, Time: 5000, Data: []byte("abc")},
		Frame{Kind: KindOutput, Offset: 1, Time: 5000, Data: []byte("bcd")},
		Frame{Kind: KindOutput, Offset: 1, Time: 5000, Data: []byte("b")},
		Frame{Kind: KindOutput, Offset: 10, Time: 6000, Data: []byte("k")})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, events := readCast(t, path)
	if got := printed(events); got != "abcdk" {
		t.Errorf("recorded %q", got)
	}
	if events[2].Code != CastMarker || !strings.Contains(events[2].Data, "6 bytes") {
		t.Errorf("no gap in %+v", events)
	}
}

func TestANewShellInTheSameRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.cast")
	openRecorder(t, path, hello(5000), Frame{Kind: KindOutput, Offset: 0, Time: 5100, Data: []byte("one")}).Close()
	r := openRecorder(t, path, hello(9000), Frame{Kind: KindOutput, Offset: 0, Time: 9100, Data: []byte("two")})
	r.Close()
	_, events := readCast(t, path)
	if got := printed(events); got != "one\x1bctwo" {
		t.Errorf("recorded %q", got)
	}
	if last := events[len(events)-1]; last.Time != 4100*time.Millisecond {
		t.Errorf("the second shell's output is at %v", last.Time)
	}
}

func TestARecordingHasABound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.cast")
	r, err := OpenRecorder(path, RecorderOptions{Max: 10 << 10})
	if err != nil {
		t.Fatal(err)
	}
	r.Frame(hello(5000))
	for i := range 100 {
		if err := r.Frame(Frame{Kind: KindOutput, Offset: uint64(i * 1000), Time: 5000, Data: make([]byte, 1000)}); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	if st, _ := os.Stat(path); st.Size() > 20<<10 {
		t.Errorf("%d bytes", st.Size())
	}
	_, events := readCast(t, path)
	if last := events[len(events)-1]; last.Code != CastMarker {
		t.Errorf("last event %+v", last)
	}
}

func TestAForeignFileIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	os.WriteFile(path, []byte("my notes\n"), 0o600)
	if _, err := OpenRecorder(path, RecorderOptions{}); !errors.Is(err, ErrCast) {
		t.Errorf("%v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "my notes\n" {
		t.Errorf("the file is %q now", b)
	}
}

// secrets are outputs with something in them that must not reach the disk.
var secrets = []struct{ output, hidden string }{
	{"$ docker login -u me -p s3cr3t!pw registry\r\nok\r\n", "s3cr3t!pw"},
	{"$ docker login -ps3cr3t!pw\r\n", "s3cr3t!pw"},
	{"$ docker login --password s3cr3t!pw\r\n", "s3cr3t!pw"},
	{"$ docker login --password=s3cr3t!pw -u me\r\n", "s3cr3t!pw"},
	{"$ docker login --password='s3cr3t!pw'\r\n", "s3cr3t!pw"},
	{"$ docker login -u someone -p dckr_pat_abcdefghij \rklmnopqrstuv\r\n", "klmnopqrstuv"},
	{"$ cat .docker/config.json\r\n{ \"auths\": { \"r\": { \"auth\": \"bWU6czNjcjN0\" } } }\r\n", "bWU6czNjcjN0"},
	{"token ghp_16C7e42F292c6912E7710c838347Ae178B4a end", "16C7e42F292c6912E7710c838347Ae178B4a"},
	{"export DB_PASSWORD=hunter22 X=1\r\n", "hunter22"},
	{"curl -H \"Authorization: Bearer abc.def-ghi\" x", "abc.def-ghi"},
	{"\x1b[32m-----BEGIN OPENSSH PRIVATE KEY-----\x1b[0m\r\nb3BlbnNzaC1rZXkt\r\nAAAABG5vbmUAAAAE\r\n-----END OPENSSH PRIVATE KEY-----\r\n$ ", "AAAABG5vbmUAAAAE"},
	{"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n", "MIIEvQIBADANBgkq"},
}

func TestSecretsAreMaskedHoweverTheOutputIsCut(t *testing.T) {
	for _, s := range secrets {
		if !strings.Contains(s.output, s.hidden) {
			t.Fatalf("%q is not in %q", s.hidden, s.output)
		}
		var whole masker
		want := string(whole.mask(nil, []byte(s.output)))
		if strings.Contains(want, s.hidden) || strings.Contains(want, s.hidden[:5]) {
			t.Errorf("%q came through: %q", s.hidden, want)
		}
		if utf8.RuneCountInString(want) != utf8.RuneCountInString(s.output) {
			t.Errorf("%q changed its shape: %q", s.output, want)
		}
		for i := range len(s.output) {
			for j := i; j <= len(s.output); j++ {
				var m masker
				got := m.mask(nil, []byte(s.output[:i]))
				got = m.mask(got, []byte(s.output[i:j]))
				got = m.mask(got, []byte(s.output[j:]))
				if string(got) != want {
					t.Fatalf("cut at %d and %d: %q, whole %q", i, j, got, want)
				}
			}
		}
	}
}

func TestOrdinaryOutputIsNotMasked(t *testing.T) {
	for _, s := range []string{
		"$ docker login --password-stdin < pw\r\nLogin Succeeded\r\n",
		"$ docker run -p 8001:80 rng\r\n",
		"$ docker context create node2 --docker host=tcp://node2:55555\r\n",
		"curl http://user-host:8000/json?a=b\r\n{\"hashes\":\"33\",\"coins\":2}\r\n",
		"-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----\r\n",
		"docker swarm join --token SWMTKN-1-abc-def 10.0.0.1:2377\r\n",
		"\x1b]0;docker login -p\x07ok \x1b[1;31mred\x1b[0m é日本\r\n",
		"-----BEGIN PUBLIC KEY----- and more text\r\n",
	} {
		var m masker
		if got := string(m.mask(nil, []byte(s))); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestWhatFollowsASecretIsSeen(t *testing.T) {
	for _, s := range secrets {
		var m masker
		got := string(m.mask(nil, []byte(s.output+"\r\n$ ls\r\nfile\r\n")))
		if !strings.HasSuffix(got, "$ ls\r\nfile\r\n") {
			t.Errorf("after %q all is hidden: %q", s.output, got)
		}
	}
}

func FuzzCastReader(f *testing.F) {
	f.Add([]byte("{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n[0.5, \"o\", \"x\"]\n# c\n[1, \"r\", \"1x2\"]\n"))
	f.Add([]byte("{\"version\":3}\n[0.5, \"o\""))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := NewCastReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		last := time.Duration(0)
		for range 1000 {
			e, err := c.Next()
			if err != nil {
				return
			}
			if e.Time < last {
				t.Fatalf("time runs backwards: %v after %v", e.Time, last)
			}
			last = e.Time
		}
	})
}

func FuzzMask(f *testing.F) {
	for _, s := range secrets {
		f.Add([]byte(s.output), uint16(len(s.output)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		var one, two masker
		whole := one.mask(nil, b)
		n := int(cut) % (len(b) + 1)
		parts := two.mask(two.mask(nil, b[:n]), b[n:])
		if !bytes.Equal(whole, parts) {
			t.Fatalf("%q against %q", whole, parts)
		}
	})
}

func TestCastLinesAreValidJSON(t *testing.T) {
	for _, s := range []string{"", "a\"b\\c", "\x00\x1b[1m<&>\u2028", "\xff\xfe"} {
		line := appendCast(nil, 1234*time.Millisecond, CastOutput, []byte(s))
		var v []any
		if err := json.Unmarshal(line, &v); err != nil || v[0] != 1.234 || v[2] != strings.ToValidUTF8(s, "\ufffd") && s != "\xff\xfe" {
			t.Errorf("%q: %s, %v", s, line, err)
		}
	}
	if got := fmt.Sprintf("%s", appendCast(nil, 0, CastMarker, nil)); got != "[0.000, \"m\", \"\"]\n" {
		t.Errorf("%q", got)
	}
}
