package terminal

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/creack/pty"
)

// The floor of each measurement is the same program on a bare pseudo-terminal
// of this process, taken in turns with ours.

const (
	rawCat = "stty raw -echo; printf ready; exec cat"
	flood  = "exec yes 0123456789012345678901234567890123456789"
)

// bare is a program on a pseudo-terminal with nothing in between.
func bare(b *testing.B, command string) func(p []byte) []byte {
	b.Helper()
	cmd := exec.Command("sh", "-c", command)
	f, err := pty.Start(cmd)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close(); cmd.Process.Kill(); cmd.Wait() })
	buf := make([]byte, 32<<10)
	return func(p []byte) []byte {
		if len(p) > 0 {
			f.Write(p)
		}
		n, err := f.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		return buf[:n]
	}
}

func shell(command string) Options {
	return withScreen(Options{Command: []string{"sh", "-c", command}})
}

func owner(b *testing.B, tm *Terminal) *view {
	return attach(b, tm, Attach{Client: "owner", Role: RoleOwner, From: 0})
}

// output reads the next output and forgets it.
func (v *view) output() int {
	for {
		f := v.frame()
		v.text.Reset()
		if f.Kind == KindOutput {
			return len(f.Data)
		}
	}
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2])
}

// value states the result of a benchmark in a unit of its own.
func value(b *testing.B, v, floor, goal float64) {
	b.ReportMetric(v, "ns/op")
	b.ReportMetric(floor, "floor")
	if goal > 0 {
		b.ReportMetric(goal, "goal")
	}
}

func BenchmarkEcho(b *testing.B) {
	for _, floods := range []int{0, 1} {
		for _, percent := range []int{50, 90, 99} {
			b.Run(fmt.Sprintf("p%d-beside-%d-floods", percent, floods), func(b *testing.B) {
				for range floods {
					v := owner(b, start(b, shell(flood)))
					stop := make(chan struct{})
					b.Cleanup(func() { v.conn.Close(); <-stop })
					go func() {
						defer close(stop)
						for {
							f, err := v.fr.Next()
							if err != nil {
								return
							}
							v.fw.Write(Frame{Kind: KindAck, Offset: f.Offset + uint64(len(f.Data))})
						}
					}()
				}
				v, raw := owner(b, start(b, shell(rawCat))), bare(b, rawCat)
				v.until("ready")
				for got := 0; got < len("ready"); {
					got += len(raw(nil))
				}
				var ours, floor []time.Duration
				for b.Loop() {
					began := time.Now()
					v.key("x")
					v.output()
					between := time.Now()
					raw([]byte("x"))
					ours, floor = append(ours, between.Sub(began)), append(floor, time.Since(between))
				}
				at := func(t []time.Duration) float64 {
					slices.Sort(t)
					return float64(t[min(len(t)-1, len(t)*percent/100)])
				}
				value(b, at(ours), at(floor), 0)
			})
		}
	}
}

// BenchmarkMegabyte is the time a MiB of a flood takes.
func BenchmarkMegabyte(b *testing.B) {
	v, raw := owner(b, start(b, shell(flood))), bare(b, flood)
	var ours, floor []time.Duration
	for b.Loop() {
		began := time.Now()
		for got := 0; got < 1<<20; {
			got += v.output()
		}
		between := time.Now()
		for got := 0; got < 1<<20; {
			got += len(raw(nil))
		}
		ours, floor = append(ours, between.Sub(began)), append(floor, time.Since(between))
	}
	value(b, median(ours), median(floor), 0)
}

// BenchmarkFirstPrompt is the time from opening a shell to its prompt.
func BenchmarkFirstPrompt(b *testing.B) {
	const prompt = "PS1='READY ' exec bash --norc -i"
	var ours, floor []time.Duration
	for b.Loop() {
		began := time.Now()
		tm := start(b, shell(prompt))
		v := owner(b, tm)
		v.until("READY ")
		between := time.Now()
		raw := bare(b, prompt)
		for text := ""; !bytes.Contains([]byte(text), []byte("READY ")); {
			text += string(raw(nil))
		}
		ours, floor = append(ours, between.Sub(began)), append(floor, time.Since(between))
		v.close()
		tm.Close()
	}
	value(b, median(ours), median(floor), 0)
}

// BenchmarkStalled is the memory that a flooding terminal takes whose owner
// reads nothing: the ring, the window and the model.
func BenchmarkStalled(b *testing.B) {
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	most := uint64(0)
	for b.Loop() {
		before := used()
		tm := start(b, shell(flood))
		v := owner(b, tm)
		v.mute = true
		window := uint64(tm.opt.Window)
		eventually(b, "the window is full", func() bool { return tm.Status().Offset >= window })
		most = max(most, used()-min(before, used()))
		v.close()
		tm.Close()
		<-tm.Done()
	}
	b.ReportMetric(float64(most), "value")
	b.ReportMetric(float64(DefaultRing+DefaultWindow+4<<20), "goal")
}

// BenchmarkLateViewer is the time a late viewer waits for the screen of a
// terminal with all the history it may have.
func BenchmarkLateViewer(b *testing.B) {
	tm := start(b, shell("seq 1000000 1010000; printf END; exec cat"))
	owner(b, tm).until("END")
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		v := attach(b, tm, Attach{Client: fmt.Sprint("late-", i), Role: RoleWatcher, From: FromRepaint})
		for v.paint == 0 {
			v.frame()
		}
		times = append(times, time.Since(began))
		v.close()
	}
	b.ReportMetric(median(times), "ns/op")
	b.ReportMetric(float64(200*time.Millisecond), "goal")
}

// BenchmarkSessions is the memory of a shell with one viewer, beside its ring.
func BenchmarkSessions(b *testing.B) {
	for _, n := range []int{50, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				var all []*Terminal
				for range n {
					tm := start(b, shell("printf ready; exec cat"))
					all = append(all, tm)
					owner(b, tm).until("ready")
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				for _, tm := range all {
					tm.Close()
				}
				for _, tm := range all {
					<-tm.Done()
				}
			}
			b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/float64(n), "value")
		})
	}
}
