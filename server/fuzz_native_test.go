package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
)

var fuzzWalks = flag.Int("sessionwalks", 12, "how many seeded random scripts TestSessionWalks plays to /ws and /v1/realtime")

// FuzzSessions has clients of /ws do whatever the bytes say: they connect as one
// or the other, send what is right and what is not, leave, come back, resume each
// other's sessions, and let time pass. Nothing panics, nothing is left, every turn
// that was begun ends once and is kept once, the numbers of what comes have no
// gaps, what is said again is the same, nobody gets another's session, and
// connections are closed with the codes that the protocol names.
func FuzzSessions(f *testing.F) {
	for i := range 8 {
		f.Add(someScript(i))
	}
	f.Fuzz(func(t *testing.T, data []byte) { playNative(t, data) })
}

// The same, for a while, at every run of the tests.
func TestSessionWalks(t *testing.T) {
	t.Parallel()
	for i := range *fuzzWalks {
		playNative(t, someScript(i))
		playRealtime(t, someScript(i))
		if t.Failed() {
			t.Fatalf("script %d: go test fuzz v1\n[]byte(%q)", i, someScript(i))
		}
	}
}

func playNative(t *testing.T, data []byte) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{data}
		n := &natives{t: t, s: s, w: newFuzzWorld(t, uint64(s.byte())<<8|uint64(s.byte())), byID: make(map[string]*known)}
		for deed := 0; deed < maxDeeds && !s.over(); deed++ {
			n.act(s.below(32))
		}
		n.w.finish(t, n.all)
		n.check()
	})
}

// natives are the clients of one script.
type natives struct {
	t *testing.T
	s *script
	w *fuzzWorld

	// Owned by the script.
	all  []*line
	now  *nativeLine // which does the next deed
	open []*nativeLine

	picked *known // to be resumed

	mu    sync.Mutex // guards the rest, and what lines say is guarded so
	known []*known
	byID  map[string]*known
}

// nativeLine is one connection to /ws.
type nativeLine struct {
	*line
	session *known // nil: none yet
	seq     uint64 // of the last message that has a number
	first   bool   // nothing was sent yet
	sent    uint64
}

// known is what the clients know of one session.
type known struct {
	id, key, caller string
	line            *nativeLine // the last one that it was given to
	high            uint64
	said            map[uint64][]byte // what came, by its number
	lossy           bool              // something was missed for good
	sent            uint64
	turns           map[int]string // id of each turn that was begun
	ended           map[int]bool
	sounding        bool
	bytes           int64
}

const (
	maxLines  = 4
	maxScript = 256 // frames in the bytes of one deed, at most
)

func (n *natives) act(what int) {
	if n.now == nil && what != 2 {
		what = 0
	}
	s := n.s
	switch what {
	case 0, 1:
		n.connect([]string{"kims", "lees", "operators", "backends", "nobodys"}[s.below(5)])
		if n.now != nil && s.below(4) != 0 {
			n.text(n.configuration())
		}
	case 2:
		if len(n.open) > 0 {
			n.now = n.open[s.below(len(n.open))]
		}
	case 3, 4:
		n.text(n.configuration())
	case 5, 6, 7:
		if k := n.someSession(); k != nil && s.below(4) != 0 { // by whom it is, and now and then by another
			n.connect(append([]string{"kims", "lees", "operators"}, slices.Repeat([]string{k.caller}, 9)...)[s.below(12)])
			if n.now == nil {
				return
			}
		}
		n.text(n.resumption())
	case 8, 9, 10, 11:
		loud := s.byte()%2 == 0
		for range s.below(50) {
			n.send(websocket.MessageBinary, sound(640, loud))
		}
	case 12, 13:
		n.text(`{"type":"utterance.end"}`)
	case 14, 15:
		n.text(`{"type":"text","text":"typed"}`)
	case 16:
		n.text(fmt.Sprintf(`{"type":"turn.cancel","turn":%d}`, s.below(4)))
	case 17:
		n.text([]string{`{"type":"utterance.clear"}`, `{"type":"ping","id":"a"}`, `{"type":"tool.result","id":"x","output":"y"}`}[s.below(3)])
	case 18:
		n.text(fmt.Sprintf(`{"type":"playback","turn":%d,"ms":%d}`, s.below(5), s.byte()*20))
	case 19:
		n.text(fmt.Sprintf(`{"type":"ack","seen":%d}`, n.seen(s.below(4))))
	case 20:
		n.send(websocket.MessageText, s.bytes())
	case 21:
		n.send(websocket.MessageBinary, s.bytes())
	case 22, 23, 24, 25:
		time.Sleep(s.pause())
		synctest.Wait()
	case 26:
		n.leave(s.below(5))
	case 27:
		n.now.misbehaves(&n.mu)
		n.mu.Lock()
		n.now.stall = s.pause()
		n.mu.Unlock()
	case 28:
		size := []int{protocol.MaxTextFrame, protocol.MaxTextFrame + 1, protocol.MaxAudioFrame + 2, protocol.MaxMessage, protocol.MaxMessage + 1}[s.below(5)]
		n.now.misbehaves(&n.mu)
		n.send([]websocket.MessageType{websocket.MessageText, websocket.MessageBinary}[s.below(2)], bytes.Repeat([]byte("["), size))
	case 29: // what is no WebSocket, or is by chance
		n.now.misbehaves(&n.mu)
		n.sends(n.now, maxScript)
		_ = n.now.raw.SetWriteDeadline(time.Now().Add(5 * time.Minute))
		_, _ = n.now.raw.Write(s.bytes())
	case 30:
		one := s.bytes()
		for range s.below(64) {
			n.send(websocket.MessageText, one)
		}
	case 31:
		n.outside(s.below(6))
	}
}

