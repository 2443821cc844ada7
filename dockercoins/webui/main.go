// webui shows how fast DockerCoins is mined.
//
//	GET /            leads to /index.html
//	GET /json        returns the numbers behind the graph:
//	                 {"coins": 12, "hashes": "200", "now": 1454284800.5}
//	GET /<file>      returns a file of the folder /files
//
// The Compose file mounts webui/files as /files: edit the page there, reload,
// and look at the result with no new build.
//
// VERSION=v0.2 looks different, for the lesson on updates: a green graph, and
// larger words along its axes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// numbers is what the page asks for once a second.
type numbers struct {
	Coins  int64   `json:"coins"`  // entries in the wallet
	Hashes *string `json:"hashes"` // digests made so far; null before the first worker
	Now    float64 `json:"now"`    // our clock, in seconds
}

// greener is what v0.2 adds to graph.css.
const greener = `
:root { --steel: #2e8b57; --fill: #2e8b5755; }
.mark { font-size: 17px; }
`

// A webui is a folder of files and a redis to look into.
type webui struct {
	files *os.Root
	green bool
	redis *redis.Client
}

func main() {
	address := flag.String("listen", ":80", "address to listen on")
	files := flag.String("files", "/files", "folder with the page")
	database := flag.String("redis", "redis:6379", "where the count and the coins are kept")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	if err := run(ctx, *address, *files, *database); err != nil {
		log.Fatal("webui: ", err)
	}
}

// run serves until docker stop asks us, politely, to leave.
func run(ctx context.Context, address, files, database string) error {
	root, err := os.OpenRoot(files)
	if err != nil {
		return err
	}
	defer root.Close()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	log.Print("webui listens on ", listener.Addr())
	ui := &webui{files: root, green: os.Getenv("VERSION") == "v0.2", redis: redis.NewClient(&redis.Options{
		Addr: database, Protocol: 2, DisableIdentity: true, DialTimeout: 2 * time.Second,
	})}
	defer ui.redis.Close()
	server := &http.Server{Handler: ui.handler(), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler knows the three kinds of questions webui answers.
func (ui *webui) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "index.html") // relative: right behind any proxy
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("GET /json", ui.numbers)
	mux.HandleFunc("GET /", ui.file)
	return mux
}

// numbers reads both numbers from redis and adds the time.
func (ui *webui) numbers(w http.ResponseWriter, r *http.Request) {
	// A page framed by another site may ask too: there is nothing secret here.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	answer, err := ui.look(r.Context())
	if err != nil {
		log.Print("redis: ", err)
		http.Error(w, "redis does not answer: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(answer)
}

// look asks redis for the size of the wallet and the number of hashes.
func (ui *webui) look(ctx context.Context) (numbers, error) {
	coins, err := ui.redis.HLen(ctx, "wallet").Result()
	if err != nil {
		return numbers{}, err
	}
	answer := numbers{Coins: coins, Now: float64(time.Now().UnixMilli()) / 1000}
	switch hashes, err := ui.redis.Get(ctx, "hashes").Result(); {
	case err == nil:
		answer.Hashes = &hashes
	case !errors.Is(err, redis.Nil):
		return numbers{}, err
	}
	return answer, nil
}

// file answers with one file, as it is on the disk right now.
func (ui *webui) file(w http.ResponseWriter, r *http.Request) {
	file, err := ui.files.Open(path.Clean(r.URL.Path[1:]))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if ui.green && info.Name() == "graph.css" {
		text, _ := io.ReadAll(io.LimitReader(file, 1<<20))
		http.ServeContent(w, r, info.Name(), info.ModTime(), strings.NewReader(string(text)+greener))
		return
	}
	http.ServeContent(w, r, info.Name(), info.ModTime(), file)
}
