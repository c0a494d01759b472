package piper_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"sori/engines/models"
	"sori/engines/ort"
	"sori/engines/piper"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// letters is a phonemizer for which a word is pronounced as it is written.
type letters struct {
	say func(voice, text string) (string, error)
}

func (l letters) Phonemes(voice, text string) (string, error) {
	if l.say != nil {
		return l.say(voice, text)
	}
	return strings.ToLower(text), nil
}

func openRuntime(tb testing.TB) *ort.Runtime {
	tb.Helper()
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		tb.Fatal(err)
	}
	bundles, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err == nil {
		err = models.Check(dir, bundles[:1])
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skip(err)
	}
	path, _ := models.Path(dir, bundles, models.IDRuntime)
	r, err := ort.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func open(tb testing.TB, p piper.Phonemizer) *piper.Synthesizer {
	tb.Helper()
	s, err := piper.Open(tb.Context(), openRuntime(tb), p, fixture{}.write(tb), piper.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// say gives the chunks of a speech, in bytes, and the loudest sample.
func say(ctx context.Context, s *piper.Synthesizer, sp stage.Speech) (chunks []int, loudest int, err error) {
	for c, err := range s.Synthesize(ctx, sp) {
		if err != nil {
			return chunks, loudest, err
		}
		chunks = append(chunks, len(c.PCM))
		for i := 0; i+1 < len(c.PCM); i += 2 {
			v := int(int16(binary.LittleEndian.Uint16(c.PCM[i:])))
			loudest = max(loudest, v, -v)
		}
	}
	return chunks, loudest, nil
}

func code(err error) string {
	if e, ok := errors.AsType[*stage.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestSentencesComeOneByOne(t *testing.T) {
	t.Parallel()
	s := open(t, letters{})
	if s.Engine() != "piper en_US-fixture-low" || s.Languages()[0] != "en" || s.Voices()[0] != "fixture" || s.Rate() != 22050 {
		t.Errorf("it says it is %s, %v, %v, %d Hz", s.Engine(), s.Languages(), s.Voices(), s.Rate())
	}
	one, loudest, err := say(t.Context(), s, stage.Speech{Text: "Hello there."})
	if err != nil || len(one) != 1 || one[0]%2 != 0 || loudest < 20_000 || loudest > 30_000 {
		t.Fatalf("chunks %v, loudest %d, %v", one, loudest, err)
	}
	for text, want := range map[string]int{
		"Hello there. How are you? Fine!":             3,
		"Dr. Smith met Mr. Jones. They talked.":       2,
		"It costs 3.50 dollars, e.g. at 10.30 today.": 1,
		"🙂 … !":                                                      1, // a rest
		strings.Repeat("long ", 200):                                 5,
		strings.Repeat("long clause, ", 20) + "end.":                 2,
		strings.Repeat("x", 500):                                     3,
		"One line\nand another":                                      2,
		"# A title\n\n- first *thing*\n- second [thing](http://a.b)": 3,
	} {
		got, _, err := say(t.Context(), s, stage.Speech{Text: text})
		if err != nil || len(got) != want {
			t.Errorf("%.40q gave %d chunks, %v, want %d", text, len(got), err, want)
		}
	}
}

// What reaches the model: the phonemes framed, padded, and with the punctuation
// that espeak-ng leaves out.
func TestPunctuationStays(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	s := open(t, letters{func(voice, text string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, voice+":"+text)
		return strings.ToLower(text), nil
	}})
	mu.Lock()
	asked = nil
	mu.Unlock()
	if _, _, err := say(t.Context(), s, stage.Speech{Text: "Well, yes: at 10:30, or 1,000 times!"}); err != nil {
		t.Fatal(err)
	}
	want := "en-us:Well|en-us:yes|en-us:at 10:30|en-us:or 1,000 times"
	if got := strings.Join(asked, "|"); got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, letters{})
	for name, c := range map[string]struct {
		speech stage.Speech
		code   string
	}{
		"nothing":        {stage.Speech{Text: " \n"}, stage.CodeRejected},
		"a book":         {stage.Speech{Text: strings.Repeat("word ", 10_000)}, stage.CodeRejected},
		"Korean":         {stage.Speech{Text: "hello", Language: "ko-KR"}, stage.CodeLanguage},
		"Korean letters": {stage.Speech{Text: "안녕하세요"}, stage.CodeLanguage},
	} {
		if _, _, err := say(t.Context(), s, c.speech); code(err) != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
	ctx, stop := context.WithCancelCause(t.Context())
	cause := errors.New("the user spoke")
	stop(cause)
	if _, _, err := say(ctx, s, stage.Speech{Text: "hello"}); !errors.Is(err, cause) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestPhonemizerFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var failing atomic.Bool
	s := open(t, letters{func(_, text string) (string, error) {
		if failing.Load() {
			return "", broken
		}
		return text, nil
	}})
	failing.Store(true)
	if _, _, err := say(t.Context(), s, stage.Speech{Text: "hello"}); !errors.Is(err, broken) || code(err) != stage.CodeInternal {
		t.Errorf("got %v", err)
	}
	failing.Store(false)
	if _, _, err := say(t.Context(), s, stage.Speech{Text: "hello"}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, letters{})
	want, _, err := say(t.Context(), s, stage.Speech{Text: "The same words."})
	if err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			got, _, err := say(t.Context(), s, stage.Speech{Text: "The same words."})
			if err != nil || len(got) != 1 || got[0] != want[0] {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
	g.Wait()
}

func TestFilesThatAreNoVoice(t *testing.T) {
	t.Parallel()
	r := openRuntime(t)
	for name, c := range map[string]struct {
		voice fixture
		spoil func(t *testing.T, model string)
		says  string
	}{
		"no configuration":     {spoil: remove(".json"), says: "no configuration"},
		"no model":             {spoil: remove(""), says: "no such file"},
		"broken configuration": {spoil: overwrite(".json", "{"), says: "broken"},
		"a text as a model":    {spoil: overwrite("", "this is no model"), says: "can't be loaded"},
		"no rate":              {voice: fixture{config: map[string]any{"audio": nil}}, says: "rate of 0 Hz"},
		"other phonemes":       {voice: fixture{config: map[string]any{"phoneme_type": "text"}}, says: "phonemes of the type"},
		"no numbers":           {voice: fixture{config: map[string]any{"phoneme_id_map": map[string]any{"a": []int{1}}}}, says: "no number for the phoneme"},
		"no espeak voice":      {voice: fixture{config: map[string]any{"espeak": nil}}, says: "names no voice"},
		"another model":        {voice: fixture{input: "pixels"}, says: `asks for "pixels"`},
		"no numbers out of it": {voice: fixture{ops: []string{"Neg", "Sqrt"}}, says: "numbers that are none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := c.voice.write(t)
			if c.spoil != nil {
				c.spoil(t, model)
			}
			s, err := piper.Open(t.Context(), r, letters{}, model, piper.Options{})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, want %q in it", err, c.says)
			}
		})
	}
}

func remove(ending string) func(*testing.T, string) {
	return func(t *testing.T, model string) {
		t.Helper()
		if err := os.Remove(model + ending); err != nil {
			t.Fatal(err)
		}
	}
}

func overwrite(ending, text string) func(*testing.T, string) {
	return func(t *testing.T, model string) {
		t.Helper()
		if err := os.WriteFile(model+ending, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
