package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"slipway/workshop"
)

const (
	pingEvery = 20 * time.Second
	pongWait  = 60 * time.Second // three pings unanswered, and nothing else either
	writeWait = 20 * time.Second
	closeWait = time.Second // for the peer to answer our close

	// What may lie in the kernel for one terminal. More would only be output
	// that the person sees late.
	terminalSendBuffer = 64 << 10
)

// Kinds of messages that a socket sends.
const (
	textMessages   = websocket.TextMessage
	binaryMessages = websocket.BinaryMessage
)

var (
	errGoingAway = errors.New("the server is going away")
	errSlow      = errors.New("the browser could not keep up")
	errStream    = errors.New("the stream to the node broke")
	errFinished  = errors.New("the shell ended") // and was told by its last frame
)

// socket is one WebSocket. [socket.run] is its whole life after the handshake.
type socket struct {
	conn *websocket.Conn
	kind int // of the messages we send
}

// accept makes a socket of a request. limit bounds a message that comes in.
// On failure the answer has been given.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, kind int, limit int64) (*socket, error) {
	upgrader := websocket.Upgrader{
		HandshakeTimeout: 10 * time.Second,
		ReadBufferSize:   4 << 10,
		WriteBufferSize:  4 << 10,
		WriteBufferPool:  &s.writeBuffers,
		CheckOrigin:      func(*http.Request) bool { return true }, // the gate did
		Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			writeJSON(w, status, map[string]errorBody{"error": {workshop.Invalid, "This address speaks WebSocket only. If a browser shows this, a proxy in between may block WebSockets."}})
		},
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(limit)
	if tcp, ok := conn.NetConn().(*net.TCPConn); ok && kind == binaryMessages {
		tcp.SetWriteBuffer(terminalSendBuffer)
	}
	return &socket{conn, kind}, nil
}

// refuseSocket tells an error by a close code: pages can't read the status of
// a refused handshake.
func (s *Server) refuseSocket(w http.ResponseWriter, r *http.Request, err error) {
	if !websocket.IsWebSocketUpgrade(r) {
		body := explain(err)
		writeJSON(w, statusOf(body.Kind), map[string]errorBody{"error": body})
		return
	}
	sock, failed := s.accept(w, r, textMessages, 512)
	if failed != nil {
		return
	}
	nothing := make(chan []byte)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(err)
	sock.run(ctx, nothing, func([]byte) error { return nil }, func() {})
}

// run sends what comes from out and hands what the browser sends to in, until
// ctx ends, out is closed (the browser was too slow), in fails or the
// connection breaks. Then it calls stop, which must make a blocked in return,
// says goodbye and gives the reason. It leaves no goroutine behind.
func (k *socket) run(ctx context.Context, out <-chan []byte, in func([]byte) error, stop func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var reader sync.WaitGroup
	reader.Go(func() { k.read(cancel, in) })
	err := k.write(ctx, out)
	stop()
	code, reason := closing(err)
	k.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(closeWait))
	// The reader goes on until the browser answered: closing at once would throw
	// away our close frame if something from it is still on its way.
	timer := time.AfterFunc(closeWait, func() { k.conn.Close() })
	reader.Wait()
	timer.Stop()
	k.conn.Close()
	return err
}

// read hands messages to in. After in failed it only waits for the end.
func (k *socket) read(cancel context.CancelCauseFunc, in func([]byte) error) {
	alive := func() { k.conn.SetReadDeadline(time.Now().Add(pongWait)) }
	alive()
	k.conn.SetPongHandler(func(string) error { alive(); return nil })
	failed := false
	for {
		_, data, err := k.conn.ReadMessage()
		if err != nil {
			cancel(err)
			return
		}
		alive()
		if failed {
			continue
		}
		if err := in(data); err != nil {
			failed = true
			cancel(err)
		}
	}
}

// write is the only writer of messages and pings.
func (k *socket) write(ctx context.Context, out <-chan []byte) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		kind, data := websocket.PingMessage, []byte(nil)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ping.C:
		case next, ok := <-out:
			if !ok {
				return errSlow
			}
			kind, data = k.kind, next
		}
		k.conn.SetWriteDeadline(time.Now().Add(writeWait))
		if err := k.conn.WriteMessage(kind, data); err != nil {
			return err
		}
	}
}

// closing is how a reason to end is told.
func closing(err error) (code int, reason string) {
	known := (*workshop.Error)(nil)
	switch {
	case err == nil, err == errFinished:
		return websocket.CloseNormalClosure, ""
	case errors.As(err, &known):
		return closeCodeOf(err), clip(workshop.MessageOf(err), 120)
	case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived):
		return websocket.CloseNormalClosure, ""
	default: // whatever broke, coming back is right
		return websocket.CloseGoingAway, ""
	}
}

// clip shortens a sentence to what a close frame holds, between characters.
func clip(text string, max int) string {
	if len(text) <= max {
		return text
	}
	cut := max
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut]
}
