package agent

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The reaper takes every dead child of its process that is not its own, so it
// is tested in a process of its own: this test binary again, as a subreaper,
// which is what process 1 is to a node.
func TestReaper(t *testing.T) {
	if os.Getenv("SLIPWAY_TEST_REAPER") == "1" {
		reapHere()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestReaper$", "-test.v")
	cmd.Env = append(os.Environ(), "SLIPWAY_TEST_REAPER=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "REAPED ALL") {
		t.Errorf("%v: %s", err, out)
	}
}

func reapHere() {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Println(err)
		return
	}
	r := newReaper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	var all sync.WaitGroup
	wrong := make(chan string, 1000)
	for i := range 40 {
		all.Go(func() {
			// Each leaves an orphan behind and ends with a code of its own.
			want := i % 7
			c := exec.Command("sh", "-c", fmt.Sprintf("(sleep 0.0%d &) ; exit %d", i%10, want))
			if err := r.Start(c); err != nil {
				wrong <- err.Error()
				return
			}
			r.Wait(c)
			if got := c.ProcessState.ExitCode(); got != want {
				wrong <- fmt.Sprintf("exit code %d, want %d", got, want)
			}
		})
	}
	all.Wait()
	for end := time.Now().Add(10 * time.Second); zombies() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			wrong <- fmt.Sprintf("%d dead children are left", zombies())
			break
		}
	}
	cancel()
	running.Wait()
	select {
	case w := <-wrong:
		fmt.Println("WRONG", w)
		os.Exit(1)
	default:
		fmt.Println("REAPED ALL")
	}
}

// zombies counts this process's children, dead or about to die.
func zombies() int {
	n := 0
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		f, err := os.Open("/proc/self/task/" + task.Name() + "/children")
		if err != nil {
			continue
		}
		s := bufio.NewScanner(f)
		s.Split(bufio.ScanWords)
		for s.Scan() {
			n++
		}
		f.Close()
	}
	return n
}
