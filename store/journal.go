package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"slipway/workshop"
)

var errClosed = workshop.Errorf(workshop.Unavailable, "The server is going away; try again in a moment.")

// stride is how many events lie between two entries of a journal's index, so
// that a follower who is nearly up to date reads little.
const stride = 512

// journal is one file of events. What lies below size is committed: written,
// synced and announced. Only one goroutine at a time writes (the committer), and
// it does so without holding mu.
type journal struct {
	path string
	file *os.File
	log  *slog.Logger

	mu      sync.Mutex
	size    int64         // committed bytes
	seq     uint64        // of the last committed event
	index   []int64       // index[i] is where event i*stride+1 begins
	grown   chan struct{} // closed and replaced at every commit
	pending *batch        // gathers while another batch is being written
	busy    bool          // somebody writes
	idle    sync.Cond     // told when busy ends
	broken  error         // nothing is written any more, and why
}

// batch is what one write and one sync commit together.
type batch struct {
	events []workshop.Event
	done   chan struct{}
	first  uint64 // number of events[0], once done
	err    error
}

func openJournal(path string, log *slog.Logger) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{path: path, file: file, log: log, grown: make(chan struct{})}
	j.idle.L = &j.mu
	if err := j.recover(); err != nil {
		file.Close()
		return nil, err
	}
	return j, nil
}

// recover reads the whole file, cuts a torn tail and says so. A bad line with
// good ones after it isn't a torn tail: someone changed the file, and nothing is
// thrown away behind their back.
func (j *journal) recover() error {
	in := bufio.NewReaderSize(j.file, MaxEvent+2)
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err == nil && isEvent(line, j.seq+1) {
			j.note(int64(len(line)))
			continue
		}
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		return j.cut(in, line)
	}
}

// isEvent says whether a line with its newline is the event of that number.
func isEvent(line []byte, seq uint64) bool {
	var e struct {
		Seq  uint64             `json:"seq"`
		Kind workshop.EventKind `json:"kind"`
	}
	return json.Unmarshal(line, &e) == nil && e.Seq == seq && e.Kind != ""
}

// note counts one committed line.
func (j *journal) note(length int64) {
	if j.seq%stride == 0 {
		j.index = append(j.index, j.size)
	}
	j.seq++
	j.size += length
}

