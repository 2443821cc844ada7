package terminal

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

var frames = []Frame{
	{Kind: KindHello, Hello: &Hello{Version: 1, Offset: 7, Cols: 80, Rows: 24, InputReceived: 3, Window: 1, InputWindow: 2, Role: RoleOwner, Born: 9}},
	{Kind: KindOutput, Offset: 1, Time: -2, Data: []byte("é")},
	{Kind: KindOutput, Offset: math.MaxInt64, Time: math.MaxInt64, Data: []byte{}},
	{Kind: KindRepaint, Offset: 5, Data: []byte("\x1bc")},
	{Kind: KindSize, Cols: 1, Rows: 65535},
	{Kind: KindExit, Code: -1},
	{Kind: KindKeys, Offset: 12},
	{Kind: KindInput, Offset: 0, Data: []byte("ls\n")},
	{Kind: KindAck, Offset: 4},
	{Kind: KindResize, Cols: 100, Rows: 30},
}

func TestFramesComeBackAsTheyWere(t *testing.T) {
	var stream bytes.Buffer
	w := NewFrameWriter(&stream)
	for _, f := range frames {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	r := NewFrameReader(&stream)
	for _, want := range frames {
		got, err := r.Next()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// The bytes on the wire, for whoever writes another client.
func TestFramesOnTheWire(t *testing.T) {
	for want, f := range map[string]Frame{
		"o\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x05hi": {Kind: KindOutput, Offset: 256, Time: 5, Data: []byte("hi")},
		"s\x00\x00\x00\x00\x00\x00\x00\x02x":                                  {Kind: KindRepaint, Offset: 2, Data: []byte("x")},
		"z\x00\x50\x00\x18":                                                   {Kind: KindSize, Cols: 80, Rows: 24},
		"e\x00\x00\x00\x82":                                                   {Kind: KindExit, Code: 130},
		"k\x00\x00\x00\x00\x00\x00\x00\x03":                                   {Kind: KindKeys, Offset: 3},
		"i\x00\x00\x00\x00\x00\x00\x00\x03q":                                  {Kind: KindInput, Offset: 3, Data: []byte("q")},
		"a\x00\x00\x00\x00\x00\x00\x00\x03":                                   {Kind: KindAck, Offset: 3},
		"r\x00\x50\x00\x18":                                                   {Kind: KindResize, Cols: 80, Rows: 24},
	} {
		if got, err := f.Append(nil); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", byte(f.Kind), got, err, want)
		}
	}
}

func TestMalformedFrames(t *testing.T) {
	for _, body := range []string{
		"", "x", "h", "h{", "o1234567890", "s1", "z123", "z12345", "e1", "k1234567", "a123456789", "r",
		"a\xff\xff\xff\xff\xff\xff\xff\xff", // an offset whose end would overflow
		"i" + strings.Repeat("x", MaxFrame),
	} {
		if f, err := ParseFrame([]byte(body)); !errors.Is(err, ErrFrame) {
			t.Errorf("%.20q: %+v, %v", body, f, err)
		}
	}
	for _, stream := range []string{"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\x00\x01\x00\x01"} {
		if _, err := NewFrameReader(strings.NewReader(stream)).Next(); !errors.Is(err, ErrFrame) {
			t.Errorf("length %q: %v", stream, err)
		}
	}
	if _, err := NewFrameReader(strings.NewReader("\x00\x00\x00\x05ab")).Next(); err != io.ErrUnexpectedEOF {
		t.Errorf("torn: %v", err)
	}
	if _, err := (Frame{Kind: KindOutput, Data: make([]byte, MaxData+1)}).Append(nil); !errors.Is(err, ErrFrame) {
		t.Errorf("too much data: %v", err)
	}
}

func FuzzParseFrame(f *testing.F) {
	for _, fr := range frames {
		b, err := fr.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		one, err := ParseFrame(body)
		if err != nil {
			return
		}
		again, err := one.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		two, err := ParseFrame(again)
		if err != nil || !reflect.DeepEqual(one, two) {
			t.Fatalf("%+v, then %+v, %v", one, two, err)
		}
	})
}
