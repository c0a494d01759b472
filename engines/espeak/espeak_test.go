package espeak_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sori/engines/espeak"
	"sori/engines/models"
	"sori/stage"
)

// loadOnce loads espeak-ng for all tests: a process has it once.
//
//nolint:gochecknoglobals // a process has the library once
var loadOnce = sync.OnceValues(func() (*espeak.Library, error) {
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		return nil, err
	}
	extras := models.Extras(runtime.GOOS, runtime.GOARCH)
	if path, ok := models.Path(dir, extras, models.IDEspeak); ok {
		if bundles, err := models.Select(nil, extras, models.NameEspeak); err == nil && models.Check(dir, bundles) == nil {
			return espeak.Load(path, filepath.Dir(path))
		}
	}
	return espeak.Load("", "")
})

// library gives espeak-ng, or skips the test where there is none; in CI that is
// a failure.
func library(tb testing.TB) *espeak.Library {
	tb.Helper()
	l, err := loadOnce()
	if err == nil {
		return l
	}
	if os.Getenv("CI") != "true" {
		tb.Skip(err)
	}
	tb.Fatal(err)
	return nil
}

// Whoever else loads espeak-ng in the process, and with what data: a library that
// was loaded well goes on.
func TestALibraryKeepsItsData(t *testing.T) {
	t.Parallel()
	l := library(t)
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "espeak-ng-data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "espeak-ng-data", "phontab"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, _ = espeak.Load("", broken) // both may fail, or be found to have no voices
		_, _ = espeak.Load("", "")
		if got, err := l.Phonemes("en-us", "hello"); err != nil || got != "həlˈoʊ" {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

func TestPhonemes(t *testing.T) {
	t.Parallel()
	l := library(t)
	for _, c := range []struct{ voice, text, want string }{
		{"en-us", "hello", "həlˈoʊ"},
		{"en-us", "The birch canoe, and the planks", "ænd"},
		{"en-us", "42", "tˈuː"},
		{"en-us", "", ""},
		{"ko", "안녕", "ɐnn"},
		{"de", "Straße", "ʃtɾˈɑːsə"},
	} {
		got, err := l.Phonemes(c.voice, c.text)
		if err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s %q: %q, %v, want %q in it", c.voice, c.text, got, err, c.want)
		}
	}
	if _, err := l.Phonemes("nowhere", "hello"); err == nil {
		t.Error("a voice that is not there was used")
	}
	if _, err := l.Phonemes("en-us", "a\x00b"); err == nil {
		t.Error("a zero byte passed")
	}
	if _, err := l.Phonemes("en-us", strings.Repeat("x", espeak.MaxText+1)); err == nil {
		t.Error("a text without bound passed")
	}
	if _, err := l.Phonemes("en-us", "\xff\xfe broken"); err != nil {
		t.Errorf("broken UTF-8: %v", err)
	}
}

// speech gives all that is said, in samples.
func speech(ctx context.Context, v *espeak.Voice, s stage.Speech) (samples int, loud bool, err error) {
	for c, err := range v.Synthesize(ctx, s) {
		if err != nil {
			return samples, loud, err
		}
		samples += len(c.PCM) / 2
		for i := 0; i+1 < len(c.PCM); i += 2 {
			if v := int16(binary.LittleEndian.Uint16(c.PCM[i:])); v > 3000 || v < -3000 {
				loud = true
			}
		}
	}
	return samples, loud, nil
}

func TestSpeaksKorean(t *testing.T) {
	t.Parallel()
	l := library(t)
	v, err := espeak.NewVoice(l, "ko", "en", "xx")
	if err != nil {
		t.Fatal(err)
	}
	short, loud, err := speech(t.Context(), v, stage.Speech{Text: "안녕하세요.", Language: "ko-KR"})
	if err != nil || short < l.Rate()/3 || !loud {
		t.Fatalf("%d samples, loud %v, %v", short, loud, err)
	}
	long, _, err := speech(t.Context(), v, stage.Speech{Text: "안녕하세요. 오늘은 날씨가 좋습니다. 무엇을 도와드릴까요?", Language: "ko"})
	if err != nil || long < 2*short {
		t.Errorf("%d samples after %d for the greeting alone, %v", long, short, err)
	}
	if rest, _, err := speech(t.Context(), v, stage.Speech{Text: "…🙂", Language: "ko"}); err != nil || rest == 0 {
		t.Errorf("signs alone gave %d samples, %v", rest, err)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	v, err := espeak.NewVoice(library(t), "ko")
	if err != nil {
		t.Fatal(err)
	}
	for code, s := range map[string]stage.Speech{
		stage.CodeLanguage: {Text: "bonjour", Language: "fr"},
		stage.CodeRejected: {Text: " ", Language: "ko"},
	} {
		_, _, err := speech(t.Context(), v, s)
		if e, ok := errors.AsType[*stage.Error](err); !ok || e.Code != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	if _, err := espeak.NewVoice(library(t), "xx"); err == nil {
		t.Error("a voice for a language that is not there")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := speech(ctx, v, stage.Speech{Text: "안녕하세요", Language: "ko"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	l := library(t)
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			for range 10 {
				if got, err := l.Phonemes("en-us", "hello"); err != nil || got != "həlˈoʊ" {
					t.Errorf("%q, %v", got, err)
				}
				if got, err := l.Phonemes("ko", "안녕"); err != nil || strings.Contains(got, "həl") {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	g.Wait()
}

func TestFilesThatAreNotEspeak(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := espeak.Load(filepath.Join(dir, "none.so"), dir); err == nil {
		t.Error("a missing file was loaded")
	}
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := espeak.Load(text, dir); err == nil {
		t.Error("a text was loaded")
	}
}