func (n *natives) connect(caller string) {
	n.open = slices.DeleteFunc(n.open, func(l *nativeLine) bool {
		select {
		case <-l.over:
			return true
		default:
			return false
		}
	})
	if len(n.open) >= maxLines {
		n.now = n.open[0]
		n.leave(3)
		n.open = n.open[1:]
	}
	n.now = nil
	made, status := n.w.dialLine(n.t, "/ws", caller)
	if made == nil {
		if status != http.StatusUnauthorized {
			n.t.Errorf("%s was refused with %d", caller, status)
		}
		return
	}
	l := &nativeLine{line: made, first: true}
	n.all, n.open, n.now = append(n.all, made), append(n.open, l), l
	go made.listen(n.t.Context(), &n.mu, func(kind websocket.MessageType, data []byte) { n.hear(l, kind, data) })
}

func (n *natives) text(s string) { n.send(websocket.MessageText, []byte(s)) }

func (n *natives) send(kind websocket.MessageType, data []byte) {
	l := n.now
	if !l.first {
		n.sends(l, 1)
	}
	l.first = false
	l.say(n.t, kind, data)
}

// sends counts frames of a line.
func (n *natives) sends(l *nativeLine, frames uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l.sent += frames
	if l.session != nil {
		l.session.sent += frames
		return
	}
	for _, k := range n.known { // any of them may be what the line has just resumed
		k.sent += frames
	}
}

func (n *natives) configuration() string {
	s := n.s
	user := []string{"", `"user":"kim",`, `"user":"lee",`, `"user":"",`}[s.below(4)]
	mode := []string{"manual", "server_vad", "semantic", "psychic"}[s.below(4)]
	extra := []string{
		"", `,"playback_reports":true`, `,"pace_ms":0`, `,"idle_prompt":{"after_ms":1000,"text":"Still there?"}`,
		`,"input":{"encoding":"opus"}`, `,"input":{"rate":48000},"output":{"rate":8000}`, `,"tools":[{"name":"x","description":"y"}]`, `,"partials":true`,
	}[s.below(8)]
	return fmt.Sprintf(`{"type":"session.configure",%s"turn_detection":{"mode":%q}%s}`, user, mode, extra)
}

// someSession picks a session, nil where there is none.
func (n *natives) someSession() *known {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.picked = nil
	if len(n.known) > 0 {
		n.picked = n.known[n.s.byte()%len(n.known)]
	}
	return n.picked
}

// resumption asks for the session that was picked.
func (n *natives) resumption() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	k, how, where := n.picked, n.s.below(12), n.s.below(4)
	if k == nil {
		return `{"type":"session.resume","session":"x","key":"y","seen":0}`
	}
	key, seen := k.key, k.high
	switch where {
	case 1:
		seen = 0
	case 2:
		seen /= 2
	case 3:
		seen += uint64(n.s.byte())
	}
	if how == 11 {
		key = strings.ToUpper(key)
	}
	claim := map[string]any{"type": protocol.TypeResume, "session": k.id, "key": key, "seen": seen}
	if how%3 == 0 { // it says what it knows, or what nobody can know
		claim["forgotten"], claim["turn"], claim["live"] = seen, seen, k.id
		k.sent = max(k.sent, seen)
	}
	text, err := json.Marshal(claim)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

// seen gives a number to acknowledge.
func (n *natives) seen(how int) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.now.session
	switch {
	case how == 3:
		if k != nil {
			k.lossy = true // what it claims to have seen it will not be told again
		}
		return 1 << 40
	case k == nil || how == 2:
		return 0
	}
	return k.high
}

func (n *natives) leave(how int) {
	l := n.now
	l.misbehaves(&n.mu)
	switch how {
	case 0, 1:
		_ = l.ws.Close([]websocket.StatusCode{websocket.StatusNormalClosure, websocket.StatusGoingAway}[how], "")
	case 2:
		_ = l.ws.Close(4999, strings.Repeat("x", 100))
	default:
		_ = l.ws.CloseNow()
	}
	synctest.Wait()
}

// outside is what happens elsewhere.
func (n *natives) outside(what int) {
	switch what {
	case 0:
		n.w.doors.revoke([]string{"kims", "operators"}[n.s.below(2)])
	case 1, 2:
		if status := askBare(n.t, n.w.running, http.MethodDelete, "/users/kim", "lees"); status != http.StatusForbidden {
			n.t.Errorf("lee deletes kim: %d", status)
		}
	case 3:
		askBare(n.t, n.w.running, http.MethodDelete, "/users/lee", "lees")
	default:
		askBare(n.t, n.w.running, http.MethodGet, "/readyz", "")
	}
}
