// hasher computes SHA-256 digests for the rest of DockerCoins.
//
//	GET /     says who is answering, at once
//	POST /    returns the SHA-256 of what was sent, in hexadecimal digits,
//	          after a tenth of a second
//
// It serves any number of requests side by side.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	workTime = 100 * time.Millisecond // what a digest "costs"
	maxBytes = 16 << 20               // the most one request may send
)

func main() {
	address := flag.String("listen", ":80", "address to listen on")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	if err := run(ctx, *address); err != nil {
		log.Fatal("hasher: ", err)
	}
}

// run serves until docker stop asks us, politely, to leave.
func run(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	log.Print("hasher listens on ", listener.Addr())
	server := &http.Server{Handler: newHandler(), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newHandler knows the two questions hasher answers.
func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", hello)
	mux.HandleFunc("POST /{$}", hash)
	return mux
}

// hello names the service and the container that answers.
func hello(w http.ResponseWriter, r *http.Request) {
	name, _ := os.Hostname()
	fmt.Fprintf(w, "hasher, answering from container %s\n", name)
}

// hash answers with the digest of the request's body, and not a byte more.
func hash(w http.ResponseWriter, r *http.Request) {
	digest := sha256.New()
	if _, err := io.Copy(digest, http.MaxBytesReader(w, r.Body, maxBytes)); err != nil {
		http.Error(w, fmt.Sprintf("send %d bytes at most", maxBytes), http.StatusRequestEntityTooLarge)
		return
	}
	time.Sleep(workTime) // pretend that this is hard work
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%x", digest.Sum(nil))
}
