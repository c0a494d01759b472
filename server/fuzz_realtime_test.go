package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// FuzzRealtimeSessions is [FuzzSessions] for clients of /v1/realtime: every
// response that was created is done once and nothing of it comes after, items
// have names of their own, what is wrong is told with a code and the event's id.
func FuzzRealtimeSessions(f *testing.F) {
	for i := range 8 {
		f.Add(someScript(i))
	}
	f.Fuzz(func(t *testing.T, data []byte) { playRealtime(t, data) })
}

func playRealtime(t *testing.T, data []byte) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{data}
		c := &realtimes{t: t, s: s, w: newFuzzWorld(t, uint64(s.byte())<<8|uint64(s.byte()))}
		for deed := 0; deed < maxDeeds && !s.over(); deed++ {
			c.act(s.below(32))
		}
		c.w.finish(t, c.lines)
		c.check()
	})
}

// realtimes are the clients of one script.
type realtimes struct {
	t *testing.T
	s *script
	w *fuzzWorld

	// Owned by the script.
	lines []*line
	all   []*realtimeLine
	now   *realtimeLine

	mu sync.Mutex // guards what lines know
}

// realtimeLine is one connection to /v1/realtime.
type realtimeLine struct {
	*line
	greeted   bool
	ids       map[string]bool // of events
	items     []string
	responses []string
	done      map[string]bool
}

// realtimeHeard is what is looked at in a server event.
type realtimeHeard struct {
	Type       string `json:"type"`
	EventID    string `json:"event_id"`
	ResponseID string `json:"response_id"`
	Item       struct {
		ID string `json:"id"`
	} `json:"item"`
	Response struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	} `json:"response"`
	Error struct {
		Type    string  `json:"type"`
		Code    string  `json:"code"`
		Message string  `json:"message"`
		EventID *string `json:"event_id"`
	} `json:"error"`
}

func (c *realtimes) act(what int) {
	if c.now == nil && what != 2 {
		what = 0
	}
	s := c.s
	switch what {
	case 0, 1:
		c.connect([]string{"kims", "lees", "operators", "nobodys"}[s.below(4)], []string{"", "?intent=transcription", "?model=gpt-realtime&user=lee", "?call_id=x"}[s.below(4)])
	case 2: // another line
		if len(c.all) > 0 {
			c.now = c.all[s.below(len(c.all))]
		}
	case 3, 4, 5:
		c.send("session.update", `"session":`+c.session())
	case 6, 7, 8, 9:
		pcm := base64.StdEncoding.EncodeToString(sound(4800, s.byte()%2 == 0))
		for range s.below(30) {
			c.send("input_audio_buffer.append", `"audio":"`+pcm+`"`)
		}
	case 10:
		c.send("input_audio_buffer.append", fmt.Sprintf(`"audio":%q`, s.bytes()))
	case 11, 12:
		c.send("input_audio_buffer.commit", "")
	case 13:
		c.send([]string{"input_audio_buffer.clear", "output_audio_buffer.clear", "make.coffee"}[s.below(3)], "")
	case 14, 15:
		c.send("conversation.item.create", c.item())
	case 16:
		c.send("conversation.item.retrieve", fmt.Sprintf(`"item_id":%q`, c.some(false)))
	case 17:
		c.send("conversation.item.delete", fmt.Sprintf(`"item_id":%q`, c.some(false)))
	case 18:
		c.send("conversation.item.truncate", fmt.Sprintf(`"item_id":%q,"content_index":%d,"audio_end_ms":%d`, c.some(false), s.below(2), s.byte()*20))
	case 19, 20, 21:
		c.send("response.create", c.response())
	case 22:
		c.send("response.cancel", []string{"", fmt.Sprintf(`"response_id":%q`, c.some(true))}[s.below(2)])
	case 23:
		c.raw(websocket.MessageText, s.bytes())
	case 24:
		c.raw(websocket.MessageBinary, s.bytes())
	case 25, 26, 27, 28:
		time.Sleep(s.pause())
		synctest.Wait()
	case 29:
		c.now.misbehaves(&c.mu)
		if s.below(3) == 0 {
			_ = c.now.ws.Close([]websocket.StatusCode{websocket.StatusNormalClosure, 4999}[s.below(2)], "")
		} else {
			_ = c.now.ws.CloseNow()
		}
		synctest.Wait()
	case 30:
		c.now.misbehaves(&c.mu)
		switch s.below(3) {
		case 0:
			c.mu.Lock()
			c.now.stall = s.pause()
			c.mu.Unlock()
		case 1:
			_ = c.now.raw.SetWriteDeadline(time.Now().Add(5 * time.Minute))
			_, _ = c.now.raw.Write(s.bytes())
		default:
			one := s.bytes()
			for range s.below(64) {
				c.raw(websocket.MessageText, one)
			}
		}
	case 31:
		if s.below(2) == 0 {
			c.w.doors.revoke("operators")
		} else {
			askBare(c.t, c.w.running, http.MethodDelete, "/users/kim", "kims")
		}
	}
}

func (c *realtimes) connect(as, query string) {
	made, status := c.w.dialLine(c.t, "/v1/realtime"+query, as)
	if made == nil {
		if status != http.StatusUnauthorized && status != http.StatusBadRequest && status != http.StatusForbidden {
			c.t.Errorf("%s was refused with %d", as, status)
		}
		return
	}
	one := &realtimeLine{line: made, ids: make(map[string]bool), done: make(map[string]bool)}
	c.lines, c.all, c.now = append(c.lines, made), append(c.all, one), one
	if len(c.all) > maxLines {
		_ = c.all[0].ws.CloseNow()
		c.all[0].misbehaves(&c.mu)
		c.all = c.all[1:]
	}
	go made.listen(c.t.Context(), &c.mu, func(_ websocket.MessageType, data []byte) { c.hear(one, data) })
}

