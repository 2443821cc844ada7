package lab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"slipway/terminal"
)

// Agent is a client of a node's agent (docs/protocol.md). Every call makes a
// connection of its own with Dial, so an Agent holds nothing open, needs no
// closing and may be used by any number of goroutines.
type Agent struct {
	Dial func(ctx context.Context) (net.Conn, error)
}

// Kinds of an [AgentError].
const (
	AgentBadRequest  = "bad-request"
	AgentNotFound    = "not-found"
	AgentForbidden   = "forbidden"
	AgentTooMany     = "too-many"
	AgentNotAFile    = "not-a-file"
	AgentTooLarge    = "too-large"
	AgentEngine      = "engine"      // the node's Engine does not run
	AgentUnreachable = "unreachable" // the agent answered: nothing listens on that port
	AgentStopping    = "stopping"
)

// AgentError is a refusal by the agent: a kind for programs and a sentence for
// people. A node that can't be reached at all is another error.
type AgentError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Status  int    `json:"-"`
}

// Error is the sentence.
func (e *AgentError) Error() string { return e.Message }

// IsAgentError reports whether err is a refusal of that kind.
func IsAgentError(err error, kind string) bool {
	var a *AgentError
	return errors.As(err, &a) && a.Kind == kind
}

// Bounds of what an agent may answer, which is as hostile as its node's root
// may be: JSON, and the head of an answer.
const (
	maxAnswer = 1 << 20
	maxHead   = 64 << 10
)

// EngineState is the state of a node's Engine: stopped, starting, running,
// failed or asleep. Error says why it failed.
type EngineState struct {
	State string `json:"state"`
	Error string `json:"error,omitempty"`
}

// AgentInfo describes a node.
type AgentInfo struct {
	Version   string      `json:"version"`
	Protocol  int         `json:"protocol"`
	Node      string      `json:"node"`
	Epoch     string      `json:"epoch"` // changes when the agent starts anew
	Engine    EngineState `json:"engine"`
	Uptime    float64     `json:"uptime"` // seconds
	Addresses []string    `json:"addresses"`
	Cgroup    int         `json:"cgroup"`
	Terminals int         `json:"terminals"`
}

// Info asks how the node is.
func (a *Agent) Info(ctx context.Context) (AgentInfo, error) {
	var info AgentInfo
	return info, a.call(ctx, "GET", "/v1/info", nil, &info)
}

// TerminalSpec is what a new terminal should be. The zero value is a login
// shell of the node's people in their home folder.
type TerminalSpec struct {
	ID      string   `json:"id,omitempty"` // 1..64 of [A-Za-z0-9-]
	Name    string   `json:"name,omitempty"`
	Cols    int      `json:"cols,omitempty"`
	Rows    int      `json:"rows,omitempty"`
	Dir     string   `json:"dir,omitempty"`
	Command []string `json:"command,omitempty"`
	Env     []string `json:"env,omitempty"`
}

// TerminalState is a terminal of a node.
type TerminalState struct {
	terminal.Status
	Dir string `json:"dir"` // where its shell stands now
}

// Terminals lists the node's terminals in the order they were opened, with
// those that ended and were not closed yet.
func (a *Agent) Terminals(ctx context.Context) ([]TerminalState, error) {
	var list []TerminalState
	return list, a.call(ctx, "GET", "/v1/terminals", nil, &list)
}

// OpenTerminal opens a terminal, or returns the one that runs under that id.
func (a *Agent) OpenTerminal(ctx context.Context, spec TerminalSpec) (TerminalState, error) {
	var t TerminalState
	return t, a.call(ctx, "POST", "/v1/terminals", spec, &t)
}

// CloseTerminal ends a terminal with all that runs in it and forgets it.
func (a *Agent) CloseTerminal(ctx context.Context, id string) error {
	return a.call(ctx, "DELETE", "/v1/terminals/"+url.PathEscape(id), nil, nil)
}

