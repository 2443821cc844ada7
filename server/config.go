package server

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net"

	"slipway/exercises"
	"slipway/slides"
	"slipway/workshop"
)

// Config is what a server is made of. Everything without "may be nil" is
// needed.
type Config struct {
	Listener net.Listener // where it serves; Run closes it
	Journal  Journal
	Decks    Decks
	Labs     Labs
	Judge    Judge // may be nil: POST …/judge then does nothing
	Coach    Coach // may be nil: nothing is done for people, and no expression tried
	Casts    Casts // may be nil: nothing is recorded
	Web      fs.FS // the web build with .vite/manifest.json; may be nil or empty

	// Secret signs the addresses of published ports; the same for all servers
	// of a store, at least 16 bytes.
	Secret []byte
	// AppsHost is host[:port] below which "{token}.AppsHost" reaches this server;
	// empty when no name below the host's can be had, then ports have paths only.
	AppsHost string
	// TLS says that browsers reach the server over TLS, whether it ends here or
	// at a proxy in front.
	TLS bool
	// Nodes are the names of the nodes of every lab, in order.
	Nodes   []string
	Version string // of the program, for pages and caches
	// MaxPeople bounds the participants of a session; 0 means 2000.
	MaxPeople int
	Log       *slog.Logger // may be nil
}

// Journal is the memory of sessions; see the package store for the contract.
type Journal interface {
	Sessions(ctx context.Context) ([]workshop.SessionID, error)
	Append(ctx context.Context, session workshop.SessionID, events ...workshop.Event) ([]uint64, error)
	Read(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error
	Follow(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error
}

// Decks gives the deck of a workshop by its name, or an error of kind
// [workshop.Unknown]. It is asked at every request, so it should answer from
// memory; a changed deck is a new pointer. Call [Server.Reload] when one
// changed. Several goroutines ask at once.
type Decks interface {
	Deck(name string) (*Deck, error)
}

// Labs is what the server asks of people's nodes. A lab has the id of its
// participant. Errors for people are of a [workshop.Kind]: Unknown when there is
// no such node, terminal or listener; Unavailable when the node is away.
// Methods are called from many goroutines.
type Labs interface {
	// Prepare asks for a lab to be made or kept ready and returns at once;
	// what comes of it is in the journal (lab.changed) and in Watch. Called at
	// join, after a restart, and again to retry after a failure.
	Prepare(ctx context.Context, session workshop.SessionID, lab workshop.ParticipantID) error
	// Watch calls fn with how a lab is now and then at every change (at most about
	// once a second), until ctx ends or fn fails; it returns why. There need not
	// be such a lab yet.
	Watch(ctx context.Context, lab workshop.ParticipantID, fn func(LabView) error) error

	Terminals(ctx context.Context, lab workshop.ParticipantID, node string) ([]TerminalInfo, error)
	// OpenTerminal gives the terminal of that id, a new one when there is none;
	// without an id, the next free one.
	OpenTerminal(ctx context.Context, lab workshop.ParticipantID, node string, want TerminalWish) (TerminalInfo, error)
	CloseTerminal(ctx context.Context, lab workshop.ParticipantID, node, id string) error
	// Attach opens a terminal's stream of frames, each with its length in front
	// (docs/protocol.md). Closing it from any goroutine ends reads and writes.
	Attach(ctx context.Context, lab workshop.ParticipantID, node, id string, v Viewer) (io.ReadWriteCloser, error)
	// DialPort connects to a TCP port that is published on a node.
	DialPort(ctx context.Context, lab workshop.ParticipantID, node string, port int) (net.Conn, error)
}

// Judge judges an exercise again at once; the verdict comes by the journal.
type Judge interface {
	Judge(ctx context.Context, session workshop.SessionID, who workshop.ParticipantID, exercise workshop.ExerciseID) error
}

// Coach does exercises for people and tries expressions for authors. Methods
// are called from many goroutines.
type Coach interface {
	// Do begins to type an exercise's solution into the person's own terminals and
	// returns at once; with bring, those of what leads to it instead. How it goes is
	// in LabView.Doing and in the journal. It is a [workshop.Conflict] while
	// something is being done.
	Do(ctx context.Context, session workshop.SessionID, who workshop.ParticipantID, exercise workshop.ExerciseID, bring bool) error
	// Stop ends what is being done for a person, if anything is.
	Stop(ctx context.Context, who workshop.ParticipantID) error
	// Typed says that the person typed into a terminal. It must not block.
	Typed(who workshop.ParticipantID, node, terminal string)
	// Try judges an expression against the person's own lab, which is made when
	// they have none yet.
	Try(ctx context.Context, session workshop.SessionID, who workshop.ParticipantID, expression string) (Tried, error)
}

// Tried is what became of an expression: what is wrong with it, or its verdict.
type Tried struct {
	Problems []string         `json:"problems,omitempty"`
	Verdict  *exercises.Tried `json:"verdict,omitempty"`
}

// Casts says where a session's recordings lie: a folder that may not be there
// yet, laid out as PARTICIPANT/NODE/TERMINAL.cast.
type Casts interface {
	CastsDir(session workshop.SessionID) string
}

// LabView is how a lab is now: what is shown and not remembered. nil parts
// are not known yet.
type LabView struct {
	Nodes map[string]NodeView   // by node name
	Ports map[string][]PortView // by node name
	Speed *SpeedView
	Doing *DoingView // nil when nothing is being done for the person
}

// DoingView is where something is that is done for a person.
type DoingView struct {
	Exercise workshop.ExerciseID `json:"exercise"`
	For      workshop.ExerciseID `json:"for"` // the exercise that was asked for
	Act      int                 `json:"act"` // from 1; one more than acts while the tick is awaited
	Acts     int                 `json:"acts"`
	Node     string              `json:"node,omitempty"`
	Terminal string              `json:"terminal,omitempty"` // its id
	Text     string              `json:"text,omitempty"`
}

// NodeView is how a node is.
type NodeView struct {
	State   string `json:"state"`  // preparing, ready, failed, gone
	Engine  string `json:"engine"` // asleep, starting, running, cut off
	Message string `json:"message"`
}

// PortView is a TCP port that a container publishes on a node.
type PortView struct {
	Port      int
	Container string
}

// SpeedView is the speed of DockerCoins on a lab, in hashes per second.
type SpeedView struct {
	Speed  float64
	Theory float64 // 0 when not known
	Why    string  // what holds it there; empty when not known
}

// Viewer says who attaches to a terminal.
type Viewer struct {
	Client string // random id of a browser tab, 1 to 64 of [A-Za-z0-9-]
	From   int64  // offset drawn so far; -1 for a repaint
	Born   int64  // of the shell that From belongs to, as its hello said; 0 if unknown
	Role   string // owner, watcher, recorder
}

// TerminalWish is what a browser asks of a new terminal. Zero values leave it
// to the node.
type TerminalWish struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
}

// TerminalInfo is a terminal of a node.
type TerminalInfo struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Cols   int    `json:"cols"`
	Rows   int    `json:"rows"`
	Title  string `json:"title"`
	Exited bool   `json:"exited"`
}

