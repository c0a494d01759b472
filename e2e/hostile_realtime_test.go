//go:build e2e

package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"sori/realtime"
)

// rubbishRealtime is one thing that no client of the OpenAI Realtime API should
// send.
type rubbishRealtime struct {
	query  string // behind /v1/realtime
	before string // an event that is right, or nothing
	send   string
	code   string // of the error that answers it
	binary bool
}

// rubbishOverRealtime has what is sent to /v1/realtime, and what answers it.
func rubbishOverRealtime() map[string]rubbishRealtime {
	event := func(kind, rest string) string { return `{"type":"` + kind + `","event_id":"mine"` + rest + `}` }
	item := func(rest string) string { return event("conversation.item.create", `,"item":{`+rest+`}`) }
	message := `"type":"message","role":"user","content":`
	update := func(rest string) string { return event("session.update", `,"session":{"type":"realtime"`+rest+`}`) }
	return map[string]rubbishRealtime{
		"broken JSON":                {send: `{"type":`, code: realtime.CodeInvalidJSON},
		"nothing":                    {send: ``, code: realtime.CodeInvalidJSON},
		"a list":                     {send: `[1,2]`, code: realtime.CodeInvalidJSON},
		"two objects":                {send: event("response.cancel", "") + event("response.cancel", ""), code: realtime.CodeInvalidJSON},
		"10,000 deep":                {send: event("response.create", `,"response":{"x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`}`), code: realtime.CodeInvalidJSON},
		"a million brackets":         {send: strings.Repeat("[", 1_000_000), code: realtime.CodeInvalidJSON},
		"just too large":             {send: strings.Repeat(" ", realtime.MaxFrame+1), code: realtime.CodeInvalidValue},
		"no type":                    {send: `{"event_id":"mine"}`, code: realtime.CodeMissing},
		"type is a number":           {send: `{"type":7}`, code: realtime.CodeInvalidType},
		"unknown type":               {send: event("make.coffee", ""), code: realtime.CodeUnknownEvent},
		"a message of /ws":           {send: event("session.configure", ""), code: realtime.CodeUnknownEvent},
		"event_id of 5,000 letters":  {send: `{"type":"response.cancel","event_id":"` + strings.Repeat("x", 5000) + `"}`, code: realtime.CodeInvalidValue},
		"update without session":     {send: event("session.update", ""), code: realtime.CodeMissing},
		"session is a list":          {send: event("session.update", `,"session":[]`), code: realtime.CodeInvalidType},
		"another kind of session":    {send: event("session.update", `,"session":{"type":"transcription"}`), code: realtime.CodeInvalidValue},
		"rate of 1 Hz":               {send: update(`,"audio":{"input":{"format":{"type":"audio/pcm","rate":1}}}`), code: realtime.CodeInvalidValue},
		"format of 1999":             {send: update(`,"audio":{"output":{"format":{"type":"audio/ra"}}}`), code: realtime.CodeInvalidValue},
		"psychic turn detection":     {send: update(`,"audio":{"input":{"turn_detection":{"type":"psychic"}}}`), code: realtime.CodeInvalidValue},
		"instructions are a number":  {send: update(`,"instructions":7`), code: realtime.CodeInvalidType},
		"a tool without a name":      {send: update(`,"tools":[{"type":"function"}]`), code: realtime.CodeMissing},
		"append without audio":       {send: event("input_audio_buffer.append", ""), code: realtime.CodeMissing},
		"append that is no base64":   {send: event("input_audio_buffer.append", `,"audio":"%%%%"`), code: realtime.CodeInvalidAudio},
		"append of a number":         {send: event("input_audio_buffer.append", `,"audio":5`), code: realtime.CodeInvalidType},
		"commit of nothing":          {send: event("input_audio_buffer.commit", ""), code: realtime.CodeCommitEmpty},
		"a pony":                     {send: item(`"type":"pony"`), code: realtime.CodeInvalidValue},
		"a picture":                  {send: item(message + `[{"type":"input_image","image_url":"http://169.254.169.254/"}]`), code: realtime.CodeUnsupported},
		"content is an object":       {send: item(message + `{}`), code: realtime.CodeInvalidType},
		"content of 33 parts":        {send: item(message + `[` + strings.TrimSuffix(strings.Repeat(`{"type":"input_text","text":"a"},`, 33), ",") + `]`), code: realtime.CodeInvalidValue},
		"text of 100 KB":             {send: item(message + `[{"type":"input_text","text":"` + strings.Repeat("a", 100_000) + `"}]`), code: realtime.CodeInvalidValue},
		"an id twice":                {before: item(`"id":"x",` + message + `[]`), send: item(`"id":"x",` + message + `[]`), code: realtime.CodeDuplicateItem},
		"behind an item of nobody's": {send: event("conversation.item.create", `,"previous_item_id":"nobody","item":{`+message+`[]}`), code: realtime.CodePreviousItem},
		"output of no call":          {send: item(`"type":"function_call_output","call_id":"nobody","output":"y"`), code: realtime.CodeToolCall},
		"retrieve of nobody's":       {send: event("conversation.item.retrieve", `,"item_id":"nobody"`), code: realtime.CodeRetrieveItem},
		"delete of nobody's":         {send: event("conversation.item.delete", `,"item_id":"nobody"`), code: realtime.CodeDeleteItem},
		"truncate of nobody's":       {send: event("conversation.item.truncate", `,"item_id":"nobody","content_index":0,"audio_end_ms":0`), code: realtime.CodeTruncateItem},
		"truncate of a text":         {before: item(`"id":"x",` + message + `[]`), send: event("conversation.item.truncate", `,"item_id":"x","content_index":0,"audio_end_ms":0`), code: realtime.CodeUnsupported},
		"truncate before time":       {send: event("conversation.item.truncate", `,"item_id":"x","content_index":0,"audio_end_ms":-1`), code: realtime.CodeInvalidValue},
		"cancel of nothing":          {send: event("response.cancel", ""), code: realtime.CodeNothingToCancel},
		"response is a list":         {send: event("response.create", `,"response":[]`), code: realtime.CodeInvalidType},
		"response of a reference":    {send: event("response.create", `,"response":{"input":[{"type":"item_reference","id":"nobody"}]}`), code: realtime.CodeRetrieveItem},
		"response of a transcriber":  {query: "?intent=transcription", send: event("response.create", ""), code: realtime.CodeInvalidValue},
		"sound of half a sample":     {send: "\x01", binary: true, code: realtime.CodeCommitEmpty},
		"two million members":        {send: `{"type":"response.cancel"` + strings.Repeat(`,"a":0`, 2_000_000) + `}`, code: realtime.CodeInvalidJSON},
		"type twice":                 {send: `{"event_id":"mine","type":"response.create","type":"response.cancel"}`, code: realtime.CodeNothingToCancel},
		"a tool of another's":        {send: update(`,"tools":[{"type":"mcp","server_url":"http://169.254.169.254/"}]`), code: realtime.CodeUnsupported},
		"10,000 tools":               {send: update(`,"tools":[` + strings.TrimSuffix(strings.Repeat(`{"type":"function","name":"a"},`, 10_000), ",") + `]`), code: realtime.CodeInvalidValue},
		"a voice of 10 KB":           {send: update(`,"audio":{"output":{"voice":"` + strings.Repeat("v", 10_000) + `"}}`), code: realtime.CodeInvalidValue},
		"an item id of 1,000":        {send: item(`"id":"` + strings.Repeat("i", 1000) + `",` + message + `[]`), code: realtime.CodeInvalidValue},
		"truncate after all time":    {send: event("conversation.item.truncate", `,"item_id":"x","content_index":0,"audio_end_ms":1e300`), code: realtime.CodeInvalidValue},
		"audio of an hour":           {send: item(message + `[{"type":"input_audio","audio":"` + strings.Repeat("AAAA", 1<<20) + `"}]`), code: realtime.CodeInvalidAudio},
	}
}

// Rubbish at /v1/realtime gets an error that says whose fault it is, by the
// event's own id where it has one; the session that sent it and the one beside it
// go on.
func TestRubbishOverRealtime(t *testing.T) {
	t.Parallel()
	s := serve(t, scriptedArgs(scripted(t))...)
	for name, c := range rubbishOverRealtime() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := dialRealtime(t, s, c.query)
			if c.before != "" {
				r.send(c.before)
			}
			if c.binary {
				if err := r.ws.Write(t.Context(), websocket.MessageBinary, []byte(c.send)); err != nil {
					t.Fatal(err)
				}
				r.send(`{"type":"input_audio_buffer.commit"}`) // the half alone is nothing
			} else {
				r.send(c.send)
			}
			e := r.until("error")
			if e.Error.Code != c.code {
				t.Errorf("answered with %s, want %s", e.Error.Code, c.code)
			}
			var sent struct {
				ID string `json:"event_id"`
			}
			if json.Unmarshal([]byte(c.send), &sent) == nil && len(sent.ID) < 100 && sent.ID != "" && (e.Error.EventID == nil || *e.Error.EventID != sent.ID) {
				t.Errorf("it does not name the event: %v", e.Error.EventID)
			}
			r.send(`{"type":"input_audio_buffer.clear"}`) // the session goes on
			r.until("input_audio_buffer.cleared")
			if kinds := r.kinds(); len(kinds) > 5 {
				t.Errorf("it came to %s", strings.Join(kinds, " "))
			}
		})
	}
	t.Run("a message three times too large", func(t *testing.T) {
		t.Parallel()
		ws, _, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/v1/realtime", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow()
		// Nobody reads for ever to refuse a message.
		_ = ws.Write(t.Context(), websocket.MessageText, make([]byte, 3*realtime.MaxFrame+1))
		for err == nil {
			_, _, err = ws.Read(t.Context())
		}
		if got := websocket.CloseStatus(err); got != websocket.StatusMessageTooBig {
			t.Errorf("closed with %v (%v), want %v", got, err, websocket.StatusMessageTooBig)
		}
	})
	for name, c := range map[string]rubbish{
		"without upgrade":          {request("GET", "/v1/realtime", "", ""), 426, "upgrade_required"},
		"from another page":        {request("GET", "/v1/realtime", upgrade+"Origin: https://evil.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 403, "origin_not_allowed"},
		"a user with a zero byte":  {request("GET", "/v1/realtime?user=a%00b", upgrade+"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, "invalid_value"},
		"into a call":              {request("GET", "/v1/realtime?call_id=x", upgrade+"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, "invalid_value"},
		"a secret that is no JSON": {request("POST", "/v1/realtime/client_secrets", jsonHeader, `{"session":`), 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t, s)
		})
	}
	t.Run("a healthy session beside them", func(t *testing.T) {
		t.Parallel()
		healthy(t, s)
	})
}

// The suite has at least sixty cases with names, over each of the three ways in.
func TestThereIsEnoughRubbish(t *testing.T) {
	t.Parallel()
	ws, rest, rt := len(rubbishOverWebSocket()), len(rubbishOverREST()), len(rubbishOverRealtime())
	t.Logf("%d cases over /ws, %d over REST, %d over /v1/realtime", ws, rest, rt)
	if ws < 30 || rest < 30 || rt < 15 || ws+rest+rt < 60 {
		t.Error("that is too little")
	}
}
