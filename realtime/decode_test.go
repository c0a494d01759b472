package realtime_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sori/realtime"
)

func TestWhatIsWrongWithAnEvent(t *testing.T) {
	t.Parallel()
	for frame, want := range map[string]string{
		`{`:                         realtime.CodeInvalidJSON,
		`[]`:                        realtime.CodeInvalidJSON,
		`null`:                      realtime.CodeInvalidJSON,
		strings.Repeat("[", 10_000): realtime.CodeInvalidJSON,
		`{"type":"response.cancel","x":[` + strings.Repeat("0,", 200_000) + `0]}`: realtime.CodeInvalidJSON,
		`{"event_id":"e"}`: realtime.CodeMissing,
		`{"type":7}`:       realtime.CodeInvalidType,
		`{"type":"no.such.event","event_id":"e"}`:                                                                        realtime.CodeUnknownEvent,
		`{"type":"input_audio_buffer.append","event_id":"e"}`:                                                            realtime.CodeMissing,
		`{"type":"input_audio_buffer.append","event_id":"e","audio":"*"}`:                                                realtime.CodeInvalidAudio,
		`{"type":"input_audio_buffer.append","event_id":"e","audio":7}`:                                                  realtime.CodeInvalidType,
		`{"type":"session.update","event_id":"e"}`:                                                                       realtime.CodeMissing,
		`{"type":"conversation.item.retrieve","event_id":"e"}`:                                                           realtime.CodeMissing,
		`{"type":"conversation.item.truncate","event_id":"e","item_id":"i","content_index":0}`:                           realtime.CodeMissing,
		`{"type":"conversation.item.truncate","event_id":"e","item_id":"i","content_index":0,"audio_end_ms":-1}`:         realtime.CodeInvalidValue,
		`{"type":"conversation.item.create","event_id":"e","item":{"type":"song"}}`:                                      realtime.CodeInvalidValue,
		`{"type":"response.create","event_id":"e","response":{"conversation":"some"}}`:                                   realtime.CodeInvalidValue,
		`{"type":"response.create","event_id":"e","response":{"tools":[{"type":"function","name":"f","parameters":1}]}}`: realtime.CodeInvalidType,
	} {
		_, id, err := realtime.DecodeClient([]byte(frame))
		if err == nil || err.Code != want {
			t.Errorf("%.80s: %v, want %s", frame, err, want)
			continue
		}
		if has := strings.Contains(frame, `"event_id":"e"`); has != (id == "e") {
			t.Errorf("%.80s: event_id %q", frame, id)
		}
	}
}

func TestEveryClientEventIsUnderstood(t *testing.T) {
	t.Parallel()
	rest := map[string]string{
		realtime.TypeSessionUpdate: `"session":{}`,
		realtime.TypeAppend:        `"audio":"AAAA"`,
		realtime.TypeItemCreate:    `"item":{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}`,
		realtime.TypeItemRetrieve:  `"item_id":"i"`,
		realtime.TypeItemDelete:    `"item_id":"i"`,
		realtime.TypeItemTruncate:  `"item_id":"i","content_index":0,"audio_end_ms":100`,
	}
	for _, kind := range realtime.ClientTypes() {
		frame := `{"type":"` + kind + `","event_id":"e"`
		if rest[kind] != "" {
			frame += "," + rest[kind]
		}
		e, id, err := realtime.DecodeClient([]byte(frame + "}"))
		if err != nil || e == nil || id != "e" {
			t.Errorf("%s: %v %q %v", kind, e, id, err)
		}
	}
}

// A client's configuration changes what it names, and comes back whole.
func TestApply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ update, path, want, code string }{
		{update: `{"type":"realtime"}`, path: "turn_detection", want: `{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,"silence_duration_ms":500,"idle_timeout_ms":null,"create_response":true,"interrupt_response":true}`},
		{update: `{"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"high"}}}}`, path: "turn_detection", want: `{"type":"semantic_vad","eagerness":"high","create_response":true,"interrupt_response":true}`},
		{update: `{"audio":{"input":{"turn_detection":null}}}`, path: "turn_detection", want: `null`},
		{update: `{"turn_detection":null}`, path: "turn_detection", want: `null`}, // the beta's
		{update: `{"audio":{"input":{"format":{"type":"audio/pcmu"}}}}`, path: "format", want: `{"type":"audio/pcmu"}`},
		{update: `{"input_audio_format":"g711_alaw"}`, path: "format", want: `{"type":"audio/pcma"}`},
		{update: `{"audio":{"input":{"format":{"type":"audio/pcm","rate":16000}}}}`, path: "format", want: `{"type":"audio/pcm","rate":16000}`},
		{update: `{"audio":{"input":{"noise_reduction":{"type":"near_field"}}}}`, path: "noise_reduction", want: `{"type":"near_field"}`},
		{update: `{"type":"transcription"}`, code: realtime.CodeInvalidValue},
		{update: `{"audio":{"input":{"format":{"type":"audio/mp3"}}}}`, code: realtime.CodeInvalidValue},
		{update: `{"audio":{"input":{"format":{"type":"audio/pcm","rate":100}}}}`, code: realtime.CodeInvalidValue},
		{update: `{"output_modalities":["smell"]}`, code: realtime.CodeInvalidValue},
		{update: `{"tools":[{"type":"mcp","name":"x"}]}`, code: realtime.CodeUnsupported},
		{update: `{"max_output_tokens":0}`, code: realtime.CodeInvalidValue},
	} {
		s, err := realtime.NewSession(realtime.Conversation).Apply(json.RawMessage(c.update))
		if c.code != "" {
			if err == nil || err.Code != c.code || err.Param == "" {
				t.Errorf("%s: %+v, want %s", c.update, err, c.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.update, err)
			continue
		}
		data, failed := json.Marshal(s)
		if failed != nil {
			t.Fatal(failed)
		}
		var whole struct {
			Audio struct{ Input map[string]json.RawMessage }
		}
		if err := json.Unmarshal(data, &whole); err != nil {
			t.Fatal(err)
		}
		if got := string(whole.Audio.Input[c.path]); got != c.want {
			t.Errorf("%s: %s, want %s", c.update, got, c.want)
		}
	}
}
