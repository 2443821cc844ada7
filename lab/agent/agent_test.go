package agent_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/lab"
	"slipway/lab/agent"
	"slipway/lab/tunnel"
	"slipway/terminal"
)

// patience bounds every wait; none needs it but a broken one.
const patience = 20 * time.Second

// node is an agent as it runs in a node, in a folder of its own.
type node struct {
	*lab.Agent
	cfg agent.Config
	ctx context.Context
}

func startNode(t testing.TB, change func(*agent.Config)) *node {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	hook, err := filepath.Abs("shell/hook.bash")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(engineVariable, "works")
	cfg := agent.Config{
		Node: "node1", Version: "test", Socket: filepath.Join(dir, "agent.sock"),
		Shell: []string{"bash", "--noprofile", "--rcfile", hook, "-i"}, Marks: filepath.Join(dir, "marks"),
		Engine: agent.EngineConfig{
			Command: []string{os.Args[0], filepath.Join(dir, "engine.sock")},
			Socket:  filepath.Join(dir, "engine.sock"), Public: filepath.Join(dir, "docker.sock"),
			Stamp: filepath.Join(dir, "stamp"), LogFile: filepath.Join(dir, "log"), Backoff: time.Millisecond,
		},
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("the agent did not end")
		}
	})
	wait, done := context.WithTimeout(context.Background(), patience)
	t.Cleanup(done)
	n := &node{Agent: &lab.Agent{Dial: dialer(cfg.Socket)}, cfg: cfg, ctx: wait}
	for {
		if _, err := n.Info(wait); err == nil {
			return n
		} else if wait.Err() != nil {
			t.Fatalf("the agent does not answer: %v", err)
		}
	}
}

func dialer(path string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
}

// shell is an owner of a terminal.
type shell struct {
	t    *testing.T
	conn net.Conn
	fr   *terminal.FrameReader
	fw   *terminal.FrameWriter
	text strings.Builder
	sent uint64
}

