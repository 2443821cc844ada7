package terminal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

// MaxRecording is how much of one terminal is recorded unless the caller says
// otherwise; a program that prints for hours must not fill the disk.
const MaxRecording = 128 << 20

// flushEvery is the most that a killed server may lose.
const flushEvery = time.Second

// checkpoint is the comment that a recorder leaves beside the events: all
// above it is the terminal up to an offset.
const checkpoint = "# slipway "

// position is where a recording stands.
type position struct {
	Offset uint64 `json:"offset"` // of the next byte wanted
	Time   int64  `json:"time"`   // of the last event, unix milliseconds
	Born   int64  `json:"born"`   // the shell's, unix milliseconds; 0: none seen yet
	Full   bool   `json:"full,omitempty"`
	Secret secret `json:"secret,omitempty"` // what the output was in the middle of
}

// Recorder writes what a terminal prints to a file, as asciicast v3: output
// with secrets masked, sizes, markers and the exit code, no keystrokes. It
// knows how far it got, so that after a restart the file goes on without a gap
// as long as the terminal's ring still has what is missing; where bytes are
// lost, a marker says how many. Methods may be called from any goroutine.
type Recorder struct {
	title string
	max   int64
	now   func() time.Time

	mu    sync.Mutex
	f     *os.File
	w     *bufio.Writer
	at    position
	size  int64
	cols  int
	rows  int
	dirty bool // events since the last checkpoint
	mask  masker
	buf   []byte
	line  []byte
}

// RecorderOptions describe a recording.
type RecorderOptions struct {
	Title string
	Max   int64            // bytes of the file; 0 means MaxRecording
	Now   func() time.Time // nil means time.Now
}

// OpenRecorder opens a recording, a new one or one that goes on. A last line
// that a crash tore, and what came after the last known position, is cut off:
// it comes again from the terminal. A file that is no recording is an error
// and is left alone.
func OpenRecorder(path string, o RecorderOptions) (*Recorder, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the recording: %w", err)
	}
	r := &Recorder{title: o.Title, max: o.Max, now: o.Now, f: f}
	if r.max <= 0 {
		r.max = MaxRecording
	}
	if r.now == nil {
		r.now = time.Now
	}
	if err := r.resume(); err != nil {
		f.Close()
		return nil, fmt.Errorf("open the recording %s: %w", path, err)
	}
	r.w = bufio.NewWriterSize(f, 64<<10)
	return r, nil
}

// resume finds the last position in the file and cuts off what follows.
func (r *Recorder) resume() error {
	st, err := r.f.Stat()
	if err != nil {
		return err
	}
	first, err := bufio.NewReader(io.LimitReader(r.f, MaxCastLine)).ReadBytes('\n')
	if err != nil { // empty, or the header itself is torn
		if len(first) > 0 && first[0] != '{' {
			return ErrCast
		}
		return r.cut(0)
	}
	head, err := NewCastReader(bytes.NewReader(first))
	if err != nil {
		return err
	}
	r.cols, r.rows = head.Header.Term.Cols, head.Header.Term.Rows
	end, at, err := lastPosition(r.f, int64(len(first)), st.Size())
	if err != nil {
		return err
	}
	r.at = at
	r.mask.kind, r.mask.left = at.Secret, maxWord
	if end == int64(len(first)) && at.Time == 0 {
		r.at.Time = head.Header.Timestamp * 1000
	}
	return r.cut(end)
}

func (r *Recorder) cut(n int64) error {
	if err := r.f.Truncate(n); err != nil {
		return err
	}
	_, err := r.f.Seek(n, io.SeekStart)
	r.size = n
	return err
}

// lastPosition looks backwards for the last whole checkpoint between from and
// to and returns where its line ends; from itself when there is none.
func lastPosition(f io.ReaderAt, from, to int64) (int64, position, error) {
	const step = 64 << 10
	var window []byte
	low := from - 1 // the end of the line before counts as the beginning of one
	for at := to; at > low; {
		n := min(step, at-low)
		at -= n
		part := make([]byte, n, int(n)+len(window))
		if _, err := f.ReadAt(part, at); err != nil {
			return 0, position{}, err
		}
		window = append(part, window...)
		for search := window; ; {
			i := bytes.LastIndex(search, []byte("\n"+checkpoint))
			if i < 0 {
				break
			}
			line, _, whole := bytes.Cut(window[i+1:], []byte("\n"))
			var p position
			if whole && json.Unmarshal(line[len(checkpoint):], &p) == nil {
				return at + int64(i+1+len(line)+1), p, nil
			}
			search = search[:i]
		}
		window = window[:min(len(window), 1<<10)] // a line that spans two steps
	}
	return from, position{}, nil
}

// From is where to attach: the offset to ask for and the shell it belongs to.
func (r *Recorder) From() (from, born int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.at.Offset), r.at.Born
}

