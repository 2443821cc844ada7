package agent_test

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"slipway/lab"
	"slipway/lab/agent"
	"slipway/terminal"
)

// echoer types single keys into a raw cat and waits for each to come back.
type echoer struct {
	conn net.Conn
	fr   *terminal.FrameReader
	fw   *terminal.FrameWriter
	sent uint64
}

func newEchoer(b *testing.B, n *node, id, command string) *echoer {
	b.Helper()
	if _, err := n.OpenTerminal(n.ctx, lab.TerminalSpec{ID: id, Command: []string{"sh", "-c", command}}); err != nil {
		b.Fatal(err)
	}
	conn, err := n.Attach(n.ctx, id, terminal.Attach{Client: "bench", Role: terminal.RoleOwner, From: 0})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &echoer{conn: conn, fr: terminal.NewFrameReader(bufio.NewReaderSize(conn, 64<<10)), fw: terminal.NewFrameWriter(conn)}
}

// output returns the next output, acknowledged.
func (e *echoer) output(b *testing.B) []byte {
	for {
		f, err := e.fr.Next()
		if err != nil {
			b.Fatal(err)
		}
		if f.Kind == terminal.KindOutput {
			e.fw.Write(terminal.Frame{Kind: terminal.KindAck, Offset: f.Offset + uint64(len(f.Data))})
			return f.Data
		}
	}
}

func (e *echoer) key(b *testing.B) time.Duration {
	began := time.Now()
	e.fw.Write(terminal.Frame{Kind: terminal.KindInput, Offset: e.sent, Data: []byte("x")})
	e.sent++
	e.output(b)
	return time.Since(began)
}

// newRawEcho is the floor: the same program on a pseudo-terminal of this very
// process, with nothing in between.
func newRawEcho(b *testing.B) func(*testing.B) time.Duration {
	cmd := exec.Command("sh", "-c", "stty raw -echo; printf ready; exec cat")
	f, err := pty.Start(cmd)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close(); cmd.Process.Kill(); cmd.Wait() })
	one := make([]byte, 1)
	for range "ready" {
		if _, err := f.Read(one); err != nil {
			b.Fatal(err)
		}
	}
	return func(b *testing.B) time.Duration {
		began := time.Now()
		f.Write([]byte("x"))
		if _, err := f.Read(one); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
}

func benchNode(b *testing.B) *node {
	return startNode(b, func(c *agent.Config) { c.Marks = "" })
}

func reportPercentiles(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	for _, p := range []int{50, 90, 99} {
		b.ReportMetric(float64(times[min(len(times)-1, len(times)*p/100)])/1e3, fmt.Sprintf("p%d-µs", p))
	}
}

func BenchmarkEcho(b *testing.B) {
	for _, floods := range []int{0, 1, 3} {
		b.Run(fmt.Sprintf("beside-%d-floods", floods), func(b *testing.B) {
			n := benchNode(b)
			stop := make(chan struct{})
			defer close(stop)
			for i := range floods {
				f := newEchoer(b, n, fmt.Sprintf("flood%d", i), "exec yes 0123456789012345678901234567890123456789")
				go func() {
					for {
						fr, err := f.fr.Next()
						if err != nil {
							return
						}
						f.fw.Write(terminal.Frame{Kind: terminal.KindAck, Offset: fr.Offset + uint64(len(fr.Data))})
					}
				}()
			}
			e := newEchoer(b, n, "echo", "stty raw -echo; printf ready; exec cat")
			for text := ""; !strings.HasSuffix(text, "ready"); {
				text += string(e.output(b))
			}
			floor := newRawEcho(b)
			var times, least []time.Duration
			for b.Loop() {
				times = append(times, e.key(b))
				least = append(least, floor(b))
			}
			reportPercentiles(b, times)
			slices.Sort(times)
			slices.Sort(least)
			b.ReportMetric(float64(times[len(times)/2]), "ns/op")
			b.ReportMetric(float64(least[len(least)/2]), "floor")
		})
	}
}

func BenchmarkThroughput(b *testing.B) {
	n := benchNode(b)
	e := newEchoer(b, n, "flood", "exec yes 0123456789012345678901234567890123456789")
	got := 0
	b.SetBytes(1 << 20)
	for b.Loop() {
		for got < 1<<20 {
			got += len(e.output(b))
		}
		got -= 1 << 20
	}
}

// BenchmarkInterrupt is a page that draws 2 MiB/s, a program that prints as
// fast as it may, and the time from Ctrl-C until the prompt is drawn.
func BenchmarkInterrupt(b *testing.B) {
	const drawn = 2 << 20 // bytes a second
	n := benchNode(b)
	e := newEchoer(b, n, "shell", "PS1='READY ' exec bash --norc -i")
	var times []time.Duration
	until := func(want string, pace bool) {
		for text := ""; !strings.Contains(text, want); {
			f, err := e.fr.Next()
			if err != nil {
				b.Fatal(err)
			}
			if f.Kind != terminal.KindOutput {
				continue
			}
			text = text[max(0, len(text)-100):] + string(f.Data)
			if pace {
				time.Sleep(time.Duration(len(f.Data)) * time.Second / drawn) // this is the drawing
			}
			e.fw.Write(terminal.Frame{Kind: terminal.KindAck, Offset: f.Offset + uint64(len(f.Data))})
		}
	}
	key := func(s string) {
		e.fw.Write(terminal.Frame{Kind: terminal.KindInput, Offset: e.sent, Data: []byte(s)})
		e.sent += uint64(len(s))
	}
	until("READY ", false)
	for b.Loop() {
		key("yes 01234567890123456789012345678901234567890\n")
		for range 20 {
			until("9", true)
		}
		began := time.Now()
		key("\x03")
		until("READY ", true)
		times = append(times, time.Since(began))
	}
	reportPercentiles(b, times)
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2]), "ns/op")
	b.ReportMetric(float64(300*time.Millisecond), "goal")
}
