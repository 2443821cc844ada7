// rng makes random bytes for the rest of DockerCoins.
//
//	GET /     says who is answering, at once
//	GET /32   returns 32 random bytes, after a tenth of a second
//
// It serves one request at a time: everybody else waits in line. That is on
// purpose. Find out in the workshop what it does to the whole application.
//
// VERSION=v0.2 is a release gone wrong, for the lesson on updates: it never starts.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const (
	workTime = 100 * time.Millisecond // what a handful of random bytes "costs"
	maxBytes = 1 << 20                // the most one request may ask for
)

func main() {
	address := flag.String("listen", ":80", "address to listen on")
	flag.Parse()
	if os.Getenv("VERSION") == "v0.2" {
		log.Fatal("rng v0.2: the dice are missing, I can't start")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	if err := run(ctx, *address); err != nil {
		log.Fatal("rng: ", err)
	}
}

// run serves until docker stop asks us, politely, to leave.
func run(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	log.Print("rng listens on ", listener.Addr())
	server := &http.Server{Handler: newHandler(), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newHandler knows the two questions rng answers.
func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", hello)
	mux.HandleFunc("GET /{howMany}", randomBytes)
	return oneAtATime(mux)
}

// oneAtATime lets a single request through; the next one waits at the door.
func oneAtATime(next http.Handler) http.Handler {
	door := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		door <- struct{}{}
		defer func() { <-door }()
		// A caller who never reads the answer must not block the door for ever.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(10 * time.Second))
		next.ServeHTTP(w, r)
	})
}

// hello names the service and the container that answers.
func hello(w http.ResponseWriter, r *http.Request) {
	name, _ := os.Hostname()
	fmt.Fprintf(w, "rng, answering from container %s\n", name)
}

// randomBytes answers GET /32 with 32 random bytes.
func randomBytes(w http.ResponseWriter, r *http.Request) {
	howMany, err := strconv.Atoi(r.PathValue("howMany"))
	if err != nil || howMany < 0 {
		http.NotFound(w, r)
		return
	}
	if howMany > maxBytes {
		http.Error(w, fmt.Sprintf("ask for %d bytes at most", maxBytes), http.StatusBadRequest)
		return
	}
	time.Sleep(workTime) // pretend that this is hard work
	data := make([]byte, howMany)
	rand.Read(data)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(data)
}