// Deck is a workshop's deck, ready to be served. It is never changed once
// given out. FromSlides makes one.
type Deck struct {
	Name, Title string
	Minutes     int
	Chapters    []Chapter
	Slides      []Slide // in order, never empty, with different names
	Exercises   []Exercise
	Assets      fs.FS  // pictures, below "assets/"; may be nil
	Style       []byte // CSS for code
	Version     string // another one for another content

	// search searches; nil finds nothing. FromSlides sets it.
	search func(query string, notes bool, limit int) []slides.Hit
}

// Chapter is a group of slides.
type Chapter struct {
	Title   string `json:"title"`
	Minutes int    `json:"minutes"`
	First   int    `json:"first"` // number of its first slide, from 1
}

// Slide is one slide: the public parts, and the presenter's.
type Slide struct {
	Name, Title string
	Chapter     int
	Steps       int // 0 when everything is shown at once
	Classes     []string
	Exercises   []workshop.ExerciseID
	Minutes     int
	HTML        string // trusted: the author's text, rendered
	Notes       string // HTML; instructors only
	Background  string // address of a picture; may be empty
}

// Exercise is a task. Hints, Solution and Answer are given out one by one and
// recorded; they are in no other answer.
type Exercise struct {
	ID       workshop.ExerciseID
	Title    string
	Slide    string
	Chapter  int
	Minutes  int
	Optional bool
	Needs    []workshop.ExerciseID
	Checks   []string // what each check says to people
	Hints    []Hint   // in their author's order
	Solution []Act
	// Answer judges the answer to a quiz; nil for an exercise that is none.
	Answer  func(choices []int, text string) bool
	Explain string // HTML to show after a right answer
}

// Hint is a help to ask for.
type Hint struct {
	For  string // the check it is about, by what that says; may be empty
	HTML string
}

// Act is one step of a solution: text to type, a named key to press, or a port
// to open.
type Act struct {
	Node      string `json:"node"`
	Terminal  string `json:"terminal"` // its id
	Text      string `json:"text"`
	Kind      string `json:"kind"`      // shell: typed, then Enter; key: a named key, such as ^C; open: the number of a published port
	Dangerous bool   `json:"dangerous"` // typed, and Enter left to the person
}
