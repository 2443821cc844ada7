package terminal

import (
	"errors"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

const pollOut = unix.POLLOUT

// Role says what a viewer may do.
type Role string

// Roles of a viewer.
const (
	RoleOwner    Role = "owner"    // types, sets the size, may hold the pump
	RoleWatcher  Role = "watcher"  // looks, is skipped ahead when it is slow
	RoleRecorder Role = "recorder" // looks, gets every byte with its exact time
)

// FromRepaint asks for a repaint and what follows, instead of an offset.
const FromRepaint int64 = -1

// Attach says who attaches and from where.
type Attach struct {
	Client string // 1 to 64 of [A-Za-z0-9-]
	Role   Role
	From   int64 // offset of the first byte wanted, or FromRepaint
	Born   int64 // the Hello.Born that From belongs to; 0 if unknown
}

// Check reports ErrAttach for a viewer that can't be let in.
func (a Attach) Check() error {
	if len(a.Client) < 1 || len(a.Client) > 64 || a.From < FromRepaint {
		return ErrAttach
	}
	for _, c := range a.Client {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return ErrAttach
		}
	}
	if a.Role != RoleOwner && a.Role != RoleWatcher && a.Role != RoleRecorder {
		return ErrAttach
	}
	return nil
}

var (
	errInputGap  = errors.New("input is missing: its offset lies beyond what was received")
	errInputFull = errors.New("more input than the terminal can hold; wait for the counts it sends")
	errReadOnly  = errors.New("this viewer may look but not type")
	errReplaced  = errors.New("the same client attached again")
	errDirection = errors.New("a frame of this kind can't come from a client")
)

// maxQuestions bounds the questions of one link that wait for an answer.
const maxQuestions = 64

// outputSize is the most output that one frame carries.
const outputSize = 32 << 10

// viewer is one attached reader. Its fields are guarded by Terminal.mu.
type viewer struct {
	t      *Terminal
	id     string
	client *client
	role   Role
	wake   chan struct{}
	gone   bool // replaced by a newer link of the same client

	hello      bool   // sent
	repaint    bool   // wanted
	repaintMax int    // bytes of the ring, or of history, to draw again
	paint      []byte // what is still to be sent of a repaint
	next       uint64 // offset of the next byte to send
	acked      uint64
	cols, rows int // what this view could show; 0 if it didn't say
	sizeSent   bool
	typedSent  uint64
	typedKnown bool
	questions  int // empty inputs that are not answered yet
	exitSent   bool
	used       time.Time
	goal       uint64 // end of the output when it attached or was skipped ahead
}

func (v *viewer) notify() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// maxPaint bounds a repaint, which is sent without waiting for what is drawn.
const maxPaint = 512 << 10

// watcherCatchUp bounds how far back an onlooker's first repaint reaches, and
// skipCatchUp how far back one goes that was too slow.
const (
	watcherCatchUp = 512 << 10
	skipCatchUp    = 48 << 10
)

// attach adds a viewer; an older link of the same client is dropped.
func (t *Terminal) attach(a Attach) (*viewer, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cmd == nil {
		return nil, ErrNotStarted
	}
	for v := range t.viewers {
		if v.id == a.Client {
			v.gone = true
			t.drop(v)
		}
	}
	if len(t.viewers) >= MaxViewers {
		return nil, ErrTooMany
	}
	v := &viewer{
		t: t, id: a.Client, role: a.Role, client: t.client(a.Client), wake: make(chan struct{}, 1),
		repaintMax: t.opt.Ring, used: t.opt.Now(),
	}
	v.client.viewers++
	v.seek(a)
	t.viewers[v] = struct{}{}
	if v.role == RoleOwner {
		t.activate(v)
	}
	v.notify()
	return v, nil
}

// seek sets where a new viewer begins.
func (v *viewer) seek(a Attach) {
	r := v.t.ring
	if v.role == RoleWatcher {
		v.repaintMax = watcherCatchUp
	}
	from := uint64(max(a.From, 0))
	known := a.From >= 0 && from <= r.End() && (a.Born == 0 || a.Born == v.t.born.UnixMilli())
	if v.t.screen != nil && v.role != RoleRecorder && from < v.t.sizeAt {
		known = false // its lines were wrapped for another size
	}
	switch {
	case v.role == RoleRecorder && (!known || from < r.Start()):
		from = r.SafePoint(r.Start()) // the jump tells it what is missing
	case !known || from < r.Start():
		v.repaint = true
		from = r.End()
	}
	v.next, v.acked, v.goal = from, from, r.End()
}

