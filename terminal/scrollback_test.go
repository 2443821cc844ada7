package terminal

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// A ring against the plain truth: everything ever printed, with its times.
func TestScrollbackIsTheEndOfWhatWasPrinted(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 15 {
		bound := 1 + rnd.IntN(100_000)
		s := NewScrollback(bound)
		var all []byte
		var times []int64
		ms := int64(1000)
		for range 200 {
			ms += rnd.Int64N(3)
			p := make([]byte, rnd.IntN(3000))
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
			if rnd.IntN(50) == 0 {
				p = append(p, make([]byte, bound)...)
			}
			s.Append(p, ms)
			all = append(all, p...)
			for range p {
				times = append(times, ms)
			}
			if s.End() != uint64(len(all)) || s.End()-s.Start() > uint64(bound) || len(s.buf) > bound {
				t.Fatalf("bound %d: %d..%d of %d", bound, s.Start(), s.End(), len(all))
			}
			from := s.Start() + uint64(rnd.IntN(int(s.End()-s.Start())+1))
			got := make([]byte, 500)
			got = got[:s.Copy(got, from)]
			if !bytes.Equal(got, all[from:from+uint64(len(got))]) {
				t.Fatalf("bound %d: other bytes at %d", bound, from)
			}
			if from < s.End() {
				at, until := s.TimeAt(from)
				if at != times[from] || until <= from || times[until-1] != at {
					t.Fatalf("time of %d is %d until %d, want %d", from, at, until, times[from])
				}
			}
		}
		if s.Start() > 0 && s.Copy(make([]byte, 1), s.Start()-1) != 0 {
			t.Error("bytes that are gone were found")
		}
	}
}

func TestTimesAreThinnedNotLost(t *testing.T) {
	s := NewScrollback(1 << 20)
	for ms := range int64(10 * maxStamps) {
		s.Append([]byte("x"), ms)
	}
	if len(s.stamps) > maxStamps {
		t.Errorf("%d stamps", len(s.stamps))
	}
	last := int64(-1)
	for off := s.Start(); off < s.End(); {
		at, until := s.TimeAt(off)
		if at <= last || at > int64(off) {
			t.Fatalf("time %d at %d after %d", at, off, last)
		}
		last, off = at, until
	}
}

func TestSafePoint(t *testing.T) {
	s := NewScrollback(10)
	s.Append([]byte("abc\ndéf\nx"), 1) // 10 bytes, all kept
	for from, want := range map[uint64]uint64{0: 0, 1: 4, 4: 4, 5: 9, 9: 9, 99: 10} {
		if got := s.SafePoint(from); got != want {
			t.Errorf("from %d: %d, want %d", from, got, want)
		}
	}
	s = NewScrollback(4)
	s.Append([]byte("aéée"), 1) // ..é of two bytes first
	if got := s.SafePoint(0); got != 3 && got != 2 {
		t.Errorf("inside a character: %d", got)
	}
}

func TestWholeRunes(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "a": 1, "é": 2, "a\xc3": 1, "\xe6\x97": 0, "a\xf0\x9f\x98": 1, "\xf0\x9f\x98\x80": 4,
		"\x80\x80\x80\x80": 4, "\xff": 1, "\xc3a": 2,
	} {
		if got := wholeRunes([]byte(s)); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}
