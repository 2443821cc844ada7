package terminal

import "unicode/utf8"

// ringStart is the size that an empty ring begins with; a shell nobody uses
// should not cost two megabytes.
const ringStart = 16 << 10

// maxStamps bounds the time index of a ring.
const maxStamps = 16384

// Scrollback is a ring of the last bytes that a terminal printed. Every byte
// has an absolute offset, counted from the terminal's first byte, and a time.
// It grows on demand up to its bound and is not safe for concurrent use.
type Scrollback struct {
	buf        []byte
	bound      int
	start, end uint64
	stamps     []stamp // ascending by offset; the first covers start
}

// stamp says when the bytes from offset on were printed.
type stamp struct {
	offset uint64
	ms     int64
}

// NewScrollback returns an empty ring that keeps the last bound bytes.
func NewScrollback(bound int) *Scrollback {
	if bound < 1 {
		bound = 1
	}
	return &Scrollback{bound: bound}
}

// Start is the offset of the oldest byte that is still kept.
func (s *Scrollback) Start() uint64 { return s.start }

// End is the offset after the newest byte: how many were ever printed.
func (s *Scrollback) End() uint64 { return s.end }

// Append adds p, printed at ms (unix milliseconds). A time that runs backwards
// is taken as the time before it, so that times never fall.
func (s *Scrollback) Append(p []byte, ms int64) {
	if len(p) == 0 {
		return
	}
	s.mark(ms)
	if len(p) > s.bound {
		s.end += uint64(len(p) - s.bound)
		s.start = s.end
		p = p[len(p)-s.bound:]
	}
	s.grow(len(p))
	for len(p) > 0 {
		n := copy(s.buf[s.end%uint64(len(s.buf)):], p)
		s.end += uint64(n)
		p = p[n:]
	}
	if kept := uint64(len(s.buf)); s.end-s.start > kept {
		s.start = s.end - kept
	}
	s.forget()
}

// grow makes room for n more bytes, up to the bound.
func (s *Scrollback) grow(n int) {
	need := int(s.end-s.start) + n
	if need <= len(s.buf) || len(s.buf) == s.bound {
		return
	}
	size := max(len(s.buf)*2, ringStart)
	for size < need {
		size *= 2
	}
	size = min(size, s.bound)
	bigger := make([]byte, size)
	for off := s.start; off < s.end; {
		from := s.buf[off%uint64(len(s.buf)):]
		from = from[:min(uint64(len(from)), s.end-off)]
		n := copy(bigger[off%uint64(size):], from)
		off += uint64(n)
	}
	s.buf = bigger
}

// mark notes the time of the next byte.
func (s *Scrollback) mark(ms int64) {
	if n := len(s.stamps); n > 0 {
		if ms <= s.stamps[n-1].ms {
			return
		}
		if n >= maxStamps {
			s.thin()
		}
	}
	s.stamps = append(s.stamps, stamp{s.end, ms})
}

// thin drops every second stamp of the older half: old output keeps its times
// less exactly, and the index stays bounded.
func (s *Scrollback) thin() {
	half := len(s.stamps) / 2
	kept := s.stamps[:0]
	for i, st := range s.stamps {
		if i < half && i%2 == 1 {
			continue
		}
		kept = append(kept, st)
	}
	s.stamps = kept
}

// forget drops stamps that only concern bytes that are gone.
func (s *Scrollback) forget() {
	n := 0
	for n+1 < len(s.stamps) && s.stamps[n+1].offset <= s.start {
		n++
	}
	if n > 1024 || n == len(s.stamps)-1 {
		s.stamps = append(s.stamps[:0], s.stamps[n:]...)
	}
}

// Copy copies bytes from the given offset on into dst and returns how many. It
// copies none when the offset is not in the ring.
func (s *Scrollback) Copy(dst []byte, from uint64) int {
	if from < s.start || from >= s.end {
		return 0
	}
	n := 0
	for n < len(dst) && from < s.end {
		part := s.buf[from%uint64(len(s.buf)):]
		part = part[:min(uint64(len(part)), s.end-from)]
		c := copy(dst[n:], part)
		n += c
		from += uint64(c)
	}
	return n
}

// TimeAt returns when the byte at an offset was printed (unix milliseconds)
// and the offset at which the next time begins, at most End.
func (s *Scrollback) TimeAt(offset uint64) (ms int64, until uint64) {
	lo, hi := 0, len(s.stamps)
	for lo+1 < hi {
		mid := (lo + hi) / 2
		if s.stamps[mid].offset <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	if len(s.stamps) == 0 {
		return 0, s.end
	}
	if lo+1 < len(s.stamps) {
		return s.stamps[lo].ms, s.stamps[lo+1].offset
	}
	return s.stamps[lo].ms, s.end
}

// safePointSearch bounds how far SafePoint looks for the start of a line.
const safePointSearch = 64 << 10

// SafePoint returns the first offset at or after from at which drawing may
// begin: the ring's first byte ever, the start of a line, or, when there is
// none nearby, the start of a character.
func (s *Scrollback) SafePoint(from uint64) uint64 {
	if from < s.start {
		from = s.start
	}
	if from == 0 || from >= s.end {
		return min(from, s.end)
	}
	var buf [4096]byte
	limit := min(s.end, from+safePointSearch)
	for off := from - min(1, from-s.start); off < limit; {
		n := s.Copy(buf[:min(uint64(len(buf)), limit-off)], off)
		for i, b := range buf[:n] {
			if b == '\n' && off+uint64(i)+1 >= from {
				return off + uint64(i) + 1
			}
		}
		off += uint64(n)
	}
	n := s.Copy(buf[:utf8.UTFMax], from)
	for i := range n {
		if utf8.RuneStart(buf[i]) {
			return from + uint64(i)
		}
	}
	return from
}

// endOfWhole is End, or where a character begins that is not complete yet.
func (s *Scrollback) endOfWhole() uint64 {
	var tail [utf8.UTFMax]byte
	from := s.end - min(uint64(len(tail)), s.end-s.start)
	n := s.Copy(tail[:], from)
	return from + uint64(wholeRunes(tail[:n]))
}

// wholeRunes returns the length of the longest prefix of p that does not end
// inside a UTF-8 sequence. Bytes that are no UTF-8 at all count as whole.
func wholeRunes(p []byte) int {
	for i := len(p) - 1; i >= 0 && i >= len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return len(p)
			}
			return i
		}
	}
	return len(p)
}
