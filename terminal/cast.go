package terminal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// MaxCastLine bounds a line of a recording that is read.
const MaxCastLine = 1 << 20

// CastHeader is the first line of a recording in asciicast v3.
type CastHeader struct {
	Version   int               `json:"version"` // 3; set when written
	Term      CastTerm          `json:"term"`
	Timestamp int64             `json:"timestamp,omitempty"` // start, unix seconds
	IdleLimit float64           `json:"idle_time_limit,omitempty"`
	Command   string            `json:"command,omitempty"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
}

// CastTerm is the terminal of a recording.
type CastTerm struct {
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
	Type string `json:"type,omitempty"`
}

// Codes of a recording's events.
const (
	CastOutput = "o"
	CastInput  = "i" // never written by us
	CastResize = "r" // COLSxROWS
	CastMarker = "m"
	CastExit   = "x" // exit code
)

// CastEvent is one event of a recording. Time counts from the start.
type CastEvent struct {
	Time time.Duration
	Code string
	Data string
}

// ErrCast is wrapped by every error about a recording that is no asciicast v3.
var ErrCast = errors.New("no asciicast v3 recording")

// CastReader reads a recording from its beginning. What a crash left of a last
// line is passed over. One goroutine may use it at a time.
type CastReader struct {
	Header CastHeader

	r    *bufio.Reader
	line int
	now  time.Duration
}

// NewCastReader reads the header.
func NewCastReader(r io.Reader) (*CastReader, error) {
	c := &CastReader{r: bufio.NewReaderSize(r, 32<<10)}
	b, _, err := c.readLine()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := json.Unmarshal(b, &c.Header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrCast, err)
	}
	if c.Header.Version != 3 {
		return nil, fmt.Errorf("%w: version %d", ErrCast, c.Header.Version)
	}
	return c, nil
}

// Start is when the recording began, by its header.
func (c *CastReader) Start() time.Time { return time.Unix(c.Header.Timestamp, 0) }

// Next returns the next event; io.EOF at the end. Codes that this package
// doesn't know are passed on.
func (c *CastReader) Next() (CastEvent, error) {
	for {
		b, whole, err := c.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			return CastEvent{}, err
		}
		if b = bytes.TrimSpace(b); len(b) == 0 || b[0] == '#' {
			if err != nil {
				return CastEvent{}, err
			}
			continue
		}
		e, bad := c.parse(b)
		switch {
		case bad == nil:
			return e, nil
		case !whole:
			return CastEvent{}, io.EOF // torn by a crash
		}
		return CastEvent{}, fmt.Errorf("%w: line %d: %w", ErrCast, c.line, bad)
	}
}

func (c *CastReader) parse(b []byte) (CastEvent, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return CastEvent{}, err
	}
	if len(raw) != 3 {
		return CastEvent{}, fmt.Errorf("an event has 3 parts, not %d", len(raw))
	}
	var interval float64
	e := CastEvent{}
	err := errors.Join(json.Unmarshal(raw[0], &interval), json.Unmarshal(raw[1], &e.Code), json.Unmarshal(raw[2], &e.Data))
	if err != nil {
		return CastEvent{}, err
	}
	const limit = 10 * 365 * 24 * time.Hour
	if !(interval >= 0) || interval > limit.Seconds() || c.now > limit {
		return CastEvent{}, fmt.Errorf("an interval of %v seconds", interval)
	}
	c.now += time.Duration(math.Round(interval*1e6)) * time.Microsecond
	e.Time = c.now
	return e, nil
}

// readLine reads a line of bounded length; whole says that its end was there.
func (c *CastReader) readLine() (line []byte, whole bool, err error) {
	c.line++
	for {
		part, err := c.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > MaxCastLine:
			return nil, false, fmt.Errorf("%w: line %d is longer than %d bytes", ErrCast, c.line, MaxCastLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return line, false, err
		}
		return line, true, nil
	}
}

// appendCast appends an event's line. The interval has milliseconds and is
// exact, so no rounding error builds up.
func appendCast(dst []byte, interval time.Duration, code string, data []byte) []byte {
	ms := interval.Milliseconds()
	dst = fmt.Appendf(dst, "[%d.%03d, %q, ", ms/1000, ms%1000, code)
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.Encode(string(data)) // a string always encodes; what is no UTF-8 becomes U+FFFD
	dst = append(dst, bytes.TrimRight(text.Bytes(), "\n")...)
	return append(dst, ']', '\n')
}
