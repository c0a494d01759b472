package models_test

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sori/engines/models"
)

func TestManifestIsSound(t *testing.T) {
	t.Parallel()
	for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"} {
		goos, goarch, _ := strings.Cut(platform, "/")
		bundles, err := models.Manifest(goos, goarch)
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for _, b := range bundles {
			if b.Title == "" || b.Licence == "" || b.Download <= 0 || len(b.Files) == 0 || filepath.Base(b.ID) != b.ID {
				t.Errorf("%s: bundle %+v is incomplete", platform, b)
			}
			at := strings.LastIndex(b.Source.Ref, "@")
			if at < 1 || strings.ContainsAny(b.Source.Ref[at:], "^~*x ") {
				t.Errorf("%s: %q is no exact version", platform, b.Source.Ref)
			}
			for _, f := range b.Files {
				sum, err := hex.DecodeString(f.SHA256)
				if err != nil || len(sum) != 32 || f.Size <= 0 || filepath.Base(f.Name) != f.Name || !strings.HasPrefix(f.Inside, "package/") {
					t.Errorf("%s: file %+v is incomplete", platform, f)
				}
				if ids[f.ID] {
					t.Errorf("%s: the ID %s is used twice", platform, f.ID)
				}
				ids[f.ID] = true
			}
		}
		files, err := models.Locate("m", bundles)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(files.Runtime, filepath.Join("m", "onnxruntime-"+goos)) || filepath.Base(files.Flite) != "flite.wasm" {
			t.Errorf("%s: files are at %+v", platform, files)
		}
	}
}

func TestManifestOfAnUnknownMachine(t *testing.T) {
	t.Parallel()
	_, err := models.Manifest("plan9", "mips")
	if e := wantCode(t, err, models.CodePlatform); !strings.Contains(e.What, "plan9/mips") {
		t.Errorf("the error does not name the machine: %v", e)
	}
}

func TestDir(t *testing.T) {
	t.Parallel()
	got, err := models.Dir(func(k string) string { return map[string]string{"SORI_MODELS": "/some/where/"}[k] })
	if err != nil || got != "/some/where" {
		t.Errorf("with SORI_MODELS: %q, %v", got, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("this user has no cache folder: %v", err)
	}
	got, err = models.Dir(func(string) string { return "" })
	if err != nil || got != filepath.Join(cache, "sori", "models") {
		t.Errorf("without SORI_MODELS: %q, %v", got, err)
	}
}

// The real files, where they are: they must be what the manifest says.
func TestRealFiles(t *testing.T) {
	t.Parallel()
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	bundles, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err == nil {
		err = models.Check(dir, bundles)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if err := models.Verify(t.Context(), dir, bundles); err != nil {
		t.Fatal(err)
	}
	files, err := models.Locate(dir, bundles)
	if err != nil {
		t.Fatal(err)
	}
	vocabulary, err := os.ReadFile(files.Vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	tokens := strings.Split(string(vocabulary), "\n")
	if len(tokens) != 32_001 || tokens[0] != "<unk>" || tokens[3] != "<0x00>" || tokens[29871] != "▁" {
		t.Errorf("the vocabulary has %d tokens, beginning with %q", len(tokens)-1, tokens[:4])
	}
}

func BenchmarkCheck(b *testing.B) {
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		b.Fatal(err)
	}
	bundles, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		if err := models.Check(dir, bundles); err != nil {
			b.Skip(err)
		}
	}
}

func TestFlattenVocabulary(t *testing.T) {
	t.Parallel()
	tokens := make([]string, 32_000)
	for i := range tokens {
		tokens[i] = "t"
	}
	tokens[7] = "▁é\r"
	wrap := func(s string) []byte {
		return []byte("// code\nconst llama_vocab_base64 = \"" + s + "\";\nmore(\"x\")")
	}
	encode := func(tokens []string) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Join(tokens, "\n")))
	}
	got, err := models.FlattenVocabulary(wrap(encode(tokens)))
	if err != nil || string(got) != strings.Join(tokens, "\n")+"\n" {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	for name, bad := range map[string][]byte{
		"no vocabulary": []byte("const x = 1"),
		"no end":        []byte("const llama_vocab_base64 = \"dA=="),
		"no Base64":     wrap("%%%"),
		"too short":     wrap(encode(tokens[:5])),
		"empty":         wrap(""),
	} {
		if _, err := models.FlattenVocabulary(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzFlattenVocabulary(f *testing.F) {
	f.Add([]byte(`const llama_vocab_base64 = "YQpiCmM=";`))
	f.Add([]byte(`const llama_vocab_base64 = "`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, source []byte) {
		text, err := models.FlattenVocabulary(source)
		if err == nil && strings.Count(string(text), "\n") != 32_000 {
			t.Errorf("took a vocabulary of %d tokens", strings.Count(string(text), "\n"))
		}
	})
}
