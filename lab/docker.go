package lab

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/docker/docker/client"
)

// NewDockerClient makes a client of the Engine that dial reaches: our own, or
// the one inside a node through its agent. The API version is negotiated with
// the first call. Close it when done: it keeps idle connections.
//
// A node's root may answer in its Engine's place, so what is answered in JSON is
// bounded: a line of more than 16 MiB ends the call with an error.
func NewDockerClient(dial func(context.Context) (net.Conn, error)) (*client.Client, error) {
	transport := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		MaxIdleConns:           6,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxHead,
	}
	transport.RegisterProtocol(boundedScheme, boundedTripper{transport})
	return client.NewClientWithOpts(
		client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost("tcp://engine.invalid:2375"), // never resolved: dial is asked instead
		func(c *client.Client) error { // WithHost put a dialer of its own
			transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
			return nil
		},
		client.WithScheme(boundedScheme),
		client.WithAPIVersionNegotiation(),
	)
}

// boundedScheme leads a client's requests through boundedTripper and then into
// the very transport they came from, so that the client still owns it.
const boundedScheme = "engine"

// maxJSONLine bounds a line of JSON from an Engine: a list of everything, an event.
const maxJSONLine = 16 << 20

type boundedTripper struct{ to *http.Transport }

// RoundTrip makes the request by HTTP and bounds the lines of its answer.
func (b boundedTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	plain := req.Clone(req.Context())
	plain.URL.Scheme = "http"
	res, err := b.to.RoundTrip(plain)
	if err == nil && !isBinary(req) {
		res.Body = &boundedLines{ReadCloser: res.Body, left: maxJSONLine}
	}
	return res, err
}

// isBinary reports whether an answer has no lines: archives, images, logs.
func isBinary(req *http.Request) bool {
	for _, end := range []string{"/archive", "/get", "/export", "/logs", "/attach"} {
		if strings.HasSuffix(req.URL.Path, end) {
			return true
		}
	}
	return false
}

var errEndlessLine = errors.New("lab: the Engine's answer has a line without end")

// boundedLines fails when a line gets too long, before anybody keeps it whole.
type boundedLines struct {
	io.ReadCloser
	left int
}

// Read counts the bytes since the last end of a line.
func (b *boundedLines) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if at := bytes.LastIndexByte(p[:n], '\n'); at >= 0 {
		b.left = maxJSONLine - (n - 1 - at)
	} else {
		b.left -= n
	}
	if b.left < 0 {
		return 0, errEndlessLine
	}
	return n, err
}

// dialUnix makes a dialer of a Unix socket's path, for sockets in folders of ours.
func dialUnix(path string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}
