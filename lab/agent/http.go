package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"slipway/terminal"
)

// Protocol is the version of the agent's door, the first part of every path.
const Protocol = "v1"

// Tokens of the Upgrade header for raw streams.
const (
	UpgradeEngine = "slipway-engine/1"
	UpgradeDial   = "slipway-dial/1"
)

// maxRequest bounds the body of a request.
const maxRequest = 64 << 10

// problem is an answer that says what is wrong. Its kind decides the status.
type problem struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

func (p problem) Error() string { return p.Message }

var statusOf = map[string]int{
	"bad-request": http.StatusBadRequest, "not-found": http.StatusNotFound, "forbidden": http.StatusForbidden,
	"too-many": http.StatusConflict, "not-a-file": http.StatusConflict, "too-large": http.StatusRequestEntityTooLarge,
	"engine": http.StatusServiceUnavailable, "stopping": http.StatusServiceUnavailable,
	"unreachable": http.StatusBadGateway, "upgrade": http.StatusUpgradeRequired,
}

// handler is the agent's door.
func (a *agent) handler() http.Handler {
	mux := http.NewServeMux()
	for route, h := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /v1/info":                  a.info,
		"GET /v1/terminals":             a.listTerminals,
		"POST /v1/terminals":            a.openTerminal,
		"DELETE /v1/terminals/{id}":     a.closeTerminal,
		"GET /v1/terminals/{id}/attach": a.attach,
		"GET /v1/engine":                a.engineStream,
		"GET /v1/dial":                  a.dial,
		"GET /v1/events":                a.follow,
		"GET /v1/files":                 a.file,
	} {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
			if err := h(w, r); err != nil {
				a.fail(w, r, err)
			}
		})
	}
	return mux
}

func (a *agent) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p problem
	if !errors.As(err, &p) {
		a.cfg.Log.Error("a request failed", "err", err, "path", r.URL.Path)
		p = problem{"internal", err.Error()}
	}
	status, ok := statusOf[p.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	reply(w, status, map[string]problem{"error": p})
}

func reply(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
	return nil
}

func (a *agent) listTerminals(w http.ResponseWriter, r *http.Request) error {
	return reply(w, http.StatusOK, a.terminals.List())
}

func (a *agent) openTerminal(w http.ResponseWriter, r *http.Request) error {
	var o OpenTerminal
	d := json.NewDecoder(r.Body)
	if err := d.Decode(&o); err != nil {
		return problem{"bad-request", "the terminal's description is no JSON object: " + err.Error()}
	}
	t, created, err := a.terminals.Open(o)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return reply(w, status, TerminalInfo{t.Status(), t.Dir()})
}

func (a *agent) closeTerminal(w http.ResponseWriter, r *http.Request) error {
	if err := a.terminals.Close(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *agent) attach(w http.ResponseWriter, r *http.Request) error {
	t := a.terminals.Get(r.PathValue("id"))
	if t == nil {
		return problem{"not-found", "there is no terminal " + r.PathValue("id")}
	}
	q := r.URL.Query()
	at := terminal.Attach{Client: q.Get("client"), Role: terminal.Role(q.Get("role")), From: terminal.FromRepaint}
	for name, to := range map[string]*int64{"from": &at.From, "born": &at.Born} {
		if s := q.Get(name); s != "" {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return problem{"bad-request", name + " is no number"}
			}
			*to = n
		}
	}
	if err := at.Check(); err != nil {
		return problem{"bad-request", err.Error()}
	}
	return a.upgrade(w, r, terminal.Protocol, func(ctx context.Context, c net.Conn) {
		if err := t.Serve(ctx, c, at); err != nil && ctx.Err() == nil {
			a.cfg.Log.Info("a viewer was dropped", "terminal", t.ID(), "err", err)
		}
	})
}