// Attach opens a terminal's stream: both directions carry frames, each with
// its length in front; see terminal.NewFrameReader and NewFrameWriter. Close it
// to detach. ctx bounds only the opening.
func (a *Agent) Attach(ctx context.Context, id string, at terminal.Attach) (net.Conn, error) {
	q := url.Values{"client": {at.Client}, "role": {string(at.Role)}, "from": {strconv.FormatInt(at.From, 10)}}
	if at.Born != 0 {
		q.Set("born", strconv.FormatInt(at.Born, 10))
	}
	return a.upgrade(ctx, "/v1/terminals/"+url.PathEscape(id)+"/attach?"+q.Encode(), terminal.Protocol)
}

// EngineConn connects to the node's Engine API. With wake it is started first
// if need be, which takes a second or two; without, the error is an
// [AgentError] of kind [AgentEngine] unless it runs. Use it as the dialer of a
// Docker client.
func (a *Agent) EngineConn(ctx context.Context, wake bool) (net.Conn, error) {
	path := "/v1/engine?wake=0"
	if wake {
		path = "/v1/engine?wake=1"
	}
	return a.upgrade(ctx, path, "slipway-engine/1")
}

// DialPort connects to a TCP port of the node. An [AgentError] of kind
// [AgentUnreachable] says that nothing listens there.
func (a *Agent) DialPort(ctx context.Context, port int) (net.Conn, error) {
	return a.upgrade(ctx, "/v1/dial?port="+strconv.Itoa(port), "slipway-dial/1")
}

// Kinds of a [NodeEvent].
const (
	NodeSnapshot       = "snapshot"
	NodeEngine         = "engine"
	NodeMark           = "mark"
	NodeTerminalOpened = "terminal-opened"
	NodeTerminalClosed = "terminal-closed"
	NodeAlive          = "alive"
)

// NodeEvent is something that happened on a node. N counts from 1 in one life
// of the agent; a snapshot has no number.
type NodeEvent struct {
	N        uint64       `json:"n"`
	At       time.Time    `json:"at"`
	Kind     string       `json:"kind"`
	Engine   *EngineState `json:"engine"` // of engine and snapshot
	Mark     *CommandMark `json:"mark"`
	Terminal string       `json:"terminal"`
	Name     string       `json:"name"`
	Code     *int         `json:"code"` // of terminal-closed

	// Of a snapshot.
	Epoch     string          `json:"epoch"` // numbers of another epoch mean nothing
	Next      uint64          `json:"next"`
	Oldest    uint64          `json:"oldest"`
	Missed    bool            `json:"missed"` // older events were forgotten
	Node      string          `json:"node"`
	Terminals []TerminalState `json:"terminals"`
}

// CommandMark is what a shell said about a command. Kind is prompt, command or
// exit; an exit repeats the command and has its code.
type CommandMark struct {
	Kind     string `json:"kind"`
	Terminal string `json:"terminal"`
	Node     string `json:"node"` // of the terminal: another one than the event's after ssh
	Shell    int    `json:"shell"`
	User     string `json:"user"`
	Dir      string `json:"dir"`
	Command  string `json:"command"`
	Code     *int   `json:"code"`
	Trusted  bool   `json:"trusted"`
}

// maxEventLine bounds one line of the events; a snapshot lists 16 terminals.
const maxEventLine = 256 << 10

// eventSilence is how long a stream of events may be quiet: the agent says
// that it is there every 15 s.
const eventSilence = 45 * time.Second

// Events calls f with a snapshot and then with every event from number from on
// (0: only new ones, 1: all that is remembered), one at a time, until ctx ends,
// the link is lost or f fails. It always returns an error: ctx's cause, f's
// error or what happened to the link. After a loss, call again with the number
// after the last one seen; if the snapshot's Epoch is another, start from 1.
func (a *Agent) Events(ctx context.Context, from uint64, f func(NodeEvent) error) error {
	conn, res, err := a.request(ctx, "GET", "/v1/events?from="+strconv.FormatUint(from, 10), "", nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if res.StatusCode != http.StatusOK {
		return refusal(res)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 4096), maxEventLine)
	for {
		conn.SetReadDeadline(time.Now().Add(eventSilence))
		if !lines.Scan() {
			break
		}
		var e NodeEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("lab: an event of the node can't be read: %w", err)
		}
		if err := f(e); err != nil {
			return err
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case lines.Err() != nil:
		return lines.Err()
	}
	return io.ErrUnexpectedEOF
}