// detach removes a viewer when its link ends.
func (t *Terminal) detach(v *viewer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(v)
}

func (t *Terminal) drop(v *viewer) {
	if _, ok := t.viewers[v]; !ok {
		return
	}
	delete(t.viewers, v)
	v.client.viewers--
	v.client.used = t.opt.Now()
	v.notify()
	if t.active != v {
		return
	}
	t.active = nil
	var last *viewer
	for o := range t.viewers {
		if o.role == RoleOwner && (last == nil || o.used.After(last.used)) {
			last = o
		}
	}
	if last != nil {
		t.activate(last)
	}
	t.resume.Broadcast()
}

// activate makes v the view that holds the pump and whose size counts.
func (t *Terminal) activate(v *viewer) {
	v.used = t.opt.Now()
	if t.active != v {
		t.active = v
		t.resume.Broadcast()
	}
	if v.cols > 0 {
		t.resize(v.cols, v.rows)
	}
}

// resize gives the process a new size and tells every viewer.
func (t *Terminal) resize(cols, rows int) {
	if cols == t.cols && rows == t.rows {
		return
	}
	t.cols, t.rows, t.sizeAt = cols, rows, t.ring.endOfWhole()
	if !t.ended {
		t.pty.resize(uint16(cols), uint16(rows))
	}
	if t.screen != nil {
		t.screen.Resize(cols, rows)
	}
	for v := range t.viewers {
		// A paint was made for the old size; and who missed a size has lines
		// that wrapped otherwise.
		if v.paint != nil || t.screen != nil && !v.sizeSent && v.role != RoleRecorder {
			v.paint, v.repaint = nil, true
		}
		v.sizeSent = false
		v.notify()
	}
}

// handle does what a frame from the client asks for.
func (v *viewer) handle(f Frame) error {
	t := v.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if v.gone {
		return errReplaced
	}
	switch f.Kind {
	case KindInput:
		if len(f.Data) == 0 { // a question whether the link is alive
			v.questions = min(v.questions+1, maxQuestions)
			v.notify()
			return nil
		}
		if v.role != RoleOwner {
			return errReadOnly
		}
		t.activate(v)
		if err := t.typeIn(v.client, f.Offset, f.Data); err != nil {
			return err
		}
		v.notify()
	case KindAck:
		v.ack(f.Offset)
	case KindResize:
		v.cols, v.rows = size(int(f.Cols), 1), size(int(f.Rows), 1)
		if v.role == RoleOwner {
			t.activate(v)
		}
	default:
		return errDirection
	}
	return nil
}

func (v *viewer) ack(offset uint64) {
	if offset <= v.acked || v.repaint {
		return
	}
	v.acked = min(offset, v.next)
	v.notify()
	if v.t.active == v {
		v.t.resume.Broadcast()
	}
}

// pull returns the next frame for the client. Its Data lies in buf. ok is
// false when there is nothing to send now, last is true when nothing will
// follow the frame (or, without one, the link).
func (v *viewer) pull(buf []byte) (f Frame, ok, last bool) {
	t := v.t
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case v.gone:
		return Frame{}, false, true
	case !v.hello:
		return v.sayHello(), true, false
	case !v.sizeSent && (v.next >= t.sizeAt || v.repaint):
		v.sizeSent = true // not before the output that was printed at the old one
		return Frame{Kind: KindSize, Cols: uint16(t.cols), Rows: uint16(t.rows)}, true, false
	case v.questions > 0 || v.role == RoleOwner && (!v.typedKnown || v.typedSent != v.client.typed):
		if v.typedSent == v.client.typed && v.typedKnown {
			v.questions-- // news of keys is no answer to a question, which expects one of its own
		}
		v.typedSent, v.typedKnown = v.client.typed, true
		return Frame{Kind: KindKeys, Offset: v.typedSent}, true, false
	}
	if f, ok := v.output(buf); ok {
		return f, true, false
	}
	if t.ended && v.next == t.ring.End() && !v.exitSent {
		v.exitSent = true
		return Frame{Kind: KindExit, Code: int32(t.code)}, true, true
	}
	return Frame{}, false, false
}

func (v *viewer) sayHello() Frame {
	t := v.t
	v.hello, v.sizeSent = true, true
	return Frame{Kind: KindHello, Hello: &Hello{
		Version: Version, Offset: t.ring.End(), Cols: t.cols, Rows: t.rows,
		InputReceived: v.client.received, Window: t.opt.Window, InputWindow: InputWindow,
		Role: v.role, Born: t.born.UnixMilli(),
	}}
}

