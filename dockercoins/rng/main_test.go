package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func TestAnswers(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		status int
		length int
		took   time.Duration
	}{
		{"/10", 200, 10, workTime},
		{"/32", 200, 32, workTime},
		{"/0", 200, 0, workTime},
		{"/1048576", 200, 1 << 20, workTime},
		{"/1048577", 400, -1, 0},
		{"/-1", 404, -1, 0},
		{"/ten", 404, -1, 0},
		{"/10/10", 404, -1, 0},
		{"/99999999999999999999", 404, -1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			w := get(newHandler(), c.path)
			if w.Code != c.status {
				t.Errorf("GET %s: status %d, want %d", c.path, w.Code, c.status)
			}
			if took := time.Since(start); took != c.took {
				t.Errorf("GET %s took %v, want %v", c.path, took, c.took)
			}
			if c.length < 0 {
				return
			}
			if w.Body.Len() != c.length {
				t.Errorf("GET %s: %d bytes, want %d", c.path, w.Body.Len(), c.length)
			}
			if kind := w.Header().Get("Content-Type"); kind != "application/octet-stream" {
				t.Errorf("GET %s: content type %q", c.path, kind)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := get(newHandler(), "/")
		line := w.Body.String()
		if !strings.Contains(line, "rng") || !strings.Contains(line, name) || strings.Count(line, "\n") != 1 {
			t.Errorf("GET / should name the service and the container in one line: %q", line)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("GET / took %v, want no delay", took)
		}
	})
	a, b := get(newHandler(), "/32").Body.String(), get(newHandler(), "/32").Body.String()
	if a == b {
		t.Error("the same 32 bytes twice are not random")
	}
}

// Five callers at once wait for each other, and so does a sixth who asks for
// nothing but the name.
func TestOneRequestAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler()
		start := time.Now()
		done := make(chan time.Duration, 6)
		for range 5 {
			go func() {
				get(h, "/32")
				done <- time.Since(start)
			}()
		}
		synctest.Wait()
		go func() {
			get(h, "/")
			done <- time.Since(start)
		}()
		for i, want := range []time.Duration{1, 2, 3, 4, 5, 5} {
			if took := <-done; took != want*workTime {
				t.Errorf("caller %d was served after %v, want %v", i+1, took, want*workTime)
			}
		}
	})
}