// NodeFile is a file of a node: Type is file, folder or other.
type NodeFile struct {
	Path     string    `json:"path"`
	Type     string    `json:"type"`
	Size     int64     `json:"size"`
	Mode     string    `json:"mode"` // octal
	Modified time.Time `json:"modified"`
}

// StatFile describes a file. A path that is relative or begins with ~/ is in
// the home folder of the node's people, with whose rights it is opened.
func (a *Agent) StatFile(ctx context.Context, path string) (NodeFile, error) {
	var f NodeFile
	return f, a.call(ctx, "GET", "/v1/files?"+url.Values{"path": {path}, "stat": {"1"}}.Encode(), nil, &f)
}

// ReadFile reads a regular file of at most max bytes; a larger one is an
// [AgentError] of kind [AgentTooLarge], a missing one [AgentNotFound].
func (a *Agent) ReadFile(ctx context.Context, path string, max int64) ([]byte, error) {
	conn, res, err := a.request(ctx, "GET", "/v1/files?"+url.Values{"path": {path}}.Encode(), "", nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if res.StatusCode != http.StatusOK {
		return nil, refusal(res)
	}
	if res.ContentLength > max {
		return nil, &AgentError{AgentTooLarge, fmt.Sprintf("%s has %d bytes, more than the %d asked for", path, res.ContentLength, max), http.StatusRequestEntityTooLarge}
	}
	return io.ReadAll(io.LimitReader(res.Body, max))
}

// call makes one request with JSON in and out.
func (a *Agent) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = b
	}
	conn, res, err := a.request(ctx, method, path, "", body)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if res.StatusCode >= 300 {
		return refusal(res)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(out)
}

// upgrade opens a stream.
func (a *Agent) upgrade(ctx context.Context, path, protocol string) (net.Conn, error) {
	conn, res, err := a.request(ctx, "GET", path, protocol, nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		defer conn.Close()
		return nil, refusal(res)
	}
	conn.SetDeadline(time.Time{})
	return conn, nil
}

// request sends a request on a new connection and reads the answer's head.
// The connection returned gives what was read ahead first.
func (a *Agent) request(ctx context.Context, method, path, upgrade string, body []byte) (*agentConn, *http.Response, error) {
	raw, err := a.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	req, err := http.NewRequest(method, "http://node"+path, bytes.NewReader(body))
	if err != nil {
		raw.Close()
		return nil, nil, err
	}
	if upgrade != "" {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", upgrade)
	} else if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	head := &io.LimitedReader{R: raw, N: maxHead}
	conn := &agentConn{Conn: raw, ahead: bufio.NewReaderSize(head, 4096)}
	err = req.Write(raw)
	var res *http.Response
	if err == nil {
		res, err = http.ReadResponse(conn.ahead, req)
	}
	if err != nil {
		raw.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, nil, fmt.Errorf("lab: the node's agent does not answer: %w", err)
	}
	head.N = math.MaxInt64 // the body has bounds of its own
	return conn, res, nil
}

// refusal reads the error of an answer.
func refusal(res *http.Response) error {
	var said struct {
		Error AgentError `json:"error"`
	}
	b, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if json.Unmarshal(b, &said) != nil || said.Error.Kind == "" {
		said.Error = AgentError{Kind: "internal", Message: "the node's agent answered " + res.Status}
	}
	said.Error.Status = res.StatusCode
	return &said.Error
}

// agentConn is a connection some of whose bytes were read ahead with the
// answer's head.
type agentConn struct {
	net.Conn
	mu    sync.Mutex // of ahead: one reader at a time
	ahead *bufio.Reader
}

// Read gives the bytes read ahead first.
func (c *agentConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if n := c.ahead.Buffered(); n > 0 {
		defer c.mu.Unlock()
		return c.ahead.Read(p[:min(n, len(p))])
	}
	c.mu.Unlock()
	return c.Conn.Read(p)
}

// CloseWrite closes the sending side alone, where the connection can.
func (c *agentConn) CloseWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return errors.New("lab: this connection can't be half closed")
}