// output returns the next piece of output, or a repaint if that is what the
// viewer needs.
func (v *viewer) output(buf []byte) (Frame, bool) {
	t, r := v.t, v.t.ring
	if len(v.paint) > 0 {
		return v.paintOn(), true
	}
	window := uint64(t.opt.Window)
	unacked := v.next - v.acked
	if !v.repaint && unacked >= window {
		return Frame{}, false
	}
	if v.lost(window) {
		if v.role == RoleRecorder {
			v.next = r.SafePoint(r.Start())
			v.acked = v.next
			unacked = 0
		} else {
			v.repaint, v.repaintMax = true, skipCatchUp
		}
	}
	if v.repaint {
		return v.drawAgain(buf), true
	}
	n := min(r.End()-v.next, outputSize, window-unacked, uint64(len(buf)))
	if !v.sizeSent {
		n = min(n, t.sizeAt-v.next)
	}
	ms, until := r.TimeAt(v.next)
	if v.role == RoleRecorder {
		n = min(n, until-v.next)
	}
	data := buf[:r.Copy(buf[:n], v.next)]
	if !t.ended || v.next+n < r.End() {
		data = v.whole(data)
	}
	if len(data) == 0 {
		return Frame{}, false
	}
	f := Frame{Kind: KindOutput, Offset: v.next, Time: ms, Data: data}
	v.next += uint64(len(data))
	return f, true
}

// whole cuts data at the end of a character. A recorder's piece that ends
// inside one because the rest came a moment later is lengthened instead.
func (v *viewer) whole(data []byte) []byte {
	n := wholeRunes(data)
	if n > 0 || v.role != RoleRecorder {
		return data[:n]
	}
	longer := data[:cap(data)]
	longer = longer[:v.t.ring.Copy(longer[:min(len(longer), 4)], v.next)]
	for i := 1; i <= len(longer); i++ {
		if wholeRunes(longer[:i]) == i {
			return longer[:i]
		}
	}
	return longer[:0]
}

// lost reports whether the viewer is so late that following makes no sense.
func (v *viewer) lost(window uint64) bool {
	r := v.t.ring
	if v.next < r.Start() {
		return true
	}
	slow := v.role == RoleWatcher || v.role == RoleOwner && v.t.active != v
	// One that still draws what was there when it attached is late by nature.
	return slow && !v.repaint && v.next >= v.goal && r.End()-v.next > 2*window
}

// paintOn sends the next piece of a repaint; the last one says where it leads.
func (v *viewer) paintOn() Frame {
	if len(v.paint) > outputSize {
		n := outputSize
		for !utf8.RuneStart(v.paint[n]) { // a paint is whole characters
			n--
		}
		data := v.paint[:n]
		v.paint = v.paint[n:]
		return Frame{Kind: KindPart, Data: data}
	}
	data := v.paint
	v.paint = nil
	return Frame{Kind: KindRepaint, Offset: v.next, Data: data}
}

// drawAgain begins a repaint. Without a screen model, or when a screen is too
// much to be painted, it replays the ring: the frame takes its first part and
// output frames bring the rest.
func (v *viewer) drawAgain(buf []byte) Frame {
	t, r := v.t, v.t.ring
	v.repaint, v.goal = false, r.End()
	if t.screen != nil {
		if paint, behind := t.screen.Repaint(maxPaint, v.repaintMax); paint != nil {
			v.paint = paint
			v.next = r.End() - uint64(behind)
			v.acked = v.next - min(v.next, uint64(len(paint)))
			return v.paintOn()
		}
	}
	from, set := t.replayFrom(uint64(v.repaintMax))
	n := copy(buf[:outputSize-1], set)
	n += r.Copy(buf[n:outputSize], from)
	data := buf[:n]
	if got := from + uint64(n-len(set)); !t.ended || got < r.End() {
		data = data[:wholeRunes(data)]
	}
	v.acked = from
	v.next = from + uint64(len(data)-len(set))
	return Frame{Kind: KindRepaint, Offset: v.next, Data: data}
}

// replayFrom chooses where a replay of at most about back bytes begins, and
// what sets a reset terminal as it was there.
func (t *Terminal) replayFrom(back uint64) (from uint64, set []byte) {
	r := t.ring
	if r.Start() == 0 && r.End() <= back {
		return 0, nil
	}
	from = r.Start()
	if r.End()-from > back {
		from = r.End() - back
	}
	if p, ok := t.track.from(from); ok {
		return p.offset, p.modes.set()
	}
	return r.SafePoint(from), nil
}
