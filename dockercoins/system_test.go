package dockercoins

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// programs is the folder TestMain builds the four services into.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dockercoins")
	if err != nil {
		log.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir,
		"./rng", "./hasher", "./worker", "./webui")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		log.Fatalf("building the services: %v\n%s", err, out)
	}
	programs = dir
	goFirst()
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			log.Print(err)
			code = 1
		}
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// goFirst asks the kernel to prefer this process and all it will start: what is
// tested is sleeping and waiting, and other work on the machine must not
// stretch it. Only root may ask; for others all stays as it is.
func goFirst() {
	const eager = -15
	for range 2 { // a thread may be born while we look
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			if id, err := strconv.Atoi(task.Name()); err == nil {
				_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, eager)
			}
		}
	}
}

// A process is one running service whose log lines a test can wait for.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended

	mu    sync.Mutex
	lines []line
	grown chan struct{} // replaced and closed at each new line
}

// A line is something a process said, and when.
type line struct {
	text string
	at   time.Time
}

// start runs a program until the test ends. Its address, if it has one, comes
// from its own log, so no port is ever guessed.
func start(t *testing.T, attributes *syscall.SysProcAttr, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(program), cmd: exec.Command(program, args...),
		done: make(chan struct{}), grown: make(chan struct{})}
	p.cmd.SysProcAttr = attributes
	p.cmd.Env = append(os.Environ(), env...)
	reader, writer := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	go p.read(reader)
	go func() {
		p.cmd.Wait()
		writer.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

func (p *process) read(reader io.Reader) {
	scanner := bufio.NewScanner(reader)
	for scanner.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, line{scanner.Text(), time.Now()})
		close(p.grown)
		p.grown = make(chan struct{})
		p.mu.Unlock()
	}
}

// waitFor returns the first line from index from on that matches, its
// submatches, and the index after it.
func (p *process) waitFor(from int, pattern string) (line, []string, int) {
	p.t.Helper()
	expression := regexp.MustCompile(pattern)
	limit := time.After(patience)
	for {
		p.mu.Lock()
		lines, grown := p.lines, p.grown
		p.mu.Unlock()
		for ; from < len(lines); from++ {
			if found := expression.FindStringSubmatch(lines[from].text); found != nil {
				return lines[from], found, from + 1
			}
		}
		select {
		case <-grown:
		case <-limit:
			p.t.Fatalf("%s did not say %q within %v; it said %v", p.name, pattern, patience, lines)
		}
	}
}

// exitCode waits for the end of the process.
func (p *process) exitCode() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s did not end within %v", p.name, patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// startService runs one of ours on a free port and returns it with its address.
func startService(t *testing.T, name string, args ...string) (*process, string) {
	t.Helper()
	p := start(t, nil, nil, filepath.Join(programs, name), append([]string{"-listen", "127.0.0.1:0"}, args...)...)
	_, found, _ := p.waitFor(0, name+` listens on (.*)`)
	return p, found[1]
}

// startWorker runs a worker against the three addresses.
func startWorker(t *testing.T, rng, hasher, socket string, env ...string) *process {
	t.Helper()
	return start(t, nil, env, filepath.Join(programs, "worker"),
		"-rng", "http://"+rng+"/32", "-hasher", "http://"+hasher+"/", "-redis", socket)
}

// startRedis runs a real redis-server on a socket of its own.
func startRedis(t *testing.T) (*process, string, *redis.Client) {
	t.Helper()
	dir, err := os.MkdirTemp("", "r") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	p := start(t, nil, nil, "redis-server", "--port", "0", "--unixsocket", socket,
		"--dir", dir, "--save", "", "--appendonly", "no")
	p.waitFor(0, `eady to accept connections`)
	client := redis.NewClient(&redis.Options{Addr: socket, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { client.Close() })
	return p, socket, client
}

// startRobin is a TCP balancer over a growing list of backends, each new
// connection to the next one. It returns its address and a way to add more.
func startRobin(t *testing.T, backends ...string) (string, func(string)) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var pipes sync.WaitGroup
	pipes.Add(1)
	go func() {
		defer pipes.Done()
		for turn := 0; ; turn++ {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			backend := backends[turn%len(backends)]
			mu.Unlock()
			pipes.Add(1)
			go func() {
				defer pipes.Done()
				join(near, backend)
			}()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		pipes.Wait()
	})
	return listener.Addr().String(), func(backend string) {
		mu.Lock()
		defer mu.Unlock()
		backends = append(backends, backend)
	}
}

// join carries bytes both ways until either side is done.
func join(near net.Conn, backend string) {
	defer near.Close()
	far, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		io.Copy(far, near)
		far.Close()
		close(done)
	}()
	io.Copy(near, far)
	near.Close()
	<-done
}

// fetch gets one URL.
func fetch(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// serve answers every request the same way, on a free port.
func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: answer}
	ended := make(chan struct{})
	go func() {
		server.Serve(listener)
		close(ended)
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return listener.Addr().String()
}

// hashes reads the counter.
func hashes(t *testing.T, client *redis.Client) float64 {
	t.Helper()
	n, err := client.Get(t.Context(), "hashes").Float64()
	if err != nil && err != redis.Nil {
		t.Fatal(fmt.Errorf("reading the counter: %w", err))
	}
	return n
}

// mentions says whether any line up to now contains text.
func (p *process) mentions(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if strings.Contains(l.text, text) {
			return true
		}
	}
	return false
}
