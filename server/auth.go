package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"slipway/workshop"
)

// caller is who asks. session is nil when nobody is known.
type caller struct {
	session *session
	who     workshop.Participant
}

// rank orders what may be done. Roles of the vocabulary and "anyone" in one scale.
type rank int

const (
	anyone rank = iota
	member
	helper
	instructor
)

func (c caller) rank() rank {
	if c.session == nil {
		return anyone
	}
	switch c.who.Role {
	case workshop.Instructor:
		return instructor
	case workshop.Helper:
		return helper
	}
	return member
}

// cookieName carries the __Host- prefix on TLS: then no other host name, such
// as one with an app on it, can set a cookie of that name for us.
func (s *Server) cookieName() string {
	if s.cfg.TLS {
		return "__Host-slipway"
	}
	return "slipway"
}

const cookieLife = 60 * 24 * time.Hour

func (s *Server) setCookie(w http.ResponseWriter, secret string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(), Value: secret, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: s.cfg.TLS, SameSite: http.SameSiteLaxMode,
	})
}

// hashOf is how a cookie's secret is kept: 160 random bits need no salt.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte("slipway cookie " + secret))
	return hex.EncodeToString(sum[:])
}

// whoAsks finds the caller by the cookie. Someone unknown may have joined at
// another server a moment ago: then the journal is looked at before they are
// turned away.
func (s *Server) whoAsks(r *http.Request) caller {
	cookies := r.CookiesNamed(s.cookieName())
	if len(cookies) == 0 {
		return caller{}
	}
	c, ok := s.byCookie(cookies)
	if !ok && s.catchUp(r) {
		c, _ = s.byCookie(cookies)
	}
	return c
}

// byCookie tries several cookies of our name (one set by a stranger for the same
// host, say) in turn.
func (s *Server) byCookie(cookies []*http.Cookie) (caller, bool) {
	for i, cookie := range cookies {
		if i == 4 || len(cookie.Value) > 128 {
			break
		}
		hash := hashOf(cookie.Value)
		for _, session := range s.allSessions() {
			if who, ok := session.byToken(hash); ok {
				return caller{session, who}, true
			}
		}
	}
	return caller{}, false
}

// catchUp folds what the journals have that followers haven't told yet, and
// says whether it did. Guesses can't make it busy: it has a share per address.
func (s *Server) catchUp(r *http.Request) bool {
	if !s.lookups.add(addressOf(r)) {
		return false
	}
	for _, session := range s.allSessions() {
		if err := session.load(r.Context()); err != nil && r.Context().Err() == nil {
			s.log.Warn("the journal could not be looked at", "session", string(session.id), "err", err)
		}
	}
	return true
}

// sameSecret compares in a time that doesn't depend on where they differ.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return a != "" && b != "" && subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// foreign says whether a request that changes something, or opens a socket,
// was made by a page that isn't ours. Scripts send no Origin.
func (s *Server) foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		site := r.Header.Get("Sec-Fetch-Site")
		return site != "" && site != "same-origin" && site != "none"
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return true
	}
	scheme := u.Scheme == "http" || u.Scheme == "https"
	if s.cfg.TLS {
		scheme = u.Scheme == "https"
	}
	return !scheme || !strings.EqualFold(u.Host, r.Host)
}