// Record attaches over a link that was opened at From with [RoleRecorder],
// writes what comes and acknowledges it, until the terminal ends (nil), ctx
// ends or the link or the file breaks. It doesn't close the recorder.
func (r *Recorder) Record(ctx context.Context, link io.ReadWriteCloser) error {
	var once sync.Once
	shut := func() { once.Do(func() { link.Close() }) }
	defer shut()
	stop := context.AfterFunc(ctx, shut)
	defer stop()
	done := make(chan struct{})
	var flushing sync.WaitGroup
	defer flushing.Wait()
	defer close(done)
	broken := make(chan error, 1)
	flushing.Go(func() { r.flushNowAndThen(done, broken, shut) })

	frames, acks := NewFrameReader(bufio.NewReaderSize(link, 64<<10)), NewFrameWriter(link)
	for {
		f, err := frames.Next()
		if err == nil {
			err = r.Frame(f)
		}
		if err == nil && f.Kind == KindOutput {
			// A link that can't be written any more may still hold the shell's last
			// words; reading tells when it is over.
			_ = acks.Write(Frame{Kind: KindAck, Offset: f.Offset + uint64(len(f.Data))})
		}
		if err == nil && f.Kind != KindExit {
			continue
		}
		select {
		case err = <-broken:
		default:
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return errors.Join(err, r.Flush())
	}
}

func (r *Recorder) flushNowAndThen(done <-chan struct{}, broken chan<- error, shut func()) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if err := r.Flush(); err != nil {
				broken <- err
				shut()
				return
			}
		}
	}
}

// Frame writes down one frame from the terminal.
func (r *Recorder) Frame(f Frame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch f.Kind {
	case KindHello:
		return r.begin(f.Hello)
	case KindOutput:
		return r.output(f)
	case KindSize:
		return r.resize(int(f.Cols), int(f.Rows))
	case KindExit:
		return r.event(r.now().UnixMilli(), CastExit, strconv.AppendInt(nil, int64(f.Code), 10))
	}
	return nil
}

// begin writes the header of a new file, or notes that a new shell took the
// place of the one recorded so far.
func (r *Recorder) begin(h *Hello) error {
	if r.size == 0 {
		r.cols, r.rows = h.Cols, h.Rows
		r.at = position{Time: h.Born / 1000 * 1000, Born: h.Born}
		b, err := json.Marshal(CastHeader{
			Version: 3, Term: CastTerm{h.Cols, h.Rows, "xterm-256color"},
			Timestamp: h.Born / 1000, Title: r.title,
		})
		if err != nil {
			return err
		}
		r.dirty = true
		return r.write(append(b, '\n'))
	}
	if r.at.Born != h.Born {
		again := r.at.Born != 0
		r.at.Born, r.at.Offset, r.mask = h.Born, 0, masker{}
		if again {
			err := errors.Join(
				r.event(h.Born, CastMarker, []byte("a new shell")),
				r.event(h.Born, CastOutput, []byte("\x1bc")))
			if err != nil {
				return err
			}
		}
	}
	return r.resize(h.Cols, h.Rows)
}

func (r *Recorder) resize(cols, rows int) error {
	if cols == r.cols && rows == r.rows {
		return nil
	}
	r.cols, r.rows = cols, rows
	return r.event(r.now().UnixMilli(), CastResize, fmt.Appendf(nil, "%dx%d", cols, rows))
}

func (r *Recorder) output(f Frame) error {
	data := f.Data
	if f.Offset > r.at.Offset {
		lost := f.Offset - r.at.Offset
		if err := r.event(f.Time, CastMarker, fmt.Appendf(nil, "%d bytes were not recorded", lost)); err != nil {
			return err
		}
		r.mask = masker{}
		r.at.Offset = f.Offset
	}
	if known := r.at.Offset - f.Offset; known >= uint64(len(data)) {
		return nil
	} else {
		data = data[known:]
	}
	r.at.Offset += uint64(len(data))
	r.dirty = true
	if r.at.Full {
		return nil
	}
	r.buf = r.mask.mask(r.buf[:0], data)
	if err := r.event(f.Time, CastOutput, r.buf); err != nil {
		return err
	}
	if r.size > r.max {
		r.at.Full = true
		return r.event(f.Time, CastMarker, []byte("the recording is full; the terminal goes on"))
	}
	return nil
}

// Mark writes a marker, which players show as a chapter.
func (r *Recorder) Mark(label string, at time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size == 0 {
		return nil // nothing to mark yet
	}
	return r.event(at.UnixMilli(), CastMarker, []byte(label))
}

// event writes one event. Time never runs backwards in a recording.
func (r *Recorder) event(ms int64, code string, data []byte) error {
	if r.size == 0 {
		return errors.New("a recording begins with the terminal's hello")
	}
	ms = max(ms, r.at.Time)
	r.line = appendCast(r.line[:0], time.Duration(ms-r.at.Time)*time.Millisecond, code, data)
	r.at.Time, r.dirty = ms, true
	return r.write(r.line)
}

func (r *Recorder) write(b []byte) error {
	n, err := r.w.Write(b)
	r.size += int64(n)
	return err
}

// Flush brings everything to the file, with the position it stands for.
func (r *Recorder) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dirty {
		r.at.Secret = r.mask.kind
		b, err := json.Marshal(r.at)
		if err != nil {
			return err
		}
		if err := r.write(append(append([]byte(checkpoint), b...), '\n')); err != nil {
			return err
		}
		r.dirty = false
	}
	return r.w.Flush()
}

// Close flushes and closes the file.
func (r *Recorder) Close() error {
	return errors.Join(r.Flush(), r.f.Close())
}
