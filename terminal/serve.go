package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// readBuffer is what a viewer's link may hold unread beside one frame.
const readBuffer = 4 << 10

// Serve attaches a viewer over rw and speaks frames until the terminal ends
// (nil), the other side hangs up (nil), ctx ends (its cause) or the other side
// breaks the protocol. It closes rw before it returns. One goroutine reads and
// one writes.
func (t *Terminal) Serve(ctx context.Context, rw io.ReadWriteCloser, a Attach) error {
	var closing sync.Once
	shut := func() { closing.Do(func() { rw.Close() }) }
	defer shut()
	v, err := t.attach(a)
	if err != nil {
		return err
	}
	defer t.detach(v)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, shut) // a blocked read or write returns
	defer stop()
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(v.listen(rw))
	}()
	err = v.send(ctx, rw)
	if err != nil || ctx.Err() != nil {
		cancel(err)
	} else {
		shut() // said everything; the listener ends with the link
	}
	<-read
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, errHungUp) {
		return nil
	}
	return err
}

// errHungUp: the other side closed the link, which is its right at any time.
var errHungUp = errors.New("the viewer hung up")

// listen handles what the client sends until the link or the protocol breaks.
func (v *viewer) listen(r io.Reader) error {
	fr := NewFrameReader(bufio.NewReaderSize(r, readBuffer))
	for {
		f, err := fr.Next()
		switch {
		case errors.Is(err, ErrFrame):
			return err
		case err != nil:
			return errHungUp
		}
		if err := v.handle(f); err != nil {
			return fmt.Errorf("viewer %s: %w", v.id, err)
		}
	}
}

// send writes frames as they become due.
func (v *viewer) send(ctx context.Context, w io.Writer) error {
	fw := NewFrameWriter(w)
	buf := make([]byte, outputSize)
	for {
		f, ok, last := v.pull(buf)
		if ok {
			if err := fw.Write(f); err != nil {
				if ctx.Err() != nil || errors.Is(err, net.ErrClosed) || isHangUp(err) {
					return context.Cause(ctx)
				}
				return err
			}
		}
		if last {
			return nil
		}
		if ok {
			continue
		}
		select {
		case <-v.wake:
		case <-ctx.Done():
			return nil
		}
	}
}
