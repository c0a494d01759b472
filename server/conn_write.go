package server

import (
	"context"
	"errors"
	"os"

	"github.com/coder/websocket"

	"sori/audio"
	"sori/protocol"
)

// eventRoom is how much room is borrowed to write an event, in bytes.
const eventRoom = 4 << 10

// encode gives an event as a text message. It may be held for a while: it takes no
// more memory than it has to.
func encode(h protocol.Head, e protocol.Event, w *words) (*audio.Frame, error) {
	if w != nil {
		e = w.event(e)
	}
	room := audio.NewFrame(eventRoom)
	data, err := protocol.AppendEvent(room.Data[:0], h, e)
	if err != nil {
		room.Free()
		return nil, err
	}
	f := audio.KeptFrame(data)
	room.Free()
	return f, nil
}

// write sends one message. When that can't be done any more the connection is
// dropped, and ok is false.
func (c *conn) write(kind websocket.MessageType, data []byte) (ok bool) {
	if c.gone.Load() {
		return false
	}
	// Not the context of the session, still less of a turn: a write that is
	// cancelled breaks the connection. deadlineConn bounds it.
	err := c.ws.Write(context.Background(), kind, data)
	if err == nil {
		return true
	}
	c.unwritten(err)
	return false
}

// unwritten drops a connection that took no more.
func (c *conn) unwritten(err error) {
	e := ending{protocol.CloseNormal, "The connection was lost."}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e = ending{protocol.CloseSlowReader, "The client does not read."}
	} else {
		c.log.Debug("write failed", "error", err)
	}
	c.ending.CompareAndSwap(nil, &e)
	c.drop()
}

// tell sends an event that is about the connection and takes no number.
func (c *conn) tell(h protocol.Head, e protocol.Event) (ok bool) {
	f, err := encode(h, e, c.words)
	if err != nil {
		c.log.Error("event can't be written", "error", err)
		return false
	}
	defer f.Free()
	return c.write(websocket.MessageText, f.Data)
}
