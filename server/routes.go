package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"slipway/workshop"
)

// route is one row of the table: the least rank that may use it, and how.
type route struct {
	pattern string // method and path, as http.ServeMux reads them
	least   rank
	kind    routeKind
	handle  func(s *Server, w http.ResponseWriter, r *http.Request, c caller) error
}

// routeKind says what the gate does around a handler.
type routeKind int

const (
	page    routeKind = iota // HTML; errors are pages
	data                     // JSON that is read
	command                  // JSON that changes something: origin, rate and body are bounded
	stream                   // WebSocket; errors are close codes
	plain                    // files and probes
)

// table is every route there is.
func table() []route {
	return []route{
		{"GET /{$}", anyone, page, (*Server).joinPage},
		{"GET /j/{code}", anyone, page, (*Server).joinPage},
		{"POST /api/join", anyone, command, (*Server).join},
		{"GET /instructor", anyone, page, (*Server).instructorPage},
		{"POST /api/instructor", anyone, command, (*Server).signInInstructor},
		{"GET /self", anyone, page, (*Server).selfPage},
		{"POST /api/self", anyone, command, (*Server).signInSelf},
		{"POST /api/leave", anyone, command, (*Server).leave},

		{"GET /w/{workshop}/{$}", member, page, (*Server).workshopPage},
		{"GET /w/{workshop}/{slide}", member, page, (*Server).slidePage},
		{"GET /w/{workshop}/assets/{path...}", member, plain, (*Server).workshopAsset},
		{"GET /present", instructor, page, (*Server).presentPage},
		{"GET /board", helper, page, (*Server).boardPage},
		{"GET /projector", instructor, page, (*Server).projectorPage},
		{"GET /try", instructor, page, (*Server).tryPage},
		{"GET /replay", member, page, (*Server).replayPage},
		{"GET /assets/{path...}", anyone, plain, (*Server).asset},
		{"GET /chroma.css", anyone, plain, (*Server).chromaCSS},
		{"GET /healthz", anyone, plain, (*Server).healthz},
		{"GET /readyz", anyone, plain, (*Server).readyz},

		{"GET /api/deck", member, data, (*Server).deckOutline},
		{"GET /api/slides", member, data, (*Server).deckSlides},
		{"GET /api/notes", instructor, data, (*Server).deckNotes},
		{"GET /api/search", member, data, (*Server).deckSearch},
		{"GET /api/events", member, stream, (*Server).events},

		{"POST /api/place", member, command, (*Server).place},
		{"POST /api/slide", instructor, command, (*Server).moveSlide},
		{"POST /api/drive", instructor, command, (*Server).drive},
		{"POST /api/status", member, command, (*Server).status},
		{"POST /api/announce", instructor, command, (*Server).announce},
		{"POST /api/exercises/{id}/hint", member, command, (*Server).hint},
		{"POST /api/exercises/{id}/solution", member, command, (*Server).solution},
		{"POST /api/exercises/{id}/quiz", member, command, (*Server).quiz},
		{"POST /api/exercises/{id}/judge", member, command, (*Server).judge},
		{"POST /api/exercises/{id}/do", member, command, (*Server).doIt},
		{"POST /api/doing/stop", member, command, (*Server).stopDoing},
		{"POST /api/participants/{who}/exercises/{id}/judge", helper, command, (*Server).judgeFor},
		{"POST /api/participants/{who}/exercises/{id}/override", instructor, command, (*Server).override},
		{"POST /api/try", instructor, command, (*Server).try},
		{"POST /api/session/end", instructor, command, (*Server).endSession},
		{"POST /api/lab/retry", member, command, (*Server).retryLab},

		{"GET /api/nodes/{node}/terminals", member, data, (*Server).listTerminals},
		{"POST /api/nodes/{node}/terminals", member, command, (*Server).openTerminal},
		{"DELETE /api/nodes/{node}/terminals/{id}", member, command, (*Server).closeTerminal},
		{"GET /api/nodes/{node}/terminals/{id}/socket", member, stream, (*Server).terminalSocket},

		{"GET /api/replay", member, data, (*Server).replayData},
		{"GET /api/replay/casts/{node}/{file}", member, data, (*Server).replayCast},
	}
}

