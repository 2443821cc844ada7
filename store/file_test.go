package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"slipway/store/storetest"
	"slipway/workshop"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SLIPWAY_TEST_WRITER"); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

type folder string

func (dir folder) Open(t *testing.T) (storetest.Journal, func()) {
	t.Helper()
	f, err := OpenFile(string(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f, func() { f.Close() }
}

func TestFileContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place { return folder(t.TempDir()) })
}

var bg = context.Background()

func open(t *testing.T, dir string, log *slog.Logger) *File {
	t.Helper()
	f, err := OpenFile(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func create(t *testing.T, f *File, texts ...string) {
	t.Helper()
	events := []workshop.Event{{Kind: workshop.SessionCreated, Session: &workshop.Session{ID: "s", Secret: "k"}}}
	for _, text := range texts {
		events = append(events, workshop.Event{Kind: workshop.Announced, Text: text})
	}
	if _, err := f.Append(bg, "s", events...); err != nil {
		t.Fatal(err)
	}
}

func texts(t *testing.T, f *File) []string {
	t.Helper()
	var all []string
	if err := f.Read(bg, "s", 1, func(e workshop.Event) error { all = append(all, e.Text); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSecondServerIsRefused(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, nil)
	_, err := OpenFile(dir, nil)
	if workshop.KindOf(err) != workshop.Conflict || !strings.Contains(workshop.MessageOf(err), dir) || !strings.Contains(workshop.MessageOf(err), strconv.Itoa(os.Getpid())) {
		t.Errorf("got %v", err)
	}
	f.Close()
	open(t, dir, nil).Close()
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, nil)
	create(t, f)
	one, err := f.Secret("ports")
	if err != nil {
		t.Fatal(err)
	}
	if two, err := f.Secret("ports"); err != nil || !bytes.Equal(one, two) || len(one) != 32 {
		t.Errorf("the secret changed: %x %x %v", one, two, err)
	}
	if other, _ := f.Secret("other"); bytes.Equal(one, other) {
		t.Error("two secrets are one")
	}
	if _, err := f.Secret("../x"); err == nil {
		t.Error("a secret outside the folder")
	}
	f.Close()
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if info, _ := d.Info(); path != dir && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
}

// TestTornTailAtEveryByte cuts the file wherever a crash could.
func TestTornTailAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, nil)
	create(t, f, "one", "two", "thrée")
	f.Close()
	path := filepath.Join(dir, "sessions", "s", "journal.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", "one", "two", "thrée"}
	for cut := range len(whole) + 1 {
		for _, rest := range []string{"", "\x00\x00\x00", "{\"seq\":"} {
			if err := os.WriteFile(path, append(bytes.Clone(whole[:cut]), rest...), 0o600); err != nil {
				t.Fatal(err)
			}
			lines := bytes.Count(whole[:cut], []byte("\n"))
			torn := cut+len(rest) > lastLine(whole[:cut])
			var said bytes.Buffer
			f := open(t, dir, slog.New(slog.NewTextHandler(&said, nil)))
			if lines > 0 || torn {
				if got := texts(t, f); strings.Join(got, " ") != strings.Join(want[:lines], " ") {
					t.Fatalf("cut at %d + %q: %q", cut, rest, got)
				}
				if strings.Contains(said.String(), "was cut") != torn {
					t.Fatalf("cut at %d + %q: said %q", cut, rest, said.String())
				}
			}
			seqs, err := f.Append(bg, "s", workshop.Event{Kind: workshop.SessionCreated, Text: "next"})
			if err != nil || seqs[0] != uint64(lines+1) {
				t.Fatalf("cut at %d + %q: goes on with %v %v", cut, rest, seqs, err)
			}
			f.Close()
			f = open(t, dir, nil)
			if got := texts(t, f); len(got) != lines+1 || got[lines] != "next" {
				t.Fatalf("cut at %d + %q: after going on %q", cut, rest, got)
			}
			f.Close()
		}
	}
}

// lastLine is where the last whole line ends.
func lastLine(b []byte) int { return bytes.LastIndexByte(b, '\n') + 1 }

func TestDamageInTheMiddleIsRefused(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, nil)
	create(t, f, "one", "two", "three")
	f.Close()
	path := filepath.Join(dir, "sessions", "s", "journal.jsonl")
	whole, _ := os.ReadFile(path)
	damaged := bytes.Replace(whole, []byte(`"text":"one"`), []byte(`"text":"one`), 1)
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir, nil)
	defer f.Close()
	err := f.Read(bg, "s", 1, func(workshop.Event) error { return nil })
	if err == nil || !strings.Contains(workshop.MessageOf(err), "line 2") || !strings.Contains(workshop.MessageOf(err), path) {
		t.Errorf("got %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, damaged) {
		t.Error("the damaged file was changed")
	}
}

