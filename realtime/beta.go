package realtime

import (
	"encoding/json"
	"strings"
)

// AppendBeta is [AppendEvent] with the names of the beta. An event that the beta
// does not have leaves dst as it is.
func AppendBeta(dst []byte, eventID string, e ServerEvent) ([]byte, error) {
	kind := betaType(e)
	switch e := e.(type) {
	case ItemDone:
		return dst, nil // conversation.item.created said it
	case AudioDelta:
		return appendAudio(dst, kind, eventID, &e), nil
	}
	body, err := encode(e)
	if err != nil {
		return dst, err
	}
	var tree map[string]any
	if err := json.Unmarshal(body, &tree); err != nil {
		return dst, err
	}
	for _, name := range []string{"item", "response", "session", "part"} {
		if inner, ok := tree[name].(map[string]any); ok {
			betaObject(name, inner)
		}
	}
	if body, err = encode(tree); err != nil {
		return dst, err
	}
	return appendBody(dst, kind, eventID, body), nil
}

func betaType(e ServerEvent) string {
	if _, ok := e.(ItemAdded); ok {
		return "conversation.item.created"
	}
	for _, was := range []string{"response.output_audio", "response.output_text"} {
		if rest, ok := strings.CutPrefix(e.Type(), was); ok {
			return strings.Replace(was, "output_", "", 1) + rest
		}
	}
	return e.Type()
}

func betaObject(name string, o map[string]any) {
	switch name {
	case "item":
		parts, _ := o["content"].([]any)
		for _, p := range parts {
			if part, ok := p.(map[string]any); ok {
				switch part["type"] {
				case OutputText:
					part["type"] = "text"
				case OutputAudio:
					part["type"] = "audio"
				}
			}
		}
	case "response":
		items, _ := o["output"].([]any)
		for _, i := range items {
			if item, ok := i.(map[string]any); ok {
				betaObject("item", item)
			}
		}
		betaReply(o)
	case "session":
		betaReply(o)
		betaInput(o)
		delete(o, "type")
	}
}

// betaReply renames what a session and a response have in common.
func betaReply(o map[string]any) {
	if modalities, ok := o["output_modalities"].([]any); ok {
		if len(modalities) == 1 && modalities[0] == "audio" {
			modalities = []any{"text", "audio"}
		}
		o["modalities"] = modalities
		delete(o, "output_modalities")
	}
	o["max_response_output_tokens"] = o["max_output_tokens"]
	delete(o, "max_output_tokens")
	audio, _ := o["audio"].(map[string]any)
	if out, ok := audio["output"].(map[string]any); ok {
		o["voice"], o["output_audio_format"] = out["voice"], betaFormat(out["format"])
	}
	if _, whole := audio["input"]; !whole {
		delete(o, "audio")
	}
}

func betaInput(o map[string]any) {
	audio, _ := o["audio"].(map[string]any)
	if in, ok := audio["input"].(map[string]any); ok {
		o["input_audio_format"], o["input_audio_transcription"] = betaFormat(in["format"]), in["transcription"]
		o["input_audio_noise_reduction"], o["turn_detection"] = in["noise_reduction"], in["turn_detection"]
	}
	delete(o, "audio")
}

func betaFormat(v any) any {
	f, _ := v.(map[string]any)
	switch f["type"] {
	case PCMU:
		return "g711_ulaw"
	case PCMA:
		return "g711_alaw"
	}
	return "pcm16"
}

// SpeaksBeta says whether a session.update is one of the beta: it names no type,
// and something that only the beta has.
func SpeaksBeta(session json.RawMessage) bool {
	var o map[string]json.RawMessage
	if json.Unmarshal(session, &o) != nil || len(o["type"]) > 0 {
		return false
	}
	for _, name := range []string{
		"modalities", "voice", "input_audio_format", "output_audio_format", "input_audio_transcription", "turn_detection",
		"max_response_output_tokens", "temperature",
	} {
		if _, ok := o[name]; ok {
			return true
		}
	}
	return false
}
