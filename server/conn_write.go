package server

import (
	"context"
	"errors"
	"os"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/session"
)

// keptEvent is how large a buffer for events may stay with an idle connection,
// in bytes.
const keptEvent = 4 << 10

// writeLoop sends what the session says until it says no more, and then closes
// the connection. It takes everything, also when nobody listens any more: the
// session waits for that.
func (c *conn) writeLoop() {
	events := c.session.Events()
	for open := true; open; {
		select {
		case out, ok := <-events:
			if open = ok; ok {
				c.send(out)
			}
		case <-c.ran: // without closing its events: it panicked
			open = false
		}
	}
	<-c.ran
	if c.gone.Load() {
		return
	}
	e := c.ending.Load()
	err := c.ws.Close(websocket.StatusCode(e.code), e.reason)
	if err != nil {
		c.log.Debug("no goodbye from the client", "error", err)
	}
}

// send writes one output, or drops it when the client is gone.
func (c *conn) send(out session.Output) {
	defer out.Audio.Free()
	if c.gone.Load() {
		return
	}
	var data []byte
	kind := websocket.MessageBinary
	if out.Audio != nil {
		data = out.Audio.Data
	} else {
		if c.words != nil {
			out.Event = c.words.event(out.Event)
		}
		var err error
		data, err = protocol.AppendEvent(c.out[:0], out.Head, out.Event)
		if err != nil {
			c.log.Error("event can't be written", "error", err)
			c.end(ending{protocol.CloseInternal, "Something broke inside sori."})
			return
		}
		kind = websocket.MessageText
		if cap(data) <= keptEvent {
			c.out = data
		}
	}
	// Not the context of the session, still less of a turn: a write that is
	// cancelled breaks the connection. deadlineConn bounds it.
	err := c.ws.Write(context.Background(), kind, data)
	if err == nil {
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.end(ending{protocol.CloseSlowReader, "The client does not read."})
	} else {
		c.log.Debug("write failed", "error", err)
		c.end(ending{protocol.CloseNormal, "The connection was lost."})
	}
	c.drop()
}
