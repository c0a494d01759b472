package llama_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sori/engines/llama"
	"sori/stage"
)

func TestFilesThatAreNoModel(t *testing.T) {
	t.Parallel()
	whole := fixture{template: chatML}.bytes()
	for name, c := range map[string]struct {
		body []byte
		says string
	}{
		"empty":          {nil, "no GGUF file"},
		"text":           {[]byte("This is a text file.\n"), "no GGUF file"},
		"HTML":           {[]byte("<html>404</html>"), "no GGUF file"},
		"ZIP":            {[]byte("PK\x03\x04 and more"), "no GGUF file"},
		"other version":  {append([]byte("GGUF\x63\x00\x00\x00"), whole[8:]...), "version 99"},
		"header cut":     {whole[:200], "cut off"},
		"weights cut":    {whole[:len(whole)/2], "is cut off"},
		"huge counts":    {append([]byte("GGUF\x03\x00\x00\x00"), []byte(strings.Repeat("\xff", 16))...), "header is broken"},
		"no template":    {fixture{}.bytes(), "base model"},
		"other template": {fixture{template: "{{ unheard_of(messages) }}"}.bytes(), "chat template"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "m.gguf")
			if err := os.WriteFile(path, c.body, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := library(t).Open(path, llama.Options{})
			if err == nil {
				r.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, want %q in it", err, c.says)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		if _, err := library(t).Open(filepath.Join(t.TempDir(), "none.gguf"), llama.Options{}); err == nil {
			t.Error("it was opened")
		}
	})
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		if _, err := library(t).Open(t.TempDir(), llama.Options{}); err == nil {
			t.Error("it was opened")
		}
	})
}

func TestModelTooLargeForTheMemory(t *testing.T) {
	t.Parallel()
	path := fixture{template: chatML}.write(t)
	_, err := library(t).OpenWith(path, llama.Options{}, 100<<20)
	if err == nil || !strings.Contains(err.Error(), "MB are free") {
		t.Errorf("got %v", err)
	}
	// The file fits, its conversations don't.
	_, err = library(t).OpenWith(path, llama.Options{Conversations: 64, Window: 512}, 259<<20)
	if err == nil || !strings.Contains(err.Error(), "windows smaller") {
		t.Errorf("got %v", err)
	}
}

func TestTemplateByHand(t *testing.T) {
	t.Parallel()
	r := open(t, fixture{}.write(t), llama.Options{Template: "chatml", MaxTokens: 4})
	reply(t, r, stage.Prompt{Text: "hello"})
}

func TestFoldersThatAreNoLibrary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := llama.Load(dir); err == nil || !strings.Contains(err.Error(), "sori models pull llama") {
		t.Errorf("an empty folder gave %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "libggml-base.so"), []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := llama.Load(dir); err == nil {
		t.Error("a text was loaded as a library")
	}
}

func FuzzHeader(f *testing.F) {
	whole := fixture{template: chatML}.bytes()
	f.Add(whole[:4000])
	f.Add(whole[:100])
	f.Add([]byte("GGUF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "f.gguf")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if h, err := llama.ReadHeader(path); err == nil && string(b[:4]) != "GGUF" {
			t.Errorf("read %+v of no GGUF file", h)
		}
	})
}
