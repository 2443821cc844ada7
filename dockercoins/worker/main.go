// worker mines DockerCoins: it takes random bytes from rng, has them digested
// by hasher, and calls it a coin when the digest starts with a zero. Every
// second it adds the number of digests it got to a counter in redis.
//
// It has no port: nobody calls the worker, the worker calls the others.
// Set DEBUG=yes in its environment to see each step in its log. VERSION=v0.2 is a
// release gone wrong, for the lesson on updates: it works, 11 times slower.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	pause      = 100 * time.Millisecond  // between two units of work; one takes 300 ms in all
	longPause  = 3100 * time.Millisecond // of v0.2: one takes 11 times as long
	interval   = time.Second             // between two updates of the counter
	afterError = 10 * time.Second        // before a fresh start when something broke
	maxAnswer  = 1 << 20                 // the most we read of one answer, in bytes
)

// A worker knows whom to call.
type worker struct {
	rng, hasher string // URLs; in a container these names are looked up in Docker's DNS
	redis       *redis.Client
	http        *http.Client
	pause       time.Duration // before each unit of work
	debug       bool
}

func main() {
	rng := flag.String("rng", "http://rng/32", "where random bytes come from")
	hasher := flag.String("hasher", "http://hasher/", "where they are digested")
	address := flag.String("redis", "redis:6379", "where the count and the coins are kept")
	flag.Parse()

	// We turn a deaf ear to docker stop, as many programs do without knowing
	// it. Docker waits ten seconds, then kills us.
	signal.Ignore(syscall.SIGTERM)

	debug := strings.HasPrefix(strings.ToLower(os.Getenv("DEBUG")), "y")
	w := newWorker(*rng, *hasher, *address, debug)
	if os.Getenv("VERSION") == "v0.2" {
		w.pause = longPause
	}
	for {
		err := w.work(context.Background())
		log.Print("something went wrong: ", err)
		log.Print("waiting 10 s, then starting again")
		time.Sleep(afterError)
	}
}

// newWorker gets a worker ready; it calls nobody yet.
func newWorker(rng, hasher, address string, debug bool) *worker {
	return &worker{
		rng:    rng,
		hasher: hasher,
		redis: redis.NewClient(&redis.Options{
			Addr: address, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1,
		}),
		// A new connection for each call, and patience without end: no timeout.
		http:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		pause: pause,
		debug: debug,
	}
}

// work does one unit after the other and reports them about once a second. It
// returns at the first thing that goes wrong.
func (w *worker) work(ctx context.Context) error {
	var units int64
	var deadline time.Time // long gone, so the first report comes at once
	for {
		if time.Now().After(deadline) {
			log.Printf("%d units of work done, adding them to the counter", units)
			if err := w.redis.IncrBy(ctx, "hashes", units).Err(); err != nil {
				return fmt.Errorf("redis: %w", err)
			}
			units, deadline = 0, time.Now().Add(interval)
		}
		if err := w.workOnce(ctx); err != nil {
			return err
		}
		units++
	}
}

// workOnce does one unit of work: pause, random bytes, digest, luck.
func (w *worker) workOnce(ctx context.Context) error {
	w.debugf("doing one unit of work")
	time.Sleep(w.pause)
	random, err := w.randomBytes()
	if err != nil {
		return fmt.Errorf("rng: %w", err)
	}
	digest, err := w.hash(random)
	if err != nil {
		return fmt.Errorf("hasher: %w", err)
	}
	if !strings.HasPrefix(digest, "0") {
		w.debugf("no coin this time")
		return nil
	}
	log.Printf("coin found: %.8s...", digest)
	isNew, err := w.redis.HSet(ctx, "wallet", digest, random).Result()
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	if isNew == 0 {
		log.Print("that coin is not new, it was in the wallet already")
	}
	return nil
}

// randomBytes asks rng for 32 of them.
func (w *worker) randomBytes() ([]byte, error) {
	response, err := w.http.Get(w.rng)
	return body(response, err)
}

// hash has data digested by hasher.
func (w *worker) hash(data []byte) (string, error) {
	response, err := w.http.Post(w.hasher, "application/octet-stream", bytes.NewReader(data))
	digest, err := body(response, err)
	return string(digest), err
}

// body reads an answer to its end.
func body(response *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the answer was %s", response.Status)
	}
	return data, err
}

// debugf logs what only the curious want to read.
func (w *worker) debugf(format string, args ...any) {
	if w.debug {
		log.Printf("debug: "+format, args...)
	}
}
