package agent_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test binary plays the node's Engine when it is started with this
// variable set: an Engine takes seconds and root, and what is tested here is
// who starts it, when, and who waits.
const engineVariable = "SLIPWAY_TEST_ENGINE"

func TestMain(m *testing.M) {
	switch os.Getenv(engineVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "broken":
		fmt.Fprintln(os.Stderr, "failed to mount overlay: permission denied")
		os.Exit(1)
	default:
		os.Exit(playEngine())
	}
}

func playEngine() int {
	args := os.Args
	l, err := net.Listen("unix", args[len(args)-1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "OK") })
	loads := 0
	mux.HandleFunc("/images/load", func(w http.ResponseWriter, r *http.Request) { loads++ })
	mux.HandleFunc("/loads", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, loads) })
	mux.HandleFunc("/pid", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getpid()) })
	containers := "[]"
	mux.HandleFunc("/containers/json", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, containers) })
	mux.HandleFunc("/run", func(w http.ResponseWriter, r *http.Request) { containers = `[{"Id":"x"}]` })
	mux.HandleFunc("/rm", func(w http.ResponseWriter, r *http.Request) { containers = "[]" })
	mux.HandleFunc("/die", func(w http.ResponseWriter, r *http.Request) { os.Exit(3) })
	http.Serve(l, mux)
	return 0
}
