package server_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/coder/websocket"

	"sori/protocol"
)

// hear takes one message of a line. The lock is held.
func (n *natives) hear(l *nativeLine, kind websocket.MessageType, data []byte) {
	if kind == websocket.MessageBinary {
		n.counted(l, l.seq+1, nil, protocol.Head{}, data)
		return
	}
	head, e, err := protocol.DecodeEvent(data)
	if err != nil {
		n.t.Errorf("%q: %v", data, err)
		return
	}
	switch e := e.(type) {
	case protocol.Ack, protocol.GoingAway:
		return
	case protocol.Resumed:
		n.resumed(l, head, e)
		return
	case protocol.Problem:
		if head.Seq == 0 {
			if e.Code != protocol.ErrNoSession || l.session != nil {
				n.t.Errorf("%q has no number", data)
			}
			return
		}
	case protocol.Ready:
		n.ready(l, e)
	}
	n.counted(l, head.Seq, e, head, data)
}

func (n *natives) resumed(l *nativeLine, head protocol.Head, e protocol.Resumed) {
	k := n.byID[e.Session]
	switch {
	case k == nil || l.session != nil:
		n.t.Errorf("resumed %q, which nobody asked for", e.Session)
		return
	case k.caller != l.caller:
		n.t.Errorf("%s got the session of %s", l.caller, k.caller)
	case e.Received > k.sent:
		n.t.Errorf("%d frames received, %d were sent", e.Received, k.sent)
	}
	l.session, l.seq, k.line = k, head.Seq, l
	k.lossy = k.lossy || e.Lost > 0
}

func (n *natives) ready(l *nativeLine, e protocol.Ready) {
	own := map[string]string{"kims": "kim", "lees": "lee"}[l.caller]
	if own != "" && e.User != own {
		n.t.Errorf("%s is %q", l.caller, e.User)
	}
	k := n.of(l)
	if k.id != "" && k.id != e.Session {
		n.t.Errorf("session %s became %s", k.id, e.Session)
	}
	if k.id == "" {
		k.id, k.key, n.byID[e.Session] = e.Session, e.Resume.Key, k
		n.known = append(n.known, k)
	}
}

// of gives the session of a line, whose name is not known at first.
func (n *natives) of(l *nativeLine) *known {
	if l.session == nil {
		l.session = &known{caller: l.caller, line: l, sent: l.sent, said: make(map[uint64][]byte), turns: make(map[int]string), ended: make(map[int]bool)}
	}
	return l.session
}

// counted takes a message that has a number.
func (n *natives) counted(l *nativeLine, seq uint64, e protocol.Event, head protocol.Head, data []byte) {
	k := n.of(l)
	if seq != l.seq+1 {
		n.t.Errorf("number %d after %d: %.200q", seq, l.seq, data)
	}
	l.seq = seq
	if before, ok := k.said[seq]; ok {
		if !bytes.Equal(before, data) {
			n.t.Errorf("number %d is %.200q and was %.200q", seq, data, before)
		}
		return
	}
	k.said[seq] = bytes.Clone(data)
	if seq != k.high+1 {
		k.lossy = true
	}
	k.high = max(k.high, seq)
	if !k.lossy {
		k.follow(n.t, e, head, data)
	}
}

// follow holds the order of a session whose messages all came.
func (k *known) follow(t *testing.T, e protocol.Event, head protocol.Head, data []byte) {
	if head.Turn != 0 && k.ended[head.Turn] {
		t.Errorf("of turn %d after its end: %.200q", head.Turn, data)
	}
	switch e := e.(type) {
	case nil:
		if !k.sounding {
			t.Errorf("%d bytes of sound outside of a reply", len(data))
		}
		k.bytes += int64(len(data))
	case protocol.TurnStarted:
		if len(k.turns) != len(k.ended) {
			t.Errorf("turn %d begins while another one is under way", head.Turn)
		}
		k.turns[head.Turn] = e.ID
	case protocol.AudioBegin:
		k.sounding, k.bytes = true, 0
	case protocol.AudioEnd:
		if !k.sounding || e.Bytes != k.bytes {
			t.Errorf("the reply has %d bytes, %d came", e.Bytes, k.bytes)
		}
		k.sounding = false
	case protocol.TurnDone, protocol.TurnCancelled, protocol.TurnFailed:
		if k.turns[head.Turn] == "" || k.sounding {
			t.Errorf("turn %d ends, which was not begun or still sounds", head.Turn)
		}
		k.ended[head.Turn] = true
	}
}

// check holds what is true of every session when all is over.
func (n *natives) check() {
	for _, k := range n.known {
		for number, id := range k.turns {
			if n.w.kept[id] != 1 {
				n.t.Errorf("turn %d of session %s was kept %d times", number, k.id, n.w.kept[id])
			}
			if !k.ended[number] && !k.lossy && !k.line.rude && !slices.Contains([]protocol.CloseCode{protocol.CloseTaken, protocol.CloseIdle, protocol.CloseExpired}, protocol.CloseCode(k.line.code)) {
				n.t.Errorf("turn %d of session %s was begun and not ended; the line was closed with %d", number, k.id, k.line.code)
			}
		}
	}
}
