package dockertest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
)

// Fake is an Engine that exists as its API alone. Its methods are safe for
// concurrent use.
type Fake struct {
	// Host is the address for a Docker client.
	Host string

	mu         sync.Mutex
	containers map[string]container.InspectResponse
	order      []string
	images     []image.Summary
	networks   []network.Summary
	volumes    []*volume.Volume
	info       system.Info
	nodes      []swarm.Node
	services   []swarm.Service
	tasks      []swarm.Task
	past       []events.Message
	streams    map[chan events.Message]chan struct{} // events; closed to cut
	hung       chan struct{}                         // closed when the hang ends; nil when there is none
	failures   int
	calls      map[string]int
	next       int
}

// StartFake starts a fake Engine that ends with the test.
func StartFake(t testing.TB) *Fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "fake") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	f := &Fake{Host: "unix://" + filepath.Join(dir, "docker.sock"), containers: map[string]container.InspectResponse{},
		streams: map[chan events.Message]chan struct{}{}, calls: map[string]int{}}
	f.info.Swarm.LocalNodeState = swarm.LocalNodeStateInactive
	listener, err := net.Listen("unix", strings.TrimPrefix(f.Host, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f.handler(), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() { defer close(ended); server.Serve(listener) }()
	t.Cleanup(func() {
		f.Heal()
		f.CutEvents()
		server.Close()
		<-ended
		os.RemoveAll(dir)
	})
	return f
}

func (f *Fake) handler() http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, get func(*http.Request) (any, bool)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			v, ok := get(r)
			body, err := json.Marshal(v)
			f.mu.Unlock()
			w.Header().Set("Content-Type", "application/json")
			if !ok || err != nil {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprintf(w, `{"message":"No such object: %s"}`, r.PathValue("id"))
				return
			}
			w.Write(body)
		})
	}
	answer("GET /containers/json", func(*http.Request) (any, bool) { return f.summaries(), true })
	answer("GET /containers/{id}/json", func(r *http.Request) (any, bool) {
		c, ok := f.containers[r.PathValue("id")]
		return c, ok
	})
	answer("GET /images/json", func(*http.Request) (any, bool) { return list(f.images), true })
	answer("GET /networks", func(*http.Request) (any, bool) { return list(f.networks), true })
	answer("GET /volumes", func(*http.Request) (any, bool) { return volume.ListResponse{Volumes: list(f.volumes)}, true })
	answer("GET /info", func(*http.Request) (any, bool) { return f.info, true })
	answer("GET /nodes", func(*http.Request) (any, bool) { return list(f.nodes), true })
	answer("GET /services", func(*http.Request) (any, bool) { return list(f.services), true })
	answer("GET /tasks", func(*http.Request) (any, bool) { return list(f.tasks), true })
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", "1.45")
		w.Header().Set("Ostype", "linux")
		fmt.Fprint(w, "OK")
	})
	mux.HandleFunc("GET /events", f.serveEvents)
	return f.faults(mux)
}

func list[T any](all []T) []T { return append([]T{}, all...) }

// faults strips the version from the path, counts the call, and fails or
// hangs as told.
func (f *Fake) faults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if parts := strings.SplitN(r.URL.Path, "/", 3); len(parts) == 3 && strings.HasPrefix(parts[1], "v1.") {
			r.URL.Path = "/" + parts[2]
		}
		f.mu.Lock()
		f.calls[strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")[0]]++
		hung, fail := f.hung, f.failures > 0
		if fail {
			f.failures--
		}
		f.mu.Unlock()
		if hung != nil {
			select {
			case <-hung:
			case <-r.Context().Done():
				return
			}
		}
		if fail {
			http.Error(w, `{"message":"the fake Engine was told to fail"}`, http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (f *Fake) summaries() []container.Summary {
	all := []container.Summary{}
	for _, id := range f.order {
		c := f.containers[id]
		all = append(all, container.Summary{ID: id, Names: []string{c.Name}, Image: c.Config.Image, State: c.State.Status, Labels: c.Config.Labels})
	}
	return all
}

func (f *Fake) serveEvents(w http.ResponseWriter, r *http.Request) {
	stream, cut := make(chan events.Message, 4096), make(chan struct{})
	f.mu.Lock()
	since := sinceOf(r.URL.Query().Get("since"))
	for _, e := range f.past {
		if since > 0 && e.TimeNano >= since {
			stream <- e
		}
	}
	f.streams[stream] = cut
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.streams, stream)
		f.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w).Flush
	flush()
	for {
		select {
		case e := <-stream:
			json.NewEncoder(w).Encode(e)
			flush()
		case <-cut:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// sinceOf reads seconds.nanoseconds as nanoseconds; 0 for none.
func sinceOf(s string) int64 {
	seconds, fraction, _ := strings.Cut(s, ".")
	whole, _ := strconv.ParseInt(seconds, 10, 64)
	nanos, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return whole*1e9 + nanos
}
