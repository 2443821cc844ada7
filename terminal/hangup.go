package terminal

import (
	"errors"
	"io"
	"syscall"
)

// isHangUp reports whether a write failed because the other side is gone.
func isHangUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrClosedPipe)
}
