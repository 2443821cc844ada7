package server

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"slipway/workshop"
)

// crowd puts n people into the session and opens an events socket for each.
func (w *world) crowd(tb testing.TB, n int) []*websocket.Conn {
	tb.Helper()
	w.browser().must("GET", "/readyz", nil)
	session := w.server.allSessions()[0]
	conns := make([]*websocket.Conn, n)
	secrets := make([]string, n)
	var events []workshop.Event
	for i := range n {
		secrets[i] = workshop.NewSecret()
		p := workshop.Participant{ID: workshop.ParticipantID(workshop.NewID()), Name: fmt.Sprint("Person ", i), Role: workshop.Attendee, Token: hashOf(secrets[i])}
		events = append(events, workshop.Event{Kind: workshop.Joined, Participant: p.ID, Person: &p})
	}
	if err := session.append(context.Background(), events...); err != nil {
		tb.Fatal(err)
	}
	for i := range conns {
		d := websocket.Dialer{ReadBufferSize: 1024, WriteBufferSize: 512, HandshakeTimeout: patience}
		conn, _, err := d.Dial("ws"+w.url[4:]+"/api/events", http.Header{"Cookie": {"slipway=" + secrets[i]}})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { conn.Close() })
		if _, raw, err := conn.ReadMessage(); err != nil || !bytes.HasPrefix(raw, []byte(`{"snapshot"`)) {
			tb.Fatalf("%s %v", raw, err)
		}
		conns[i] = conn
	}
	return conns
}

// BenchmarkRoom measures how long what the presenter says takes to
// every one of 1,000 pages over loopback, and what the server spends for it.
// Clients and server share the process, so the cost is that of both.
func BenchmarkRoom(b *testing.B) {
	const people = 1000
	w := newWorld(b, nil)
	conns := w.crowd(b, people)
	var mu sync.Mutex
	var delays []time.Duration
	arrived, all := 0, make(chan bool, 1)
	var readers sync.WaitGroup
	turned := make([]time.Time, b.N+1)
	b.ResetTimer()
	cpu := cpuTime()
	for _, conn := range conns {
		readers.Go(func() {
			conn.SetReadDeadline(time.Now().Add(10 * time.Minute))
			mine := make([]time.Duration, 0, b.N)
			for len(mine) < b.N {
				_, raw, err := conn.ReadMessage()
				if err != nil {
					b.Error(err)
					return
				}
				now := time.Now()
				_, text, found := bytes.Cut(raw, []byte(`"text":"`))
				if !found {
					continue
				}
				n, _ := strconv.Atoi(string(text[:bytes.IndexByte(text, '"')]))
				mu.Lock()
				mine = append(mine, now.Sub(turned[n]))
				if arrived++; arrived == people*(n+1) {
					all <- true
				}
				mu.Unlock()
			}
			mu.Lock()
			delays = append(delays, mine...)
			mu.Unlock()
		})
	}
	for i := range b.N {
		mu.Lock()
		turned[i] = time.Now()
		mu.Unlock()
		e := workshop.Event{Kind: workshop.Announced, Text: strconv.Itoa(i)}
		if err := w.server.allSessions()[0].append(context.Background(), e); err != nil {
			b.Fatal(err)
		}
		<-all
	}
	readers.Wait()
	b.StopTimer()
	if len(delays) == 0 {
		b.Fatal("nothing arrived")
	}
	slices.Sort(delays)
	// The value is the 99th percentile in ms, to stay below 250.
	b.ReportMetric(float64(delays[len(delays)*99/100])/1e6, "value")
	b.ReportMetric(250, "goal")
	b.ReportMetric(float64(delays[len(delays)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(cpuTime()-cpu)/1e6/float64(b.N), "cpu-ms/event")
	b.ReportMetric(rss()/(1<<20), "MiB")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rss is the memory of this process, in bytes.
func rss() float64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(raw)
	pages, _ := strconv.ParseFloat(string(fields[1]), 64)
	return pages * float64(os.Getpagesize())
}

// BenchmarkEcho measures a key and its echo from a page through the server to a
// real shell and back, over loopback: the 99th percentile, in ms.
func BenchmarkEcho(b *testing.B) {
	w := newWorld(b, nil)
	ada := w.join("Ada")
	ada.must("POST", "/api/nodes/node1/terminals", TerminalWish{})
	one := ada.tab("node1", "t1", "tab", -1)
	one.conn.SetReadDeadline(time.Now().Add(10 * time.Minute))
	one.type_("cat\r")
	one.until("cat\r\n")
	delays := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for i := range b.N {
		key := string(rune('a' + i%26))
		one.text.Reset()
		began := time.Now()
		one.type_(key)
		one.until(key)
		delays = append(delays, time.Since(began))
		if i%60 == 59 { // cat's line buffer holds 4096
			one.text.Reset()
			one.type_("\r")
			one.until("\n")
		}
	}
	b.StopTimer()
	slices.Sort(delays)
	b.ReportMetric(float64(delays[len(delays)*99/100])/1e6, "value")
	b.ReportMetric(float64(delays[len(delays)/2])/1e6, "p50-ms")
	b.ReportMetric(5, "goal")
}