// TestFullDisk makes writes fail: nothing half written stays, and writing goes
// on when there is room again.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, nil)
	defer f.Close()
	create(t, f, "before")
	j := f.journals["s"]
	good := j.file
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	j.file = full
	if _, err := f.Append(bg, "s", workshop.Event{Kind: workshop.Announced}); workshop.KindOf(err) != workshop.Unavailable || !strings.Contains(workshop.MessageOf(err), "disk") {
		t.Errorf("got %v", err)
	}
	j.file = good
	j.broken = nil // a device can't be cut back, so the journal gave up; a file can
	if _, err := f.Append(bg, "s", workshop.Event{Kind: workshop.Announced, Text: "after"}); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, f); strings.Join(got, ",") != ",before,after" {
		t.Errorf("got %q", got)
	}
}

func TestJournalIsBounded(t *testing.T) {
	f := open(t, t.TempDir(), nil)
	defer f.Close()
	create(t, f)
	f.journals["s"].size += MaxJournal
	if _, err := f.Append(bg, "s", workshop.Event{Kind: workshop.Announced}); workshop.KindOf(err) != workshop.TooMany {
		t.Errorf("got %v", err)
	}
}

// writeUntilKilled is the child of the crash test: it appends from several
// goroutines and prints what was acknowledged.
func writeUntilKilled(dir string) {
	f, err := OpenFile(dir, nil)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	f.Append(bg, "s", workshop.Event{Kind: workshop.SessionCreated, Session: &workshop.Session{ID: "s"}})
	for w := range 3 {
		go func() {
			for i := 0; ; i++ {
				text := fmt.Sprintf("%d-%d-%s", w, i, strings.Repeat("x", rand.IntN(3000)))
				seqs, err := f.Append(bg, "s", workshop.Event{Kind: workshop.Announced, Text: text}, workshop.Event{Kind: workshop.Announced, Text: text})
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				fmt.Fprintf(os.Stdout, "ack %d %s\n", seqs[1], text)
			}
		}()
	}
	select {}
}

// TestKillNine kills a writing process at random moments, a hundred times on one
// folder: what it acknowledged is there, and the next one goes on.
func TestKillNine(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	dir := t.TempDir()
	acked := map[uint64]string{}
	for range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "SLIPWAY_TEST_WRITER="+dir)
		var out bytes.Buffer
		child.Stdout = &out
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// No moment is better than another: this is the random point, not a wait.
		time.Sleep(time.Duration(5+rand.IntN(60)) * time.Millisecond)
		child.Process.Kill()
		child.Wait()
		for line := range strings.Lines(out.String()) {
			var seq uint64
			var text string
			if n, _ := fmt.Sscanf(line, "ack %d %s\n", &seq, &text); n == 2 && strings.HasSuffix(line, "\n") {
				acked[seq] = text
			} else if strings.HasPrefix(line, "error") {
				t.Fatal(line)
			}
		}
	}
	f := open(t, dir, nil)
	defer f.Close()
	var last uint64
	err := f.Read(bg, "s", 1, func(e workshop.Event) error {
		last++
		if text, ok := acked[e.Seq]; e.Seq != last || ok && text != e.Text {
			return fmt.Errorf("event %d at place %d is not what was acknowledged", e.Seq, last)
		}
		delete(acked, e.Seq)
		return nil
	})
	if err != nil || len(acked) > 0 {
		t.Errorf("%v; %d acknowledged events are missing of %d", err, len(acked), last)
	}
	if last < uint64(rounds) {
		t.Errorf("the test wrote only %d events", last)
	}
}

func TestGroupCommitSharesSyncs(t *testing.T) {
	f := open(t, t.TempDir(), nil)
	defer f.Close()
	create(t, f)
	start := time.Now()
	done := make(chan error, 64)
	for range 64 {
		go func() {
			var err error
			for range 20 {
				_, e := f.Append(bg, "s", workshop.Event{Kind: workshop.Announced})
				err = errors.Join(err, e)
			}
			done <- err
		}()
	}
	for range 64 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("1,280 appends by 64 writers in %v", time.Since(start))
	if n := len(texts(t, f)); n != 1281 {
		t.Errorf("%d events", n)
	}
}

func TestJournalIsReadableText(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, nil)
	create(t, f, "hello")
	f.Close()
	raw, _ := os.ReadFile(filepath.Join(dir, "sessions", "s", "journal.jsonl"))
	for line := range bytes.Lines(raw) {
		var e workshop.Event
		if err := json.Unmarshal(line, &e); err != nil || e.Seq == 0 {
			t.Errorf("%s: %v", line, err)
		}
	}
}
