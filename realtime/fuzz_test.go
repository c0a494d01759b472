package realtime_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"sori/realtime"
)

// FuzzDecodeClient reads what clients of the OpenAI Realtime API send, whatever it
// is: an event, or an error with a code.
func FuzzDecodeClient(f *testing.F) {
	for _, s := range []string{
		`{"type":"session.update","event_id":"e","session":{"type":"realtime"}}`, `{"type":"input_audio_buffer.append","audio":"AAAA"}`,
		`{"type":"conversation.item.create","previous_item_id":"root","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}}`,
		`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"c","output":"y"}}`,
		`{"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":100}`,
		`{"type":"response.create","response":{"input":[],"tools":[{"type":"function","name":"f"}],"metadata":{"a":"b"},"max_output_tokens":"inf"}}`,
		`{"type":7}`, `[[[`, `null`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		e, id, err := realtime.DecodeClient(bytes.Clone(frame))
		switch {
		case err != nil && (err.Code == "" || err.Message == ""):
			t.Errorf("%q: an error without a word: %+v", frame, err)
		case err == nil && e == nil:
			t.Errorf("%q is nothing", frame)
		case len(id) > 4096:
			t.Errorf("an event_id of %d bytes", len(id))
		}
	})
}

// FuzzApply configures sessions with whatever comes. What is taken can be written,
// and taken again.
func FuzzApply(f *testing.F) {
	for _, s := range []string{
		`{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"turn_detection":{"type":"semantic_vad","eagerness":"low"}},"output":{"voice":"x","speed":1.5}}}`,
		`{"type":"transcription","audio":{"input":{"transcription":{"language":"ko"}}}}`, `{"input_audio_format":"g711_alaw","turn_detection":null,"modalities":["text"]}`,
		`{"tools":[{"type":"function","name":"f","parameters":{}}],"tool_choice":{"type":"function","name":"f"},"truncation":{"type":"retention_ratio","retention_ratio":0.5}}`,
		`{"max_output_tokens":1e300}`, `[]`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		for _, kind := range []string{realtime.Conversation, realtime.Transcription} {
			fresh := realtime.NewSession(kind)
			fresh.Model = "model"
			s, wrong := fresh.Apply(raw)
			if wrong != nil {
				if wrong.Code == "" || wrong.Message == "" {
					t.Errorf("%q: an error without a word: %+v", raw, wrong)
				}
				continue
			}
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatalf("%q: what was taken can't be written: %v", raw, err)
			}
			if _, wrong := fresh.Apply(text); wrong != nil {
				t.Errorf("%q became %s, which is not taken: %+v", raw, text, wrong)
			}
			realtime.SpeaksBeta(raw)
		}
	})
}
