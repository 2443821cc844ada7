package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func ask(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

func TestHello(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		line := ask(newHandler(), "GET", "/", "").Body.String()
		if !strings.Contains(line, "hasher") || !strings.Contains(line, name) || strings.Count(line, "\n") != 1 {
			t.Errorf("GET / should name the service and the container in one line: %q", line)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("GET / took %v, want no delay", took)
		}
	})
}

func TestDigest(t *testing.T) {
	for _, body := range []string{"", "hello", "hello\n", string(bytes.Repeat([]byte{0}, maxBytes))} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			w := ask(newHandler(), "POST", "/", body)
			sum := sha256.Sum256([]byte(body))
			if want := hex.EncodeToString(sum[:]); w.Body.String() != want {
				t.Errorf("digest of %d bytes is %q, want %q", len(body), w.Body.String(), want)
			}
			if kind := w.Header().Get("Content-Type"); kind != "text/plain" {
				t.Errorf("content type %q", kind)
			}
			if took := time.Since(start); took != workTime {
				t.Errorf("took %v, want %v", took, workTime)
			}
		})
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/", strings.Repeat("x", maxBytes+1), http.StatusRequestEntityTooLarge},
		{"POST", "/else", "hello", http.StatusNotFound},
		{"PUT", "/", "hello", http.StatusMethodNotAllowed},
	} {
		if w := ask(newHandler(), c.method, c.path, c.body); w.Code != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.status)
		}
	}
}

// Fifty callers at once are all served within the time of one.
func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler()
		start := time.Now()
		done := make(chan time.Duration, 50)
		for range 50 {
			go func() {
				ask(h, "POST", "/", "hello")
				done <- time.Since(start)
			}()
		}
		for range 50 {
			if took := <-done; took != workTime {
				t.Errorf("a caller was served after %v, want %v", took, workTime)
			}
		}
	})
}
