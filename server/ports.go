package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/workshop"
)

// What people publish from their nodes is hostile until proven otherwise: it is
// shown on an origin that can touch nothing of ours. Below a host name of its
// own, or below /port/ with a sandbox that makes its origin opaque. None of our
// cookies goes to it and none of its comes back.

// portName names a published port of a lab.
type portName struct {
	lab  workshop.ParticipantID
	node string
	port int
}

var tokenText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const (
	tokenHead = 10 + 1 + 2 // id, number of the node, port
	tokenMAC  = 16
)

// portToken makes the secret name of a port: who may see it needs no other
// right. It says itself what it is for, under a signature of 128 bits, so that
// any server of the store can serve it and nobody has to keep a list.
func (s *Server) portToken(p portName) (string, error) {
	head := make([]byte, tokenHead)
	n := slices.Index(s.cfg.Nodes, p.node)
	id, err := tokenText.DecodeString(string(p.lab))
	if err != nil || len(id) != 10 || n < 0 || p.port < 1 || p.port > 65535 {
		return "", fmt.Errorf("no token for port %d of %s of lab %s", p.port, p.node, p.lab)
	}
	copy(head, id)
	head[10] = byte(n)
	binary.BigEndian.PutUint16(head[11:], uint16(p.port))
	return tokenText.EncodeToString(append(head, s.signPort(head)...)), nil
}

func (s *Server) signPort(head []byte) []byte {
	mac := hmac.New(sha256.New, s.cfg.Secret)
	mac.Write([]byte("slipway port\x00"))
	mac.Write(head)
	return mac.Sum(nil)[:tokenMAC]
}

// portOf reads a token; false for one that isn't ours or whose person is gone.
func (s *Server) portOf(token string) (portName, bool) {
	raw, err := tokenText.DecodeString(token)
	if err != nil || len(raw) != tokenHead+tokenMAC || !hmac.Equal(raw[tokenHead:], s.signPort(raw[:tokenHead])) {
		return portName{}, false
	}
	p := portName{lab: workshop.ParticipantID(tokenText.EncodeToString(raw[:10])), port: int(binary.BigEndian.Uint16(raw[11:]))}
	if int(raw[10]) >= len(s.cfg.Nodes) {
		return portName{}, false
	}
	p.node = s.cfg.Nodes[raw[10]]
	for _, session := range s.allSessions() {
		if _, ok := session.person(p.lab); ok {
			return p, true
		}
	}
	return portName{}, false
}

// tokenOfHost finds the token in "{token}.appsHost". Any name directly below
// appsHost is taken for one, so that none of our pages is served there.
func (s *Server) tokenOfHost(host string) (string, bool) {
	if s.cfg.AppsHost == "" {
		return "", false
	}
	token, rest, ok := strings.Cut(strings.ToLower(host), ".")
	return token, ok && rest == strings.ToLower(s.cfg.AppsHost)
}

func (s *Server) portByHost(w http.ResponseWriter, r *http.Request, token string) {
	s.servePort(w, r, token, "")
}

func (s *Server) portByPath(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	s.servePort(w, r, token, "/port/"+token)
}

// appsAtOnce bounds the requests that one lab's apps serve at a time.
const appsAtOnce = 128

