package slides

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Severity says how bad a Problem is.
type Severity string

const (
	// Error means that something of the author's cannot work: a slide, a check, a picture.
	Error Severity = "error"
	// Warning means that it works, but probably not as it was meant.
	Warning Severity = "warning"
)

// Problem is something an author should look at. Line counts from 1; 0 means the whole file.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Message  string   `json:"message"`
	Severity Severity `json:"severity"`
}

// String gives the form editors understand: file:line: severity: message.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Severity, p.Message)
}

// Deck is a whole workshop's slides and exercises, in order. It is immutable after Load.
type Deck struct {
	Name      string            // short name used in addresses, [a-z0-9-]
	Title     string            // for people; one line
	Manifest  string            // path of the manifest inside the file system
	Imported  bool              // made from a container.training manifest
	Minutes   float64           // planned, whole workshop
	Chapters  []Chapter         // in order, nested ones follow their parent with a higher Level
	Slides    []*Slide          // what people see, generated slides among them
	Excluded  []*Slide          // written, but taken out by a class or by "exclude: true"
	Exercises []*Exercise       // in order, quizzes that stand alone among them
	Quizzes   []*Exercise       // those of Exercises that have a Quiz
	Problems  []Problem         // in order of reading
	Variables map[string]string // what @@NAME@@ stands for

	assets  string
	links   string
	fsys    fs.FS
	byName  map[string]*Slide
	byID    map[string]*Exercise
	anchors map[string]bool
}

// Chapter is a part of a deck with its planned time.
type Chapter struct {
	Name    string  // stable, unique in the deck
	Title   string  //
	Level   int     // 0 for a top chapter
	Minutes float64 // planned; the sum of its slides when the manifest says nothing
	Break   bool    // a pause: no work is expected
	Files   []string
	First   int      // index into Deck.Slides of the first slide; -1 when it has none
	Slides  int      // number of slides
	IDs     []string // exercises in order
}

// Slide is one slide. Number counts from 1 and changes when slides are inserted; Name does not.
type Slide struct {
	Number     int
	Name       string
	Title      string
	Chapter    string // Chapter.Name
	Classes    []string
	Background string     // address of a background picture, may be empty
	Steps      []Step     // at least one; elements with data-step="2" belong to Steps[2]
	HTML       string     // for everybody
	NotesHTML  string     // for instructors: all notes, each step's in a <div data-step>
	Snippets   []Snippet  // visible ones, in order
	Exercises  []string   // ids, in order
	Refs       []string   // slide names that links on this slide lead to
	Minutes    float64    // planned: the property, else the sum of its exercises
	Generated  bool       // made by the build, not by an author
	File       string     //
	Line       int        // first line in File
	Text       string     // visible words, for search
	NotesText  string     // words of the notes, for search by instructors
	Words      int        // in Text without fences
	Fences     int        // fenced blocks an author wrote on it, notes included
	images     []imageRef // for lint
	refLines   []int      // lines of Refs
	problems   []Problem
	lints      []Problem // of style, for Lint alone
	lower      string    // Text in small letters
	lowerNotes string
	noteParts  int // "???" lines
	hidden     int // fences inside comments
}

// Step is one press of the "next" key.
type Step struct {
	Notes   string   // HTML, may be empty
	Classes []string // those the step adds to the slide's, from decks written for remark
	Line    int      // where the step begins in the slide's file
}

// Snippet is a fence of code on a slide.
type Snippet struct {
	Lang      string
	Node      string // node1 unless the author says otherwise
	Terminal  int    // 1 is the first shell of the node
	Text      string // byte for byte what stands in the fence, last newline included
	Typed     string // what run and copy use; differs from Text when that shows prompts and output
	Run       bool   // may be typed into a terminal with one click
	Dangerous bool   // typed, but Enter is never pressed
	Hidden    bool   // not shown on the slide
	File      string
	Line      int // of the opening fence
}

type imageRef struct {
	Path, Alt string
	File      string
	Line      int
}

// Slide finds a slide by name or by number; nil when there is none.
func (d *Deck) Slide(nameOrNumber string) *Slide {
	if s, ok := d.byName[nameOrNumber]; ok {
		return s
	}
	if n, err := strconv.Atoi(nameOrNumber); err == nil && n >= 1 && n <= len(d.Slides) {
		return d.Slides[n-1]
	}
	return nil
}

// Exercise finds an exercise by its id; nil when there is none.
func (d *Deck) Exercise(id string) *Exercise { return d.byID[id] }

// assetTypes are the only kinds of files Asset hands out: the folder also holds solutions.
const assetTypes = " .avif .bmp .css .gif .ico .jpeg .jpg .mp3 .mp4 .ogg .pdf .png .svg .ttf .txt .wasm .webm .webp .woff .woff2 "

// Asset opens a picture or another file that slides show. name is relative to the manifest's
// folder, as in the addresses of Slide.HTML. Sources and anything of an unknown kind are
// refused with fs.ErrNotExist, because they hold notes and solutions.
func (d *Deck) Asset(name string) (fs.File, error) {
	ext := strings.ToLower(path.Ext(name))
	full := path.Join(path.Dir(d.Manifest), name)
	if ext == "" || !strings.Contains(assetTypes, " "+ext+" ") || !fs.ValidPath(name) || !fs.ValidPath(full) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	return d.fsys.Open(full)
}
