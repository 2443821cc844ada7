package main

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A service that takes the call and never answers holds the worker for ever.
func TestNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker("http://rng/32", "http://hasher/", "redis:6379", false)
		defer w.redis.Close()
		transport := w.http.Transport.(*http.Transport)
		far := make(chan net.Conn, 1)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			near, end := net.Pipe()
			far <- end
			return near, nil
		}
		failed := make(chan error, 1)
		go func() { failed <- w.workOnce(t.Context()) }()
		end := <-far
		go func() { // reads the question, says nothing
			buffer := make([]byte, 1024)
			for {
				if _, err := end.Read(buffer); err != nil {
					return
				}
			}
		}()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		select {
		case err := <-failed:
			t.Errorf("the worker gave up: %v", err)
		default:
		}
		end.Close()
		if err := <-failed; err == nil {
			t.Error("a broken connection should be an error")
		}
	})
}
