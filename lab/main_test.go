package lab_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"slipway/lab"
	"slipway/lab/agent"
)

// The real-engine tests share one installation with places of its own, so that
// they disturb no running product. Its places are the same every time: what a
// killed run left behind is removed by the next.
const (
	testName = "slipway-labtest"
	testRun  = "/run/slipway-labtest"
	testData = "/var/lib/slipway-labtest"
)

// TestMain is also the program inside the nodes: the test binary is copied into
// the node image and plays the agent there, as the real program does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		os.Exit(playAgent())
	}
	if len(os.Args) > 1 && os.Args[1] == "echo" {
		os.Exit(playEcho())
	}
	code := m.Run()
	if shared.host != nil {
		if err := shared.host.Purge(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "purge:", err)
			code = 1
		}
		shared.host.Close()
		shared.unlock.Close()
	}
	// The registry's library keeps a goroutine for listeners it doesn't have.
	if err := goleak.Find(goleak.IgnoreTopFunction("github.com/docker/go-events.(*Broadcaster).run")); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func playAgent() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 2 && os.Args[2] == "tunnel" {
		err = agent.Tunnel(ctx, stdio{}, agent.SocketPath)
	} else {
		cfg := agent.Defaults()
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		err = agent.Run(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// stdio is the tunnel's line.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error                { return os.Stdin.Close() }

var _ io.ReadWriteCloser = stdio{}

var shared struct {
	once   sync.Once
	host   *lab.Host
	unlock *os.File
	err    error
}

func testConfig() lab.Config {
	return lab.Config{
		Name: testName, RunDir: testRun, DataDir: testData, CacheDir: "/var/cache/slipway",
		Progress: func(line string) {
			if testing.Verbose() {
				fmt.Fprintln(os.Stderr, "   ", time.Now().Format("05.000"), line)
			}
		},
	}
}

// realHost is the shared installation, started by the first test that wants it.
// Two test runs at once wait for each other.
func realHost(t testing.TB) *lab.Host {
	t.Helper()
	if testing.Short() {
		t.Skip("needs an Engine; run without -short")
	}
	shared.once.Do(func() {
		shared.unlock, shared.err = os.OpenFile(testRun+".lock", os.O_CREATE|os.O_RDWR, 0o600)
		if shared.err != nil {
			return
		}
		if shared.err = syscall.Flock(int(shared.unlock.Fd()), syscall.LOCK_EX); shared.err != nil {
			return
		}
		shared.host, shared.err = lab.New(testConfig())
		if shared.err != nil {
			return
		}
		if shared.err = shared.host.Purge(t.Context()); shared.err != nil {
			return
		}
		shared.err = shared.host.Up(context.WithoutCancel(t.Context()))
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.host
}
