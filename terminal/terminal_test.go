package terminal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait of the tests; none needs it but a broken one.
const patience = 20 * time.Second

// start runs a terminal until the test ends.
func start(t testing.TB, o Options) *Terminal {
	t.Helper()
	if o.Env == nil {
		o.Env = []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "PS1=$ ", "LANG=C.UTF-8"}
	}
	tm, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := tm.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- tm.Run(context.Background()) }()
	t.Cleanup(func() {
		tm.Close()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("the terminal did not end")
		}
	})
	return tm
}

// eventually waits, within the patience, for what no channel tells.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// view is a client as a page would be one.
type view struct {
	t     testing.TB
	conn  net.Conn
	fr    *FrameReader
	fw    *FrameWriter
	hello Hello
	next  uint64 // offset drawn so far
	text  bytes.Buffer
	typed uint64 // sent
	taken uint64 // counted by k
	sizes []Frame
	paint int // repaints seen
	mute  bool
	serve chan error
}

func attach(t testing.TB, tm *Terminal, a Attach) *view {
	t.Helper()
	ours, theirs := socketPair(t)
	v := &view{t: t, conn: ours, fr: NewFrameReader(ours), fw: NewFrameWriter(ours), serve: make(chan error, 1)}
	go func() { v.serve <- tm.Serve(context.Background(), theirs, a) }()
	t.Cleanup(func() { v.close() })
	f := v.frame()
	if f.Kind != KindHello {
		t.Fatalf("first frame is %q, want hello", f.Kind)
	}
	v.hello, v.next, v.typed = *f.Hello, uint64(max(a.From, 0)), f.Hello.InputReceived
	return v
}

