package terminal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// Version is the version of the frames that this package speaks. It is part of
// the name of the upgraded protocol, [Protocol].
const Version = 1

// Protocol is the token of the HTTP Upgrade that opens a stream of frames.
const Protocol = "slipway-terminal/1"

// MaxFrame bounds the body of a frame in bytes: its kind, its numbers and its
// data, without the length in front.
const MaxFrame = 64 << 10

// MaxData bounds the bytes of output, repaint or input that one frame carries.
const MaxData = MaxFrame - frameHead

const (
	frameHead  = 1 + 8 + 8 // kind, offset, time: the longest head
	lengthSize = 4
)

// Kind is the first byte of a frame.
type Kind byte

// Kinds of frames. The first seven travel to the client, the others from it.
const (
	KindHello   Kind = 'h' // JSON Hello: the first frame of a stream
	KindOutput  Kind = 'o' // offset of the first byte, unix milliseconds, bytes
	KindRepaint Kind = 's' // offset, bytes that bring a reset terminal to the state at that offset
	KindPart    Kind = 'p' // bytes of a repaint that belong before those of the next `s`
	KindSize    Kind = 'z' // columns, rows of the terminal
	KindExit    Kind = 'e' // exit code; the last frame of a stream
	KindKeys    Kind = 'k' // how many bytes of this client's input have been typed

	KindInput  Kind = 'i' // offset in this client's input, bytes
	KindAck    Kind = 'a' // offset up to which output has been drawn
	KindResize Kind = 'r' // columns, rows of this view
)

// Hello opens a stream: it says where the terminal stands and what this viewer
// may do. Unknown members are to be ignored.
type Hello struct {
	Version       int    `json:"version"`
	Offset        uint64 `json:"offset"`        // end of the output when the viewer attached
	Cols          int    `json:"cols"`          // size of the terminal
	Rows          int    `json:"rows"`          //
	InputReceived uint64 `json:"inputReceived"` // bytes of this client's input that must not be sent again
	Window        int    `json:"window"`        // output that may be unacknowledged, bytes
	InputWindow   int    `json:"inputWindow"`   // input that may be sent beyond the last `k`, bytes
	Role          Role   `json:"role"`
	Born          int64  `json:"born"` // when the shell began, unix milliseconds; offsets count from there
}

// Frame is one message of a terminal's stream. Which fields count depends on
// Kind. Data of a parsed frame points into the body that was parsed.
type Frame struct {
	Kind   Kind
	Offset uint64 // o, s, i, a; the count of k
	Time   int64  // o: unix milliseconds
	Data   []byte // o, s, p, i
	Cols   uint16 // z, r
	Rows   uint16 // z, r
	Code   int32  // e
	Hello  *Hello // h
}

// ErrFrame is wrapped by every error about a malformed frame. The stream it
// came from can't be used any further.
var ErrFrame = errors.New("malformed terminal frame")

// Append appends the frame's body, without its length, to dst. It fails with
// [ErrFrame] when the body would be longer than [MaxFrame].
func (f Frame) Append(dst []byte) ([]byte, error) {
	if len(f.Data) > MaxData {
		return dst, fmt.Errorf("%w: %d bytes of data, at most %d fit", ErrFrame, len(f.Data), MaxData)
	}
	dst = append(dst, byte(f.Kind))
	switch f.Kind {
	case KindHello:
		b, err := json.Marshal(f.Hello)
		if err != nil {
			return dst, fmt.Errorf("%w: %w", ErrFrame, err)
		}
		return append(dst, b...), nil
	case KindOutput:
		dst = binary.BigEndian.AppendUint64(dst, f.Offset)
		dst = binary.BigEndian.AppendUint64(dst, uint64(f.Time))
		return append(dst, f.Data...), nil
	case KindRepaint, KindInput:
		dst = binary.BigEndian.AppendUint64(dst, f.Offset)
		return append(dst, f.Data...), nil
	case KindPart:
		return append(dst, f.Data...), nil
	case KindKeys, KindAck:
		return binary.BigEndian.AppendUint64(dst, f.Offset), nil
	case KindSize, KindResize:
		dst = binary.BigEndian.AppendUint16(dst, f.Cols)
		return binary.BigEndian.AppendUint16(dst, f.Rows), nil
	case KindExit:
		return binary.BigEndian.AppendUint32(dst, uint32(f.Code)), nil
	}
	return dst, fmt.Errorf("%w: unknown kind %q", ErrFrame, byte(f.Kind))
}

