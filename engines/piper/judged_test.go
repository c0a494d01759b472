package piper_test

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"sori/audio"
	"sori/engines/espeak"
	"sori/engines/flite"
	"sori/engines/models"
	"sori/engines/moonshine"
	"sori/engines/ort"
	"sori/engines/piper"
	"sori/engines/recognizer"
	"sori/engines/silero"
	"sori/stage"
)

// harvard are the first two lists of the Harvard sentences (IEEE, 1969), with
// which voices and lines are judged by ear.
const harvard = `The birch canoe slid on the smooth planks.
Glue the sheet to the dark blue background.
It's easy to tell the depth of a well.
These days a chicken leg is a rare dish.
Rice is often served in round bowls.
The juice of lemons makes fine punch.
The box was thrown beside the parked truck.
The hogs were fed chopped corn and garbage.
Four hours of steady work faced us.
A large size in stockings is hard to sell.
The boy was there when the sun rose.
A rod is used to catch pink salmon.
The source of the huge river is the clear spring.
Kick the ball straight and follow through.
Help the woman get back to her feet.
A pot of tea helps to pass the evening.
Smoky fires lack flame and heat.
The soft cushion broke the man's fall.
The salt breeze came across from the sea.
The girl at the booth sold fifty bonds.`

// speaker is a voice.
type speaker interface {
	Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error]
}

// bench is the engines that judge and are judged.
type bench struct {
	ear   *recognizer.Recognizer
	flite *flite.Synthesizer
	piper *piper.Synthesizer
	plain *espeak.Voice
}

// place gives the models and the voice, or skips the test where they are not
// fetched; in CI that is a failure.
func place(tb testing.TB) (files models.Files, path func(id string) string) {
	tb.Helper()
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		tb.Fatal(err)
	}
	base, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		tb.Skip(err)
	}
	bundles, err := models.Select(base, models.Extras(runtime.GOOS, runtime.GOARCH), models.NameBase, models.NameJoe)
	if err == nil {
		err = models.Check(dir, bundles)
	}
	if e, ok := errors.AsType[*models.Error](err); ok && e.Code == models.CodeMissing && (os.Getenv("CI") != "true" || os.Getenv("SORI_EXTRAS") == "missing") {
		tb.Skip("`sori models pull base piper-joe` fetches what this needs: ", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	files, err = models.Locate(dir, bundles)
	if err != nil {
		tb.Fatal(err)
	}
	return files, func(id string) string {
		p, _ := models.Path(dir, bundles, id)
		return p
	}
}

func setUp(tb testing.TB) *bench {
	tb.Helper()
	files, path := place(tb)
	must := func(err error) {
		if err != nil {
			tb.Helper()
			tb.Fatal(err)
		}
	}
	r, err := ort.Open(files.Runtime)
	must(err)
	vad, err := silero.Open(r, files.Silero)
	must(err)
	tb.Cleanup(vad.Close)
	b := &bench{}
	b.ear, err = moonshine.Open(r, moonshine.Files{Encoder: files.Encoder, Decoder: files.Decoder, Vocabulary: files.Vocabulary},
		recognizer.Options{NewDetector: func() (recognizer.Detector, error) { return vad.NewDetector() }})
	must(err)
	tb.Cleanup(b.ear.Close)
	b.flite, err = flite.Open(tb.Context(), files.Flite, flite.Options{})
	must(err)
	tb.Cleanup(func() { _ = b.flite.Close(context.WithoutCancel(tb.Context())) })
	var lib *espeak.Library
	if at := path(models.IDEspeak); at != "" {
		lib, err = espeak.Load(at, filepath.Dir(at))
	} else {
		lib, err = espeak.Load("", "")
	}
	must(err)
	b.plain, err = espeak.NewVoice(lib, "en")
	must(err)
	b.piper, err = piper.Open(tb.Context(), r, lib, path(models.IDJoe), piper.Options{})
	must(err)
	tb.Cleanup(b.piper.Close)
	return b
}

// heard is what one voice's speech was to the ear.
type heard struct {
	words, wrong int
	speech       time.Duration // how long it takes to listen
	work, first  time.Duration // to make it, and to make its first chunk, in all
}

func (b *bench) judge(tb testing.TB, s speaker, sentences []string) heard {
	tb.Helper()
	var h heard
	for _, text := range sentences {
		began := time.Now()
		var pcm []byte
		rate := 0
		for c, err := range s.Synthesize(tb.Context(), stage.Speech{Text: text}) {
			if err != nil {
				tb.Fatal(err)
			}
			if rate == 0 {
				h.first += time.Since(began)
			}
			pcm, rate = append(pcm, c.PCM...), c.Rate
		}
		h.work += time.Since(began)
		h.speech += audio.Duration(len(pcm), rate)
		rs, err := audio.NewResampler(rate, audio.Rate)
		if err != nil {
			tb.Fatal(err)
		}
		pcm = rs.Flush(rs.Append(nil, pcm))
		samples := make([]int16, len(pcm)/2)
		for i := range samples {
			samples[i] = int16(binary.LittleEndian.Uint16(pcm[2*i:]))
		}
		got, err := b.ear.TranscribeLong(tb.Context(), samples)
		if err != nil {
			tb.Fatal(err)
		}
		want := words(text)
		n := edits(want, words(got))
		h.words, h.wrong = h.words+len(want), h.wrong+n
		if n > 0 {
			tb.Logf("%d: %s -> %s", n, text, got)
		}
	}
	return h
}

// The natural voice has to be understood at least as well as the plain one.
func TestVoiceIsUnderstood(t *testing.T) {
	t.Parallel()
	b := setUp(t)
	sentences := strings.Split(harvard, "\n")[:10]
	if testing.Short() {
		sentences = sentences[:5]
	}
	h := b.judge(t, b.piper, sentences)
	if rate := float64(h.wrong) / float64(h.words); rate > 0.2 { // 8 % of all twenty, measured; it never speaks the same way twice
		t.Errorf("%d of %d words were misheard (%.1f %%)", h.wrong, h.words, 100*rate)
	}
}

// BenchmarkVoices judges the voices over the Harvard sentences: words misheard,
// how much faster than real time, and the time to the first audio.
func BenchmarkVoices(b *testing.B) {
	judges := setUp(b)
	for name, s := range map[string]speaker{"flite": judges.flite, "piper": judges.piper, "espeak": judges.plain} {
		b.Run(name, func(b *testing.B) {
			var all heard
			for b.Loop() {
				h := judges.judge(b, s, strings.Split(harvard, "\n"))
				all.words, all.wrong = all.words+h.words, all.wrong+h.wrong
				all.speech, all.work, all.first = all.speech+h.speech, all.work+h.work, all.first+h.first
			}
			b.ReportMetric(100*float64(all.wrong)/float64(all.words), "WER-%")
			b.ReportMetric(all.work.Seconds()/all.speech.Seconds(), "RTF")
			b.ReportMetric(float64(all.first.Milliseconds())/float64(b.N*20), "first-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// words are a text's words as word error rates count them.
func words(s string) []string {
	s = strings.NewReplacer("50", "fifty", "4 ", "four ").Replace(strings.ToLower(s))
	return strings.Fields(regexp.MustCompile(`[^a-z' ]`).ReplaceAllString(s, " "))
}

// edits is the number of words to change to make b of a.
func edits(a, b []string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, cost)
		}
	}
	return row[len(b)]
}