// socketPair is a link with real kernel buffers.
func socketPair(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func (v *view) close() error {
	v.conn.Close()
	select {
	case err := <-v.serve:
		v.serve <- err
		return err
	case <-time.After(patience):
		v.t.Error("Serve did not end")
		return nil
	}
}

// frame reads one frame and keeps the books a page would keep.
func (v *view) frame() Frame {
	v.t.Helper()
	v.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := v.fr.Next()
	if err != nil {
		v.t.Fatalf("read a frame: %v; have %q", err, tail(v.text.String()))
	}
	switch f.Kind {
	case KindOutput:
		if f.Offset != v.next {
			v.t.Fatalf("output at %d, want %d", f.Offset, v.next)
		}
		if wholeRunes(f.Data) != len(f.Data) {
			v.t.Fatalf("a character is cut at the end of %q", tail(string(f.Data)))
		}
		v.text.Write(f.Data)
		v.next += uint64(len(f.Data))
		v.ack()
	case KindRepaint:
		v.paint++
		v.text.Reset()
		v.text.Write(f.Data)
		v.next = f.Offset
		v.ack()
	case KindKeys:
		v.taken = f.Offset
	case KindSize:
		v.sizes = append(v.sizes, f)
	}
	return f
}

func tail(s string) string { return s[max(0, len(s)-200):] }

func (v *view) ack() {
	if !v.mute {
		v.fw.Write(Frame{Kind: KindAck, Offset: v.next})
	}
}

func (v *view) key(s string) {
	v.t.Helper()
	for len(s) > 0 {
		n := min(len(s), MaxData)
		if err := v.fw.Write(Frame{Kind: KindInput, Offset: v.typed, Data: []byte(s[:n])}); err != nil {
			v.t.Fatalf("type: %v", err)
		}
		v.typed += uint64(n)
		s = s[n:]
	}
}

// until reads frames until the text contains s.
func (v *view) until(s string) {
	v.t.Helper()
	for !strings.Contains(v.text.String(), s) {
		v.frame()
	}
}

func (v *view) untilExit() int {
	v.t.Helper()
	for {
		if f := v.frame(); f.Kind == KindExit {
			return int(f.Code)
		}
	}
}

func TestAShellOutlivesItsViewers(t *testing.T) {
	tm := start(t, Options{Command: []string{"bash", "--norc"}})
	a := attach(t, tm, Attach{Client: "one", Role: RoleOwner, From: FromRepaint})
	a.until("$ ")
	a.key("echo pid=$$;\n")
	a.until(fmt.Sprintf("pid=%d", tm.Status().Pid))
	a.close()
	b := attach(t, tm, Attach{Client: "two", Role: RoleOwner, From: FromRepaint})
	b.until(fmt.Sprintf("pid=%d", tm.Status().Pid))
	b.key("exit 7\n")
	if code := b.untilExit(); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	if err := b.close(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	<-tm.Done()
	late := attach(t, tm, Attach{Client: "late", Role: RoleWatcher, From: FromRepaint})
	if code := late.untilExit(); code != 7 {
		t.Errorf("a late viewer sees exit code %d, want 7", code)
	}
	if !strings.Contains(late.text.String(), "exit 7") {
		t.Errorf("a late viewer sees %q", late.text.String())
	}
}

func TestExitCodeOfASignal(t *testing.T) {
	tm := start(t, Options{Command: []string{"sh", "-c", "kill -9 $$"}})
	v := attach(t, tm, Attach{Client: "one", Role: RoleOwner, From: 0})
	if code := v.untilExit(); code != 137 {
		t.Errorf("exit code %d, want 137", code)
	}
}

func TestCloseKillsTheWholeSession(t *testing.T) {
	tm := start(t, Options{Command: []string{"bash", "--norc", "-i"}, Grace: 50 * time.Millisecond})
	v := attach(t, tm, Attach{Client: "one", Role: RoleOwner, From: 0})
	v.until("$ ")
	// A job that ignores the hang-up, in a process group of its own.
	v.key("bash -c 'trap \"\" HUP TERM; echo here=$BASHPID.; while :; do sleep 1; done' & disown\n")
	v.until(".\r\n")
	text := v.text.String()
	i := strings.LastIndex(text, "here=") + len("here=")
	for strings.Contains(text[i:], "BASHPID") || !strings.Contains(text[i:], ".") {
		v.frame()
		text = v.text.String()
		i = strings.LastIndex(text, "here=") + len("here=")
	}
	pid := text[i : i+strings.IndexByte(text[i:], '.')]
	tm.Close()
	<-tm.Done()
	eventually(t, "process "+pid+" ends", func() bool {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(b), ") Z ")
	})
}

func TestKeysAreTypedOnce(t *testing.T) {
	tm := start(t, Options{Command: []string{"sh", "-c", "stty raw -echo; printf ready; head -c 10 | od -An -c"}})
	v := attach(t, tm, Attach{Client: "one", Role: RoleOwner, From: 0})
	v.until("ready")
	send := func(off uint64, s string) {
		v.fw.Write(Frame{Kind: KindInput, Offset: off, Data: []byte(s)})
	}
	send(0, "abc")
	send(0, "abc")   // again, as after a cut
	send(1, "bcdef") // overlapping
	v.close()
	w := attach(t, tm, Attach{Client: "one", Role: RoleOwner, From: int64(v.next)})
	if w.hello.InputReceived > 6 {
		t.Fatalf("received %d bytes of 6", w.hello.InputReceived)
	}
	w.fw.Write(Frame{Kind: KindInput, Offset: 0, Data: []byte("abcdefghij")})
	w.untilExit()
	if got := strings.Join(strings.Fields(w.text.String()), ""); got != "abcdefghij" {
		t.Errorf("typed %q, want abcdefghij", got)
	}
}

func TestAGapInTheInputEndsTheLink(t *testing.T) {
	tm := start(t, Options{Command: []string{"cat"}})
	v := attach(t, tm, Attach{Client: "one", Role: RoleOwner, From: 0})
	v.fw.Write(Frame{Kind: KindInput, Offset: 5, Data: []byte("x")})
	if err := <-v.serve; err == nil || !strings.Contains(err.Error(), "input is missing") {
		t.Errorf("Serve: %v, want an input gap", err)
	}
	v.serve <- nil
}

func TestAPasteIntoABusyTerminalDoesNotLockUp(t *testing.T) {
	// cat echoes what it reads; far more goes in than any buffer holds, and
	// out, through a window smaller than the paste.
	tm := start(t, Options{Command: []string{"sh", "-c", "stty raw -echo; printf ready; exec cat"}, Window: 8 << 10})
	v := attach(t, tm, Attach{Client: "one", Role: RoleOwner, From: 0})
	v.until("ready")
	v.text.Reset()
	var want strings.Builder
	for i := range 30000 {
		fmt.Fprintf(&want, "%d é\n", i)
	}
	sent := make(chan struct{})
	go func() { defer close(sent); v.key(want.String()[:200<<10]) }()
	for v.text.Len() < 200<<10 {
		v.frame()
	}
	<-sent
	if v.text.String() != want.String()[:200<<10] {
		t.Error("the paste came back changed")
	}
}

func TestTheOwnersWindowStopsTheProducer(t *testing.T) {
	tm := start(t, Options{Command: []string{"sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done"}, Window: 64 << 10})
	v := attach(t, tm, Attach{Client: "one", Role: RoleOwner, From: 0})
	v.mute = true
	for v.next < 64<<10 {
		v.frame()
	}
	// The pump has one piece in hand beyond the window at most, and stays there.
	stuck := func() uint64 {
		for prev := uint64(0); ; {
			now := tm.Status().Offset
			if now == prev {
				return now
			}
			prev = now
			time.Sleep(50 * time.Millisecond) // a change of state that only the absence of change shows
		}
	}
	at := stuck()
	if at > 64<<10+readSize {
		t.Errorf("pump ran to %d with a window of %d", at, 64<<10)
	}
	v.mute = false
	v.ack()
	for v.next <= at+128<<10 {
		v.frame()
	}
}

func TestAStalledWatcherHoldsNobodyAndIsSkippedAhead(t *testing.T) {
	tm := start(t, Options{Command: []string{"sh", "-c", "stty -opost; seq 1 1000000; echo END; cat"}, Ring: 256 << 10, Window: 32 << 10})
	w := attach(t, tm, Attach{Client: "watcher", Role: RoleWatcher, From: 0})
	w.mute = true
	o := attach(t, tm, Attach{Client: "owner", Role: RoleOwner, From: 0})
	o.until("END")
	if cap := len(tm.ring.buf); cap > 256<<10 {
		t.Errorf("ring has %d bytes", cap)
	}
	w.mute = false
	for w.paint == 0 || !strings.Contains(w.text.String(), "END") {
		w.frame()
		w.ack()
	}
}

func TestARecorderSeesEveryByteOrAGap(t *testing.T) {
	tm := start(t, Options{Command: []string{"sh", "-c", "stty -opost; seq 1 200000; cat"}, Ring: 64 << 10, Window: 32 << 10})
	o := attach(t, tm, Attach{Client: "owner", Role: RoleOwner, From: 0})
	o.until("\n200000\n")
	ours, theirs := socketPair(t)
	done := make(chan error, 1)
	go func() {
		done <- tm.Serve(context.Background(), theirs, Attach{Client: "rec", Role: RoleRecorder, From: 100})
	}()
	fr := NewFrameReader(ours)
	var first uint64
	for {
		f, err := fr.Next()
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind == KindRepaint {
			t.Fatal("a recorder got a repaint")
		}
		if f.Kind == KindOutput {
			first = f.Offset
			break
		}
	}
	if first <= 100 || first < tm.Status().Oldest {
		t.Errorf("recorder begins at %d, ring at %d", first, tm.Status().Oldest)
	}
	ours.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTheLatestActiveOwnerSetsTheSize(t *testing.T) {
	tm := start(t, Options{Command: []string{"bash", "--norc"}})
	a := attach(t, tm, Attach{Client: "a", Role: RoleOwner, From: 0})
	w := attach(t, tm, Attach{Client: "w", Role: RoleWatcher, From: 0})
	a.fw.Write(Frame{Kind: KindResize, Cols: 100, Rows: 30})
	for len(w.sizes) == 0 {
		w.frame()
	}
	if s := w.sizes[0]; s.Cols != 100 || s.Rows != 30 {
		t.Errorf("watcher saw %dx%d", s.Cols, s.Rows)
	}
	b := attach(t, tm, Attach{Client: "b", Role: RoleOwner, From: 0})
	b.fw.Write(Frame{Kind: KindResize, Cols: 60, Rows: 20})
	for len(w.sizes) < 2 {
		w.frame()
	}
	w.fw.Write(Frame{Kind: KindResize, Cols: 5, Rows: 5}) // only a wish: a watcher has no say
	a.key("stty size; echo done\n")                       // a is active again, and its size with it
	a.until("30 100\r\ndone")
	b.close()
	if s := tm.Status(); s.Cols != 100 || s.Rows != 30 {
		t.Errorf("size is %dx%d", s.Cols, s.Rows)
	}
}

func TestASecondLinkOfAClientReplacesTheFirst(t *testing.T) {
	tm := start(t, Options{Command: []string{"cat"}})
	a := attach(t, tm, Attach{Client: "same", Role: RoleOwner, From: 0})
	attach(t, tm, Attach{Client: "same", Role: RoleOwner, From: 0})
	a.conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, a.conn); err != nil {
		t.Errorf("the first link ended with %v", err)
	}
	if n := tm.Status().Viewers; n != 1 {
		t.Errorf("%d viewers, want 1", n)
	}
}

func TestAttachRefusesNonsense(t *testing.T) {
	tm := start(t, Options{Command: []string{"cat"}})
	for _, a := range []Attach{
		{}, {Client: "a b", Role: RoleOwner}, {Client: strings.Repeat("a", 65), Role: RoleOwner},
		{Client: "a", Role: "king"}, {Client: "a", Role: RoleOwner, From: -2},
	} {
		ours, theirs := net.Pipe()
		if err := tm.Serve(context.Background(), theirs, a); err == nil {
			t.Errorf("%+v was let in", a)
		}
		ours.Close()
	}
}

func TestAnEmptyInputIsAnsweredAndActivatesNobody(t *testing.T) {
	tm := start(t, Options{Command: []string{"cat"}})
	a := attach(t, tm, Attach{Client: "a", Role: RoleOwner, From: 0})
	attach(t, tm, Attach{Client: "b", Role: RoleOwner, From: 0})
	w := attach(t, tm, Attach{Client: "w", Role: RoleWatcher, From: 0})
	for _, v := range []*view{a, w} {
		for range 3 {
			v.fw.Write(Frame{Kind: KindInput, Offset: 0})
		}
		answers := 0
		for first := v == a; answers < 3; {
			if v.frame().Kind == KindKeys {
				if first { // the count every owner is told at once
					first = false
					continue
				}
				answers++
			}
		}
	}
	tm.mu.Lock()
	defer tm.mu.Unlock()
	if tm.active == nil || tm.active.id != "b" {
		t.Errorf("a question made its view the active one")
	}
}