// ParseFrame reads a frame's body (without its length). Data of the result
// points into body. Numbers whose end would not fit into 64 bits are refused,
// so that Offset+len(Data) never overflows.
func ParseFrame(body []byte) (Frame, error) {
	if len(body) == 0 || len(body) > MaxFrame {
		return Frame{}, fmt.Errorf("%w: %d bytes", ErrFrame, len(body))
	}
	f := Frame{Kind: Kind(body[0])}
	rest := body[1:]
	need, exact := frameShape(f.Kind)
	if need < 0 {
		return Frame{}, fmt.Errorf("%w: unknown kind %q", ErrFrame, body[0])
	}
	if len(rest) < need || exact && len(rest) != need {
		return Frame{}, fmt.Errorf("%w: kind %q with %d bytes", ErrFrame, body[0], len(rest))
	}
	if err := f.fill(rest); err != nil {
		return Frame{}, err
	}
	if len(f.Data) > MaxData || f.Offset > math.MaxInt64 {
		return Frame{}, fmt.Errorf("%w: kind %q out of range", ErrFrame, body[0])
	}
	return f, nil
}

// frameShape gives the least number of bytes after the kind and whether that
// number is exact; -1 for an unknown kind.
func frameShape(k Kind) (need int, exact bool) {
	switch k {
	case KindHello:
		return 2, false
	case KindOutput:
		return 16, false
	case KindRepaint, KindInput:
		return 8, false
	case KindPart:
		return 0, false
	case KindKeys, KindAck:
		return 8, true
	case KindSize, KindResize, KindExit:
		return 4, true
	}
	return -1, false
}

func (f *Frame) fill(rest []byte) error {
	switch f.Kind {
	case KindHello:
		f.Hello = new(Hello)
		if err := json.Unmarshal(rest, f.Hello); err != nil {
			return fmt.Errorf("%w: hello: %w", ErrFrame, err)
		}
	case KindOutput:
		f.Offset = binary.BigEndian.Uint64(rest)
		f.Time = int64(binary.BigEndian.Uint64(rest[8:]))
		f.Data = rest[16:]
	case KindRepaint, KindInput:
		f.Offset = binary.BigEndian.Uint64(rest)
		f.Data = rest[8:]
	case KindPart:
		f.Data = rest
	case KindKeys, KindAck:
		f.Offset = binary.BigEndian.Uint64(rest)
	case KindSize, KindResize:
		f.Cols = binary.BigEndian.Uint16(rest)
		f.Rows = binary.BigEndian.Uint16(rest[2:])
	case KindExit:
		f.Code = int32(binary.BigEndian.Uint32(rest))
	}
	return nil
}

// FrameReader reads frames, each with its length in front, from a stream. It
// may be used by one goroutine at a time.
type FrameReader struct {
	r   io.Reader
	buf []byte
}

// NewFrameReader returns a reader of the frames in r. Give it a buffered r.
func NewFrameReader(r io.Reader) *FrameReader { return &FrameReader{r: r} }

// Body returns the next frame's body, unparsed, for a relay that passes it on.
// It is valid until the next call. At the end of the stream between two frames
// the error is io.EOF; inside a frame io.ErrUnexpectedEOF.
func (fr *FrameReader) Body() ([]byte, error) {
	var head [lengthSize]byte
	if _, err := io.ReadFull(fr.r, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n == 0 || n > MaxFrame {
		return nil, fmt.Errorf("%w: length %d", ErrFrame, n)
	}
	if cap(fr.buf) < n {
		fr.buf = make([]byte, n, min(MaxFrame, n*2))
	}
	fr.buf = fr.buf[:n]
	if _, err := io.ReadFull(fr.r, fr.buf); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return fr.buf, nil
}

// Next returns the next frame. Its Data is valid until the next call.
func (fr *FrameReader) Next() (Frame, error) {
	body, err := fr.Body()
	if err != nil {
		return Frame{}, err
	}
	return ParseFrame(body)
}

// FrameWriter writes frames, each with its length in front, each with a single
// Write. It may be used by one goroutine at a time.
type FrameWriter struct {
	w   io.Writer
	buf []byte
}

// NewFrameWriter returns a writer of frames to w.
func NewFrameWriter(w io.Writer) *FrameWriter { return &FrameWriter{w: w} }

// Write writes one frame.
func (fw *FrameWriter) Write(f Frame) error {
	b, err := f.Append(append(fw.buf[:0], 0, 0, 0, 0))
	if err != nil {
		return err
	}
	return fw.send(b)
}

// WriteBody writes a frame whose body is already encoded, for a relay.
func (fw *FrameWriter) WriteBody(body []byte) error {
	if len(body) == 0 || len(body) > MaxFrame {
		return fmt.Errorf("%w: %d bytes", ErrFrame, len(body))
	}
	return fw.send(append(append(fw.buf[:0], 0, 0, 0, 0), body...))
}

func (fw *FrameWriter) send(b []byte) error {
	if len(b)-lengthSize > MaxFrame {
		return fmt.Errorf("%w: %d bytes", ErrFrame, len(b)-lengthSize)
	}
	fw.buf = b
	binary.BigEndian.PutUint32(b, uint32(len(b)-lengthSize))
	_, err := fw.w.Write(b)
	return err
}