func (a *agent) engineStream(w http.ResponseWriter, r *http.Request) error {
	if !wants(r, UpgradeEngine) {
		return problem{"upgrade", "ask for Upgrade: " + UpgradeEngine}
	}
	to, err := a.engine.Conn(r.Context(), r.URL.Query().Get("wake") == "1")
	if err != nil {
		return problem{"engine", err.Error()}
	}
	defer to.Close()
	return a.upgrade(w, r, UpgradeEngine, func(ctx context.Context, c net.Conn) { splice(ctx, c, to) })
}

// dialTime bounds a connection to a port of the node.
const dialTime = 5 * time.Second

func (a *agent) dial(w http.ResponseWriter, r *http.Request) error {
	if !wants(r, UpgradeDial) {
		return problem{"upgrade", "ask for Upgrade: " + UpgradeDial}
	}
	q := r.URL.Query()
	port, err := strconv.ParseUint(q.Get("port"), 10, 16)
	if err != nil || port == 0 {
		return problem{"bad-request", "a port is a number from 1 to 65535"}
	}
	host := q.Get("host")
	if host == "" {
		host = "127.0.0.1"
	}
	if !isOwn(host) {
		return problem{"forbidden", "only ports of the node itself can be reached this way"}
	}
	d := net.Dialer{Timeout: dialTime}
	to, err := d.DialContext(r.Context(), "tcp", net.JoinHostPort(host, strconv.FormatUint(port, 10)))
	if err != nil {
		return problem{"unreachable", fmt.Sprintf("nothing answers on port %d of %s", port, a.cfg.Node)}
	}
	defer to.Close()
	return a.upgrade(w, r, UpgradeDial, func(ctx context.Context, c net.Conn) { splice(ctx, c, to) })
}

// isOwn reports whether host is an address of this node.
func isOwn(host string) bool {
	ip := net.ParseIP(host)
	if ip == nil || ip.IsLoopback() {
		return ip != nil || host == "localhost"
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
			return true
		}
	}
	return false
}

// follow streams events. A stream whose reader doesn't keep up for a minute is
// ended; it comes back with the number it needs next.
func (a *agent) follow(w http.ResponseWriter, r *http.Request) error {
	from := uint64(0)
	if s := r.URL.Query().Get("from"); s != "" {
		n, err := strconv.ParseUint(s, 10, 63)
		if err != nil {
			return problem{"bad-request", "from is no number"}
		}
		from = n
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	rc := http.NewResponseController(w)
	enc := json.NewEncoder(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.life, cancel)()
	a.events.follow(ctx, from, a.snapshot, func(e Event) error {
		if err := rc.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
		if err := enc.Encode(e); err != nil {
			return err
		}
		return rc.Flush()
	})
	return nil // the reader left, or the agent stops
}

func wants(r *http.Request, protocol string) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), protocol) &&
		strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade")
}

// upgrade turns the request's connection into a stream and serves it until
// serve returns. The agent waits for it when it stops.
func (a *agent) upgrade(w http.ResponseWriter, r *http.Request, protocol string, serve func(context.Context, net.Conn)) error {
	if !wants(r, protocol) {
		return problem{"upgrade", "ask for Upgrade: " + protocol}
	}
	a.streams.Add(1)
	defer a.streams.Done()
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Time{})
	if _, err := fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol); err != nil {
		return nil // it left
	}
	serve(a.life, newStream(c, rw.Reader))
	return nil
}

// stream is a connection some of whose bytes were read ahead with the request.
type stream struct {
	net.Conn
	ahead *bufio.Reader
}

func newStream(c net.Conn, ahead *bufio.Reader) net.Conn {
	if ahead.Buffered() == 0 {
		return c
	}
	return &stream{Conn: c, ahead: ahead}
}

// Read gives the bytes read ahead first.
func (s *stream) Read(p []byte) (int, error) {
	if n := s.ahead.Buffered(); n > 0 {
		return s.ahead.Read(p[:min(n, len(p))])
	}
	return s.Conn.Read(p)
}

// CloseWrite closes the sending side alone.
func (s *stream) CloseWrite() error {
	if h, ok := s.Conn.(halfCloser); ok {
		return h.CloseWrite()
	}
	return errors.New("this connection can't be half closed")
}
