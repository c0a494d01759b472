package piper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// maxConfig bounds a voice's configuration, in bytes.
const maxConfig = 4 << 20

// config is what a voice's JSON file says.
type config struct {
	Audio struct {
		Rate int `json:"sample_rate"`
	} `json:"audio"`
	Espeak struct {
		Voice string `json:"voice"`
	} `json:"espeak"`
	Inference struct {
		Noise  *float32 `json:"noise_scale"`
		Length *float32 `json:"length_scale"`
		NoiseW *float32 `json:"noise_w"`
	} `json:"inference"`
	PhonemeType string             `json:"phoneme_type"`
	IDs         map[string][]int64 `json:"phoneme_id_map"`
	Speakers    int                `json:"num_speakers"`
	Language    struct {
		Family string `json:"family"`
		Code   string `json:"code"`
	} `json:"language"`
	Dataset string `json:"dataset"`
}

// Phonemes that frame a sentence.
const (
	phonemeBegin = "^"
	phonemeEnd   = "$"
	phonemePad   = "_"
)

// readConfig reads and checks the file that lies beside a voice.
func readConfig(path string) (*config, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("piper: the voice has no configuration: %s is missing; it comes with the voice, under the same name with .json at the end", path)
	case err != nil:
		return nil, fmt.Errorf("piper: the voice's configuration: %w", err)
	case len(text) > maxConfig:
		return nil, fmt.Errorf("piper: the voice's configuration %s has %d bytes; it is not one", path, len(text))
	}
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("piper: the voice's configuration %s is broken: %w", path, err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("piper: the voice's configuration %s: %w", path, err)
	}
	return &c, nil
}

func (c *config) check() error {
	switch {
	case c.Audio.Rate < 8000 || c.Audio.Rate > 48_000:
		return fmt.Errorf("it says a rate of %d Hz", c.Audio.Rate)
	case c.PhonemeType != "" && c.PhonemeType != "espeak":
		return fmt.Errorf("the voice is trained on phonemes of the type %q; sori has those of espeak", c.PhonemeType)
	case c.Espeak.Voice == "":
		return errors.New("it names no voice of espeak-ng, whose phonemes the model knows")
	}
	for _, p := range []string{phonemeBegin, phonemeEnd, phonemePad, " "} {
		if len(c.IDs[p]) == 0 {
			return fmt.Errorf("it has no number for the phoneme %q", p)
		}
	}
	return nil
}

// language is the base tag of the voice's language.
func (c *config) language() string {
	if c.Language.Family != "" {
		return strings.ToLower(c.Language.Family)
	}
	base, _, _ := strings.Cut(c.Espeak.Voice, "-")
	return strings.ToLower(base)
}

// scales are how lively and how fast the model speaks.
func (c *config) scales() []float32 {
	or := func(v *float32, d float32) float32 {
		if v == nil || *v <= 0 || *v > 10 {
			return d
		}
		return *v
	}
	return []float32{or(c.Inference.Noise, 0.667), or(c.Inference.Length, 1), or(c.Inference.NoiseW, 0.8)}
}
