package discover

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// MaxList is how many bytes of a list of models are read.
const MaxList = 1 << 20

// ReadModels reads the ids in a list of models as /v1/models gives it.
func ReadModels(r io.Reader) ([]string, error) {
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(r, MaxList)).Decode(&list); err != nil {
		return nil, fmt.Errorf("read the list of models: %w", err)
	}
	var ids []string
	for _, m := range list.Data {
		if m.ID != "" {
			ids = append(ids, m.ID)
		}
	}
	return ids, nil
}

// ChooseChat gives the first model that is one for chats, by its name: not for
// embeddings, recognition, voices or pictures, and none of sori's own. It is ""
// when there is none.
func ChooseChat(ids []string) string {
	other := []string{
		"embed", "bge-", "gte-", "e5-", "minilm", "rerank", "colbert",
		"whisper", "moonshine", "parakeet", "canary", "wav2vec", "transcribe", "-asr", "-stt", "vosk",
		"tts", "kokoro", "piper", "flite", "voice", "speech", "bark", "orpheus", "silero",
		"stable-diffusion", "sdxl", "flux", "dall-e", "image", "clip", "moderation", "guard",
	}
	for _, id := range ids {
		name := strings.ToLower(id)
		fit := !strings.HasPrefix(name, "sori")
		for _, o := range other {
			fit = fit && !strings.Contains(name, o)
		}
		if fit {
			return id
		}
	}
	return ""
}