func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, row := range table() {
		mux.HandleFunc(row.pattern, s.gate(row))
	}
	// The token is the right to see it; whatever the method, it's the app's.
	mux.HandleFunc("/port/{token}/", s.portByPath)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, s.missing(r), s.whoAsks(r), workshop.Errorf(workshop.Unknown, "There is nothing at this address."))
	})
	return mux
}

// missing decides how an unknown address is answered.
func (s *Server) missing(r *http.Request) routeKind {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return data
	}
	return page
}

// ServeHTTP sends a request to an app on a node when its host name says so,
// and else to the routes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Sockets and apps lift it; what else there is must not hold us for long.
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerDeadline))
	if token, ok := s.tokenOfHost(r.Host); ok {
		s.portByHost(w, r, token)
		return
	}
	s.routes.ServeHTTP(w, r)
}

// gate is what every request passes before its handler.
func (s *Server) gate(row route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.setHeaders(w.Header(), r)
		c := s.whoAsks(r)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.Error("a request failed by our fault", "route", row.pattern, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
				s.fail(w, r, row.kind, c, fmt.Errorf("panic: %v", p))
			}
		}()
		err := s.admit(w, r, row, c)
		if err == nil {
			err = row.handle(s, w, r, c)
		}
		if err != nil {
			s.fail(w, r, row.kind, c, err)
		}
	}
}

const (
	maxBody        = 64 << 10
	bodyDeadline   = 15 * time.Second
	answerDeadline = 2 * time.Minute
	castDeadline   = 30 * time.Minute // a long recording over a slow line
)

// admit says who may come in. The caller's existence is told before what they
// lack, so that a page can send them to the join page.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, row route, c caller) error {
	if (row.kind == command || row.kind == stream) && s.foreign(r) {
		return errForeign
	}
	if c.rank() < row.least {
		if c.session == nil {
			return signedOut()
		}
		return workshop.Errorf(workshop.Forbidden, "This is for the %s of the session.", map[rank]string{helper: "helpers and instructors", instructor: "instructor"}[row.least])
	}
	if row.kind == command {
		if c.session != nil && !s.commands.add(string(c.who.ID)) {
			return workshop.Errorf(workshop.TooMany, "That was too fast for the server; wait a few seconds.")
		}
		return takeBody(w, r)
	}
	return nil
}

// takeBody reads a command's body whole, within a bound of size and time, so
// that the connection is free of deadlines while the command is carried out.
func takeBody(w http.ResponseWriter, r *http.Request) error {
	connection := http.NewResponseController(w)
	connection.SetReadDeadline(time.Now().Add(bodyDeadline))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			return err
		}
		return workshop.Errorf(workshop.Invalid, "The request's body did not arrive whole.").Because(err)
	}
	connection.SetReadDeadline(time.Time{})
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

var errForeign = workshop.Errorf(workshop.Forbidden, "This came from a page of another site and was refused. Open the workshop's own address.")

// fail answers an error in the form that the route's caller can read, and logs
// what is our fault.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, kind routeKind, c caller, err error) {
	if r.Context().Err() != nil && context.Cause(r.Context()) == context.Canceled {
		return // nobody is there to read it
	}
	body := explain(err)
	if body.Kind == workshop.Internal {
		s.log.Error("a request failed", "route", r.Pattern, "participant", string(c.who.ID), "err", err)
	}
	s.setHeaders(w.Header(), r)
	switch {
	case kind == stream && err != errForeign:
		s.refuseSocket(w, r, err)
	case kind == page || kind == command && isForm(r):
		s.errorPage(w, r, c, body)
	default:
		writeJSON(w, statusOf(body.Kind), map[string]errorBody{"error": body})
	}
}

const hostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]"

// setHeaders puts the headers on that all our own answers carry.
func (s *Server) setHeaders(h http.Header, r *http.Request) {
	frames := "'self'"
	if s.cfg.AppsHost != "" {
		frames += " http://*." + s.cfg.AppsHost + " https://*." + s.cfg.AppsHost
	}
	// Older browsers don't count our own sockets as 'self'.
	sockets := "'self'"
	if strings.Trim(r.Host, hostLetters) == "" && r.Host != "" {
		sockets += " ws://" + r.Host + " wss://" + r.Host
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "+
		"img-src 'self' data: blob:; font-src 'self'; connect-src "+sockets+"; worker-src 'self'; manifest-src 'self'; "+
		"frame-src "+frames+"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}