// servePort sends one request to an app. prefix is the path it lives under, empty
// when it has a host name.
func (s *Server) servePort(w http.ResponseWriter, r *http.Request, token, prefix string) {
	p, ok := s.portOf(token)
	if !ok {
		s.portError(w, http.StatusNotFound, "This address is not one of a published port. Open the port from the workshop's page again.")
		return
	}
	if prefix != "" && isPreflight(r) {
		allowAll(w.Header(), r)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	free, ok := s.apps.take(string(p.lab))
	if !ok {
		s.portError(w, http.StatusTooManyRequests, fmt.Sprintf("%d requests to this lab's apps are under way already. Wait until some of them end.", appsAtOnce))
		return
	}
	defer free()
	connection := http.NewResponseController(w)
	connection.SetWriteDeadline(time.Time{}) // an app may stream for hours
	// And it may answer while it is still being asked. An error says that this
	// connection can do so anyway (HTTP/2), or not at all.
	_ = connection.EnableFullDuplex()
	ctx, leave := s.stayWith(r.Context())
	defer leave()
	proxy := httputil.ReverseProxy{
		Transport:      s.appTransport,
		FlushInterval:  -1, // what streams is seen as it comes
		Rewrite:        func(out *httputil.ProxyRequest) { rewriteRequest(out, p, prefix) },
		ModifyResponse: func(answer *http.Response) error { s.tameResponse(answer, p, prefix); return nil },
		ErrorHandler:   func(w http.ResponseWriter, r *http.Request, err error) { s.portFailed(w, r, p, err) },
		ErrorLog:       s.quiet,
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}

// targetHost names a port for the transport's pool of connections. [dialApp]
// reads it back; it is no name on any network.
func targetHost(p portName) string {
	return p.node + "." + string(p.lab) + ".lab:" + strconv.Itoa(p.port)
}

func (s *Server) dialApp(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	part := strings.Split(host, ".")
	number, err := strconv.Atoi(port)
	if err != nil || len(part) != 3 {
		return nil, fmt.Errorf("no port of a lab: %s", address)
	}
	return s.cfg.Labs.DialPort(ctx, workshop.ParticipantID(part[1]), part[0], number)
}

func (s *Server) newAppTransport() *http.Transport {
	return &http.Transport{
		DialContext:            s.dialApp,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    4,
		MaxConnsPerHost:        appsAtOnce,
		IdleConnTimeout:        20 * time.Second,
		ResponseHeaderTimeout:  2 * time.Minute, // an overloaded rng takes its time
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // bodies pass as they are
	}
}

// rewriteRequest makes the request that the app gets. ReverseProxy has taken out
// the headers that concern one hop only.
func rewriteRequest(pr *httputil.ProxyRequest, p portName, prefix string) {
	out, in := pr.Out, pr.In
	out.URL.Scheme, out.URL.Host = "http", targetHost(p)
	out.URL.Path = orSlash(strings.TrimPrefix(in.URL.Path, prefix))
	out.URL.RawPath = ""
	if in.URL.RawPath != "" {
		out.URL.RawPath = orSlash(strings.TrimPrefix(in.URL.RawPath, prefix))
	}
	out.URL.RawQuery = in.URL.RawQuery
	out.Host = appHost(in, p, prefix)
	h := out.Header
	h.Del("Cookie")
	h.Del("Referer") // its path is a secret
	if h.Get("Origin") != "" {
		h.Set("Origin", "http://"+out.Host)
	}
	h.Del("Forwarded")
	for name := range h {
		if strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "Sec-Fetch-") {
			h.Del(name)
		}
	}
	if prefix != "" {
		h.Set("X-Forwarded-Prefix", prefix)
	} else {
		h.Set("X-Forwarded-Host", in.Host)
	}
}

// appHost is the Host an app sees: the name its own address has, or with a
// path the node's, so that an app's redirect to itself is recognised.
func appHost(in *http.Request, p portName, prefix string) string {
	if prefix == "" {
		return in.Host
	}
	return p.node + ":" + strconv.Itoa(p.port)
}

func orSlash(path string) string {
	if !strings.HasPrefix(path, "/") {
		return "/" + path
	}
	return path
}

// refusedHeaders are an app's that would act on our origin, on the whole host
// or on the connection, beyond the app itself.
var refusedHeaders = []string{
	"Set-Cookie", "Set-Cookie2", "Clear-Site-Data", "Strict-Transport-Security", "Public-Key-Pins", "Expect-CT",
	"Alt-Svc", "NEL", "Report-To", "Reporting-Endpoints", "Service-Worker-Allowed", "X-Frame-Options", "Origin-Agent-Cluster",
	"Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy", "Cross-Origin-Resource-Policy", "Document-Policy",
	"Supports-Loading-Mode", "Speculation-Rules", "Accept-CH", "Critical-CH", "X-Accel-Redirect", "X-Sendfile", "SourceMap",
}

// tameResponse takes out of an app's answer what reaches beyond the app.
func (s *Server) tameResponse(answer *http.Response, p portName, prefix string) {
	h := answer.Header
	for _, name := range refusedHeaders {
		h.Del(name)
	}
	unframe(h, "Content-Security-Policy")
	unframe(h, "Content-Security-Policy-Report-Only")
	h.Set("X-Content-Type-Options", orDefault(h.Get("X-Content-Type-Options"), "nosniff"))
	if location := h.Get("Location"); location != "" {
		h.Set("Location", relocate(location, p, prefix))
	}
	if prefix == "" {
		return
	}
	// An origin of its own for what lives below our host name: scripts run, but
	// reach neither our pages nor cookies nor storage.
	h.Add("Content-Security-Policy", "sandbox allow-scripts allow-forms allow-popups allow-downloads allow-modals")
	h.Del("WWW-Authenticate") // the browser's own prompt would ask in our name
	h.Del("Link")             // may preload and prefetch from our origin
	h.Set("Referrer-Policy", "no-referrer")
	allowAll(h, answer.Request)
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// unframe drops frame-ancestors and sandbox of an app's policies and keeps the
// rest: our page may frame any app, and ours is the sandbox.
func unframe(h http.Header, name string) {
	var kept []string
	for _, policy := range strings.Split(strings.Join(h.Values(name), ","), ",") {
		var directives []string
		for _, d := range strings.Split(policy, ";") {
			word := strings.Fields(d + " ;")[0]
			switch strings.ToLower(word) {
			case ";", "frame-ancestors", "sandbox", "report-uri", "report-to":
			default:
				directives = append(directives, strings.TrimSpace(d))
			}
		}
		if len(directives) > 0 {
			kept = append(kept, strings.Join(directives, "; "))
		}
	}
	h.Del(name)
	for _, policy := range kept {
		h.Add(name, policy)
	}
}

// relocate keeps a redirect that stays with the app below the app's address.
func relocate(location string, p portName, prefix string) string {
	u, err := url.Parse(location)
	if err != nil {
		return "/"
	}
	own := p.node + ":" + strconv.Itoa(p.port)
	local := []string{own, "localhost:" + strconv.Itoa(p.port), "127.0.0.1:" + strconv.Itoa(p.port), targetHost(p)}
	if u.Host != "" && slices.Contains(local, u.Host) {
		u.Scheme, u.Host = "", ""
		u.Path = orSlash(u.Path)
	}
	if u.Host == "" && u.Scheme == "" && strings.HasPrefix(u.Path, "/") && prefix != "" && !strings.HasPrefix(u.Path, prefix+"/") {
		u.Path = prefix + u.Path
		if u.RawPath != "" {
			u.RawPath = prefix + u.RawPath
		}
	}
	return u.String()
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// allowAll lets an app with an opaque origin read its own answers. There are no
// credentials to lend: cookies never pass, and the address itself is the secret.
func allowAll(h http.Header, r *http.Request) {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			h.Del(name)
		}
	}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "*")
	if r != nil && isPreflight(r) {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", orDefault(clip(r.Header.Get("Access-Control-Request-Headers"), 1000), "*"))
		h.Set("Access-Control-Max-Age", "600")
	}
}

// portFailed says in plain words why an app can't be seen.
func (s *Server) portFailed(w http.ResponseWriter, r *http.Request, p portName, err error) {
	if r.Context().Err() != nil {
		return
	}
	switch workshop.KindOf(err) {
	case workshop.Unknown:
		s.portError(w, http.StatusBadGateway, fmt.Sprintf("Nothing listens on port %d of %s. Start what publishes it, then reload this page.", p.port, p.node))
	case workshop.Unavailable:
		s.portError(w, http.StatusServiceUnavailable, fmt.Sprintf("%s is away at the moment. Look at its state in the workshop's page, then reload this one.", p.node))
	case workshop.Internal:
		s.portError(w, http.StatusBadGateway, fmt.Sprintf("What listens on port %d of %s gave no proper answer. Look at its log, then reload this page.", p.port, p.node))
	default:
		s.portError(w, http.StatusBadGateway, workshop.MessageOf(err))
	}
}

// portError is a page in the place of an app's.
func (s *Server) portError(w http.ResponseWriter, status int, sentence string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, sentence)
}