// cut ends the file where the bad line begins, unless good lines follow.
func (j *journal) cut(in *bufio.Reader, bad []byte) error {
	torn := int64(len(bad))
	for {
		line, err := in.ReadSlice('\n')
		torn += int64(len(line))
		var e workshop.Event
		if err == nil && json.Unmarshal(line, &e) == nil && e.Seq > j.seq {
			return workshop.Errorf(workshop.Internal,
				"The journal %s is damaged at line %d: what follows it is readable, so it was not a crash. Repair that line or restore a backup.", j.path, j.seq+1)
		}
		if err == io.EOF {
			break
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
	}
	j.log.Warn("the journal ended in the middle of an event, as after a crash; the unfinished part was cut",
		"file", j.path, "bytes", torn, "events", j.seq)
	return errors.Join(j.file.Truncate(j.size), j.file.Sync())
}

// append puts events into the batch that is gathering and commits it, or
// waits for who does.
func (j *journal) append(ctx context.Context, events []workshop.Event) ([]uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, e := range events {
		if line, err := json.Marshal(e); err != nil {
			return nil, err
		} else if len(line)+32 > MaxEvent { // room for number and time
			return nil, tooLarge(len(line))
		}
	}
	j.mu.Lock()
	if j.broken != nil {
		defer j.mu.Unlock()
		return nil, j.broken
	}
	if j.size > MaxJournal {
		defer j.mu.Unlock()
		return nil, workshop.Errorf(workshop.TooMany, "This session has filled its journal; end it and begin another one.")
	}
	if j.pending == nil {
		j.pending = &batch{done: make(chan struct{})}
	}
	b := j.pending
	at := len(b.events)
	b.events = append(b.events, events...)
	leads := !j.busy
	j.busy = true
	j.mu.Unlock()
	if leads {
		j.commit()
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b.err != nil {
		return nil, b.err
	}
	seqs := make([]uint64, len(events))
	for i := range seqs {
		seqs[i] = b.first + uint64(at+i)
	}
	return seqs, nil
}

// commit writes batches until none is waiting. Those who come while it writes
// share the next write and its sync.
func (j *journal) commit() {
	for {
		j.mu.Lock()
		b := j.pending
		j.pending = nil
		if b == nil {
			j.busy = false
			j.idle.Broadcast()
			j.mu.Unlock()
			return
		}
		first, offset, broken := j.seq+1, j.size, j.broken
		j.mu.Unlock()

		var lengths []int64
		b.first, b.err = first, broken
		if broken == nil {
			lengths, b.err = j.write(b.events, first, offset)
		}

		j.mu.Lock()
		if b.err == nil {
			for _, n := range lengths {
				j.note(n)
			}
			close(j.grown)
			j.grown = make(chan struct{})
		}
		j.mu.Unlock()
		close(b.done)
	}
}

// write puts events at offset and syncs. When it fails, what was written is taken
// back; where even that fails, the journal takes no more.
func (j *journal) write(events []workshop.Event, first uint64, offset int64) ([]int64, error) {
	var out bytes.Buffer
	lengths := make([]int64, 0, len(events))
	for i, e := range events {
		e.Seq = first + uint64(i)
		if e.At.IsZero() {
			e.At = time.Now()
		}
		e.At = e.At.UTC().Round(0)
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		out.Write(line)
		out.WriteByte('\n')
		lengths = append(lengths, int64(len(line)+1))
	}
	if _, err := j.file.WriteAt(out.Bytes(), offset); err != nil {
		if undo := j.file.Truncate(offset); undo != nil {
			j.refuse(errors.Join(err, undo))
		}
		return nil, cannotWrite(err)
	}
	// After a failed sync nobody knows what the disk holds; going on would
	// acknowledge events on top of a hole.
	if err := j.file.Sync(); err != nil {
		j.refuse(err)
		return nil, cannotWrite(err)
	}
	return lengths, nil
}

func cannotWrite(err error) error {
	return workshop.Errorf(workshop.Unavailable, "The server can't write to its disk, so this was not kept. Tell the instructor: the disk may be full.").Because(err)
}

func (j *journal) refuse(err error) {
	j.log.Error("the journal can't be written any more; restart the server once its disk is well", "file", j.path, "err", err)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = cannotWrite(err)
}

// read calls fn from a number on; with follow it waits for more.
func (j *journal) read(ctx context.Context, from uint64, fn func(workshop.Event) error, follow bool) error {
	from = max(from, 1)
	for {
		j.mu.Lock()
		seq, grown, broken := j.seq, j.grown, j.broken
		offset, at := j.find(from)
		size := j.size
		j.mu.Unlock()
		if from <= seq {
			next, err := j.scan(ctx, io.NewSectionReader(j.file, offset, size-offset), at, from, fn)
			if err != nil {
				return err
			}
			from = next
		}
		if !follow {
			return nil
		}
		if broken == errClosed {
			return errClosed
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// find is where to begin to read for event number from: an offset, and the
// number of the event there. Called with mu held.
func (j *journal) find(from uint64) (offset int64, at uint64) {
	if len(j.index) == 0 {
		return 0, 1
	}
	i := min(int((from-1)/stride), len(j.index)-1)
	return j.index[i], uint64(i)*stride + 1
}

// scan reads events numbered at, at+1, … and gives those from from on to fn.
// It returns the number after the last one.
func (j *journal) scan(ctx context.Context, in io.Reader, at, from uint64, fn func(workshop.Event) error) (uint64, error) {
	lines := bufio.NewReaderSize(in, MaxEvent+2)
	for ; ; at++ {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return max(at, from), nil
		}
		if err != nil {
			return at, fmt.Errorf("journal %s, event %d: %w", j.path, at, err)
		}
		if at < from {
			continue
		}
		if err := ctx.Err(); err != nil {
			return at, err
		}
		var e workshop.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return at, fmt.Errorf("journal %s, event %d: %w", j.path, at, err)
		}
		if err := fn(e); err != nil {
			return at, err
		}
	}
}

// close refuses further appends, lets the running commit end, and wakes
// followers.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = errClosed
	for j.busy {
		j.idle.Wait()
	}
	close(j.grown)
	j.grown = make(chan struct{})
	return j.file.Close()
}