func (c *realtimes) raw(kind websocket.MessageType, data []byte) { c.now.say(c.t, kind, data) }

func (c *realtimes) send(kind, rest string) {
	if rest != "" {
		rest = "," + rest
	}
	c.raw(websocket.MessageText, fmt.Appendf(nil, `{"type":%q,"event_id":"mine"%s}`, kind, rest))
}

// some gives the id of an item, or of a response, that the client knows.
func (c *realtimes) some(response bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := c.now.items
	if response {
		ids = c.now.responses
	}
	which := c.s.byte()
	if len(ids) == 0 || which == 255 {
		return "item_nobody_knows"
	}
	return ids[which%len(ids)]
}

func (c *realtimes) session() string {
	s := c.s
	kind := []string{`"type":"realtime"`, `"type":"realtime"`, `"type":"transcription"`, `"modalities":["text"]`}[s.below(4)]
	turns := []string{
		``, `,"audio":{"input":{"turn_detection":null}}`, `,"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":5000}}}`,
		`,"audio":{"input":{"turn_detection":{"type":"semantic_vad","create_response":false}}}`,
		`,"audio":{"input":{"turn_detection":{"type":"server_vad","interrupt_response":false}}}`, `,"turn_detection":null`,
	}[s.below(6)]
	rest := []string{
		``, `,"output_modalities":["text"]`, `,"instructions":"Be brief."`, `,"tools":[{"type":"function","name":"x","parameters":{}}]`, `,"tool_choice":"none"`,
		`,"max_output_tokens":3`, `,"audio":{"output":{"format":{"type":"audio/pcmu"},"voice":"nobody","speed":9}}`, `,"input_audio_format":"g711_alaw"`,
	}[s.below(8)]
	return "{" + kind + turns + rest + "}"
}

func (c *realtimes) item() string {
	s := c.s
	item := []string{
		`{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}`,
		`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"hello"}]}`,
		`{"type":"message","role":"system","content":[{"type":"input_text","text":"hello"}]}`,
		`{"type":"message","role":"user","content":[{"type":"input_audio","audio":"AAAA"}]}`,
		`{"type":"function_call","name":"x","call_id":"c","arguments":"{}"}`,
		`{"type":"function_call_output","call_id":"c","output":"y"}`,
		`{"id":"same","type":"message","role":"user","content":[]}`,
		`{"type":"pony"}`,
	}[s.below(8)]
	switch s.below(3) {
	case 0:
		return fmt.Sprintf(`"item":%s,"previous_item_id":%q`, item, c.some(false))
	case 1:
		return `"item":` + item + `,"previous_item_id":"root"`
	}
	return `"item":` + item
}

func (c *realtimes) response() string {
	s := c.s
	return `"response":` + []string{
		`{}`, `{"output_modalities":["text"]}`, `{"conversation":"none"}`, `{"max_output_tokens":2}`, `{"metadata":{"a":"b"}}`,
		fmt.Sprintf(`{"input":[{"type":"item_reference","id":%q}]}`, c.some(false)), `{"input":[]}`, `{"instructions":7}`,
	}[s.below(8)]
}

// hear takes one event. The lock is held.
func (c *realtimes) hear(one *realtimeLine, data []byte) {
	var e realtimeHeard
	if err := json.Unmarshal(data, &e); err != nil || e.Type == "" || e.EventID == "" {
		c.t.Errorf("%.300q is no event: %v", data, err)
		return
	}
	if one.ids[e.EventID] {
		c.t.Errorf("the id %s came twice", e.EventID)
	}
	one.ids[e.EventID] = true
	if !one.greeted && e.Type != "session.created" {
		c.t.Errorf("the first event is %.300q", data)
	}
	one.greeted = one.greeted || e.Type == "session.created"
	if e.ResponseID != "" && e.Type != "output_audio_buffer.cleared" && (one.done[e.ResponseID] || !slices.Contains(one.responses, e.ResponseID)) {
		c.t.Errorf("%s of response %s, which is not under way", e.Type, e.ResponseID)
	}
	switch e.Type {
	case "error":
		if e.Error.Code == "" || len(e.Error.Message) < 15 || e.Error.Type == "" || e.Error.EventID != nil && *e.Error.EventID != "mine" && !strings.Contains(string(data), "event_id") {
			c.t.Errorf("an error that says too little: %.300q", data)
		}
		if e.Error.Type != "invalid_request_error" && e.Error.Code != "server_error" && e.Error.Code != "rate_limit_exceeded" {
			c.t.Errorf("an error of sori's own: %.300q", data)
		}
	case "response.created":
		if slices.Contains(one.responses, e.Response.ID) {
			c.t.Errorf("response %s was created twice", e.Response.ID)
		}
		one.responses = append(one.responses, e.Response.ID)
	case "response.done":
		if one.done[e.Response.ID] || !slices.Contains(one.responses, e.Response.ID) {
			c.t.Errorf("response %s is done, which is not under way", e.Response.ID)
		}
		if e.Response.Status == "" || e.Response.Status == "in_progress" {
			c.t.Errorf("response %s is done with the status %q", e.Response.ID, e.Response.Status)
		}
		one.done[e.Response.ID] = true
	case "conversation.item.added", "conversation.item.created":
		one.items = append(one.items, e.Item.ID)
	}
}

// check holds what is true of every connection when all is over.
func (c *realtimes) check() {
	for _, one := range c.all {
		if one.rude || one.code == -1 {
			continue
		}
		for _, id := range one.responses {
			if !one.done[id] {
				c.t.Errorf("response %s was not done; the line was closed with %d", id, one.code)
			}
		}
	}
}
