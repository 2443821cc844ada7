package lab

import (
	"os"
	"strings"
)

// logBound is how large a daemon's log may grow before it is cut.
const logBound = 8 << 20

// openLog opens a log for appending, cut first when it has grown too long. The
// one before is kept as ".old".
func openLog(path string) (*os.File, error) {
	boundLog(path)
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// boundLog cuts a log that a daemon may be writing. Writers append, so after the
// cut they go on at the new end.
func boundLog(path string) {
	if st, err := os.Stat(path); err != nil || st.Size() < logBound {
		return
	}
	if tail := readTail(path, 1<<20); len(tail) > 0 {
		_ = os.WriteFile(path+".old", tail, 0o600) // the old part is a courtesy
	}
	_ = os.Truncate(path, 0)
}

// lastLines is the last n lines of a file, for an error's cause.
func lastLines(path string, n int) string {
	lines := strings.Split(strings.TrimSpace(string(readTail(path, 8<<10))), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func readTail(path string, most int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil
	}
	size := min(st.Size(), most)
	b := make([]byte, size)
	n, _ := f.ReadAt(b, st.Size()-size)
	return b[:n]
}
