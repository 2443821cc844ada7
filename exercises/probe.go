package exercises

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
)

// Bounds of probes.
const (
	MaxFileText   = 64 << 10 // bytes read of a file
	maxBody       = 64 << 10 // bytes read of an answer
	probeLimit    = 5 * time.Second
	probeEvery    = 2 * time.Second  // at first, and after something happened on the node
	probeSlowest  = 10 * time.Second // when nothing does
	latencyRounds = 5
	maxInFlight   = 4  // of one lab
	maxProbes     = 64 // different ones of one lab
)

// look does a probe. It takes at most latencyRounds times probeLimit.
func look(ctx context.Context, node Node, p Probe, now func() time.Time) result {
	r := result{}
	switch p.Kind {
	case ProbeFile:
		r.value, r.unknown = lookAtFile(ctx, node, p)
	case ProbeTCP:
		r.value, r.unknown = lookAtPort(ctx, node, p)
	case ProbeLatency:
		r.value, r.unknown = lookAtLatency(ctx, node, p)
	default:
		r.value, r.unknown = ask(ctx, node, p)
	}
	r.at = now()
	return r
}

func lookAtFile(ctx context.Context, node Node, p Probe) (any, string) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	f, err := node.ReadFile(ctx, p.Path, MaxFileText)
	if err != nil {
		return nil, cantReach(p)
	}
	f.Path = p.Path
	return &f, ""
}

func cantReach(p Probe) string { return p.Node + " can't be reached at the moment." }

func lookAtPort(ctx context.Context, node Node, p Probe) (any, string) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	conn, err := node.Dial(ctx, p.Port)
	switch {
	case errors.Is(err, ErrRefused):
		return false, ""
	case err != nil:
		return nil, cantReach(p)
	}
	conn.Close()
	return true, ""
}

// ask makes one request on a connection of its own. Redirects are an answer.
func ask(ctx context.Context, node Node, p Probe) (any, string) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return node.Dial(ctx, p.Port) }}
	defer transport.CloseIdleConnections()
	method := http.MethodGet
	if p.Kind == ProbePost {
		method = http.MethodPost
	}
	path := p.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	request, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://%s:%d%s", p.Node, p.Port, path), strings.NewReader(p.Body))
	if err != nil {
		return &Answer{Error: "this is no address: " + path}, ""
	}
	if p.Kind == ProbePost {
		request.Header.Set("Content-Type", "application/octet-stream")
	}
	began := time.Now()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return failedAnswer(ctx, p, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return failedAnswer(ctx, p, err)
	}
	a := &Answer{Status: response.StatusCode, Body: string(body), Millis: float64(time.Since(began).Microseconds()) / 1000, Header: map[string]string{}}
	for name := range response.Header {
		a.Header[strings.ToLower(name)] = response.Header.Get(name)
	}
	return a, ""
}

// failedAnswer tells a port that doesn't answer from a node that can't be
// reached.
func failedAnswer(ctx context.Context, p Probe, err error) (any, string) {
	var dial *unreachable
	switch {
	case errors.Is(err, ErrRefused):
		return &Answer{Error: "connection refused"}, ""
	case errors.As(err, &dial):
		return nil, cantReach(p)
	case ctx.Err() != nil:
		return &Answer{Error: fmt.Sprintf("no answer within %v", probeLimit)}, ""
	}
	return &Answer{Error: "it does not speak HTTP, or ended the connection"}, ""
}

// unreachable marks that it was the way to the node that failed.
type unreachable struct{ error }

func (u *unreachable) Unwrap() error { return u.error }

// reachable wraps a node so that a failed way to it can be told from a port
// that is closed.
type reachable struct{ Node }

func (r reachable) Dial(ctx context.Context, port int) (net.Conn, error) {
	conn, err := r.Node.Dial(ctx, port)
	if err != nil && !errors.Is(err, ErrRefused) && ctx.Err() == nil {
		return nil, &unreachable{err}
	}
	return conn, err
}

func lookAtLatency(ctx context.Context, node Node, p Probe) (any, string) {
	var took []float64
	for range latencyRounds {
		answer, unknown := ask(ctx, node, Probe{Node: p.Node, Kind: ProbeGet, Port: p.Port, Path: p.Path})
		if unknown != "" {
			return nil, unknown
		}
		if a := answer.(*Answer); a.Status == 0 {
			return types.NewErr("%s does not answer: %s", p.String(), a.Error), ""
		} else {
			took = append(took, a.Millis)
		}
	}
	slices.Sort(took)
	return took[len(took)/2], ""
}

// same says whether two results are the same news.
func (r result) same(other result) bool {
	if r.unknown != other.unknown {
		return false
	}
	switch a := r.value.(type) {
	case *Answer:
		b, ok := other.value.(*Answer)
		return ok && a.Status == b.Status && a.Body == b.Body && a.Error == b.Error
	case *File:
		b, ok := other.value.(*File)
		return ok && *a == *b
	case bool, float64, nil:
		return r.value == other.value
	}
	return false
}