func (n *node) shell(t *testing.T, id string, env ...string) *shell {
	t.Helper()
	if _, err := n.OpenTerminal(n.ctx, lab.TerminalSpec{ID: id, Env: env}); err != nil {
		t.Fatal(err)
	}
	conn, err := n.Attach(n.ctx, id, terminal.Attach{Client: "me", Role: terminal.RoleOwner, From: 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &shell{t: t, conn: conn, fr: terminal.NewFrameReader(bufio.NewReader(conn)), fw: terminal.NewFrameWriter(conn)}
}

func (s *shell) key(keys string) {
	s.t.Helper()
	if err := s.fw.Write(terminal.Frame{Kind: terminal.KindInput, Offset: s.sent, Data: []byte(keys)}); err != nil {
		s.t.Fatal(err)
	}
	s.sent += uint64(len(keys))
}

// until reads until the output contains want, and forgets it up to there.
func (s *shell) until(want string) string {
	s.t.Helper()
	for {
		text := s.text.String()
		if i := strings.Index(text, want); i >= 0 {
			s.text.Reset()
			s.text.WriteString(text[i+len(want):])
			return text[:i+len(want)]
		}
		s.conn.SetReadDeadline(time.Now().Add(patience))
		f, err := s.fr.Next()
		if err != nil {
			s.t.Fatalf("no %q in %q: %v", want, text, err)
		}
		if f.Kind == terminal.KindOutput || f.Kind == terminal.KindRepaint {
			s.text.Write(f.Data)
			s.fw.Write(terminal.Frame{Kind: terminal.KindAck, Offset: f.Offset + uint64(len(f.Data))})
		}
	}
}

func TestATerminalIsOpenedOnceAndOutlivesItsLinks(t *testing.T) {
	n := startNode(t, nil)
	a := n.shell(t, "t1")
	a.key("echo pid $((1+1)) $$\n")
	pid := strings.Fields(a.until("pid 2 ") + a.until("\n"))
	a.conn.Close()
	again, err := n.OpenTerminal(n.ctx, lab.TerminalSpec{ID: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(again.Pid); got != pid[len(pid)-1] {
		t.Errorf("opening again gave process %s, want %s", got, pid[len(pid)-1])
	}
	if err := n.CloseTerminal(n.ctx, "t1"); err != nil {
		t.Fatal(err)
	}
	if list, err := n.Terminals(n.ctx); err != nil || len(list) != 0 {
		t.Errorf("terminals %v, %v; want none", list, err)
	}
	if err := n.CloseTerminal(n.ctx, "t1"); !lab.IsAgentError(err, lab.AgentNotFound) {
		t.Errorf("closing again: %v", err)
	}
}

func TestTerminalsAreBounded(t *testing.T) {
	n := startNode(t, nil)
	cat := []string{"cat"}
	for i := range agent.MaxTerminals {
		if _, err := n.OpenTerminal(n.ctx, lab.TerminalSpec{ID: fmt.Sprintf("t%d", i), Command: cat}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.OpenTerminal(n.ctx, lab.TerminalSpec{Command: cat}); !lab.IsAgentError(err, lab.AgentTooMany) {
		t.Errorf("one too many: %v", err)
	}
	for _, bad := range []lab.TerminalSpec{{ID: "a/b"}, {Cols: -1}, {Rows: 5000}, {Dir: "x"}, {Name: strings.Repeat("n", 10000)}} {
		if _, err := n.OpenTerminal(n.ctx, bad); !lab.IsAgentError(err, lab.AgentBadRequest) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestFilesAreOpenedWithTheRightsOfTheirReader(t *testing.T) {
	// As root the reader is somebody else; else the file is closed to all.
	mode, reader := os.FileMode(0), ""
	if os.Geteuid() == 0 {
		mode, reader = 0o600, "nobody"
	}
	n := startNode(t, func(c *agent.Config) { c.User = reader })
	dir, err := os.MkdirTemp("", "sl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	path := filepath.Join(dir, "secret")
	os.WriteFile(path, []byte("x"), 0o600)
	os.Symlink(path, filepath.Join(dir, "link"))
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(dir, "link")} {
		if b, err := n.ReadFile(n.ctx, p, 10); !lab.IsAgentError(err, lab.AgentForbidden) {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	os.Chmod(path, 0o644)
	if b, err := n.ReadFile(n.ctx, path, 10); err != nil || string(b) != "x" {
		t.Errorf("a file for all: %q, %v", b, err)
	}
}

func TestTheDoorThroughATunnel(t *testing.T) {
	n := startNode(t, nil)
	ours, theirs := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- agent.Tunnel(t.Context(), theirs, n.cfg.Socket) }()
	session, err := tunnel.Client(ours)
	if err != nil {
		t.Fatal(err)
	}
	through := &lab.Agent{Dial: func(context.Context) (net.Conn, error) { return session.Open() }}
	if info, err := through.Info(n.ctx); err != nil || info.Node != "node1" {
		t.Errorf("%+v, %v", info, err)
	}
	far := &node{Agent: through, ctx: n.ctx}
	s := far.shell(t, "t1")
	s.until(promptEnd)
	s.key("echo $((6*7))\n")
	s.until("42")
	s.conn.Close()
	if got := halfClosed(t, through); got != "you said: all of it" {
		t.Errorf("a server that answers after the end of the question: %q", got)
	}
	session.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// halfClosed asks a server of the node that answers only when the question has ended.
func halfClosed(t *testing.T, node *lab.Agent) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		question, _ := io.ReadAll(c)
		fmt.Fprintf(c, "you said: %s", question)
	}()
	conn, err := node.DialPort(t.Context(), l.Addr().(*net.TCPAddr).Port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(conn, "all of it")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	return string(answer)
}

// get asks the node's Engine for a path over a connection.
func get(t *testing.T, conn net.Conn, path string) (int, string) {
	t.Helper()
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestTheEngineStartsAtFirstUse(t *testing.T) {
	n := startNode(t, func(c *agent.Config) {
		c.Engine.Images = filepath.Join(filepath.Dir(c.Socket), "images")
		os.Mkdir(c.Engine.Images, 0o755)
		os.WriteFile(filepath.Join(c.Engine.Images, "a.tar"), []byte("a"), 0o644)
		os.WriteFile(filepath.Join(c.Engine.Images, "b.tar"), []byte("b"), 0o644)
	})
	if info, err := n.Info(n.ctx); err != nil || info.Engine.State != "stopped" {
		t.Fatalf("before: %+v, %v", info, err)
	}
	if _, err := n.EngineConn(n.ctx, false); !lab.IsAgentError(err, lab.AgentEngine) {
		t.Fatalf("asking without waking: %v", err)
	}
	if info, _ := n.Info(n.ctx); info.Engine.State != "stopped" {
		t.Fatal("asking without waking woke it")
	}
	conn, err := dialer(n.cfg.Engine.Public)(n.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if code, body := get(t, conn, "/loads"); code != 200 || body != "2" {
		t.Errorf("first client saw %d %q, want both images loaded", code, body)
	}
	conn, err = n.EngineConn(n.ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	_, pid := get(t, conn, "/pid")

	// It dies; the next client waits for the next one, images stay loaded.
	conn, _ = n.EngineConn(n.ctx, false)
	io.WriteString(conn, "GET /die HTTP/1.0\r\n\r\n")
	io.Copy(io.Discard, conn)
	conn.Close()
	var states []string
	n.Events(n.ctx, 1, func(e lab.NodeEvent) error {
		if e.Kind == lab.NodeEngine {
			states = append(states, e.Engine.State)
		}
		if len(states) == 5 {
			return errEnough
		}
		return nil
	})
	if got := strings.Join(states, " "); got != "starting running failed starting running" {
		t.Errorf("states %s", got)
	}
	conn, err = n.EngineConn(n.ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, again := get(t, conn, "/pid"); again == pid {
		t.Error("the Engine is the same process after its death")
	}
	conn, _ = n.EngineConn(n.ctx, true)
	if _, body := get(t, conn, "/loads"); body != "0" {
		t.Errorf("images were loaded again: %s", body)
	}
}

func TestAnEngineThatCanNotStartSaysWhy(t *testing.T) {
	n := startNode(t, func(c *agent.Config) {
		c.Engine.Command = append([]string{"env", engineVariable + "=broken"}, c.Engine.Command...)
	})
	conn, err := dialer(n.cfg.Engine.Public)(n.ctx)
	if err != nil {
		t.Fatal(err)
	}
	code, body := get(t, conn, "/_ping")
	if code != 503 || !strings.Contains(body, "overlay: permission denied") {
		t.Errorf("people see %d %s", code, body)
	}
	_, err = n.EngineConn(n.ctx, true)
	if !lab.IsAgentError(err, lab.AgentEngine) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("programs see %v", err)
	}
}

func TestDialPort(t *testing.T) {
	n := startNode(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b, _ := io.ReadAll(c) // until the other side closes its half
		fmt.Fprintf(c, "got %s", b)
	}()
	conn, err := n.DialPort(n.ctx, port)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "hello")
	conn.(interface{ CloseWrite() error }).CloseWrite()
	if b, err := io.ReadAll(conn); err != nil || string(b) != "got hello" {
		t.Errorf("%q, %v", b, err)
	}
	conn.Close()
	<-served
	l.Close()
	if _, err := n.DialPort(n.ctx, port); !lab.IsAgentError(err, lab.AgentUnreachable) {
		t.Errorf("a port nobody listens on: %v", err)
	}
}

func TestFiles(t *testing.T) {
	n := startNode(t, nil)
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	os.WriteFile(path, []byte("content"), 0o640)
	os.Symlink("f", filepath.Join(dir, "link"))
	for _, p := range []string{path, filepath.Join(dir, "link")} {
		if b, err := n.ReadFile(n.ctx, p, 100); err != nil || string(b) != "content" {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	if st, err := n.StatFile(n.ctx, path); err != nil || st.Type != "file" || st.Size != 7 || st.Mode != "640" {
		t.Errorf("%+v, %v", st, err)
	}
	if st, err := n.StatFile(n.ctx, dir); err != nil || st.Type != "folder" {
		t.Errorf("%+v, %v", st, err)
	}
	for p, kind := range map[string]string{
		path + "x": lab.AgentNotFound, path + "/x": lab.AgentNotFound, dir: lab.AgentNotAFile,
		n.cfg.Marks: lab.AgentNotAFile, "/dev/null": lab.AgentNotAFile, "": lab.AgentBadRequest,
	} {
		if _, err := n.ReadFile(n.ctx, p, 100); !lab.IsAgentError(err, kind) {
			t.Errorf("%s: %v, want %s", p, err, kind)
		}
	}
	if _, err := n.ReadFile(n.ctx, path, 3); !lab.IsAgentError(err, lab.AgentTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

func TestEventsGoOnWhereTheyEnded(t *testing.T) {
	n := startNode(t, nil)
	var last uint64
	collect := func(from uint64, count int) (kinds []string) {
		err := n.Events(n.ctx, from, func(e lab.NodeEvent) error {
			kinds = append(kinds, e.Kind)
			if e.N > 0 {
				if last != 0 && e.N != last+1 {
					t.Errorf("event %d after %d", e.N, last)
				}
				last = e.N
			}
			if len(kinds) == count {
				return errEnough
			}
			return nil
		})
		if err != errEnough {
			t.Errorf("events: %v", err)
		}
		return kinds
	}
	open := func(id string) {
		if _, err := n.OpenTerminal(n.ctx, lab.TerminalSpec{ID: id, Command: []string{"cat"}}); err != nil {
			t.Fatal(err)
		}
	}
	open("a")
	if got := collect(1, 2); got[0] != lab.NodeSnapshot || got[1] != lab.NodeTerminalOpened {
		t.Errorf("%v", got)
	}
	open("b")
	n.CloseTerminal(n.ctx, "a")
	if got := collect(last+1, 3); got[1] != lab.NodeTerminalOpened || got[2] != lab.NodeTerminalClosed {
		t.Errorf("%v", got)
	}
}
