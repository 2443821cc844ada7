package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	v2 "github.com/distribution/distribution/v3/registry/api/v2"
	"github.com/gorilla/mux"
	"golang.org/x/net/netutil"
)

// Bounds of a door. A push sends several layers at once, each in requests of
// its own; a whole image is through in seconds.
const (
	maxConns    = 64
	maxHeader   = 32 << 10
	headerTime  = 10 * time.Second
	requestTime = 15 * time.Minute
	idleTime    = 2 * time.Minute
)

// Serve serves one lab at a listener until ctx ends or the listener fails. It closes
// the listener, and answers nil when ctx ended.
func (r *Registry) Serve(ctx context.Context, lab string, l net.Listener) error {
	server := &http.Server{
		Handler: r.Handler(lab), MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: idleTime,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { server.Close(); close(ended) })
	err := server.Serve(netutil.LimitListener(l, maxConns))
	if !stop() {
		<-ended
		return nil
	}
	server.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("registry: serve a node: %w", err)
}

// door is the registry as one lab sees it.
type door struct {
	registry *Registry
	lab      string
}

// ServeHTTP finds out whether the library or the lab's own space is meant, and
// lets distribution do the rest within it.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	own, err := d.registry.space(d.lab)
	if err != nil {
		d.registry.cfg.Log.Error("a lab's registry can't be opened", "lab", d.lab, "err", err)
		_ = errcode.ServeJSON(w, errcode.ErrorCodeUnavailable.WithMessage("The lab's registry can't be used just now. Tell the instructor."))
		return
	}
	ask := &asking{space: own}
	var match mux.RouteMatch
	route := ""
	if v2.Router().Match(r, &match) && match.Route != nil {
		route = match.Route.GetName()
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if name := match.Vars["name"]; name != "" && d.registry.inLibrary(name) {
		if !reads {
			_ = errcode.ServeJSON(w, errcode.ErrorCodeDenied.WithMessage(fmt.Sprintf(
				"%s belongs to the workshop's library, which can only be pulled from. Tag your image with another name and push that.", name)))
			return
		}
		ask.space = d.registry.library
	}
	ask.space.busy.RLock()
	defer ask.space.busy.RUnlock()
	ask.space.touch()
	if !reads {
		ask.space.dirt.Store(true)
	}
	answer := &answer{ResponseWriter: w, ask: ask, quota: own.quota}
	d.registry.app.ServeHTTP(answer, r.WithContext(within(r.Context(), ask)))
	ask.space.touch()
	if !reads && route == v2.RouteNameManifest && answer.status < 300 {
		d.registry.cfg.Pushed(d.lab)
	}
}

// inLibrary reports whether a repository's name is the library's.
func (r *Registry) inLibrary(name string) bool {
	if strings.HasPrefix(name, "library/") {
		return true
	}
	inside, err := local("/docker/registry/v2/repositories/" + name + "/_manifests")
	if err != nil {
		return false
	}
	_, err = r.library.root.Stat(inside)
	return err == nil
}

// answer passes an answer on, but for one: where a write was refused because
// something is full, docker has to be told so, and in words.
type answer struct {
	http.ResponseWriter
	ask    *asking
	quota  int64
	status int
	mute   bool // what follows is replaced by what was said
}

// Unwrap lets http.ResponseController find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	why := a.ask.refused.Load()
	if why == nil || status < 400 {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	a.mute = true
	a.Header().Del("Content-Length")
	message := "The disk of the workshop's machine is nearly full, so nothing can be pushed. Tell the instructor."
	if errors.Is(*why, errFull) {
		message = fmt.Sprintf("Your registry is full: it holds %.1f GB at most. What has lost its tag is cleared away within two minutes; "+
			"push the same tags again rather than new ones, or ask the instructor.", float64(a.quota)/1e9)
	}
	_ = errcode.ServeJSON(a.ResponseWriter, errcode.ErrorCodeDenied.WithMessage(message))
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.mute {
		return len(p), nil
	}
	return a.ResponseWriter.Write(p)
}

// Flush sends what was written so far.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }
