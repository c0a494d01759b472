package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sori/stage"
)

func TestLocalChoices(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name stage.Name
		spec string
		says string // "" when it is fine
	}{
		{stage.TTOT, "local:", ""},
		{stage.TTOT, "local:smollm2", ""},
		{stage.TTOT, "local:/models/a.gguf?threads=2&window=4096&languages=en+ko", ""},
		{stage.TTOT, "http://h:1,local:a.GGUF", ""},
		{stage.TTOT, "local:a.gguf,local:b.gguf", "two local engines"},
		{stage.TTOT, "local:a.bin", "a GGUF file"},
		{stage.TTOT, "local:a.gguf?threads=many", "a number from 1 on"},
		{stage.TTOT, "local:a.gguf?color=red", `no option "color"`},
		{stage.TTS, "local:flite", ""},
		{stage.TTS, "local:piper", ""},
		{stage.TTS, "local:/voices/ko.onnx", ""},
		{stage.TTS, "local:festival", "local:VOICE.onnx"},
		{stage.ATOT, "local:", ""},
		{stage.ATOT, "local:whisper", ""},
		{stage.ATOT, "local:moonshine,http://h:1", ""},
		{stage.ATOT, "local:sphinx", "local:whisper"},
	} {
		err := checkLocal(tt.name, tt.spec)
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s %s: got %v, want %q", tt.name, tt.spec, err, tt.says)
		}
	}
	file, o, err := parseModel("/m/a.gguf?threads=2&window=4096&conversations=3&languages=en+ko&template=chatml&temperature=-1")
	if err != nil || file != "/m/a.gguf" || o.Threads != 2 || o.Window != 4096 || o.Conversations != 3 || o.Template != "chatml" || o.Temperature != -1 || !slices.Equal(o.Languages, []string{"en", "ko"}) {
		t.Errorf("got %q, %+v, %v", file, o, err)
	}
	if got := resolveLocal("local:/a b.gguf,http://h", "127.0.0.1:9", "llama.cpp a b"); got != "http://127.0.0.1:9?name=llama.cpp%20a%20b,http://h" {
		t.Errorf("got %s", got)
	}
}

// What can't work is said before anything is started.
func TestModelsThatCanNotWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.gguf")
	if err := os.WriteFile(text, []byte("this is no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, cfg := range map[string]engineURLs{
		"sori models pull llama":     {ATOT: local, TTOT: "local:" + text, TTS: local},
		"sori models pull piper-joe": {ATOT: local, TTOT: local, TTS: "local:piper"},
		"sori models pull whisper":   {ATOT: "local:whisper", TTOT: local, TTS: local},
	} {
		if _, err := cfg.localArgs(dir); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	fine := engineURLs{ATOT: local, TTOT: local, TTS: "local:flite"}
	args, err := fine.localArgs(dir)
	if err != nil || !slices.Contains(args, "--voice=flite") {
		t.Errorf("got %v, %v", args, err)
	}
	if name := localName(stage.TTS, "local:", dir); name != "flite" {
		t.Errorf("without a natural voice it is %q", name)
	}
	if name := localName(stage.TTOT, "local:/m/tiny-q4.gguf", dir); name != "llama.cpp tiny-q4" {
		t.Errorf("got %q", name)
	}
}
